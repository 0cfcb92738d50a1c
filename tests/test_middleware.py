"""`JWTMiddleware`: its decision is pure, all else follows it, and what cannot be right is refused
while building."""

import copy
import json
from collections.abc import Callable
from types import MappingProxyType
from typing import Any
from unittest.mock import ANY

import pytest
from flask import Flask
from hypothesis import example, given
from hypothesis import strategies as st

from jwt_middleware import (
    ConfigurationError,
    Decision,
    Identity,
    InsufficientScope,
    JWTMiddleware,
    Key,
    KeySet,
    Provider,
    Refusal,
    RevocationList,
    Rule,
    any_of,
    authenticated,
    bearer,
    claim,
    in_cookie,
    in_header,
    issued_by,
    optional,
    public,
    scope,
)
from jwt_middleware.login import TokenMinter

SECRET = "a secret of at least thirty-two bytes"
MINTER = TokenMinter.from_secret(SECRET, issuer="https://one.example", audience="api")
OTHER = TokenMinter.from_secret(SECRET[::-1], issuer="https://two.example", audience="api")
TOKEN = MINTER.mint("ada", scopes=["read"], lifetime=86_400)
RULES = [
    Rule("/api"),
    Rule("/api/health", public),
    Rule("/api/admin", scope("admin")),
    Rule("/api/new", scope("read"), methods=("POST",)),
    Rule("/news", optional),
]


class Unread:
    """A body that fails when it is read."""

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"wsgi.input.{name} was used")


def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    """An app that is never to be called."""
    raise AssertionError("the app was called")


def guard(**options: Any) -> JWTMiddleware:
    """The middleware; what is passed replaces the usual options."""
    return JWTMiddleware(**{"app": app, "providers": [MINTER.provider], "rules": RULES} | options)


paths = st.sampled_from(
    ["/", "/api", "/api/health", "/api/admin", "/api/new", "/news", "//api", "/x/../api/admin"]
)
authorizations = st.sampled_from(
    ["", "Bearer", "Bearer x", "Basic x", f"Bearer {TOKEN}", f"Bearer {TOKEN}x"]
)
environs = st.fixed_dictionaries(
    {
        "PATH_INFO": paths | st.text(),
        "REQUEST_METHOD": st.sampled_from(["GET", "POST", "OPTIONS", "HEAD", "get"]),
    },
    optional={
        "SCRIPT_NAME": st.sampled_from(["", "/api", "/sub"]),
        "HTTP_AUTHORIZATION": authorizations | st.text(),
        "HTTP_ORIGIN": st.sampled_from(["https://front.example", "https://evil.example"]),
        "HTTP_ACCESS_CONTROL_REQUEST_METHOD": st.just("GET"),
        "HTTP_X_VHM_ROOT": st.sampled_from(["", "/api"]),
        "REMOTE_USER": st.text(),
        "jwt_middleware.identity": st.none(),
    },
)


@given(environ=environs)
@example(environ={})
def test_decide_is_pure(environ: dict[str, Any]) -> None:
    """It writes nothing into the environ, reads no body, calls no app, and says the same twice."""
    guarded = guard(allowed_origins=["https://front.example"])
    before = copy.deepcopy(environ)
    read_only = MappingProxyType(environ | {"wsgi.input": Unread()})
    first, second = guarded.decide(read_only), guarded.decide(read_only)
    assert environ == before
    assert (first.rules, first.identity, type(first.answer)) == (
        second.rules,
        second.identity,
        type(second.answer),
    )


