"""Client libraries of OAuth 2.0 log in, refresh and revoke with nothing but the URLs."""

import io
from collections.abc import Callable
from typing import Any

import pytest
import requests
from authlib.integrations.requests_client import OAuth2Session as AuthlibSession
from oauthlib.oauth2 import LegacyApplicationClient
from requests_oauthlib import OAuth2Session
from werkzeug.test import Client

from jwt_middleware import Identity, JWTMiddleware, RevocationList, Rule
from jwt_middleware.login import LoginApp, TokenMinter
from jwt_middleware.stores import MemoryStore
from tests.kit.passwords import CHEAP

TOKEN, REVOKE, API = (
    f"https://site.example{path}" for path in ("/auth/token", "/auth/revoke", "/api")
)
PASSWORD = "analytical engine"


def protected(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    """Answer with the subject."""
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [Identity.from_environ(environ).subject.encode()]  # type: ignore[union-attr]


class ToApp(requests.adapters.BaseAdapter):
    """Gives the requests of a session to a WSGI app."""

    def __init__(self, app: Any) -> None:
        super().__init__()
        self._client = Client(app, use_cookies=False)

    def send(self, request: Any, *_: Any, **options: Any) -> requests.Response:
        """Return the answer of the app."""
        answer = self._client.open(
            request.path_url,
            base_url="https://site.example",
            method=request.method,
            headers=list(request.headers.items()),
            data=request.body,
        )
        response = requests.Response()
        response.status_code, response.url, response.request = (
            answer.status_code,
            request.url,
            request,
        )
        response.headers.update(list(answer.headers))
        response.raw = io.BytesIO(answer.data)
        return response

    def close(self) -> None:
        """There is nothing to close."""


@pytest.fixture
def adapter() -> ToApp:
    """The way to a site with a login app and a protected path."""
    store = MemoryStore(password_method=CHEAP)
    store.add_user("ada", PASSWORD)
    minter = TokenMinter.from_secret("a" * 32, issuer="https://site.example", audience="api")
    guarded = JWTMiddleware(
        protected,
        providers=[minter.provider],
        revocations=RevocationList(store, max_staleness=0),
        rules=[Rule("/api")],
    )
    return ToApp(LoginApp(store, minter).wrap(guarded, prefix="/auth"))


def requests_oauthlib() -> Any:
    """A session of requests-oauthlib."""
    return OAuth2Session(client=LegacyApplicationClient(client_id="app"))


def authlib() -> Any:
    """A session of Authlib."""
    return AuthlibSession("app", token_endpoint_auth_method="none")


@pytest.mark.parametrize("made", [requests_oauthlib, authlib], ids=lambda made: made.__name__)
def test_a_client_logs_in_refreshes_and_revokes(made: Callable[[], Any], adapter: ToApp) -> None:
    """`grant_type=password` and `client_id` beside name and password are accepted, the refreshed
    token is good, and after the revocation it is not."""
    session = made()
    session.mount("https://", adapter)
    first = dict(session.fetch_token(TOKEN, username="ada", password=PASSWORD))
    assert session.get(API).text == str(first["user_id"])
    second = dict(session.refresh_token(TOKEN, refresh_token=first["refresh_token"]))
    assert second["refresh_token"] != first["refresh_token"]
    assert session.get(API).status_code == 200
    plain = requests.Session()
    plain.mount("https://", adapter)
    header = {"Authorization": f"Bearer {second['access_token']}"}
    assert plain.post(REVOKE, headers=header).status_code == 200
    assert plain.get(API, headers=header).status_code == 401
