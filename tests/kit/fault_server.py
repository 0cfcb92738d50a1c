"""An HTTP server on loopback that publishes keys, well or wrong in one way. `BEHAVIOURS` has them
all by name. A behavior that cannot do what its name says fails the test: it would only close the
connection."""

import gzip
import json
import socket
import socketserver
import ssl
import struct
import sys
import threading
import zlib
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import cache
from typing import Any, Self

from tests.kit.waiting import settle_fetches

PATH = "/jwks.json"
Behaviour = Callable[["Exchange"], None]


class FaultServer:
    """Serves `pages` (path to body), unless `behaviour` says otherwise. `requests` has the head of
    each request."""

    def __init__(
        self, keys: Iterable[dict[str, Any]] = (), *, tls: ssl.SSLContext | None = None
    ) -> None:
        self.tls = tls
        self.pages: dict[str, bytes] = {}
        self.headers: tuple[str, ...] = ()
        self.requests: list[str] = []
        self.errors: list[BaseException] = []
        self.behaviour: Behaviour = well
        self.closing = threading.Event()
        self.publish(keys)
        self._server = _Server(("127.0.0.1", 0), self)
        self.origin = f"{'https' if tls else 'http'}://127.0.0.1:{self._server.server_address[1]}"
        self.url = self.origin + PATH

    def publish(self, keys: Iterable[Any]) -> None:
        """Let these be the keys from now on, each the JSON value of a JWK."""
        self.pages[PATH] = json.dumps({"keys": list(keys)}).encode()

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        self.closing.set()
        self._server.shutdown()
        self._server.server_close()
        settle_fetches(1)  # one may hang at a name server
        assert kind or not self.errors, f"the server did not behave as told: {self.errors}"


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], faults: FaultServer) -> None:
        self.faults = faults
        super().__init__(address, Exchange)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Remember what a behavior raised."""
        self.faults.errors.append(sys.exc_info()[1] or RuntimeError())


class Exchange(socketserver.BaseRequestHandler):
    """One request with its connection (`request`), the path it asks for and the server it came
    to."""

    server: _Server
    path = ""

    def handle(self) -> None:
        """Behave as told."""
        self.faults = self.server.faults
        with suppress(OSError):  # the client is gone, which is what it should do
            if self.faults.tls:
                self.request.getpeername()  # fails after a reset, as in `trust.fetch`
                self.request = self.faults.tls.wrap_socket(self.request, server_side=True)
            head = (
                ""
                if self.faults.behaviour is reset_at_once
                else self.request.recv(65536).decode("latin-1")
            )
            self.path = head.partition(" ")[2].partition(" ")[0]
            self.faults.requests.append(head)
            self.faults.behaviour(self)

    def finish(self) -> None:
        """Close what TLS may have put around the server's connection."""
        self.request.close()


