"""An identity provider ends sessions here (OpenID Connect Back-Channel Logout 1.0)."""

import io
import logging
import time
from typing import Any

import pytest
from webtest import TestApp, lint
from werkzeug.exceptions import NotFound
from werkzeug.middleware.dispatcher import DispatcherMiddleware

from jwt_middleware import (
    ConfigurationError,
    Introspection,
    JWTMiddleware,
    Key,
    KeySet,
    Provider,
    RemoteKeySet,
    RevocationList,
    Rule,
    StoreUnavailable,
)
from jwt_middleware.login import BackChannelLogout
from jwt_middleware.stores import MemoryStore
from tests.kit.tokens import issued

from .conftest import FORM, JSON, Client, echo

IDP, OTHER, CLIENT, API = "https://idp.example", "https://other.example", "shop", "shop-api"
EVENT = "http://schemas.openid.net/event/backchannel-logout"
KEY, OTHER_KEY = Key.generate(), Key.generate()
PATH = "/backchannel-logout"


def provider(audience: Any, issuer: str = IDP, key: Key = KEY, **terms: Any) -> Provider:
    """A provider of an identity provider's tokens."""
    return Provider(issuer=issuer, audience=audience, keys=KeySet([key]), **terms)


def logout_token(key: Key = KEY, **claims: Any) -> str:
    """A logout token; claims given here replace its own, None removes one."""
    usual = {"iss": IDP, "aud": CLIENT, "jti": f"{time.perf_counter_ns()}", "events": {EVENT: {}}}
    usual |= {"sub": None, "iat": int(time.time()), "exp": int(time.time()) + 120}
    return issued(key, headers={"typ": "logout+jwt"}, **usual | claims)


def access_token(key: Key = KEY, **claims: Any) -> str:
    """An access token of the identity provider."""
    return issued(key, **{"iss": IDP, "aud": API, "sid": "s1"} | claims)


def site(
    store: Any, *, app: Any = echo, providers: Any = None, path: str = PATH, **terms: Any
) -> Any:
    """The receiver in front of a guarded app that accepts tokens of two issuers."""
    trusted = [provider(API, **terms), provider(API, OTHER, OTHER_KEY)]
    guarded = JWTMiddleware(
        lint.middleware(app),
        providers=trusted,
        rules=[Rule("/")],
        revocations=RevocationList(store, max_staleness=0),
    )
    senders = providers or [provider(CLIENT, **terms), provider(CLIENT, OTHER, OTHER_KEY)]
    return BackChannelLogout(senders, store).wrap(guarded, path=path)


@pytest.fixture
def shop(visit: Any, store: MemoryStore) -> Client:
    """A client of the site."""
    client: Client = visit(site(store))
    return client


def send(client: Client, token: str, status: int = 200, **fields: str) -> Any:
    """Send a logout request as an identity provider does."""
    return client.post(PATH, {"logout_token": token, **fields}, status=status)


def call(client: Client, token: str, status: int) -> Any:
    """Call the guarded app."""
    answer = client.get("/api", headers={"Authorization": f"Bearer {token}"}, status=status)
    return answer.json["reason"] if status != 200 else None


def test_a_session_ends(shop: Client) -> None:
    """The tokens with its `sid` are refused from now on; those of other sessions, of the same
    person and of the same name at another issuer, are not."""
    ended, other = access_token(), access_token(sid="s2")
    foreign = access_token(OTHER_KEY, iss=OTHER)
    call(shop, ended, 200)
    answer = send(shop, logout_token(sid="s1", sub="ada"))
    assert (answer.body, answer.headers["Cache-Control"]) == (b"", "no-store")
    assert call(shop, ended, 401) == "revoked"
    assert call(shop, access_token(jti="minted later"), 401) == "revoked"
    call(shop, other, 200)
    call(shop, foreign, 200)


def test_a_subject_ends(shop: Client) -> None:
    """Without a `sid`, all tokens of the subject end that were issued until then, those without a
    `sid` too; a later login works at once."""
    now = int(time.time())
    before = [access_token(iat=now - 60), access_token(iat=now - 60, sid=None)]
    send(shop, logout_token(sub="ada", iat=now - 10))
    for token in before:
        assert call(shop, token, 401) == "revoked"
    call(shop, access_token(iat=now - 5), 200)
    call(shop, access_token(iat=now - 60, sub="grace"), 200)
    call(shop, access_token(OTHER_KEY, iss=OTHER, iat=now - 60), 200)


