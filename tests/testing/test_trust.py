"""`trusting`: every middleware of an app is found, trusts for a while, and is as before
afterwards."""

import functools
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask import current_app
from freezegun import freeze_time
from webtest import TestApp, lint
from werkzeug.exceptions import NotFound
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.middleware.proxy_fix import ProxyFix

from jwt_middleware import (
    ConfigurationError,
    Identity,
    InvalidToken,
    JWTMiddleware,
    Key,
    Provider,
    RemoteKeySet,
    RevocationList,
    Rule,
    scope,
)
from jwt_middleware.login import KeyFolder, LoginApp, TokenMinter
from jwt_middleware.stores import MemoryStore, OpaqueTokens
from jwt_middleware.testing import Client, KeyServer, Tokens, trusting
from jwt_middleware.trust import key_folder
from tests.kit.apps import APPS, AUDIENCE, ISSUER, flask_app, guarded, plain_app, provider
from tests.kit.tokens import MovingKeys

MINTER = TokenMinter(Key.generate(), issuer=ISSUER, audience=AUDIENCE)


class Session:
    """Middleware of somebody's own: calls what it holds under a name that nobody else uses."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner

    def __call__(self, environ: Any, start_response: Any) -> Any:
        return self._inner(environ, start_response)


def decorated(app: Any) -> Any:
    """A function round a function, as decorators make it."""

    @functools.wraps(app)
    def application(environ: Any, start_response: Any) -> Any:
        return app(environ, start_response)

    return application


def unfinished(app: Any) -> Any:
    """A function that refers to something its maker never came to set."""

    def application(environ: Any, start_response: Any) -> Any:
        return app(environ, start_response) or never

    if app is None:
        never = []
    return application


def beside_a_proxy(app: Any, proxy: Any = current_app) -> Any:
    """A function that also holds Flask's `current_app`, which outside of a request is nobody."""
    return lambda environ, start_response: app(environ, start_response) or proxy.name


def in_flask(middleware: JWTMiddleware) -> Any:
    """As the README has it: within `app.wsgi_app`."""
    app = flask_app()
    app.wsgi_app = LoginApp(MemoryStore(), MINTER).wrap(middleware, prefix="/auth")
    return app


WRAPPINGS: dict[str, Callable[[JWTMiddleware], Any]] = {
    "bare": lambda app: app,
    "in Flask": in_flask,
    "wsgi_app of Flask": lambda app: in_flask(app).wsgi_app,
    "bound method": lambda app: app.__call__,
    "LoginApp.wrap": lambda app: LoginApp(MemoryStore(), MINTER).wrap(app, prefix="/auth"),
    "ProxyFix": ProxyFix,
    "mounted": lambda app: DispatcherMiddleware(NotFound(), {"/v1": app}),
    "an own class": Session,
    "a closure": decorated,
    "a closure with nothing in it": unfinished,
    "a closure beside a proxy": beside_a_proxy,
    "WebTest's lint": lint.middleware,
    "WebTest": TestApp,
    "all of them": lambda app: DispatcherMiddleware(
        NotFound(), {"/v1": ProxyFix(Session(decorated(in_flask(app))))}
    ),
    "another one": lambda app: guarded(app, providers=[provider(issuer="https://other.example")]),
}


@pytest.mark.parametrize("wrap", WRAPPINGS.values(), ids=WRAPPINGS)
def test_a_middleware_is_found_in_whatever_wraps_it(wrap: Callable[[JWTMiddleware], Any]) -> None:
    """It trusts the tokens, keeps its terms, and afterwards is what it was, to the same object."""
    middleware = guarded(revocations=RevocationList(MemoryStore()))
    verifier = middleware.verifier
    with trusting(wrap(middleware)) as tokens:
        token = tokens.good("ada", issuer=ISSUER)
        assert middleware.verifier.identify(token).subject == "ada"
    assert middleware.verifier is verifier
    with pytest.raises(InvalidToken, match="key"):
        verifier.identify(token)


@pytest.mark.parametrize("app", APPS.values(), ids=APPS)
def test_it_works_for_every_framework(app: Callable[[], Any]) -> None:
    """A client of the guarded app is known to its handler by name, and a stranger is not let in."""
    with trusting(site := guarded(app())) as tokens:
        client = Client(site, tokens)
        assert client.as_user("ada").get("/api/me").json == {"id": "ada"}
        client.get("/api/me", status=401)


