"""`KeyServer`: an issuer on loopback that publishes its keys, and can fail to."""

import json
import threading
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from ..trust.keys import Key, KeySet
from ..trust.provider import Provider
from .tokens import Tokens

_JWKS, _METADATA = "/jwks.json", "/.well-known/openid-configuration"


class KeyServer:
    """Serves a JWKS document at `url` (RFC 7517 section 5) within its `with` block, and mints the
    tokens of its `issuer`.

    `RemoteKeySet(server.url)` fetches the keys; `Provider.discover(server.issuer,
    audience=server.audience)` finds them (OpenID Connect Discovery 1.0 section 4).
    """

    audience = "test"

    def __init__(self) -> None:
        self._server = _Server(self)
        self.issuer = f"http://127.0.0.1:{self._server.server_port}"
        self.url = self.issuer + _JWKS
        self._may_answer = threading.Event()
        self._key, self._next_key = Key.generate(), Key.generate()
        self.recover()

    def rotate(self) -> None:
        """Sign with the next key from now on, which is already published, and publish the one after
        it.

        The former signing key is not published any more. After two rotations, a client that fetched
        the keys before does not know either of the new keys. A `RemoteKeySet` looks for an unknown
        key at once, if it did not look for another one within 30 s.
        """
        self._key, self._next_key = self._next_key, Key.generate()

    def fail(self, status: int = 503) -> None:
        """Answer every request with this status from now on."""
        self._status = status
        self._may_answer.set()

    def hang(self) -> None:
        """Do not answer requests until `recover` or `fail`."""
        self._may_answer.clear()

    def recover(self) -> None:
        """Answer correctly from now on."""
        self.fail(200)

    def token(self, subject: str = "ada", **how: Any) -> str:
        """Return a valid token of this issuer. The other arguments are those of `Tokens.good`."""
        provider = Provider(issuer=self.issuer, audience=self.audience, keys=KeySet([self._key]))
        return Tokens([provider], self._key).good(subject, **how)

    def _answer(self, path: str) -> tuple[int, bytes]:
        self._may_answer.wait()
        jwks = {"keys": [self._key.to_jwk(), self._next_key.to_jwk()]}
        document = {_JWKS: jwks, _METADATA: {"issuer": self.issuer, "jwks_uri": self.url}}.get(path)
        return (404, b"") if document is None else (self._status, json.dumps(document).encode())

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._may_answer.set()
        self._server.shutdown()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, keys: KeyServer) -> None:
        self.keys = keys
        super().__init__(("127.0.0.1", 0), _Handler)


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_GET(self) -> None:
        status, body = self.server.keys._answer(self.path)
        with suppress(OSError):  # the client has gone, as it should after a timeout
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    def log_message(self, format: str, *_: Any) -> None:
        """Print nothing."""
