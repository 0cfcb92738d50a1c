"""What the middleware itself sends, byte for byte, and what it does to the answers of the app."""

import json
import os
import socket
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator
from io import BytesIO
from typing import Any
from wsgiref.util import FileWrapper, setup_testing_defaults
from wsgiref.validate import InputWrapper, validator

import pytest
from werkzeug.test import run_wsgi_app

from jwt_middleware import (
    InsufficientScope,
    InvalidToken,
    JWTMiddleware,
    Key,
    KeySet,
    Provider,
    Rule,
    Unavailable,
    optional,
    public,
    scope,
)
from jwt_middleware.reasons import DESCRIPTIONS
from jwt_middleware.wire import wsgi
from jwt_middleware.wire.cors import vary_by
from jwt_middleware.wire.credentials import BEARER
from jwt_middleware.wire.refusals import RefusalAnswers
from tests.kit.tokens import issued
from tests.kit.waiting import BOUND, wait_for

SECRET = b"a secret of thirty-two bytes ...."
PROVIDER = Provider(
    issuer="https://idp.example", audience="api", keys=KeySet([Key.from_secret(SECRET)])
)
ORIGIN = "https://app.example"
Headers = dict[str, str]


def token(**changes: Any) -> str:
    usual = {"iss": "https://idp.example", "aud": "api", "scope": "read"}
    return issued(SECRET, **usual | changes)


def app(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    """What is guarded: it says whose request it got, and can set headers of its own."""
    start_response("200 OK", [("Content-Type", "text/plain"), *environ.get("test.headers", [])])
    return [environ.get("REMOTE_USER", "nobody").encode()]


def guarded(*rules: Rule, origins: tuple[str, ...] = (), **options: Any) -> JWTMiddleware:
    return JWTMiddleware(
        app, providers=[PROVIDER], rules=rules or [Rule("/")], allowed_origins=origins, **options
    )


def call(
    application: Any, path: str = "/", method: str = "GET", **environ: Any
) -> tuple[str, Headers, bytes]:
    """Send one request; PEP 3333 is checked on both sides of the wire."""
    base = {
        "PATH_INFO": path,
        "REQUEST_METHOD": method,
        "SCRIPT_NAME": "",
        "QUERY_STRING": "",
        **environ,
    }
    setup_testing_defaults(base)
    body, status, headers = run_wsgi_app(validator(application), base)
    answer = b"".join(body)
    if hasattr(body, "close"):
        body.close()
    assert len(headers) == len(dict(headers))
    return status, dict(headers), answer


def bearer(text: str) -> Headers:
    return {"HTTP_AUTHORIZATION": f"Bearer {text}"}


def unavailable(identity: Any) -> None:
    raise Unavailable("keys_unavailable", retry_after=7)


def _problem(status: int, title: str, error: str | None, reason: str) -> dict[str, Any]:
    return {
        "title": title,
        "status": status,
        "detail": DESCRIPTIONS[reason],
        "msg": DESCRIPTIONS[reason],
        "error": error,
        "reason": reason,
    }


def _challenge(error: str, description: str, more: str = "") -> str:
    return f'Bearer realm="api", error="{error}", error_description="{description}"{more}'


REFUSALS: dict[str, tuple[Rule, Headers, str | None, dict[str, Any]]] = {
    "no header": (
        Rule("/"),
        {},
        'Bearer realm="api"',
        _problem(401, "Unauthorized", None, "missing"),
    ),
    "another scheme": (
        Rule("/"),
        {"HTTP_AUTHORIZATION": "Basic eDp5"},
        'Bearer realm="api"',
        _problem(401, "Unauthorized", None, "unread_scheme"),
    ),
    "two tokens": (
        Rule("/"),
        bearer("a,Bearer b"),
        _challenge(
            "invalid_request",
            "The Authorization header must hold exactly one well-formed bearer token.",
        ),
        _problem(400, "Bad Request", "invalid_request", "malformed"),
    ),
    "expired": (
        Rule("/"),
        bearer(token(exp=1)),
        _challenge("invalid_token", "The access token has expired."),
        _problem(401, "Unauthorized", "invalid_token", "expired"),
    ),
    "a bad one where a token is optional": (
        Rule("/", optional),
        bearer(token(aud="x")),
        _challenge("invalid_token", "The access token is meant for another audience."),
        _problem(401, "Unauthorized", "invalid_token", "audience"),
    ),
    "a scope is missing": (
        Rule("/", scope("read", "admin")),
        bearer(token()),
        _challenge(
            "insufficient_scope",
            "The access token lacks a scope that this resource needs.",
            ', scope="read admin"',
        ),
        _problem(403, "Forbidden", "insufficient_scope", "scope"),
    ),
    "our fault": (
        Rule("/", unavailable),
        bearer(token()),
        None,
        _problem(503, "Service Unavailable", "temporarily_unavailable", "keys_unavailable"),
    ),
}


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "OPTIONS", "TRACE"])
@pytest.mark.parametrize(
    ("rule", "headers", "challenge", "problem"), REFUSALS.values(), ids=REFUSALS
)
def test_a_refusal_byte_for_byte(
    rule: Rule, headers: Headers, challenge: str | None, problem: dict[str, Any], method: str
) -> None:
    """Status, challenge or Retry-After, no-store and problem details, with no other header; HEAD
    gets no body."""
    status, answered, body = call(guarded(rule), method=method, **headers)
    assert status.startswith(f"{problem['status']} ")
    assert answered.pop("Content-Type") == "application/problem+json"
    text = json.dumps(problem).encode() + b"\n"
    assert answered.pop("Content-Length") == str(len(text))
    assert answered == {
        "Cache-Control": "no-store",
        "Vary": "Authorization, Accept, Sec-Fetch-Mode",
        "X-Content-Type-Options": "nosniff",
        **({"WWW-Authenticate": challenge} if challenge else {"Retry-After": "7"}),
    }
    assert body == (b"" if method == "HEAD" else text)