def test_a_token_counts_once(shop: Client) -> None:
    """A copy of a logout token is refused, also with another body around it."""
    token = logout_token(sid="s1")
    send(shop, token)
    assert send(shop, token, 400).json["reason"] == "replayed"
    assert send(shop, token, 400, more="x").headers["Cache-Control"] == "no-store"
    send(shop, logout_token(sid="s1"))


def test_ids_of_two_issuers_are_apart(shop: Client) -> None:
    """Two issuers may number their tokens alike."""
    send(shop, logout_token(sid="s1", jti="1"))
    send(shop, logout_token(OTHER_KEY, iss=OTHER, sid="s1", jti="1"))


class Recording:
    """A log of an owner's without counters, which may fail."""

    def __init__(self) -> None:
        self.ended: list[tuple[str, ...]] = []
        self.error: Exception | None = None

    def revoke_session(self, issuer: str, session_id: str, *, expires_at: float) -> None:
        self._note(issuer, session_id)

    def revoke_subject(self, issuer: str, subject: str, *, until: float | None = None) -> None:
        self._note(issuer, subject)

    def _note(self, *what: str) -> None:
        if self.error is not None:
            raise self.error
        self.ended.append(what)


@pytest.mark.parametrize("error", [StoreUnavailable("down"), RuntimeError("bug")], ids=repr)
@pytest.mark.parametrize("has_counters", [False, True], ids=["own memory", "counters"])
def test_a_log_that_fails_is_503(
    visit: Any, error: Exception, has_counters: bool, caplog: pytest.LogCaptureFixture
) -> None:
    """The fault is ours: the provider may send the same token again, and it then counts."""
    log: Any = Recording()
    if has_counters:
        counters = MemoryStore()
        log.increment, log.count = counters.increment, counters.count
    client = visit(BackChannelLogout([provider(CLIENT)], log).wrap(NotFound(), path=PATH))
    token = logout_token(sid="s1")
    log.error = error
    answer = send(client, token, 503)
    assert (answer.headers["Retry-After"], answer.headers["Cache-Control"]) == ("5", "no-store")
    assert "unavailable" in caplog.text
    log.error = None
    send(client, token)
    assert log.ended == [(IDP, "s1")]
    send(client, token, 400)


@pytest.mark.parametrize("method", ["increment", "count"])
@pytest.mark.parametrize("error", [StoreUnavailable("slow"), RuntimeError("bug")], ids=repr)
def test_a_fault_of_the_counters_loses_no_logout(visit: Any, method: str, error: Exception) -> None:
    """A counter takes effect and does not answer, or fails: the logout token is 503 and may be sent
    again, and the session that it names has ended by then."""
    log: Any = Recording()
    counters = MemoryStore()
    log.increment, log.count = counters.increment, counters.count
    usual = getattr(log, method)
    faults = [error]

    def fails_once(*arguments: Any) -> Any:
        result = usual(*arguments)
        if faults:
            raise faults.pop()
        return result

    setattr(log, method, fails_once)
    client = visit(BackChannelLogout([provider(CLIENT)], log).wrap(NotFound(), path=PATH))
    token = logout_token(sid="s1")
    send(client, token, 503)
    send(client, token, 200 if method == "count" else 400)
    assert (IDP, "s1") in log.ended


def test_a_log_without_counters_has_a_bounded_memory(visit: Any, monkeypatch: Any) -> None:
    """The ids of tokens are forgotten from the oldest on."""
    # inside: it remembers so many that a test would take long to fill it
    monkeypatch.setattr("jwt_middleware.login.back_channel._MOST_REMEMBERED", 2)
    log = Recording()
    client = visit(BackChannelLogout([provider(CLIENT)], log).wrap(NotFound(), path=PATH))
    tokens = [logout_token(sid=f"s{number}") for number in range(3)]
    for token in tokens:
        send(client, token)
    send(client, tokens[2], 400)
    send(client, tokens[1], 400)
    send(client, tokens[0])


