"""Any environ that a server can hand over gets an answer, from the login app and the middleware."""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from io import BytesIO
from typing import Any

from jwt_middleware import JWTMiddleware, Key, Rule, optional, public
from jwt_middleware.login import LoginApp, TokenMinter
from jwt_middleware.stores import MemoryStore, User

ORIGIN = "https://app.example"
NAMES = (
    "REQUEST_METHOD",
    "SCRIPT_NAME",
    "PATH_INFO",
    "QUERY_STRING",
    "CONTENT_TYPE",
    "CONTENT_LENGTH",
    "REMOTE_ADDR",
    "REMOTE_PORT",
    "SERVER_NAME",
    "SERVER_PORT",
    "SERVER_PROTOCOL",
    "wsgi.url_scheme",
    "HTTP_HOST",
    "HTTP_ORIGIN",
    "HTTP_COOKIE",
    "HTTP_ACCEPT",
    "HTTP_ACCEPT_LANGUAGE",
    "HTTP_AUTHORIZATION",
    "HTTP_ACCESS_CONTROL_REQUEST_METHOD",
    "HTTP_FORWARDED",
    "HTTP_IF_MODIFIED_SINCE",
    "HTTP_IF_NONE_MATCH",
    "HTTP_IF_RANGE",
    "HTTP_RANGE",
    "HTTP_REFERER",
    "HTTP_SEC_FETCH_MODE",
    "HTTP_SEC_FETCH_SITE",
    "HTTP_TRANSFER_ENCODING",
    "HTTP_USER_AGENT",
    "HTTP_X_FORWARDED_FOR",
    "HTTP_X_FORWARDED_PREFIX",
    "HTTP_X_HTTP_METHOD_OVERRIDE",
    "HTTP_X_SCRIPT_NAME",
    "HTTP_X_VHM_ROOT",
)
"""The keys of an environ that one of our lines might read, by PEP 3333 or as a header."""

PATHS = (
    "/token",
    "/revoke",
    "/login",
    "/tokens",
    "/health",
    "/login.css",
    "/.well-known/jwks.json",
)
PATHS += tuple(f"/auth{path}" for path in PATHS)
PATHS += ("/api", "/api/free", "/api/news", "/api/admin", "/", "", "auth/token", "/auth")
BODIES = (
    b"",
    b"{}",
    b'{"username": "ada", "password": "x"}',
    b"username=ada&password=x",
    b'{"username": "ada", "password": "right"}',
    b'{"username": "ada", "password": "right", "cookie": true}',
    b'{"grant_type": "refresh_token", "cookie": true}',
    b'{"grant_type": "refresh_token", "refresh_token": "x"}',
    b'{"token": "x"}',
    b'{"token": "x", "all": true}',
    b'{"cookie": true}',
    b"\xff",
)
HEADERS = re.compile(r"[\t\x20-\x7e\x80-\xff]*")


class _People:
    """A user table without a hash, so that a round is quick."""

    def authenticate(self, username: str, password: str) -> User | None:
        return self.get("1") if password == "right" else None

    def get(self, user_id: str) -> User | None:
        return User(1, "ada", version=1)


class Unreadable:
    """An input that raises what servers raise when a client is gone or a chunk is malformed."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def __repr__(self) -> str:
        return f"raises {type(self._error).__name__}"

    def read(self, size: int = -1) -> bytes:
        raise self._error


def _app(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"ok"]


_MINTER = TokenMinter(
    Key.generate(id="fuzz"), issuer="https://login.example", audience="api", lifetime=86_400
)
TOKEN = _MINTER.mint("1", lifetime=86_400)
_GUARDED = JWTMiddleware(
    _app,
    providers=[_MINTER.provider],
    rules=[Rule("/api"), Rule("/api/free", public), Rule("/api/news", optional), Rule("/é")],
    allowed_origins=[ORIGIN],
)
_LOGIN = LoginApp(MemoryStore(), _MINTER, users=_People(), throttle=None, allowed_origins=[ORIGIN])
APPLICATIONS = {
    "the middleware": _GUARDED,
    "the login app": _LOGIN,
    "the login app in front": _LOGIN.wrap(_GUARDED, prefix="/auth"),
    "the login app at the root": _LOGIN.wrap(_GUARDED, prefix=""),
}


def check(environ: Mapping[str, Any], body: bytes = b"") -> None:
    """Send the request to each application; an exception, a 500 or a malformed answer raises."""
    for name, application in APPLICATIONS.items():
        own = {"wsgi.input": BytesIO(body), **environ}
        if own["wsgi.input"] is None:  # The server gave none.
            del own["wsgi.input"]
        sent: list[Any] = []

        def start(status: str, headers: Any, *exc_info: Any, sent: list[Any] = sent) -> None:
            sent.extend((status, headers))

        answer = application(own, start)
        parts = list(answer)
        if hasattr(answer, "close"):
            answer.close()
        status, headers = sent
        assert re.fullmatch(r"[2345]\d\d [ -~]*", status), (name, status)
        assert not status.startswith("5"), (name, status)
        assert all(isinstance(part, bytes) for part in parts), name
        for key, value in headers:
            assert HEADERS.fullmatch(key), (name, key)
            assert HEADERS.fullmatch(value), (name, value)


def environ(data: bytes) -> None:
    """The fuzz target: lines `number of the name, value`, an empty line, and the body."""
    head, _, body = data.partition(b"\n\n")
    fields = {"REQUEST_METHOD": "GET"}
    for line in head.split(b"\n"):
        if line:
            fields[NAMES[line[0] % len(NAMES)]] = line[1:].decode("latin-1")
    check(fields, body)


def seeds() -> Iterator[bytes]:
    """Requests to start from."""
    index = {name: number for number, name in enumerate(NAMES)}

    def line(name: str, value: str) -> bytes:
        return bytes([index[name]]) + value.encode("latin-1")

    for path in PATHS:
        yield line("PATH_INFO", path)
        for body in BODIES:
            fields = [
                line("PATH_INFO", path),
                line("REQUEST_METHOD", "POST"),
                line("CONTENT_LENGTH", str(len(body))),
                line("HTTP_ORIGIN", ORIGIN),
                line("HTTP_COOKIE", "__Host-jwt_refresh=x; __Secure-jwt_refresh=y"),
                line("HTTP_HOST", "app.example"),
            ]
            is_json = body.startswith(b"{") and isinstance(json.loads(body), dict)
            kind = "application/json" if is_json else "application/x-www-form-urlencoded"
            yield b"\n".join([*fields, line("CONTENT_TYPE", kind)]) + b"\n\n" + body
    for name in NAMES:
        for text in (
            "",
            "\xff",
            "\x00",
            "[",
            "€".encode().decode("latin-1"),
            "9" * 30,
            "*",
            ';,="',
        ):
            yield line(name, text)