@pytest.mark.parametrize(
    "app", [plain_app, flask_app(), None, object()], ids=["function", "Flask", "None", "object"]
)
def test_an_app_without_a_middleware_is_an_error(app: Any) -> None:
    """It says what to pass."""
    with (
        pytest.raises(
            ConfigurationError,
            match="app must contain a JWTMiddleware: wrap the app, and pass the object",
        ),
        trusting(app),
    ):
        pass


def test_a_failing_test_leaves_the_app_as_it_was() -> None:
    """What is raised meanwhile passes through, and the keys of the test are gone."""
    middleware = guarded()
    before = middleware.verifier.providers
    with pytest.raises(ZeroDivisionError), trusting(middleware):
        1 / 0  # noqa: B018
    assert middleware.verifier.providers is before


def test_all_middlewares_trust() -> None:
    """Two apps behind one dispatcher, each with a provider: both issuers' tokens can be had and are
    accepted."""
    apps = {
        path: guarded(providers=[provider(issuer=f"https://{path[1:]}.example")])
        for path in ("/one", "/two")
    }
    with trusting(site := DispatcherMiddleware(NotFound(), apps)) as tokens:
        for path in apps:
            client = Client(site, tokens).as_user("ada", issuer=f"https://{path[1:]}.example")
            assert client.get(f"{path}/api/me").json == {"id": "ada"}


def test_uses_may_be_nested() -> None:
    """The inner tokens come and go, and the outer ones stay good."""
    middleware = guarded(revocations=RevocationList(MemoryStore()))

    def verify(token: str) -> Identity:
        return middleware.verifier.identify(token)

    with trusting(middleware) as outer:
        with trusting(middleware) as inner:
            first, second = outer.good("ada"), inner.good("bob")
            assert (verify(first).subject, verify(second).subject) == ("ada", "bob")
            revoked = outer.bad("revoked"), inner.bad("revoked")
            for token in revoked:
                with pytest.raises(InvalidToken, match="revoked"):
                    verify(token)
        assert verify(first).subject == "ada"
        with pytest.raises(InvalidToken, match="key"):
            verify(second)