def test_the_realm_is_in_every_challenge() -> None:
    """The protection space that the owner names is quoted in the challenge."""
    assert (
        call(guarded(realm="my (own) api"))[1]["WWW-Authenticate"] == 'Bearer realm="my (own) api"'
    )


@pytest.mark.parametrize(
    "hostile", ["\r\nSet-Cookie: a=b", 'x", error="none', "€", "\x00", "a b", "%0d%0a"]
)
def test_nothing_of_the_request_is_echoed(hostile: str) -> None:
    """Neither header nor body of a refusal depends on what the client sent, beyond the reason."""
    headers = {"kid": hostile, "crit": [hostile], "typ": hostile}
    crafted = issued(SECRET, headers=headers, sub=hostile)
    for text in (hostile, crafted, token(iss=hostile), token(sub=hostile, exp=hostile)):
        status, headers, body = call(
            guarded(), HTTP_AUTHORIZATION=f"Bearer {text}".encode().decode("latin-1")
        )
        assert status[:3] in ("400", "401")
        assert all(ord(" ") <= ord(char) < 0x7F for value in headers.values() for char in value)
        assert json.loads(body)["detail"] in DESCRIPTIONS.values()


def test_an_answer_of_the_app_passes_untouched() -> None:
    """The very iterable of the app is returned, so that a server still finds its file wrapper and
    its close()."""
    file = FileWrapper(BytesIO(b"x"))
    middleware = JWTMiddleware(
        lambda environ, start: file, providers=[PROVIDER], rules=[Rule("/", public)]
    )
    assert middleware({"PATH_INFO": "/", "REQUEST_METHOD": "GET"}, lambda *_: None) is file


# ---------------------------------------------------------------- origins

