"""Every public name used as the documentation has it. Never run: type checkers read it, mypy and
pyright, both strict.

`assert_type` holds what a caller gets to what is promised.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, assert_type
from wsgiref.types import WSGIApplication

from flask import Flask
from prometheus_client import CollectorRegistry
from sqlalchemy import create_engine
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.middleware.proxy_fix import ProxyFix

from jwt_middleware import (
    ConfigurationError,
    Decision,
    DPoP,
    Fetch,
    Forbidden,
    Identity,
    InsufficientScope,
    Introspection,
    InvalidProof,
    InvalidRequest,
    InvalidToken,
    JWTMiddleware,
    JWTMiddlewareError,
    Key,
    KeySet,
    MissingToken,
    Provider,
    Refusal,
    RemoteKeySet,
    Requirement,
    RevocationList,
    Rule,
    StepUp,
    StoreUnavailable,
    Unavailable,
    acr,
    any_of,
    authenticated,
    basic_password,
    bearer,
    claim,
    enforce,
    fresh,
    in_cookie,
    in_header,
    issued_by,
    optional,
    public,
    refusal_response,
    scope,
    sender_constrained,
)
from jwt_middleware.bottle import JWTPlugin
from jwt_middleware.certificates import (
    client_cert_header,
    escaped_cert_header,
    ssl_client_cert,
    uwsgi_client_cert,
)
from jwt_middleware.events import Observer
from jwt_middleware.flask import (
    current_identity,
    get_jwt,
    get_jwt_identity,
    init_app,
    jwt_required,
)
from jwt_middleware.login import BackChannelLogout, KeyFolder, LoginApp, Throttle, TokenMinter
from jwt_middleware.metrics import PrometheusMetrics
from jwt_middleware.settings import filter_app_factory, from_env, login_from_env
from jwt_middleware.stores import (
    Counters,
    HashedUser,
    ImportRefused,
    MemoryStore,
    NameTaken,
    OpaqueTokens,
    PasswordHasher,
    PersonalToken,
    RedisLog,
    Session,
    SessionStore,
    SQLStore,
    TokenRecord,
    TokenStore,
    UnknownToken,
    UnknownUser,
    User,
    UserRecord,
    UserStore,
    check_password,
    hash_password,
    version_of,
)
from jwt_middleware.testing import (
    FLAWS,
    Client,
    DjangoClient,
    DPoPKey,
    KeyServer,
    Tokens,
    assert_every_route_ruled,
    assert_protected,
    basic_headers,
    cheap_passwords,
    cookie_headers,
    identity_environ,
    trusting,
)
from jwt_middleware.trust import jws
from jwt_middleware.trust.fetch import Headers
from jwt_middleware.trust.keys import KeySource
from jwt_middleware.trust.revocation import Revocation, RevocationLog, RevocationPage


def app(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    """The owner's app."""
    caller = Identity.from_environ(environ)
    assert_type(caller, Identity | None)
    if caller:
        assert_type(caller.subject, str)
        assert_type(caller.issuer, str)
        assert_type(caller.scopes, tuple[str, ...])
        assert_type(caller.claims, dict[str, Any])
        assert_type(caller.token_id, str | None)
        assert_type(caller.session_id, str | None)
        assert_type(caller.expires_at, float)
    return []


def keys(pem: bytes, jwk: dict[str, str]) -> KeySet:
    """Keys of every origin."""
    key = Key.from_secret("secret", algorithm="HS512", id="1")
    key = Key.from_secret(b"secret")
    key = Key.from_pem(pem, algorithm="PS256", id="1")
    key = Key.from_pem(pem.decode())
    key = Key.from_jwk(jwk)
    key = Key.generate("EdDSA", id="1")
    assert_type(key.algorithm, str)
    assert_type(key.id, str | None)
    assert_type(key.to_jwk(), dict[str, str])
    assert_type(key.to_pem(), bytes)
    assert_type(key.thumbprint(), str)
    for document in ({"keys": [jwk]}, '{"keys": []}', b'{"keys": []}'):
        assert_type(KeySet.from_jwks(document), KeySet)
    key_set = KeySet([key])
    assert_type(key_set.find(None), tuple[Key, ...])
    return key_set