def reset(connection: socket.socket) -> None:
    """Close a connection with RST."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def answer(body: bytes, *headers: str, status: str = "200 OK") -> bytes:
    """The bytes of a whole answer."""
    return (
        "\r\n".join(
            (f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", "")
        ).encode()
        + body
    )


def well(exchange: Exchange) -> None:
    """The page that was asked for, or 404."""
    body = exchange.faults.pages.get(exchange.path)
    exchange.request.sendall(
        answer(b"", status="404 Not Found")
        if body is None
        else answer(body, *exchange.faults.headers)
    )


def says(*parts: bytes) -> Behaviour:
    """Sends just these bytes."""
    return lambda exchange: exchange.request.sendall(b"".join(parts))


def edited(edit: Callable[[list[Any]], list[Any]]) -> Behaviour:
    """Answers with the keys as `edit` leaves them."""

    def behave(exchange: Exchange) -> None:
        keys = edit(json.loads(exchange.faults.pages[PATH])["keys"])
        exchange.request.sendall(answer(json.dumps({"keys": keys}).encode()))

    return behave


def under(status: str) -> Behaviour:
    """The good keys, under a status that is not 200."""
    return lambda exchange: exchange.request.sendall(
        answer(exchange.faults.pages[PATH], status=status)
    )


def slow(exchange: Exchange) -> None:
    """Well, after four tenths of a second."""
    exchange.faults.closing.wait(0.4)
    well(exchange)


def hang(exchange: Exchange) -> None:
    """Nothing, for ever."""
    exchange.faults.closing.wait()


def drip(prefix: bytes, drop: bytes, pause: float) -> Behaviour:
    """First `prefix`, then `drop` after each pause, for ever."""

    def behave(exchange: Exchange) -> None:
        exchange.request.sendall(prefix)
        while not exchange.faults.closing.wait(pause):
            exchange.request.sendall(drop)

    return behave


def flood(prefix: bytes, block: bytes, count: int) -> Behaviour:
    """First `prefix`, then the block `count` times, as fast as it is read."""

    def behave(exchange: Exchange) -> None:
        exchange.request.sendall(prefix)
        for _ in range(count):
            exchange.request.sendall(block)

    return behave


def reset_at_once(exchange: Exchange) -> None:
    """RST before the request is read."""
    reset(exchange.request)


def reset_after(*parts: bytes) -> Behaviour:
    """RST once these bytes are out."""

    def behave(exchange: Exchange) -> None:
        exchange.request.sendall(b"".join(parts))
        exchange.faults.closing.wait(0.05)
        reset_at_once(exchange)

    return behave


def redirect(exchange: Exchange) -> None:
    """302 to itself."""
    exchange.request.sendall(answer(b"", f"Location: {exchange.faults.url}", status="302 Found"))


def gzipped(*headers: str) -> Behaviour:
    """Answers with gzip, under these headers."""

    def behave(exchange: Exchange) -> None:
        exchange.request.sendall(answer(gzip.compress(exchange.faults.pages[PATH]), *headers))

    return behave


@cache
def _bomb_bytes() -> bytes:
    # Made by pieces, since a test of our memory may run meanwhile.
    packer = zlib.compressobj(wbits=31)
    return b"".join([*(packer.compress(bytes(100_000)) for _ in range(500)), packer.flush()])


def bomb(exchange: Exchange) -> None:
    """Little gzip that is 50 MB, which are not made before somebody asks."""
    exchange.request.sendall(answer(_bomb_bytes(), "Content-Encoding: gzip"))


_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
_UNSIZED = _HEAD + b"\r\n"
_CHUNKED = _HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
_CHUNK = b"10000\r\n" + b" " * 65536 + b"\r\n"

# Each of them has cost another library the whole set, an exception nobody caught, or seconds.
BAD_KEYS = (
    None,
    5,
    ["kty"],
    {},
    {"kty": "oct"},
    {
        "kty": "oct",
        "k": "c2VjcmV0IHNlY3JldCBzZWNyZXQgc2VjcmV0IHNlY3JldA",
        "alg": "HS256",
        "kid": "secret",
    },
    {"kty": "RSA", "n": "AQAB", "e": "AQAB", "kid": "short"},
    {"kty": "RSA", "n": "", "e": "AQAB"},
    {"kty": "RSA", "n": 5, "e": "AQAB"},
    {"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA", "kid": "off the curve"},
    {"kty": "EC", "crv": "secp256k1", "x": "AA", "y": "AA"},
    {"kty": "OKP", "crv": "Ed25519", "x": "AQ" + 41 * "A", "kid": "small order"},
    {"kty": "AKP", "alg": "ML-DSA-44", "pub": "AA", "kid": "a kind of tomorrow"},
    {"kty": ["RSA"], "kid": {"a": 1}},
)


def _with_bad_keys(keys: list[Any]) -> list[Any]:
    odd = [
        {"alg": ["ES256"]},
        {"alg": "none"},
        {"kid": 5},
        {"kid": ["a"]},
        {"use": "enc"},
        {"key_ops": ["encrypt"]},
    ]
    return [*BAD_KEYS, *({**keys[0], **members} for members in odd), *keys]


OF_KEYS = ("no list of keys", "empty set", "101 keys", "bad keys among good ones", "a kid twice")
"""The names in `BEHAVIOURS` that are about the keys in a document, and not about any document."""

# What the answer is: whether the keys come through it (True), or the fetch fails (False).
BEHAVIOURS: dict[str, tuple[Behaviour, bool]] = {
    "well": (well, True),
    "slow (0.4 s)": (slow, True),
    "hang before headers": (hang, False),
    "drip a header": (drip(b"HTTP/1.1 200 OK\r\nX-Drip: ", b"a", 0.5), False),
    "drip the body": (drip(_UNSIZED + b'{"keys": [', b" ", 0.5), False),
    "drip the body fast": (drip(_UNSIZED + b'{"keys": [', b" ", 0.005), False),
    "endless 100-continue": (drip(b"", _CONTINUE, 0.1), False),
    "flood of 100-continue": (flood(b"", _CONTINUE * 1000, 100_000), False),
    "endless headers": (flood(_HEAD, b"X-More: " + b"a" * 1000 + b"\r\n", 100_000), False),
    "one endless header": (flood(_HEAD + b"X-Long: ", b"a" * 65536, 3_000), False),
    "200 MB": (flood(_UNSIZED + b'{"keys": [', b" " * 65536, 3_200), False),
    "200 MB in chunks": (flood(_CHUNKED, _CHUNK, 3_200), False),
    "bad chunk": (says(_CHUNKED, b"zz\r\n{}\r\n"), False),
    "redirect to itself": (redirect, False),
    "redirect to file://": (
        says(answer(b"", "Location: file:///etc/hostname", status="302 Found")),
        False,
    ),
    "RST at once": (reset_at_once, False),
    "RST before headers": (reset_after(), False),
    "RST in the body": (reset_after(_HEAD, b'Content-Length: 500\r\n\r\n{"keys": ['), False),
    "cut off in the body": (says(_HEAD, b'Content-Length: 500\r\n\r\n{"keys": ['), False),
    "nothing at all": (says(b""), False),
    "no HTTP": (says(b"SSH-2.0-OpenSSH_9.9\r\n"), False),
    "keys under 203": (under("203 Non-Authoritative Information"), False),
    "keys under 302": (under("302 Found"), False),
    "keys under 500": (under("500 Internal Server Error"), False),
    "204": (says(answer(b"", status="204 No Content")), False),
    "HTML": (
        says(answer(b"<!doctype html><title>Sign in</title>", "Content-Type: text/html")),
        False,
    ),
    "gzip": (gzipped("Content-Encoding: gzip"), True),
    "gzip by its old name": (gzipped("Content-Encoding:  X-GZip "), True),
    "gzip twice": (gzipped("Content-Encoding: gzip, gzip"), False),
    "gzip cut off": (says(answer(gzip.compress(b"{}" * 50)[:-9], "Content-Encoding: gzip")), False),
    "gzip and more": (
        says(answer(gzip.compress(b'{"keys": []}') + b"more", "Content-Encoding: gzip")),
        False,
    ),
    "gzip that is none": (says(answer(b'{"keys": []}', "Content-Encoding: gzip")), False),
    "deflate": (says(answer(zlib.compress(b'{"keys": []}'), "Content-Encoding: deflate")), False),
    "gzip that does not say so": (gzipped(), False),
    "gzip bomb": (bomb, False),
    "bad UTF-8": (says(answer(b'{"keys": ["\xff\xfe"]}')), False),
    "deep JSON": (says(answer(b"[" * 200_000)), False),
    "huge number": (says(answer(b'{"keys": [' + b"9" * 10_000 + b"]}")), False),
    "no list of keys": (says(answer(b'{"keys": {}}')), False),
    "JSON in JSON": (says(answer(json.dumps('{"keys": []}').encode())), False),
    "empty set": (says(answer(b'{"keys": []}')), False),
    "101 keys": (edited(lambda keys: keys + [None] * (101 - len(keys))), False),
    "bad keys among good ones": (edited(_with_bad_keys), True),
    "a kid twice": (
        edited(lambda keys: [*keys, {**keys[0], "kid": "twice"}, {**keys[-1], "kid": "twice"}]),
        True,
    ),
    **{
        f"{status[:3]}{' with Retry-After' if headers else ''}": (
            says(answer(b"{}", *headers, status=status)),
            False,
        )
        for status in (
            "404 Not Found",
            "429 Too Many Requests",
            "500 Internal Server Error",
            "503 Unavailable",
        )
        for headers in ((), ("Retry-After: 3600",))
    },
}