PREFLIGHT = {
    "method": "OPTIONS",
    "HTTP_ORIGIN": ORIGIN,
    "HTTP_ACCESS_CONTROL_REQUEST_METHOD": "PUT",
}
SHARED = {
    "Access-Control-Allow-Origin": ORIGIN,
    "Access-Control-Expose-Headers": "WWW-Authenticate, Retry-After",
    "Vary": "Origin",
}
ANSWERS: dict[str, tuple[Rule, Headers, str]] = {
    "200": (Rule("/"), bearer(token()), "200"),
    "200, public": (Rule("/", public), {}, "200"),
    "400": (Rule("/"), bearer(""), "400"),
    "401": (Rule("/"), {}, "401"),
    "403": (Rule("/", scope("admin")), bearer(token()), "403"),
    "503": (Rule("/", unavailable), bearer(token()), "503"),
}


@pytest.mark.parametrize(("rule", "headers", "status"), ANSWERS.values(), ids=ANSWERS)
def test_every_answer_under_a_rule_can_be_read_by_a_listed_origin(
    rule: Rule, headers: Headers, status: str
) -> None:
    """The app's answer and ours alike name the exact origin; without a listed one only caches
    learn that another origin may get more."""
    origins = (ORIGIN, "https://other.example")
    answered = call(guarded(rule, origins=origins), HTTP_ORIGIN=ORIGIN, **headers)
    assert answered[0].startswith(status)
    *_, varying = answered[1].pop("Vary").rpartition(" ")
    assert answered[1] | {"Vary": varying} == answered[1] | SHARED
    for origin in (
        {"HTTP_ORIGIN": "https://app.example.evil.example"},
        {"HTTP_ORIGIN": "null"},
        {},
    ):
        unlisted = call(guarded(rule, origins=origins), **origin, **headers)
        alone = call(guarded(rule), **headers)
        before = [alone[1].pop("Vary")] if "Vary" in alone[1] else []
        assert unlisted[1].pop("Vary") == ", ".join([*before, "Origin"])
        assert unlisted == alone
        assert unlisted[1].keys().isdisjoint(SHARED)


def test_an_app_that_shares_its_answer_itself_is_left_alone() -> None:
    """With its own Access-Control-Allow-Origin the app's headers stay as they are."""
    own = [("Access-Control-Allow-Origin", "*")]
    environ: dict[str, Any] = {"HTTP_ORIGIN": ORIGIN, "test.headers": own, **bearer(token())}
    _, headers, _ = call(guarded(origins=(ORIGIN,)), **environ)
    assert headers == {"Content-Type": "text/plain", "Access-Control-Allow-Origin": "*"}


def test_an_app_that_allows_one_origin_itself_differs_for_the_others() -> None:
    """Its header stays as it is, and caches learn that the answer depends on the origin."""
    own = [("Access-Control-Allow-Origin", "https://other.example")]
    environ: dict[str, Any] = {"HTTP_ORIGIN": ORIGIN, "test.headers": own, **bearer(token())}
    _, headers, _ = call(guarded(origins=(ORIGIN,)), **environ)
    assert headers == {"Content-Type": "text/plain", **dict(own), "Vary": "Origin"}


VARY: dict[str, tuple[list[tuple[str, str]], str]] = {
    "none": ([], "Origin"),
    "another": ([("Vary", "Accept-Encoding")], "Accept-Encoding, Origin"),
    "in lower case": ([("vary", "cookie")], "cookie, Origin"),
    "there already": ([("Vary", "Cookie, Origin")], "Cookie, Origin"),
    "there in another case": ([("VARY", "origin")], "origin"),
    "everything": ([("Vary", "*")], "*"),
    "everything, among others": ([("Vary", "Cookie, *")], "Cookie, *"),
    "a longer name": ([("Vary", "X-Origin")], "X-Origin, Origin"),
    "an empty one": ([("Vary", "")], "Origin"),
}