def providers(key_set: KeySet) -> list[Provider]:
    """Providers on every term."""
    return [
        Provider(issuer="https://idp.example/", audience="example-api", keys=key_set),
        Provider(
            issuer="https://idp.example/", audience=("a", "b"), keys=key_set, leeway=0, typ="at+jwt"
        ),
        Provider(
            issuer="https://idp.example/",
            audience=None,
            keys=key_set,
            max_lifetime=3600,
            subject_claim="oid",
            remote_user_claim="preferred_username",
            scope_claims=("roles",),
        ),
        Provider(
            issuer="https://idp.example/",
            audience="example-api",
            keys=RemoteKeySet(
                "https://idp.example/.well-known/jwks.json",
                fresh_for=600,
                stale_for=86_400,
                algorithm="RS512",
                fetch=Fetch(timeout=3),
            ),
        ),
        Provider.discover("https://idp.example/", audience="example-api", leeway=0),
        Provider.discover(
            "https://sso.example/realms/{realm}", audience="api", tenants=is_customer
        ),
        Provider.discover(
            "https://idp.example/",
            audience="example-api",
            metadata_url="http://keycloak:8080/realms/main/.well-known/openid-configuration",
            fetch=fetches()[0],
        ),
    ]


def fetches() -> list[Fetch]:
    """Ways to fetch, and what one tells of itself."""
    fetch = Fetch(
        timeout=2.5,
        ca_file=None,
        headers={"Authorization": "Bearer abc"},
        allow_http=("keycloak",),
    )
    assert_type(fetch.timeout, float)
    assert_type(fetch.ca_file, str | None)
    headers: Headers = fetch.headers
    fetch = Fetch(headers=headers)
    assert_type(fetch.allow_http, tuple[str, ...])
    return [fetch, Fetch(ca_file=Path("ca.pem"), headers=lambda: {"X-Key": "abc"}), Fetch()]


def looked_up(app: WSGIApplication) -> JWTMiddleware:
    """A provider that asks the issuer, beside one of JWTs."""
    introspection = Introspection(
        "https://idp.example/introspect",
        issuer="https://idp.example/",
        audience=("a", "b"),
        client_id="api",
        client_secret="secret",
        cache_for=30,
        fetch=Fetch(timeout=1),
    )
    assert_type(introspection.terms, Provider)
    return JWTMiddleware(app, providers=[introspection], rules=[Rule("/")])


def is_customer(tenant: str) -> bool:
    """A predicate of tenants."""
    return tenant == "shop"


def terms(provider: Provider) -> list[KeySource]:
    """What a provider tells of itself, and key sources of every kind."""
    assert_type(provider.issuer, str | None)
    assert_type(provider.subject_claims, tuple[str, ...])
    assert_type(provider.audience, str | tuple[str, ...] | None)
    assert_type(provider.audiences, frozenset[str])
    assert_type(provider.scope_claims, tuple[str, ...])
    remote = RemoteKeySet("https://idp.example/jwks.json")
    return [provider.keys, remote, KeyFolder(Path("keys")), KeySet([KeyFolder("keys").active])]


def in_a_view(environ: dict[str, Any], middleware: JWTMiddleware) -> object:
    """What a view of any framework asks, and its answer where it refuses."""
    assert_type(middleware.verify("token"), Identity)
    try:
        caller = enforce(environ, scope("read"), is_admin)
    except Refusal as refusal:
        return refusal_response(refusal, environ)
    assert_type(caller, Identity)
    assert_type(caller.remote_user, str | None)
    return caller.subject


def views_of_flask(app: Flask) -> None:
    """Views of Flask."""
    init_app(app)

    @app.get("/me")
    @jwt_required()
    def me() -> str:
        assert_type(get_jwt_identity(), str | None)
        assert_type(get_jwt(), dict[str, Any])
        assert_type(current_identity, Identity)
        return current_identity.subject

    @app.get("/users/<int:id>")
    @jwt_required(scope("admin"), is_admin, optional=True)
    async def user(id: int) -> dict[str, int]:
        return {"id": id}

    print(me, user, JWTPlugin().name)


def is_admin(identity: Identity) -> bool:
    """A requirement of the owner's own that answers."""
    return "admin" in identity.scopes


def only_ada(identity: Identity) -> None:
    """A requirement of the owner's own that raises."""
    if identity.subject != "ada":
        raise InsufficientScope("claim_missing", scope=("ada",))


def rules() -> list[Rule]:
    """Rules with every requirement."""
    requirement: Requirement = any_of(scope("a"), claim("role", "admin", 1, True), only_ada)
    recent: Requirement = any_of(fresh(300), acr("mfa", "pin"))
    print(recent, StepUp(max_age=300, acr_values=("mfa",)).parameters)
    return [
        Rule("/api"),
        Rule("/api/authenticated", authenticated),
        Rule("/api/health", public),
        Rule("/api/news", optional, is_admin, methods=("GET",)),
        Rule("/api/admin", scope("admin", "write"), requirement, methods=["POST"]),
        Rule("/api/realm", claim(("realm_access", "roles"), "admin"), claim("email")),
        Rule("/api/partner", issued_by("https://idp.example/"), only_ada),
    ]