@given(environ=environs)
def test_the_call_follows_the_decision(environ: dict[str, Any]) -> None:
    """The app is called exactly where there is no answer, with the identity that was decided."""
    called: list[dict[str, Any]] = []

    def recorder(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        called.append(environ)
        return [b"the app's"]

    guarded = guard(app=recorder, allowed_origins=["https://front.example"])
    decision = guarded.decide(environ)
    passed = dict(environ)
    body = guarded(passed, lambda *arguments: None)
    assert (body == [b"the app's"]) is bool(called) is (decision.answer is None)
    if called and decision.rules:
        assert called[0].get("jwt_middleware.identity") == decision.identity
        assert called[0].get("REMOTE_USER") == (decision.identity and decision.identity.subject)
    elif called:
        assert called[0] == environ


@pytest.mark.parametrize(
    ("method", "path", "authorization", "prefixes", "subject", "reason"),
    [
        ("GET", "/", "", [], None, None),
        ("GET", "/", f"Bearer {TOKEN}", [], None, None),
        ("GET", "/api", "", ["/api"], None, "missing"),
        ("GET", "/api", f"Bearer {TOKEN}", ["/api"], "ada", None),
        ("GET", "/api/admin", f"Bearer {TOKEN}", ["/api/admin"], None, "scope"),
        ("GET", "/api/health", "Bearer rubbish", ["/api/health"], None, None),
        ("GET", "/news", "", ["/news"], None, None),
        ("GET", "/news", f"Bearer {TOKEN}", ["/news"], "ada", None),
        ("GET", "/news", "Bearer rubbish", ["/news"], None, "malformed"),
        ("GET", "/api/new", f"Bearer {TOKEN}", ["/api"], "ada", None),
        ("POST", "/api/new", f"Bearer {TOKEN}", ["/api/new"], "ada", None),
        ("GET", "/news/../api/admin", f"Bearer {TOKEN}", ["/api/admin", "/news"], None, "scope"),
        ("GET", "/api/health/../admin", "", ["/api/admin", "/api/health"], None, "missing"),
    ],
    ids=lambda value: "a token" if value == f"Bearer {TOKEN}" else None,
)
def test_decisions(
    method: str,
    path: str,
    authorization: str,
    prefixes: list[str],
    subject: str | None,
    reason: str | None,
) -> None:
    """The rules that govern, who is calling, and the refusal if there is one."""
    environ = {"REQUEST_METHOD": method, "PATH_INFO": path, "HTTP_AUTHORIZATION": authorization}
    decision = guard().decide(environ)
    assert sorted(rule.prefix for rule in decision.rules) == prefixes
    assert (decision.identity and decision.identity.subject) == subject
    assert getattr(decision.answer, "reason", None) == reason


def test_a_requirement_of_the_owners() -> None:
    """Any callable that raises a Refusal is a requirement; it is never asked without a caller."""
    seen: list[Any] = []

    def only_ada(identity: Identity) -> None:
        seen.append(identity)
        if identity.subject != "ada":
            raise InsufficientScope("claim_missing")

    guarded = guard(rules=[Rule("/", only_ada)])
    subjects = {None: "missing", "ada": None, "bob": "claim_missing"}
    for subject, reason in subjects.items():
        authorization = f"Bearer {MINTER.mint(subject)}" if subject else ""
        decision = guarded.decide({"PATH_INFO": "/", "HTTP_AUTHORIZATION": authorization})
        assert getattr(decision.answer, "reason", None) == reason
    assert [identity.subject for identity in seen] == ["ada", "bob"]


TOO_MUCH = {
    "a path": ({"PATH_INFO": "/%20" + "x" * 2045}, "414", "path_too_long"),
    "a path under a public rule": (
        {"PATH_INFO": "/api/health/%20" + "x" * 2045},
        "414",
        "path_too_long",
    ),
    "a header": ({"HTTP_X_SCRIPT_NAME": "/" + "x" * 256}, "400", "header_too_long"),
}


@pytest.mark.parametrize(("changes", "status", "reason"), TOO_MUCH.values(), ids=TOO_MUCH)
@pytest.mark.parametrize("origin", [{}, {"HTTP_ORIGIN": "https://a.example"}])
def test_what_costs_too_much_to_read_stays_here(
    changes: dict[str, str], status: str, reason: str, origin: dict[str, str]
) -> None:
    """No rule may be known for it, and still it never reaches the app."""
    statuses: list[str] = []
    guarded = guard(
        app=lambda environ, start: 1 / 0,
        rules=[Rule("/api"), Rule("/api/health", public)],
        allowed_origins=["https://a.example"],
    )
    environ = {"PATH_INFO": "/static/x", "REQUEST_METHOD": "GET", **changes, **origin}
    (body,) = guarded(environ, lambda status, headers: statuses.append(status))
    assert statuses[0].startswith(status)
    assert json.loads(body)["reason"] == reason
    assert environ["jwt_middleware.reason"] == reason


@pytest.mark.parametrize(
    ("requires", "names_one"),
    [
        ((), False),
        ((issued_by("https://one.example"),), True),
        ((issued_by("https://one.example", "https://elsewhere.example"),), True),
        ((issued_by("https://one.example", "https://two.example"),), False),
        ((issued_by("https://one.example"), scope("read")), True),
        ((any_of(issued_by("https://one.example"), issued_by("https://two.example")),), False),
        ((any_of(issued_by("https://one.example"), scope("read")),), False),
    ],
)
def test_where_a_subject_names_one_person(requires: Any, names_one: bool) -> None:
    """REMOTE_USER is set exactly where the rule leaves one of the trusted issuers."""
    environ = {"PATH_INFO": "/", "REQUEST_METHOD": "GET", "HTTP_AUTHORIZATION": f"Bearer {TOKEN}"}
    providers = [MINTER.provider, OTHER.provider]
    guard(app=lambda environ, start: [], providers=providers, rules=[Rule("/", *requires)])(
        environ, print
    )
    assert environ.get("REMOTE_USER") == ("ada" if names_one else None)
    assert environ["AUTH_TYPE"] == "Bearer"


def test_a_refusal_keeps_no_request_alive() -> None:
    """A decision may be kept, so its refusal does not hold the frames of the request that it was
    raised in."""
    answer = guard().decide({"PATH_INFO": "/api", "HTTP_AUTHORIZATION": "Bearer x"}).answer
    assert isinstance(answer, Refusal)
    assert answer.__traceback__ is None
    assert answer.__cause__ is None


def test_one_middleware_may_guard_another() -> None:
    """The inner one decides for itself, and drops what the outer one has set."""
    environ = {
        "PATH_INFO": "/api",
        "REQUEST_METHOD": "GET",
        "HTTP_AUTHORIZATION": f"Bearer {TOKEN}",
    }
    inner = guard(app=lambda environ, start: [b"in"], providers=[OTHER.provider])
    outer = guard(app=inner)
    assert outer(environ, lambda *arguments: None) != [b"in"]
    assert environ["jwt_middleware.reason"] == "issuer"
    assert "REMOTE_USER" not in environ


class Store:
    """A store that keeps no log of revocations."""


PROVIDER = MINTER.provider
WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "no app": ({"app": None}, r"app\.wsgi_app"),
    "one provider where a list belongs": (
        {"providers": PROVIDER},
        r"providers=\[Provider\(\.\.\.\)\]",
    ),
    "no providers": ({"providers": []}, r"providers=\[Provider\(\.\.\.\)\]"),
    "a minter among the providers": ({"providers": [MINTER]}, r"providers=\[Provider\(\.\.\.\)\]"),
    "a text as providers": (
        {"providers": "https://one.example"},
        r"providers=\[Provider\(\.\.\.\)\]",
    ),
    "two providers of one issuer": ({"providers": [PROVIDER, PROVIDER]}, "several audiences"),
    "no rules": ({"rules": []}, r'rules=\[Rule\("/"\)\]'),
    "one rule where a list belongs": ({"rules": Rule("/api")}, r'rules=\[Rule\("/api"\)\]'),
    "a text as rules": ({"rules": "/api"}, r'rules=\[Rule\("/api"\)\]'),
    "a prefix among the rules": ({"rules": ["/api"]}, r'rules=\[Rule\("/api"\)\]'),
    "a mapping of rules": ({"rules": {"/api": scope("read")}}, r'rules=\[Rule\("/api"\)\]'),
    "the same prefix twice": (
        {"rules": [Rule("/api"), Rule("/api", public)]},
        "one prefix twice, got 2 with prefix '/api'",
    ),
    "the same prefix twice, once with a slash": (
        {"rules": [Rule("/api"), Rule("/api/")]},
        "one prefix twice",
    ),
    "the same prefix and method twice": (
        {"rules": [Rule("/api", methods=("GET", "POST")), Rule("/api", public, methods=["head"])]},
        "one prefix twice, got 2 with prefix '/api'",
    ),
    "an issuer that nobody is": (
        {"rules": [Rule("/api", issued_by("https://x.example"))]},
        r"issued_by\('https://x.example'\) names no configured provider \(known: 'https://",
    ),
    "two issuers at once": (
        {
            "providers": [PROVIDER, OTHER.provider],
            "rules": [
                Rule("/api", issued_by("https://one.example"), issued_by("https://two.example"))
            ],
        },
        "exclude each other",
    ),
    "the store as revocations": ({"revocations": Store()}, r"RevocationList\(store\)"),
    "a realm with a quote": ({"realm": 'a"b'}, "without"),
    "a realm with a line end": ({"realm": "a\n"}, "printable ASCII"),
    "an empty realm": ({"realm": ""}, "printable ASCII"),
    "a realm beyond ASCII": ({"realm": "é"}, "printable ASCII"),
    "no realm": ({"realm": None}, "printable ASCII"),
    "one origin where a list belongs": (
        {"allowed_origins": "https://a.example"},
        r"allowed_origins=\['https://",
    ),
    "any origin, and one": (
        {"allowed_origins": ["*", "https://a.example"]},
        r"allowed_origins must hold '\*' alone",
    ),
    "any origin, strictly": (
        {"allowed_origins": ["*"], "strict_origins": True},
        "strict_origins must be False beside",
    ),
    "strictness that is no boolean": ({"strict_origins": 1}, "strict_origins must be a boolean"),
    "no place for a token": ({"credentials": ()}, "credentials must be a list of at least one"),
    "a place by its name": ({"credentials": ["bearer"]}, "credentials must hold places"),
    "a place that is not called": ({"credentials": [in_cookie]}, r"in_cookie\('NAME'\)"),
    "a place alone": ({"credentials": bearer}, "credentials must be a list"),
    "a place twice": ({"credentials": [bearer, bearer]}, "credentials must name each place once"),
    "a header twice": (
        {"credentials": [in_header("X-T"), in_header("x-t")]},
        "credentials must name each place once",
    ),
    "a sign-in page on another host": (
        {"sign_in": "https://a.example/"},
        "sign_in must be the path",
    ),
    "a sign-in page on another host, spelled": (
        {"sign_in": "//a.example"},
        "sign_in must be the p",
    ),
    "a sign-in page with a query": ({"sign_in": "/login?a=b"}, "sign_in must be the path"),
    "a page that is not a callable": ({"on_refusal": "/sorry"}, "on_refusal must be a callable"),
    "a page that takes too little": (
        {"on_refusal": lambda refusal: None},
        "which takes other arguments",
    ),
    "an origin with a path": (
        {"allowed_origins": ["https://a.example/"]},
        r"allowed_origins=\['https://",
    ),
    "an origin without a scheme": (
        {"allowed_origins": ["a.example"]},
        r"allowed_origins=\['https://",
    ),
    "a token limit that is a text": (
        {"max_token_bytes": "8192"},
        "max_token_bytes must be an integer of at least 1",
    ),
    "no token at all": ({"max_token_bytes": 0}, "max_token_bytes must be an integer of at least 1"),
    "a cache of less than nothing": (
        {"cache_size": -1},
        "cache_size must be an integer of at least 0",
    ),
    "a cache that is a boolean": (
        {"cache_size": True},
        "cache_size must be an integer of at least 0",
    ),
}