@pytest.mark.parametrize("origin", [ORIGIN, "https://evil.example", ""])
@pytest.mark.parametrize(("own", "merged"), VARY.values(), ids=VARY)
def test_vary_is_merged(own: list[tuple[str, str]], merged: str, origin: str) -> None:
    """The app's `Vary` gains `Origin` once, for any origin and for none; `*` says it already."""
    environ: dict[str, Any] = {"test.headers": own, **bearer(token())}
    if origin:
        environ["HTTP_ORIGIN"] = origin
    _, headers, _ = call(guarded(origins=(ORIGIN,)), **environ)
    assert [value for name, value in headers.items() if name.lower() == "vary"] == [merged]
    assert "Vary" not in call(guarded(), **{**environ, "test.headers": []})[1]


def test_two_vary_headers_are_read_together() -> None:
    """`Origin` in the second one counts, and a missing one is added to the first."""
    second = [("Vary", "Cookie"), ("X-Other", "1"), ("Vary", "Origin")]
    assert vary_by("Origin", second) == second
    neither = [("Vary", "Cookie"), ("Vary", "Accept")]
    assert vary_by("Origin", neither) == [("Vary", "Cookie, Origin"), ("Vary", "Accept")]


def test_a_path_without_a_rule_is_not_shared() -> None:
    """Where no rule governs, the middleware adds no header and answers no preflight."""
    for method in ("GET", "OPTIONS"):
        answered = call(
            guarded(Rule("/api"), origins=(ORIGIN,)), "/free", **{**PREFLIGHT, "method": method}
        )
        assert answered == ("200 OK", {"Content-Type": "text/plain"}, b"nobody")


def test_a_preflight_is_answered_without_the_app() -> None:
    """A listed origin gets 204, the method and the headers that it asks for by name, since a `*`
    means nothing with credentials, and nothing of the app's."""
    status, headers, body = call(guarded(origins=(ORIGIN,)), "/x", **PREFLIGHT)
    assert (status, body) == ("204 NO CONTENT", b"")
    assert headers == {
        **SHARED,
        "Vary": "Access-Control-Request-Method, Access-Control-Request-Headers, Origin",
        "X-Content-Type-Options": "nosniff",
        "Access-Control-Allow-Methods": "PUT",
        "Access-Control-Allow-Headers": "authorization, content-type",
        "Access-Control-Max-Age": "600",
    }


@pytest.mark.parametrize(("asked", "status"), [("PUT", "204"), ("put", "204"), ("GET", "200")])
def test_a_preflight_counts_as_the_method_that_it_asks_for(asked: str, status: str) -> None:
    """A rule that names PUT, and not OPTIONS, has the preflight for PUT answered, and leaves others
    to the app."""
    request = {**PREFLIGHT, "HTTP_ACCESS_CONTROL_REQUEST_METHOD": asked}
    assert call(guarded(Rule("/", methods=("PUT",)), origins=(ORIGIN,)), **request)[0].startswith(
        status
    )


NO_PREFLIGHT = {
    "unlisted origin": {**PREFLIGHT, "HTTP_ORIGIN": "https://evil.example"},
    "no origin": {**PREFLIGHT, "HTTP_ORIGIN": ""},
    "no method asked for": {**PREFLIGHT, "HTTP_ACCESS_CONTROL_REQUEST_METHOD": ""},
    "not OPTIONS": {**PREFLIGHT, "method": "GET"},
}


@pytest.mark.parametrize("request_", NO_PREFLIGHT.values(), ids=NO_PREFLIGHT)
def test_what_is_no_preflight_of_a_listed_origin_needs_a_token(request_: Any) -> None:
    """OPTIONS alone opens nothing: anything but a real preflight is refused like any request."""
    status, headers, _ = call(guarded(origins=(ORIGIN,)), **request_)
    assert status.startswith("401")
    assert "Access-Control-Allow-Methods" not in headers