class Table:
    """A user table of the owner's own."""

    def authenticate(self, username: str, password: str) -> User | None:
        """Look up and check."""
        good = check_password(None, password, unknown="scrypt:32768:8:1")
        return User(1, username, version=version_of(hash_password(password))) if good else None

    def get(self, user_id: str) -> User | None:
        """Look up."""
        return User(user_id, "ada", scopes=("read",), claims={"department": "engines"})


def minters(key: Key) -> TokenMinter:
    """Minters of both kinds."""
    minter = TokenMinter(key, issuer="i", audience=["a", "b"], lifetime=60, fallbacks=[key])
    minter = TokenMinter(KeyFolder("/etc/example/keys"), issuer="i", audience="a")
    minter = TokenMinter.from_secret(
        "new", issuer="i", audience="a", lifetime=60, fallbacks=("old", b"older")
    )
    assert_type(minter.provider, Provider)
    assert_type(minter.lifetime, int)
    assert_type(minter.jwks, dict[str, Any] | None)
    assert_type(minter.mint("ada", scopes=("read",), session="s", claims={"x": [1]}), str)
    assert_type(minter.mint("ada"), str)
    assert_type(minter.mint("ada", lifetime=60), str)
    return minter


def logouts(app: WSGIApplication, store: MemoryStore | SQLStore | RedisLog) -> WSGIApplication:
    """Sessions that an identity provider ends."""
    shop = Provider(issuer="https://idp.example", audience="shop", keys=KeySet([Key.generate()]))
    store.revoke_session("https://idp.example", "s1", expires_at=1_900_000_000)
    store.revoke_subject("https://idp.example", "ada", until=1_900_000_000.5)
    return BackChannelLogout([shop], store).wrap(app, path="/backchannel-logout")


def personal_tokens(store: MemoryStore | SQLStore) -> JWTMiddleware:
    """Tokens for machines, accepted beside JWTs."""
    token = store.add_token("ada", name="ci", scopes=["read"], expires_at=1_900_000_000)
    assert_type(token, str)
    for listed in store.tokens("ada"):
        assert_type(listed, PersonalToken)
        assert_type(listed.scopes, tuple[str, ...])
        assert_type(listed.expires_at, float)
        try:
            store.remove_token(listed.id)
        except UnknownToken:
            raise
    known: TokenStore = store
    record = known.find_token("x")
    assert_type(record, TokenRecord | None)
    tokens = OpaqueTokens(store, issuer="https://example.com/tokens", remote_user_claim="sub")
    assert_type(tokens.issuer, str)
    return JWTMiddleware(app, providers=[tokens], rules=rules())


def stores() -> None:
    """The bundled stores and what they answer."""
    for store in (
        MemoryStore(),
        SQLStore("sqlite:///auth.db", password_method="scrypt:131072:8:1"),
    ):
        assert_type(store.add_user("ada", "password", scopes=("read",), claims={"x": 1}), User)
        assert_type(store.authenticate("ada", "password"), User | None)
        assert_type(store.get("1"), User | None)
        try:
            assert_type(store.import_users([HashedUser("bob", "hash", ["read"], {"x": 1})]), int)
        except ImportRefused as refused:
            assert_type(refused.faults, dict[int, str])
        store.set_password("ada", "password")
        store.set_scopes("ada", ["read"])
        store.disable_user("ada")
        store.enable_user("ada")
        try:
            store.remove_user("ada")
        except (NameTaken, UnknownUser):
            raise
        for user in store.users():
            assert_type(user, UserRecord)
            assert_type(user.id, int | str)
            assert_type(user.disabled, bool)
        store.end_sessions("1")
        store.end_sessions("1", issuer="https://login.example")
        store.revoke(token_id="t", expires_at=1e9, issuer="i")
        store.revoke_subject("https://login.example", "1")
        store.ping()
        users: UserStore = store
        users.get("1")
        sessions: SessionStore = store
        assert_type(sessions.find_session(b"name"), Session | None)
        counters: Counters = store
        assert_type(counters.increment("key", 60), int)
        assert_type(counters.count("key"), tuple[int, float])
        RevocationList(store)
        personal_tokens(store)
        store.close()
    for log in (RedisLog("redis://localhost"), MemoryStore()):
        RevocationList(log, max_staleness=0)
    log = RedisLog("redis://localhost", prefix="app:")
    log.revoke(token_id="t", expires_at=1e9)
    log.revoke_subject("https://login.example", "1")
    log.close()
    SQLStore(create_engine("postgresql://localhost/auth"), log=log)
    hasher = PasswordHasher("scrypt:131072:8:1")
    stored = hasher.hash("password")
    assert_type(stored, str)
    assert_type(hasher.check(stored, "password"), bool)
    assert_type(hasher.needs_rehash(stored), bool)


