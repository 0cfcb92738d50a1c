"""The test kit as a tester meets it: the README's app, one of an identity provider's, and what can
go wrong there."""

import re
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from flask import Flask, request

from jwt_middleware import (
    Identity,
    JWTMiddleware,
    Provider,
    RemoteKeySet,
    RevocationList,
    Rule,
    public,
    scope,
)
from jwt_middleware.login import LoginApp, TokenMinter
from jwt_middleware.stores import SQLStore
from jwt_middleware.testing import Client, KeyServer, assert_protected, cheap_passwords

PASSWORD = "correct horse battery staple"


def flask_app() -> Flask:
    """An app that knows its callers by name."""
    app = Flask(__name__)

    @app.get("/api/me")
    def me() -> dict[str, Any]:
        caller = Identity.from_environ(request.environ)
        assert caller is not None
        return {"id": caller.subject, "scopes": caller.scopes, "claims": caller.claims}

    app.add_url_rule("/api/admin/users", "users", lambda: "everybody")
    app.add_url_rule("/api/health", "health", lambda: "well")
    return app


class Shop:
    """The app of the README, with its store in an SQLite file and passwords that are slow to
    hash."""

    def __init__(self, url: str) -> None:
        self.store = SQLStore(url)
        minter = TokenMinter.from_secret(
            "a secret of thirty-two bytes ....",
            issuer="https://example.com",
            audience="example-api",
        )
        self.app = flask_app()
        guarded = JWTMiddleware(
            self.app.wsgi_app,
            providers=[minter.provider],
            revocations=RevocationList(self.store),
            rules=[Rule("/api"), Rule("/api/health", public), Rule("/api/admin", scope("admin"))],
        )
        self.app.wsgi_app = LoginApp(self.store, minter).wrap(guarded, prefix="/auth")  # type: ignore[method-assign]


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    """The shop, with cheap passwords."""
    with ExitStack() as stack:
        shop = Shop(f"sqlite:///{tmp_path}/auth.db")
        stack.callback(shop.store.close)
        stack.enter_context(cheap_passwords(shop.store))
        yield shop


@pytest.fixture
def client(shop: Shop, jwt_client: Any) -> Client:
    """A client of the shop."""
    made: Client = jwt_client(shop.app)
    return made


def test_who_is_calling(client: Client) -> None:
    """A test calls as anybody, with any scopes and claims, and gets what that caller would get."""
    answer = client.as_user("ada", scopes=["read"], department="engines").get("/api/me").json
    assert (answer["id"], answer["scopes"], answer["claims"]["department"]) == (
        "ada",
        ["read"],
        "engines",
    )
    assert (answer["claims"]["iss"], answer["claims"]["aud"]) == (
        "https://example.com",
        "example-api",
    )


def test_who_may_not(client: Client) -> None:
    """Without a token, or without the scope, the answer is the one of production."""
    assert client.get("/api/me", status=401).headers["WWW-Authenticate"] == 'Bearer realm="api"'
    answer = client.as_user("ada").get("/api/admin/users", status=403)
    assert 'scope="admin"' in answer.headers["WWW-Authenticate"]
    assert client.as_user("ada", scopes=["admin"]).get("/api/admin/users").text == "everybody"
    assert client.get("/api/health").text == "well"


def test_signing_in_and_out(client: Client, shop: Shop) -> None:
    """The app's own login works beside the kit, hashes in no time, and a logout counts at once."""
    user = shop.store.add_user("ada", PASSWORD)
    answer = client.post_json("/auth/token", {"username": "ada", "password": PASSWORD}).json
    ada = client.with_token(answer["token"])
    assert ada.get("/api/me").json["id"] == str(user.id)
    client.post_json("/auth/revoke", {"token": answer["refresh_token"]})
    assert ada.get("/api/me", status=401).json["reason"] == "revoked"


def test_every_protected_path_is_protected(shop: Shop) -> None:
    """One line each, the second for those who may call it."""
    assert_protected(shop.app, "/api/me")
    assert_protected(shop.app, "/api/admin/users", scopes=["admin"])


def test_a_forgotten_rule_is_found(shop: Shop) -> None:
    """A path that is for everybody is told from the others, and the report names no token."""
    with pytest.raises(
        AssertionError, match=r"(?s)/api/health is not protected.*no token:\n.*GET.*-> 200"
    ) as told:
        assert_protected(shop.app, "/api/health")
    assert not re.search(r"eyJ|Bearer", str(told.value))


def test_an_app_that_only_accepts_tokens(jwt_client: Any) -> None:
    """An identity provider that nobody can reach from a test is not asked, by any test of the
    kit."""
    provider = Provider.discover(
        "https://unreachable.invalid/", audience="example-api", typ="at+jwt"
    )
    site = JWTMiddleware(flask_app().wsgi_app, providers=[provider], rules=[Rule("/api")])
    assert (
        jwt_client(site).as_user("ada").get("/api/me").json["claims"]["iss"]
        == "https://unreachable.invalid/"
    )
    assert_protected(site, "/api/me")


def test_an_identity_provider_with_moods(jwt_key_server: KeyServer) -> None:
    """The real way of the keys, over a socket: they come, one rotates, the server fails, and nobody
    is turned away."""
    keys = RemoteKeySet(jwt_key_server.url)
    provider = Provider(issuer=jwt_key_server.issuer, audience=jwt_key_server.audience, keys=keys)
    app = flask_app()
    app.wsgi_app = JWTMiddleware(app.wsgi_app, providers=[provider], rules=[Rule("/api")])  # type: ignore[method-assign]

    def me() -> int:
        token = jwt_key_server.token("ada")
        return (
            app.test_client()
            .get("/api/me", headers={"Authorization": f"Bearer {token}"})
            .status_code
        )

    assert me() == 200
    jwt_key_server.rotate()
    assert me() == 200
    jwt_key_server.fail(503)
    assert me() == 200
