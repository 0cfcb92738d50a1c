"""The login app as an ini file of PasteDeploy describes it."""

from pathlib import Path
from typing import Any

import pytest
from webtest import TestApp

from jwt_middleware import ConfigurationError
from jwt_middleware.login.paste import app_factory, filter_app_factory
from jwt_middleware.settings import filter_app_factory as guard_factory
from jwt_middleware.stores import SQLStore
from tests.kit.passwords import CHEAP

pytestmark = pytest.mark.usefixtures("cheap_hashes")

TERMS = {
    "issuer": "https://login.example",
    "audience": "example-api",
    "secret": "a secret of the tests, long enough",
}


def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    """An app that is always well."""
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"hello"]


@pytest.fixture
def url(tmp_path: Path) -> str:
    """The URL of a database with a user."""
    url = f"sqlite:///{tmp_path}/auth.db"
    SQLStore(url, password_method=CHEAP).add_user("ada", "analytical engine")
    return url


def test_the_app(url: str) -> None:
    """Its options are those of the minter and of the login app."""
    login = TestApp(app_factory({}, **TERMS, database_url=url, title="Engines", lifetime="60"))
    assert "Engines" in login.get("/login")
    answer = login.post_json("/token", {"username": "ada", "password": "analytical engine"})
    assert answer.json["expires_in"] == 60


def test_the_cookie_of_pages(url: str) -> None:
    """`access_cookie` sets the cookie that `credentials` of the guard reads."""
    login = TestApp(app_factory({}, **TERMS, database_url=url, access_cookie="__Host-jwt"))
    fields = {"username": "ada", "password": "analytical engine"}
    https = {"wsgi.url_scheme": "https", "HTTP_HOST": "app.example"}
    own = {"Sec-Fetch-Site": "same-origin"}
    answer = login.post("/login", fields, headers=own, extra_environ=https, status=303)
    names = {line.partition("=")[0] for line in answer.headers.getall("Set-Cookie")}
    assert names == {"__Host-jwt", "__Host-jwt_refresh", "__Host-jwt_session"}


def test_the_filter(url: str) -> None:
    """In front of a guarded app with the same terms it gives the tokens that this one lets pass."""
    guarded = guard_factory(app, TERMS, rules="/api")
    site = TestApp(filter_app_factory(guarded, TERMS, prefix="/auth", database_url=url))
    site.get("/api", status=401)
    token = site.post_json(
        "/auth/token", {"username": "ada", "password": "analytical engine"}
    ).json["token"]
    site.authorization = ("Bearer", token)
    assert site.get("/api").text == "hello"


@pytest.mark.parametrize("missing", ["database_url", "secret", "issuer"])
def test_what_is_missing_is_named(missing: str, url: str) -> None:
    """Without a database, a key or an issuer there is no login app."""
    options = {**TERMS, "database_url": url}
    del options[missing]
    with pytest.raises(ConfigurationError, match=missing):
        app_factory({}, **options)
