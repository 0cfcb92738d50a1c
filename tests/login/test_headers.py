"""The headers that every answer of the login app carries."""

from io import BytesIO
from typing import Any

import pytest
from werkzeug.test import Client, EnvironBuilder, run_wsgi_app

from jwt_middleware import Key
from jwt_middleware.login import LoginApp, TokenMinter
from jwt_middleware.stores import MemoryStore
from tests.kit.passwords import CHEAP

ORIGIN = "https://app.example"
ANSWERS = {
    "a refusal": ("POST", "/token", 415),
    "a wrong method": ("GET", "/token", 405),
    "nothing there": ("GET", "/nothing", 404),
    "the page": ("GET", "/login", 200),
    "a file": ("GET", "/login.css", 200),
    "a module": ("GET", "/jwt-client.js", 200),
    "the keys": ("GET", "/.well-known/jwks.json", 200),
    "health": ("GET", "/health", 200),
    "revoke": ("POST", "/revoke", 415),
}


def _client(**options: Any) -> Client:
    minter = TokenMinter(Key.generate(id="k"), issuer="https://i.example", audience="api")
    return Client(LoginApp(MemoryStore(password_method=CHEAP), minter, **options))


@pytest.mark.parametrize("origin", [ORIGIN, "https://evil.example", None])
@pytest.mark.parametrize(("method", "path", "status"), ANSWERS.values(), ids=ANSWERS)
def test_every_answer(method: str, path: str, status: int, origin: str | None) -> None:
    """Browsers guess no type of any answer, and with allowed origins each varies by the origin,
    whoever asks."""
    headers = {"Origin": origin} if origin else {}
    answer = _client(allowed_origins=[ORIGIN]).open(path, method=method, headers=headers)
    assert answer.status_code == status
    assert answer.headers.getlist("X-Content-Type-Options") == ["nosniff"]
    assert "origin" in answer.headers["Vary"].lower().split(", ")
    assert len(answer.headers.getlist("Vary")) == 1
    allowed = answer.headers.get("Access-Control-Allow-Origin")
    assert allowed == (ORIGIN if origin == ORIGIN else None)


class _Once(BytesIO):
    """A body on a connection that stays open: reading on after its end would wait for ever."""

    def read(self, size: int | None = -1, /) -> bytes:
        assert size is not None
        assert 0 < size <= len(self.getvalue()) - self.tell(), "reads beyond the end"
        return super().read(size)

    read1 = read


@pytest.mark.parametrize("body", [b'{"username": "ada", "password": "x"}', b"{", b"[]", b"\xff"])
@pytest.mark.parametrize("path", ["/token", "/revoke"])
def test_a_refused_body_is_read_once(path: str, body: bytes) -> None:
    """What was read for the refusal is not read again before it is sent."""
    builder = EnvironBuilder(path, method="POST", content_type="application/json")
    environ = builder.get_environ()
    builder.close()
    environ |= {"CONTENT_LENGTH": str(len(body)), "wsgi.input": _Once(body)}
    _, status, _ = run_wsgi_app(_client().application, environ)
    assert status.startswith("4")
    assert environ["wsgi.input"].tell() == len(body)


def test_a_preflight() -> None:
    """The answer to a preflight is like the others."""
    headers = {"Origin": ORIGIN, "Access-Control-Request-Method": "POST"}
    answer = _client(allowed_origins=[ORIGIN]).options("/token", headers=headers)
    assert answer.status_code == 204
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    asked = "Access-Control-Request-Method, Access-Control-Request-Headers"
    assert answer.headers["Vary"] == f"{asked}, Origin"


def test_without_allowed_origins_no_answer_varies_by_the_origin() -> None:
    """Then all origins get the same answer."""
    answer = _client().get("/health", headers={"Origin": ORIGIN})
    assert "Vary" not in answer.headers