@pytest.mark.parametrize(("options", "words"), WRONG.values(), ids=WRONG)
def test_contradictions(options: dict[str, Any], words: str) -> None:
    """Each is a ConfigurationError while building, and its words show the right form."""
    with pytest.raises(ConfigurationError, match=words):
        guard(**options)


PARTS: dict[str, tuple[Callable[[], object], str]] = {
    "a scope beside public": (
        lambda: Rule("/api", public, scope("read")),
        r"Rule\('/api', public\)",
    ),
    "public beside optional": (
        lambda: Rule("/api", public, optional),
        r"Rule\('/api', public\)",
    ),
    "optional beside authenticated": (
        lambda: Rule("/api", authenticated, optional),
        r"Rule\('/api', optional\)",
    ),
    "scope without its call": (lambda: Rule("/api", scope), "scope without its call"),  # type: ignore[arg-type]
    "a pattern": (lambda: Rule("/users/<id>"), "must not contain a pattern"),
    "a name where a requirement belongs": (lambda: Rule("/api", "read"), r"scope\('read'\)"),  # type: ignore[arg-type]
    "a method where a tuple belongs": (
        lambda: Rule("/api", methods="POST"),
        r'methods=\("GET",\)',
    ),
    "a method with a space": (lambda: Rule("/api", methods=("GET POST",)), "got 'GET POST'"),
    "a method with a slip": (lambda: Rule("/api", methods=("GET", "GETT")), "got 'GETT'"),
    "a prefix without a slash": (lambda: Rule("api"), r'Rule\("/api"\)'),
    "a prefix with dots": (lambda: Rule("/api/../x"), "leave out dot segments"),
    "a prefix with a query": (lambda: Rule("/api?x"), "query"),
    "an escaped prefix": (lambda: Rule("/a%70i"), "'%'"),
    "two scopes in one text": (lambda: scope("read write"), r"scope\('read', 'write'\)"),
    "a list of scopes": (lambda: scope(["read", "write"]), r"scope\('read', 'write'\)"),  # type: ignore[arg-type]
    "no scope": (lambda: scope(), r"scope\('read', 'write'\)"),
    "a claim with a list of values": (
        lambda: claim("role", ["admin"]),
        r"claim\('role', 'admin', 'owner'\)",
    ),
    "no issuer": (lambda: issued_by(), r"issued_by\('https://"),
    "a provider as issuer": (lambda: issued_by(PROVIDER), r"issued_by\('https://"),  # type: ignore[arg-type]
    "any of nothing": (lambda: any_of(), r"any_of\(scope\('a'\), scope\('b'\)\)"),
    "any of a list": (lambda: any_of([scope("a")]), r"any_of must hold requirements"),  # type: ignore[arg-type]
    "public among others": (lambda: any_of(public, scope("a")), "any_of must not hold public"),
    "a key where a key set belongs": (
        lambda: Provider(issuer="i", audience="a", keys=Key.from_secret(SECRET)),  # type: ignore[arg-type]
        r"keys=KeySet\(\[key\]\)",
    ),
    "a secret where a key set belongs": (
        lambda: Provider(issuer="i", audience="a", keys=SECRET),  # type: ignore[arg-type]
        r"keys=KeySet\(\[key\]\)",
    ),
    "a text as scope claims": (
        lambda: Provider(
            issuer="i", audience="a", keys=KeySet([Key.generate()]), scope_claims="scope"
        ),  # type: ignore[arg-type]
        "scope_claims must be a list or tuple of strings",
    ),
    "an empty issuer": (
        lambda: Provider(issuer="", audience="a", keys=KeySet([Key.generate()])),
        "issuer='https://",
    ),
    "one key where a list belongs": (lambda: KeySet(Key.generate()), r"KeySet\(\[key\]\)"),  # type: ignore[arg-type]
    "no keys": (lambda: KeySet([]), r"KeySet\(\[key\]\)"),
    "a PEM as a secret": (lambda: Key.from_secret(Key.generate().to_pem()), r"Key\.from_pem"),
    "a secret as a PEM": (lambda: Key.from_pem(SECRET), "pem must be"),
    "a list without its log": (lambda: RevocationList(Store()), r"RevocationList\(store\)"),  # type: ignore[arg-type]
}