def test_preflights_of_a_public_path() -> None:
    """One from a listed origin is answered, so that a view there can be called; what others may do
    is the app's own affair."""
    guard = guarded(Rule("/", public), origins=(ORIGIN,))
    status, headers, _ = call(guard, **PREFLIGHT)
    assert (status, headers["Access-Control-Allow-Methods"]) == ("204 NO CONTENT", "PUT")
    stranger = {**PREFLIGHT, "HTTP_ORIGIN": "https://evil.example"}
    status, headers, body = call(guard, **stranger)
    assert (status, body) == ("200 OK", b"nobody")
    assert "Access-Control-Allow-Methods" not in headers


HOSTILE_LISTS = {
    "a line break": "x\r\nSet-Cookie: a=b",
    "a blank within": "a b",
    "quotes": '"x"',
    "an empty name": "x,,y",
    "a letter beyond ASCII": "é",
    "a long name": "x" * 65,
    "many names": ",".join(["x"] * 66),
}


@pytest.mark.parametrize("text", HOSTILE_LISTS.values(), ids=HOSTILE_LISTS)
def test_a_preflight_names_only_what_can_be_a_name(text: str) -> None:
    """What is not the name of a header or a method is not repeated."""
    asked = {**PREFLIGHT, "HTTP_ACCESS_CONTROL_REQUEST_HEADERS": text}
    status, headers, _ = call(guarded(origins=(ORIGIN,)), **asked)
    assert status == "204 NO CONTENT"
    assert headers["Access-Control-Allow-Headers"] == "authorization, content-type"
    asked = {**PREFLIGHT, "HTTP_ACCESS_CONTROL_REQUEST_METHOD": text}
    status, headers, _ = call(guarded(origins=(ORIGIN,)), **asked)
    assert headers.get("Access-Control-Allow-Methods", "GET") == "GET"


# ---------------------------------------------------------------- the body of a refused request


class Body(BytesIO):
    """A request body that counts how often it is read, and can fail or be slow."""

    def __init__(
        self, size: int = 0, *, seconds: float = 0, error: Exception | None = None
    ) -> None:
        super().__init__(bytes(size))
        self._seconds, self._error = seconds, error
        self.reads = 0

    def read(self, size: int | None = -1, /) -> bytes:
        self.reads += 1
        time.sleep(self._seconds)
        if self._error:
            raise self._error
        return super().read(size)

    def read1(self, size: int | None = -1, /) -> bytes:
        return self.read(size)


MIB = 1024 * 1024
DRAINED: dict[str, tuple[dict[str, Any], int, int]] = {
    "as long as it says": ({"CONTENT_LENGTH": str(MIB)}, MIB, MIB),
    "longer than it says": ({"CONTENT_LENGTH": "9"}, MIB, 9),
    "longer than the bound": ({"CONTENT_LENGTH": str(20 * MIB)}, 10 * MIB, 8 * MIB),
    "shorter than it says": ({"CONTENT_LENGTH": str(4 * MIB)}, MIB, MIB),
    "no length": ({}, MIB, 0),
    "no length, but the server ends it": ({"wsgi.input_terminated": True}, MIB, MIB),
    "no length, no end": ({"wsgi.input_terminated": True}, 10 * MIB, 8 * MIB),
    "negative length": ({"CONTENT_LENGTH": "-1"}, MIB, 0),
    "no number": ({"CONTENT_LENGTH": "many"}, MIB, 0),
    "a number beyond all bounds": ({"CONTENT_LENGTH": "9" * 5000}, 10 * MIB, 8 * MIB),
    "digits of another script": ({"CONTENT_LENGTH": "٣"}, MIB, 0),
    "an empty length, but the server ends it": (
        {"CONTENT_LENGTH": "", "wsgi.input_terminated": True},
        MIB,
        MIB,
    ),
    "as long as it says, and the server ends it": (
        {"CONTENT_LENGTH": "9", "wsgi.input_terminated": True},
        MIB,
        9,
    ),
}