def test_keys_that_cannot_be_loaded_are_503(visit: Any, store: MemoryStore) -> None:
    """A logout is not lost because the keys are unknown at that moment."""
    keys = RemoteKeySet("http://127.0.0.1:1/jwks.json")
    sender = Provider(issuer=IDP, audience=CLIENT, keys=keys)
    client = visit(site(store, providers=[sender]))
    assert send(client, logout_token(sid="s1"), 503).headers["Retry-After"] == "5"


FORMS: dict[str, tuple[str, bytes]] = {
    "JSON": (JSON, b'{"logout_token": "%s"}'),
    "text": ("text/plain", b"logout_token=%s"),
    "multipart": ("multipart/form-data; boundary=x", b"--x\r\n%s\r\n--x--"),
    "another field": (FORM, b"token=%s"),
    "no value": (FORM, b"logout_token="),
    "twice": (FORM, b"logout_token=%s&logout_token=x"),
    "nothing": (FORM, b""),
    "not UTF-8": (FORM, b"logout_token=%%ff&x=%s"),
    "too long": (FORM, b"x=" + b"x" * 70_000 + b"&logout_token=%s"),
}


@pytest.mark.parametrize(("kind", "body"), FORMS.values(), ids=FORMS)
def test_a_malformed_request_is_400(shop: Client, kind: str, body: bytes) -> None:
    """The token comes as one field of a form (section 2.5), in a body of a bounded size."""
    token = logout_token(sid="s1").encode()
    sent = body.replace(b"%s", token).replace(b"%%", b"%")
    headers = {"Content-Type": kind}
    answer = shop.post(PATH, sent, headers=headers, status=400)
    assert answer.json["reason"] == "malformed"
    assert answer.headers["Cache-Control"] == "no-store"
    assert token.decode() not in answer.text
    call(shop, access_token(), 200)


def test_real_forms_are_read(shop: Client) -> None:
    """Keycloak names the charset, and a form may have other fields, which are ignored."""
    headers = {"Content-Type": "application/x-www-form-urlencoded; charset=UTF-8"}
    token = logout_token(sid="s1")
    shop.post(PATH, f"a=b&logout_token={token}&state=x", headers=headers, status=200)
    assert call(shop, access_token(), 401) == "revoked"


def test_a_body_that_ends_early_is_400(shop: Client) -> None:
    """A connection that breaks ends no session."""
    shop.send(PATH, io.BytesIO(b"logout_token="), length=500, content_type=FORM, status=400)


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "OPTIONS"])
def test_only_post_is_answered(shop: Client, method: str) -> None:
    """No link and no preflight ends a session."""
    answer = shop.request(PATH, method=method, status=405)
    assert (answer.headers["Allow"], answer.headers["Cache-Control"]) == ("POST", "no-store")


def test_other_paths_go_to_the_app(shop: Client) -> None:
    """The receiver answers one path, and the app's rules govern all others."""
    for path in (f"{PATH}/", f"{PATH}/x", "/x"):
        shop.post(path, {"logout_token": logout_token(sid="s1")}, status=401)


def test_the_log_names_who_was_ended(shop: Client, caplog: pytest.LogCaptureFixture) -> None:
    """One line for each, with the issuer and the session or the reason, and never the token."""
    caplog.set_level(logging.INFO, "jwt_middleware.login")
    token = logout_token(sid="s1", sub="ada")
    send(shop, token)
    send(shop, f"{token}x", 400)
    assert 'issuer="https://idp.example" user_id="ada" session="s1"' in caplog.text
    assert 'provider_refused: a logout token is refused address="192.0.2.1" reason=' in caplog.text
    assert token not in caplog.text


# ---------------------------------------------------------------- how issuers name people


def test_the_subject_claim_of_the_provider_decides(visit: Any, store: MemoryStore) -> None:
    """Where access tokens name their user by another claim, a logout token must have that claim;
    its `sub` may be somebody else's name there."""
    client = visit(site(store, subject_claim="oid"))
    now = int(time.time())
    token = access_token(oid="o1", iat=now - 60)
    assert send(client, logout_token(sub="o1"), 400).json["reason"] == "claims"
    call(client, token, 200)
    send(client, logout_token(sub="x", oid="o1"))
    assert call(client, token, 401) == "revoked"