@pytest.mark.parametrize(("build", "words"), PARTS.values(), ids=PARTS)
def test_contradictions_of_the_parts(build: Callable[[], object], words: str) -> None:
    """What exists is valid: a part that cannot be right is refused where it is made."""
    with pytest.raises(ConfigurationError, match=words):
        build()


@pytest.mark.parametrize("missing", ["issuer", "audience", "keys"])
def test_what_has_no_default(missing: str) -> None:
    """Whom to trust is said, not guessed."""
    terms = {"issuer": "i", "audience": "a", "keys": KeySet([Key.generate()])}
    del terms[missing]
    with pytest.raises(TypeError, match=missing):
        Provider(**terms)


def test_options_are_named() -> None:
    """Everything after the app is keyword-only, so that no two can be swapped."""
    with pytest.raises(TypeError):
        JWTMiddleware(app, [PROVIDER], RULES)  # type: ignore[call-arg,misc]


def test_a_decision_is_frozen() -> None:
    """Its parts have names and cannot be changed; a part more breaks no caller."""
    decision = guard().decide({"PATH_INFO": "/api"})
    assert isinstance(decision, Decision)
    for name in ("rules", "identity", "answer"):
        with pytest.raises(AttributeError):
            setattr(decision, name, None)
    with pytest.raises(TypeError):
        len(decision)  # type: ignore[arg-type]