@pytest.mark.parametrize(("headers", "size", "read"), DRAINED.values(), ids=DRAINED)
def test_the_body_of_a_refused_request_is_drained_within_a_bound(
    headers: Any, size: int, read: int
) -> None:
    """All of it up to 8 MiB is read, so that the client reads the answer; without a known end,
    nothing."""
    body = Body(size)
    wsgi.drain_body({"wsgi.input": body, **headers})
    assert body.tell() == read
    assert body.reads <= read // 8192 + 1


def test_a_slow_body_is_left() -> None:
    """A client that drips its body holds a worker for the bound's seconds and one chunk, not for
    all of it."""
    body = Body(MIB, seconds=0.02)
    with pytest.MonkeyPatch.context() as patch:
        # inside: a limit of our own, so that no test waits for the real one
        patch.setattr(wsgi, "_DRAIN_SECONDS", 0.05)
        wsgi.drain_body({"wsgi.input": body, "CONTENT_LENGTH": str(MIB)})
    assert 0 < body.tell() < MIB // 2


class PlainBody:
    """An input with nothing but `read`, as PEP 3333 asks for, that returns when all has come."""

    def __init__(self, *, seconds: float = 0) -> None:
        self._seconds = seconds
        self.size = 0

    def read(self, size: int) -> bytes:
        time.sleep(self._seconds * size)
        self.size += size
        return bytes(size)


@pytest.mark.parametrize(("size", "read"), [(8192, 8192), (8193, 0), (MIB, 0)])
def test_of_an_input_that_cannot_be_stopped_only_a_small_body_is_read(size: int, read: int) -> None:
    """Where no read can be ended, what is larger than 8 KiB is left to the server."""
    body = PlainBody()
    wsgi.drain_body({"wsgi.input": body, "CONTENT_LENGTH": str(size)})
    assert body.size == read


@pytest.mark.parametrize("kind", [BytesIO, tempfile.TemporaryFile, tempfile.SpooledTemporaryFile])
def test_what_the_server_has_read_already_is_read_at_full_speed(kind: Any) -> None:
    """A body in memory or in a file never blocks, though its wrapper has nothing but `read`."""
    with kind() as buffer:
        buffer.write(bytes(MIB))
        buffer.seek(0)
        wrapped = InputWrapper(buffer)
        wsgi.drain_body({"wsgi.input": wrapped, "CONTENT_LENGTH": str(MIB)})
        assert buffer.tell() == MIB


def test_a_slow_body_of_such_an_input_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is read byte by byte, so that the bound's seconds hold here too."""
    # inside: a limit of our own, so that no test waits for the real one
    monkeypatch.setattr(wsgi, "_DRAIN_SECONDS", 0.05)
    body = PlainBody(seconds=0.02)
    started = time.monotonic()
    wsgi.drain_body({"wsgi.input": body, "CONTENT_LENGTH": "8000"})
    assert 0 < body.size < 100
    assert time.monotonic() - started < BOUND


@pytest.fixture
def connection() -> Iterator[tuple[socket.socket, socket.socket]]:
    """A connected pair of sockets: the client's and the server's."""
    client, server = socket.socketpair()
    with client, server:
        yield client, server