class OwnLog:
    """A log of revocations of the owner's own."""

    def read_revocations(self, cursor: object | None) -> RevocationPage:
        """All there are, each time."""
        return RevocationPage(None, [Revocation("key", 1e9)])


def bound(store: SQLStore, minter: TokenMinter) -> JWTMiddleware:
    """Tokens that are bound to a key or a certificate."""
    dpop = DPoP("https://api.example", replays=store, max_age=30, nonces=True)
    assert_type(dpop.algorithms, tuple[str, ...])
    LoginApp(store, minter, dpop=dpop)
    JWTMiddleware(
        app,
        providers=[minter.provider],
        rules=[Rule("/", sender_constrained)],
        certificate=escaped_cert_header("X-SSL-Client-Cert"),
    )
    for certificate in (ssl_client_cert, uwsgi_client_cert, client_cert_header):
        JWTMiddleware(app, providers=[minter.provider], rules=rules(), certificate=certificate)
    key = DPoPKey()
    token = minter.mint("ada", claims={"cnf": key.confirmation})
    assert_type(key.headers("GET", "https://api.example/", token), dict[str, str])
    try:
        raise InvalidProof
    except Refusal as refusal:
        assert_type(refusal.code, str | None)
    return JWTMiddleware(app, providers=[minter.provider], rules=rules(), dpop=dpop)


def whole(log: RevocationLog, minter: TokenMinter) -> None:
    """Middleware and login app together."""
    guarded = JWTMiddleware(
        app,
        providers=[minter.provider],
        rules=rules(),
        revocations=RevocationList(log, max_staleness=0.5, max_outage=None),
        realm="shop",
        allowed_origins=("https://front.example",),
        credentials=(bearer, in_cookie("__Host-jwt"), in_header("X-Token"), basic_password),
        sign_in="/auth/login",
        on_refusal=lambda refusal, environ: app if refusal.status == 403 else None,
        strict_origins=True,
        resource="https://api.example/mcp",
        max_token_bytes=4096,
        cache_size=0,
    )
    decision = guarded.decide({"PATH_INFO": "/"})
    assert_type(decision, Decision)
    assert_type(decision.rules, tuple[Rule, ...])
    assert_type(decision.identity, Identity | None)
    for rule in decision.rules:
        assert_type(rule.prefix, str)
    if isinstance(decision.answer, Refusal):
        assert_type(decision.answer.reason, str)
    RevocationList(OwnLog())
    login = LoginApp(
        MemoryStore(),
        minter,
        users=Table(),
        throttle=Throttle(),
        allowed_origins=["https://front.example"],
    )
    login = LoginApp(
        SQLStore("sqlite:///auth.db"),
        minter,
        throttle=None,
        reuse_grace=0,
        idle_timeout=3600,
        session_lifetime=86_400,
        title="Example",
        template=Path("login.html"),
    )
    LoginApp(
        MemoryStore(),
        minter,
        throttle=Throttle(
            per_name_and_address="5/minute", per_name="100/hour", per_address="50/minute"
        ),
    )
    assert_type([login.methods_of(path) for path in login.paths], list[tuple[str, ...]])
    application = login.wrap(guarded, prefix="/auth")
    application({}, print)
    login({}, print)
    assert_type(login.issue(User(1, "ada")), dict[str, Any])
    beside_others(application, guarded, login)


def observe(decision: Decision, environ: Mapping[str, Any]) -> None:
    """An observer of the owner's own."""
    if isinstance(decision.reported, Refusal):
        assert_type(decision.reported.reason, str)
    environ.get("jwt_middleware.subject")


class Tracer:
    """An observer that is an object."""

    def __call__(self, decision: Decision, environ: Mapping[str, Any]) -> int:
        """Whatever it returns is ignored."""
        return 1


