"""The paths of the login app: which there are, by which methods, and what else is said."""

import pytest
from werkzeug.test import Client

from jwt_middleware import Key
from jwt_middleware.login import LoginApp, TokenMinter
from jwt_middleware.stores import MemoryStore

METHODS = {
    "/token": "POST",
    "/revoke": "POST",
    "/login": "GET, HEAD, POST",
    "/logout": "POST",
    "/tokens": "GET, HEAD, POST",
    "/health": "GET, HEAD",
    "/login.css": "GET, HEAD",
    "/tokens.css": "GET, HEAD",
    "/jwt-client.js": "GET, HEAD",
    "/.well-known/jwks.json": "GET, HEAD",
}


@pytest.fixture
def client() -> Client:
    """A client of a login app with a private key."""
    minter = TokenMinter(Key.generate(), issuer="https://login.example", audience="api")
    return Client(LoginApp(MemoryStore(), minter))


@pytest.mark.parametrize(("path", "allowed"), METHODS.items(), ids=METHODS)
@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "get", "X"])
def test_another_method(path: str, allowed: str, method: str, client: Client) -> None:
    """405 names the methods that the path has (RFC 9110 section 15.5.6)."""
    response = client.open(path, method=method)
    if method == "get":  # which werkzeug's client sends as GET
        expected = 401 if path == "/tokens" else 200
        assert response.status_code == (expected if "GET" in allowed else 405)
        return
    assert response.status_code == 405
    assert response.headers["Allow"] == allowed
    assert response.json["msg"] == "Method not allowed."


@pytest.mark.parametrize("path", ["/", "/tokens/", "/token/", "//token", "/login.py", "/é"])
def test_another_path(path: str, client: Client) -> None:
    """404, whatever the method."""
    for method in ("GET", "POST"):
        response = client.open(path, method=method)
        assert response.status_code == 404
        assert response.json["msg"] == "Not found."


def test_a_secret_is_not_published() -> None:
    """With a secret there is no JWKS document."""
    minter = TokenMinter.from_secret("s" * 32, issuer="i", audience="a")
    assert Client(LoginApp(MemoryStore(), minter)).get("/.well-known/jwks.json").status_code == 404