class FlaskLike:
    """An app that calls whatever its `wsgi_app` is, as Flask and its relatives do."""

    def wsgi_app(self, environ: dict[str, Any], start_response: Any) -> list[bytes]:
        return []

    def __call__(self, environ: dict[str, Any], start_response: Any) -> list[bytes]:
        return self.wsgi_app(environ, start_response)


@pytest.mark.parametrize("make", [FlaskLike, lambda: Flask("example")], ids=["alike", "Flask"])
def test_an_app_that_would_call_itself(make: Callable[[], Any]) -> None:
    """`app.wsgi_app = JWTMiddleware(app, ...)` is refused at once; its own `wsgi_app` is taken."""
    flask = make()
    with pytest.raises(ConfigurationError, match=r"JWTMiddleware\(app\.wsgi_app, \.\.\.\)"):
        guard(app=flask)
    guard(app=flask.wsgi_app)


class _BrokenKeys:
    """A key source of an owner's with a fault."""

    generation = 0

    def find(self, kid: str | None) -> Any:
        raise TypeError("a fault of the key source")


def test_an_error_is_not_taken_for_a_fault_of_the_environ() -> None:
    """Also where a value in the environ is equal to everything, even to None: the error comes out
    as it is, and is not looked for in the environ for ever."""
    broken = Provider(issuer="https://one.example", audience="api", keys=_BrokenKeys())
    environ = {"PATH_INFO": "/api", "REQUEST_METHOD": "GET", "test.anything": ANY}
    environ["HTTP_AUTHORIZATION"] = f"Bearer {TOKEN}"
    with pytest.raises(TypeError, match="a fault of the key source"):
        guard(providers=[broken]).decide(environ)