def operated(provider: Provider, registry: CollectorRegistry) -> None:
    """Report-only rules, observers, metrics, readiness."""
    rule = Rule("/api", scope("read"), methods=("GET",), report_only=True)
    assert_type(rule.report_only, bool)
    metrics = PrometheusMetrics()
    guarded = JWTMiddleware(
        app,
        providers=[provider],
        rules=[rule],
        observers=[metrics, PrometheusMetrics(registry), observe, Tracer()],
    )
    JWTMiddleware(app, providers=[provider], rules=[rule], observers=(observe,))
    observer: Observer = metrics
    observer(guarded.decide({}), {})
    assert_type(guarded.ready(), dict[str, Any])
    assert_type(RemoteKeySet("https://idp.example/jwks.json").age, float | None)
    assert_type(RemoteKeySet("https://idp.example/jwks.json").failures, int)
    assert_type(RevocationList(OwnLog()).age, float | None)
    assert_type(RevocationList(OwnLog()).size, int)
    assert_type(RevocationList(OwnLog()).failures, int)


def beside_others(*applications: WSGIApplication) -> None:
    """Our apps stand wherever frameworks and servers want a WSGI app, and theirs stand in ours."""
    for application in applications:
        ProxyFix(application)
        DispatcherMiddleware(application, {"/sub": application})


def in_flask(login: LoginApp, provider: Provider) -> None:
    """As the README has it. That a method is assigned to is Flask's way; mypy says so of
    everybody's middleware."""
    flask = Flask("example")
    guarded = JWTMiddleware(flask.wsgi_app, providers=[provider], rules=[Rule("/api")])
    flask.wsgi_app = guarded  # type: ignore[method-assign]
    flask.wsgi_app = login.wrap(guarded, prefix="/auth")  # type: ignore[method-assign]
    flask.wsgi_app = ProxyFix(flask.wsgi_app)  # type: ignore[method-assign]


def errors() -> tuple[str, int, str | None]:
    """Every error, as it is caught."""
    refusals: list[type[Refusal]] = [
        MissingToken,
        InvalidRequest,
        InvalidToken,
        InsufficientScope,
        Forbidden,
        Unavailable,
    ]
    failures: list[type[JWTMiddlewareError]] = [ConfigurationError, StoreUnavailable, *refusals]
    try:
        raise Unavailable("keys_unavailable", retry_after=5)
    except StoreUnavailable as error:
        assert_type(error.cause, str)
        raise
    except InsufficientScope as refusal:
        assert_type(refusal.scope, tuple[str, ...])
        return refusal.reason, refusal.status, refusal.code
    except Unavailable as refusal:
        assert_type(refusal.retry_after, int | None)
        raise
    except Refusal as refusal:
        assert_type(refusal.description, str)
        return refusal.reason, refusal.status, refusal.code
    except tuple(failures):
        raise


def signatures(key_set: KeySet) -> bytes:
    """The strict JWS layer by itself."""
    header, payload = jws.verify("a.b.c", key_set)
    assert_type(header, dict[str, Any])
    return payload


def by_text(app: WSGIApplication) -> tuple[WSGIApplication, WSGIApplication]:
    """Options from the environment and from an ini file."""
    guarded = filter_app_factory(
        app, {"here": "/srv"}, issuer="https://login.example", audience="api", rules="/api"
    )
    assert_type(from_env(app), JWTMiddleware)
    observed = from_env(app, observers=[PrometheusMetrics()], on_refusal=lambda refusal, env: None)
    assert_type(observed, JWTMiddleware)
    assert_type(login_from_env(), LoginApp)
    return guarded, from_env(app)


def in_tests(app: Flask, store: SQLStore) -> str:
    """The test kit, as a suite uses it."""
    with trusting(app) as tokens, cheap_passwords(store), KeyServer() as server:
        assert_type(tokens, Tokens)
        client = Client(app, tokens)
        assert_type(client.as_user("ada", scopes=["read"], role="x"), Client)
        assert_type(client.with_token(tokens.bad("expired")), Client)
        assert_type(client.anonymous, Client)
        assert_type(DjangoClient(app, tokens).as_user("ada", scopes=["read"]), DjangoClient)
        assert_protected(app, "/api/me", subject="ada")
        assert_every_route_ruled(app, but=["/static/<path:filename>"])
        environ: dict[str, Any] = identity_environ("ada", scopes=["read"])
        server.rotate()
        with KeyServer(issuer="https://idp.example", key_members={"alg": None}) as other:
            other.documents["/more.json"] = other.jwks
            assert_type(other.sign({"sub": "ada"}, {"typ": "JWT"}), str)
            assert_type(other.metadata_url, str)
        client.get("/api/me", headers=basic_headers(tokens.good()) | cookie_headers(tokens.good()))
        return tokens.good("ada", **environ) + server.url + next(iter(FLAWS))