def test_a_socket_that_the_server_shows_ends_any_read(
    connection: tuple[socket.socket, socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A read that waits for more than the client sends returns at the deadline, and the answer can
    still be sent."""
    # inside: a limit of our own, so that no test waits for the real one
    monkeypatch.setattr(wsgi, "_DRAIN_SECONDS", 0.2)
    client, server = connection
    client.sendall(b"x")
    started = time.monotonic()
    with server.makefile("rb") as body:
        wsgi.drain_body({"wsgi.input": body, "CONTENT_LENGTH": "8000"})
    assert 0.1 < time.monotonic() - started < BOUND
    server.sendall(b"answer")
    assert client.recv(10) == b"answer"


def test_a_body_that_is_there_leaves_the_connection_as_it_was(
    connection: tuple[socket.socket, socket.socket],
) -> None:
    """After a body that came in time nothing is shut down, one thread is left and no descriptor."""
    client, server = connection
    threads, descriptors = threading.active_count(), len(os.listdir("/dev/fd"))
    with server.makefile("rb") as body:
        for _ in range(20):
            client.sendall(b"12345")
            wsgi.drain_body({"wsgi.input": body, "CONTENT_LENGTH": "5", "gunicorn.socket": server})
        client.sendall(b"next")
        assert body.read(4) == b"next"
        time.sleep(0.4)  # past a tick of the thread
        client.sendall(b"more")
        assert body.read(4) == b"more"
    assert threading.active_count() <= threads + 1
    assert len(os.listdir("/dev/fd")) == descriptors


def test_the_thread_of_the_deadlines_ends_and_starts_again(
    connection: tuple[socket.socket, socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a while without deadlines it ends; the next one has one again, in a fork too."""
    # inside: a limit of our own, so that no test waits for the real one
    monkeypatch.setattr(wsgi, "_TICK_SECONDS", 0.01)
    monkeypatch.setattr(wsgi, "_IDLE_TICKS", 2)
    watch = wsgi._Watch()
    monkeypatch.setattr(wsgi, "_watch", watch)
    _, server = connection
    for _ in range(2):
        with wsgi.reading_deadline({"gunicorn.socket": server}, 60) as is_timed:
            assert is_timed
            assert watch._is_running
        wait_for(lambda: not watch._is_running)
    watch.process = -1
    with wsgi.reading_deadline({"gunicorn.socket": server}, 0):
        assert server.recv(1) == b""
    assert wsgi._watch is not watch


def test_without_a_thread_only_what_has_come_is_read(
    connection: tuple[socket.socket, socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where no thread can be started, a body is read receive by receive, and refused all the
    same."""

    def start(self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    # inside: the thread that ends reads is one for the process
    monkeypatch.setattr(wsgi, "_watch", wsgi._Watch())
    monkeypatch.setattr(threading.Thread, "start", start)
    client, server = connection
    client.sendall(b"12345")
    client.shutdown(socket.SHUT_WR)
    with server.makefile("rb") as body:
        wsgi.drain_body({"wsgi.input": body, "CONTENT_LENGTH": "8000"})
        assert body.read() == b""


@pytest.mark.parametrize(
    "error", [OSError("gone"), ValueError("bad chunk"), ConnectionResetError()]
)
def test_a_body_that_cannot_be_read_is_refused_all_the_same(error: Exception) -> None:
    """Whatever a server raises on a broken body, the client is answered as without one."""
    environ: dict[str, Any] = {"wsgi.input": Body(error=error), "CONTENT_LENGTH": "5"}
    assert call(guarded(), method="POST", **environ)[0].startswith("401")


@pytest.mark.parametrize("headers", [bearer(token()), {}])
def test_the_body_of_a_request_that_passes_is_not_touched(headers: Headers) -> None:
    """What the app gets, it gets whole."""
    body = Body(MIB)
    environ: dict[str, Any] = {"wsgi.input": body, "CONTENT_LENGTH": str(MIB), **headers}
    call(guarded(Rule("/", optional)), method="POST", **environ)
    assert body.tell() == 0


def test_any_refusal_can_be_sent() -> None:
    """Every reason has a text that fits into a header and a body, and onto a page."""
    answers = RefusalAnswers("api", BEARER, None, None)
    for reason in DESCRIPTIONS:
        for refusal in (InvalidToken(reason), InsufficientScope(reason), Unavailable(reason)):
            for more in ({}, {"HTTP_SEC_FETCH_MODE": "navigate"}):
                answer = answers.response(refusal, {"REQUEST_METHOD": "GET", **more})
                assert call(answer)[0][:3] == str(refusal.status)