def test_threads_may_call_meanwhile() -> None:
    """Many threads with a token each are all let in."""
    with trusting(site := guarded(flask_app())) as tokens:
        client, seen = Client(site, tokens), []

        def call(name: str) -> None:
            seen.append(client.as_user(name).get("/api/me").json["id"] == name)

        threads = [threading.Thread(target=call, args=(f"user{number}",)) for number in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert seen == [True] * 16


# ---------------------------------------------------------------- the keys of the app


def folder(path: Path) -> KeyFolder:
    """A key folder with one key."""
    key_folder.publish(path, Key.generate())
    return KeyFolder(path)


@pytest.mark.parametrize("kind", ["secret", "private key", "folder"])
def test_the_app_goes_on_signing_people_in(
    kind: str, tmp_path: Path, jwt_store: MemoryStore
) -> None:
    """What its own login mints is accepted beside the test's tokens, and a forgery of either is
    not."""
    key = {"secret": Key.generate("HS256"), "private key": Key.generate()}.get(kind) or folder(
        tmp_path
    )
    minter = TokenMinter(key, issuer=ISSUER, audience=AUDIENCE)
    jwt_store.add_user("ada", "analytical engine")
    site = LoginApp(jwt_store, minter).wrap(guarded(providers=[minter.provider]), prefix="/auth")
    with trusting(site) as tokens:
        client = Client(site, tokens)
        token = client.post_json(
            "/auth/token", {"username": "ada", "password": "analytical engine"}
        ).json["token"]
        assert client.with_token(token).get("/api/me").json == {"id": "1"}
        assert client.as_user("bob").get("/api/me").json == {"id": "bob"}
        for flaw in tokens.flaws:
            client.with_token(tokens.bad(flaw)).get("/api/me", status=401)


def test_the_apps_keys_may_change_meanwhile() -> None:
    """A key of the app that goes is not trusted any more, though a token of it was good a moment
    ago."""
    key = Key.generate()
    keys = MovingKeys(key)
    own = Tokens([provider(keys=keys)], key)
    with trusting(site := guarded(providers=own.providers)) as tokens:
        client = Client(site, tokens).with_token(own.good("ada"))
        client.get("/api/me")
        keys.change()
        assert client.get("/api/me", status=401).json["reason"] == "key"


@pytest.mark.parametrize("find", ["remote", "discovered"])
def test_no_network_is_touched(find: str, jwt_key_server: KeyServer) -> None:
    """Keys at a URL are not asked for: with a server that hangs, tests go on, and its tokens are
    not known."""
    url, issuer = jwt_key_server.url, jwt_key_server.issuer
    remote = Provider(issuer=issuer, audience="test", keys=RemoteKeySet(url))
    found = remote if find == "remote" else Provider.discover(issuer, audience="test")
    jwt_key_server.hang()
    with trusting(site := guarded(providers=[found])) as tokens:
        assert Client(site, tokens).as_user("ada").get("/api/me").json == {"id": "ada"}
        token = jwt_key_server.token("ada")
        assert (
            Client(site, tokens).with_token(token).get("/api/me", status=401).json["reason"]
            == "key"
        )


# ---------------------------------------------------------------- revocation


def test_a_revoked_token_is_refused_by_the_apps_own_list() -> None:
    """It is refused as revoked, at once; the app's store has heard nothing of it."""
    store = MemoryStore()
    with trusting(site := guarded(revocations=RevocationList(store))) as tokens:
        client = Client(site, tokens)
        client.as_user("ada").get("/api/me")
        answer = client.with_token(tokens.bad("revoked")).get("/api/me", status=401)
        assert answer.json["reason"] == "revoked"
    assert list(store.read_revocations(None).entries) == []


def test_what_the_app_revokes_counts_at_once() -> None:
    """A logout is tested without waiting for the list to be read again."""
    store = MemoryStore()
    with trusting(site := guarded(revocations=RevocationList(store, max_staleness=60))) as tokens:
        client = Client(site, tokens).as_user("ada", jti="7")
        client.get("/api/me")
        store.revoke(token_id="7", expires_at=2**40)
        assert client.get("/api/me", status=401).json["reason"] == "revoked"


def test_a_frozen_clock_hides_no_revocation() -> None:
    """Under freezegun, where no time passes, the list is read all the same."""
    with (
        trusting(site := guarded(revocations=RevocationList(MemoryStore()))) as tokens,
        freeze_time("2040-01-01"),
    ):
        client = Client(site, tokens)
        client.as_user("ada").get("/api/me")
        client.with_token(tokens.bad("revoked")).get("/api/me", status=401)


def test_an_app_without_revocations_has_no_revoked_tokens() -> None:
    """Such a token would be good there, and the kit hides that from nobody."""
    with trusting(guarded()) as tokens:
        assert "revoked" not in tokens.flaws
        with pytest.raises(
            ConfigurationError, match=r"no RevocationList: JWTMiddleware\(\.\.\., revocations="
        ):
            tokens.bad("revoked")


def test_rules_hold_for_test_tokens() -> None:
    """A token without the scope that a rule asks for is refused: nothing but the key is another."""
    site = guarded(rules=[Rule("/api", scope("admin"))])
    with trusting(site) as tokens:
        client = Client(site, tokens)
        client.as_user("ada").get("/api/me", status=403)
        client.as_user("ada", scopes=["admin"]).get("/api/me", status=200)


def test_personal_tokens_are_accepted_meanwhile() -> None:
    """Providers that look tokens up stay as they are, beside the key of the tests."""
    store = MemoryStore(password_method="scrypt:1024:1:1")
    store.add_user("ada", "wonderland")
    token = store.add_token("ada", name="ci", scopes=(), expires_at=4e9)
    tokens_of_store = OpaqueTokens(store, issuer="https://example.com/tokens")
    app = guarded(providers=[provider(), tokens_of_store], revocations=RevocationList(store))
    with trusting(app) as tokens:
        assert app.verify(token).subject == "1"
        assert app.verify(tokens.good("bob")).subject == "bob"
        store.remove_token(token[9:21])
        with pytest.raises(InvalidToken, match="revoked"):
            app.verify(token)


def test_tokens_and_clients_end_with_the_block() -> None:
    """What is used after it raises an error that says so, and not a 401 that blames a key."""
    app = guarded()
    with trusting(app) as tokens:
        client = Client(app, tokens).as_user("ada")
        client.get("/api/me")
        with trusting(app):
            client.get("/api/me")
        client.get("/api/me")
    for use in (
        lambda: client.get("/api/me"),
        lambda: client.as_user("ada"),
        lambda: tokens.good("ada"),
        lambda: tokens.bad("expired"),
        lambda: Client(app, tokens).get("/api/me"),
    ):
        with pytest.raises(ConfigurationError, match="that test is over"):
            use()