def test_a_number_is_a_subject_where_the_provider_says_so(visit: Any, store: MemoryStore) -> None:
    """`numeric_subject` holds for logout tokens too."""
    client = visit(site(store, numeric_subject=True))
    token = access_token(sub=7, iat=int(time.time()) - 60)
    call(client, token, 200)
    send(client, logout_token(sub=7))
    assert call(client, token, 401) == "revoked"


def test_tenants_are_apart(visit: Any, store: MemoryStore) -> None:
    """Each tenant of a template ends its own sessions alone."""
    terms: dict[str, Any] = {"issuer": "https://{realm}".replace("//", "//sso.example/")}
    terms |= {"tenants": ("shop", "bank"), "keys": KeySet([KEY])}
    guarded = JWTMiddleware(
        echo,
        providers=[Provider(audience=API, **terms)],
        rules=[Rule("/")],
        revocations=RevocationList(store, max_staleness=0),
    )
    receiver = BackChannelLogout([Provider(audience=CLIENT, **terms)], store)
    client = visit(receiver.wrap(guarded, path=PATH))
    shop, bank = (
        {"iss": f"https://sso.example/{name}", "realm": name} for name in ("shop", "bank")
    )
    send(client, logout_token(sid="s1", **shop))
    assert call(client, access_token(**shop), 401) == "revoked"
    call(client, access_token(**bank), 200)
    foreign = logout_token(sid="s1", iss="https://sso.example/x", realm="x")
    assert send(client, foreign, 400).json["reason"] == "issuer"


# ---------------------------------------------------------------- while building

LOOKUP = Introspection(
    "https://idp.example/i", issuer=IDP, audience=API, client_id="a", client_secret="b"
)
WRONG: dict[str, tuple[Any, Any, str]] = {
    "one provider": (provider(CLIENT), MemoryStore(), "providers must be a list"),
    "no provider": ([], MemoryStore(), "providers must be a list"),
    "another object": (["x"], MemoryStore(), "providers must be a list"),
    "looked-up tokens": ([LOOKUP], MemoryStore(), "providers must be a list of Provider with"),
    "no audience": ([provider(None)], MemoryStore(), "with an issuer and an audience"),
    "no issuer": (
        [Provider(issuer=None, audience=CLIENT, keys=KeySet([KEY]))],
        MemoryStore(),
        "with an issuer and an audience",
    ),
    "no log": ([provider(CLIENT)], None, "log must be a store"),
    "a class": ([provider(CLIENT)], MemoryStore, "log must be a store"),
    "a log that cannot be written": (
        [provider(CLIENT)],
        RevocationList(MemoryStore()),
        "log must be a store",
    ),
}


@pytest.mark.parametrize(("providers", "log", "message"), WRONG.values(), ids=WRONG)
def test_a_mistake_stops_the_start(providers: Any, log: Any, message: str) -> None:
    """What cannot receive logout tokens is found while building."""
    with pytest.raises(ConfigurationError, match=message):
        BackChannelLogout(providers, log)


@pytest.mark.parametrize(
    "path", ["", "/", "logout", "/a/", "//a", "/a b", "/<id>", "/a?b", "/a/../b", "/%41", 7, None]
)
def test_a_path_is_literal(path: Any) -> None:
    """A path that no request has would receive nothing."""
    receiver = BackChannelLogout([provider(CLIENT)], MemoryStore())
    with pytest.raises(ConfigurationError, match="path must be a path of literal segments"):
        receiver.wrap(NotFound(), path=path)


def test_an_odd_environ_is_answered() -> None:
    """A malformed environ is 400 and never an exception."""
    app = BackChannelLogout([provider(CLIENT)], MemoryStore()).wrap(NotFound(), path=PATH)
    wrapped = DispatcherMiddleware(NotFound(), {"/sub": app})
    assert TestApp(wrapped).post(f"/sub{PATH}", status=400).json["reason"] == "malformed"
    sent: list[str] = []
    environ = {"PATH_INFO": PATH, "REQUEST_METHOD": "POST", "CONTENT_TYPE": "\u2603"}
    b"".join(app(environ, lambda status, *_: sent.append(status)))
    assert sent[0][:3] == "400"
