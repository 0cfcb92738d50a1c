"""Report-only rules: they change no byte of an answer, and say what enforcing them would do.

The same app stands bare and behind report-only rules; and the same rules are enforced and reported.
"""

import io
import logging
import time
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from jwt_middleware import (
    ConfigurationError,
    Decision,
    Fetch,
    Identity,
    JWTMiddleware,
    Key,
    KeySet,
    Provider,
    Refusal,
    RemoteKeySet,
    Rule,
    Unavailable,
    claim,
    issued_by,
    optional,
    public,
    scope,
)
from jwt_middleware.settings import filter_app_factory
from jwt_middleware.testing import KeyServer
from jwt_middleware.wire.cors import Preflight
from tests.kit.parts import examples
from tests.kit.tokens import TOMORROW, issued

ISSUER, SECOND, AUDIENCE = "https://login.example", "https://second.example", "example-api"
SECRET = "a secret of the tests, long enough"
FRONT, EVIL = "https://front.example", "https://evil.example"
KEYS = KeySet([Key.from_secret(SECRET)])
PROVIDERS = [Provider(issuer=issuer, audience=AUDIENCE, keys=KEYS) for issuer in (ISSUER, SECOND)]


def token(**claims: Any) -> str:
    """A token that is good but for what is given."""
    return issued(SECRET, **{"iss": ISSUER, "aud": AUDIENCE} | claims)


def breaks(identity: Identity) -> bool:
    """A requirement of the owner's with a fault."""
    raise RuntimeError


def refuses(identity: Identity) -> bool:
    """A requirement of the owner's that says no."""
    return False


def rules(*, report_only: bool) -> list[Rule]:
    """Rules of every kind, all enforced or all reported."""
    return [
        Rule("/api", report_only=report_only),
        Rule("/api/health", public, report_only=report_only),
        Rule("/api/admin", scope("admin"), report_only=report_only),
        Rule("/api/second", issued_by(SECOND), report_only=report_only),
        Rule("/api/team", claim("team", "a"), report_only=report_only),
        Rule("/api/broken", breaks, report_only=report_only),
        Rule("/api/no", refuses, report_only=report_only),
        Rule("/news", optional, report_only=report_only),
        Rule("/docs", scope("write"), report_only=report_only),
        Rule("/docs", public, methods=("GET", "OPTIONS"), report_only=report_only),
    ]


class App:
    """An app that answers with what it reads of the request; it does not ask who is calling."""

    def __init__(self) -> None:
        self.environs: list[dict[str, Any]] = []

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        """Answer in one of a few ways, by the path."""
        self.environs.append(dict(environ))
        body = environ["wsgi.input"].read(5)
        method, path = environ.get("REQUEST_METHOD"), environ.get("PATH_INFO", "")
        headers = [("Content-Type", "text/plain"), ("X-Method", str(method)), ("Vary", "Accept")]
        if "cors" in environ.get("QUERY_STRING", ""):
            headers.append(("Access-Control-Allow-Origin", "https://own.example"))
        start_response("404 Not Found" if "x" in path else "200 OK", headers)
        return iter([body, path.encode("latin-1", "replace")])


def answer(app: Any, environ: dict[str, Any]) -> tuple[Any, ...]:
    """What goes out: status, headers, body, and how much of the request's body is left."""
    sent: list[Any] = []
    body = io.BytesIO(b"0123456789")
    passed = {**environ, "wsgi.input": body, "CONTENT_LENGTH": "10"}
    chunks = b"".join(app(passed, lambda *arguments: sent.append(arguments)))
    return sent, chunks, body.tell()


def guarded(app: Any, guard: Sequence[Rule], **options: Any) -> JWTMiddleware:
    """The app behind these rules; what is passed replaces the usual options."""
    return JWTMiddleware(app, **{"providers": PROVIDERS, "rules": guard} | options)


GOOD = token(scope="admin write", exp=TOMORROW)
AUTHORIZATIONS = {
    "none": "",
    "a good token": f"Bearer {GOOD}",
    "a token without scopes": f"Bearer {token()}",
    "of the second issuer": f"bearer  {token(iss=SECOND)}",
    "expired": f"Bearer {token(exp=1)}",
    "of a stranger": f"Bearer {token(iss='https://evil.example')}",
    "forged": f"Bearer {GOOD[:-4]}AAAA",
    "two tokens": "Bearer a b",
    "rubbish": "Bearer rubbish",
    "too large": "Bearer " + "x" * 9000,
    "another scheme": "Basic eDp5",
}
METHODS = ["GET", "HEAD", "POST", "OPTIONS", "DELETE", "get", "MKCOL", ""]
PATHS = [
    "/",
    "/api",
    "/api/",
    "/api/health",
    "/api/admin",
    "/api/second",
    "/api/team",
    "/api/broken",
    "/api/no",
    "/news",
    "/docs",
    "/docs/x",
    "//api/admin",
    "/x/../api",
    "/api/health/../admin",
    "/api/admin.json",
    "/" + "%2e/" * 1000,
    "",
]
ENVIRONS = st.fixed_dictionaries(
    {
        "REQUEST_METHOD": st.sampled_from(METHODS),
        "PATH_INFO": st.sampled_from(PATHS) | st.text(st.characters(max_codepoint=255)),
    },
    optional={
        "SCRIPT_NAME": st.sampled_from(["", "/api", "/sub", "x/"]),
        "QUERY_STRING": st.sampled_from(["", "cors", "_method=DELETE"]),
        "HTTP_AUTHORIZATION": st.sampled_from([*AUTHORIZATIONS.values()]) | st.text(),
        "HTTP_ORIGIN": st.sampled_from([FRONT, EVIL, "null"]),
        "HTTP_ACCESS_CONTROL_REQUEST_METHOD": st.sampled_from(["GET", "POST"]),
        "HTTP_X_SCRIPT_NAME": st.sampled_from(["/api", "/p", "x" * 300]),
        "HTTP_X_HTTP_METHOD_OVERRIDE": st.sampled_from(["GET", "DELETE"]),
        "HTTP_ACCEPT": st.sampled_from([None, 5, "text/html"]),
    },
)
TIMES = settings(
    max_examples=examples(300), deadline=None, suppress_health_check=[HealthCheck.too_slow]
)


@given(environ=ENVIRONS)
@example(environ={"REQUEST_METHOD": "GET", "PATH_INFO": "/api"})
@example(
    environ={
        "REQUEST_METHOD": "OPTIONS",
        "PATH_INFO": "/api",
        "HTTP_ORIGIN": FRONT,
        "HTTP_ACCESS_CONTROL_REQUEST_METHOD": "GET",
    }
)
@TIMES
def test_reporting_changes_no_byte(environ: dict[str, Any]) -> None:
    """Status, headers, body and what is read of the request are those of the bare app, whatever
    method, origin, token and path; CORS and preflights too."""
    reporting = guarded(App(), rules(report_only=True), allowed_origins=[FRONT])
    assert answer(reporting, environ) == answer(App(), environ)


def outcome(refusal: object) -> str:
    """One word for an answer."""
    return refusal.reason if isinstance(refusal, Refusal) else type(refusal).__name__


@given(environ=ENVIRONS)
@TIMES
def test_what_is_reported_is_what_enforcing_answers(environ: dict[str, Any]) -> None:
    """Rules and answer are those of the same rules when they are enforced, and the identity is that
    of a token that is good."""
    enforced = guarded(App(), rules(report_only=False), allowed_origins=[FRONT]).decide(environ)
    reported = guarded(App(), rules(report_only=True), allowed_origins=[FRONT]).decide(environ)
    assert reported.answer is None
    assert outcome(reported.reported) == outcome(enforced.answer)
    assert [rule.prefix for rule in reported.rules] == [rule.prefix for rule in enforced.rules]
    if enforced.answer is None:
        assert reported.identity == enforced.identity


@given(environ=ENVIRONS)
@TIMES
def test_what_is_enforced_does_not_change_beside_report_only_rules(
    environ: dict[str, Any],
) -> None:
    """Beside candidates for the same and for deeper paths, every refusal is as it was, byte for
    byte: a report-only rule refuses nobody and opens nothing."""
    today = [Rule("/", optional), Rule("/api"), Rule("/api/admin", scope("write"))]
    beside = guarded(App(), [*today, *rules(report_only=True)], allowed_origins=[FRONT])
    assert answer(beside, environ) == answer(
        guarded(App(), today, allowed_origins=[FRONT]), environ
    )


@pytest.mark.parametrize("authorization", AUTHORIZATIONS.values(), ids=AUTHORIZATIONS)
def test_the_same_log_gives_the_same_counters(authorization: str) -> None:
    """Observers that count rule and reason count the same, enforcing and reporting."""
    counted: dict[bool, Counter[tuple[str, str]]] = {}
    for report_only in (False, True):
        counter = counted[report_only] = Counter()

        def count(
            decision: Decision, environ: Any, counter: Counter[tuple[str, str]] = counter
        ) -> None:
            rule = decision.rules[0].prefix if decision.rules else ""
            counter[rule, outcome(decision.answer or decision.reported)] += 1

        site = guarded(App(), rules(report_only=report_only), observers=[count])
        for method in METHODS:
            for path in PATHS:
                environ = {"REQUEST_METHOD": method, "PATH_INFO": path}
                answer(site, environ | {"HTTP_AUTHORIZATION": authorization})
    assert counted[True] == counted[False]
    assert counted[True]


def seen_by_the_app(guard: Sequence[Rule], path: str, authorization: str) -> dict[str, Any]:
    """What the app finds of ours in its environ, after somebody else wrote there first."""
    app = App()
    environ = {"REQUEST_METHOD": "GET", "PATH_INFO": path, "HTTP_AUTHORIZATION": authorization}
    stale = {
        "REMOTE_USER": "mallory",
        "AUTH_TYPE": "Basic",
        "jwt_middleware.identity": "mallory",
        "jwt_middleware.reason": "expired",
        "jwt_middleware.subject": "mallory",
        "jwt_middleware.would_refuse": "expired",
    }
    answer(guarded(app, guard), environ | stale)
    return {name: app.environs[-1].get(name) for name in stale}


NOBODY = dict.fromkeys(
    (
        "REMOTE_USER",
        "AUTH_TYPE",
        "jwt_middleware.identity",
        "jwt_middleware.reason",
        "jwt_middleware.subject",
        "jwt_middleware.would_refuse",
    )
)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("none", "missing"),
        ("expired", "expired"),
        ("of a stranger", "issuer"),
        ("forged", "signature"),
        ("two tokens", "malformed"),
        ("rubbish", "malformed"),
        ("too large", "too_large"),
        ("another scheme", "unread_scheme"),
    ],
)
def test_nobody_is_injected_for_a_bad_credential(name: str, reason: str) -> None:
    """The request passes; the environ says why it would not have, and nothing of what stood there
    before."""
    seen = seen_by_the_app(rules(report_only=True), "/api", AUTHORIZATIONS[name])
    assert seen == NOBODY | {"jwt_middleware.would_refuse": reason}


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("/api", None),
        ("/api/admin", "scope"),
        ("/api/team", "claim_missing"),
        ("/api/second", "issuer"),
        ("/api/no", "forbidden"),
        ("/api/broken", "requirement_failed"),
        ("/news", None),
    ],
)
def test_the_identity_of_a_good_token_is_injected(path: str, reason: str | None) -> None:
    """Also where a requirement would refuse it."""
    seen = seen_by_the_app(rules(report_only=True), path, AUTHORIZATIONS["a token without scopes"])
    assert seen["jwt_middleware.identity"].subject == "ada"
    assert seen["AUTH_TYPE"] == "Bearer"
    assert seen["jwt_middleware.would_refuse"] == reason
    assert seen["jwt_middleware.reason"] is None


@pytest.mark.parametrize(
    ("issuer", "user", "reason"), [(SECOND, "ada", None), (ISSUER, None, "issuer")]
)
def test_remote_user_needs_a_rule_that_the_caller_meets(
    issuer: str, user: str | None, reason: str | None
) -> None:
    """A report-only `issued_by` that refuses nobody does not make a subject the name of one
    person."""
    seen = seen_by_the_app(
        [Rule("/api", issued_by(SECOND), report_only=True)],
        "/api",
        f"Bearer {token(iss=issuer)}",
    )
    assert (seen["REMOTE_USER"], seen["jwt_middleware.would_refuse"]) == (user, reason)


MIXED: dict[str, tuple[list[Rule], str, str, str | None, str | None]] = {
    "through two readings, the enforced one refuses": (
        [Rule("/api/admin", scope("admin")), Rule("/news", report_only=True)],
        "/news/../api/admin",
        "",
        "missing",
        "missing",
    ),
    "through two readings, the enforced one refuses what the reported one would not": (
        [Rule("/api/admin", scope("admin")), Rule("/news", report_only=True)],
        "/news/../api/admin",
        f"Bearer {token()}",
        "scope",
        None,
    ),
    "through two readings, the reported one would": (
        [Rule("/api"), Rule("/news", scope("admin"), report_only=True)],
        "/news/../api/x",
        f"Bearer {token()}",
        None,
        "scope",
    ),
    "a deeper candidate opens nothing": (
        [Rule("/api"), Rule("/api/admin", scope("admin"), report_only=True)],
        "/api/admin",
        "",
        "missing",
        "missing",
    ),
    "a deeper candidate that asks more": (
        [Rule("/api"), Rule("/api/admin", scope("admin"), report_only=True)],
        "/api/admin",
        f"Bearer {token()}",
        None,
        "scope",
    ),
    "a public candidate opens nothing": (
        [Rule("/api"), Rule("/api/health", public, report_only=True)],
        "/api/health",
        "",
        "missing",
        None,
    ),
    "a stricter candidate beside today's rule": (
        [Rule("/api"), Rule("/api", scope("read"), report_only=True)],
        "/api",
        f"Bearer {token()}",
        None,
        "scope",
    ),
    "a laxer candidate beside today's rule": (
        [Rule("/api", scope("read")), Rule("/api", report_only=True)],
        "/api",
        f"Bearer {token()}",
        "scope",
        None,
    ),
    "a candidate beside public": (
        [Rule("/api", public), Rule("/api", report_only=True)],
        "/api",
        "Bearer rubbish",
        None,
        "malformed",
    ),
    "a path that is too long": (
        [Rule("/api", report_only=True)],
        "/%2e" * 1000,
        "",
        None,
        "path_too_long",
    ),
    "a path that is too long, beside a rule that is enforced": (
        [Rule("/api", report_only=True), Rule("/other")],
        "/%2e" * 1000,
        "",
        "path_too_long",
        "path_too_long",
    ),
}


@pytest.mark.parametrize(
    ("guard", "path", "authorization", "reason", "reported"), MIXED.values(), ids=MIXED
)
def test_rules_of_both_kinds(
    guard: list[Rule], path: str, authorization: str, reason: str | None, reported: str | None
) -> None:
    """The answer is that of the rules that are enforced; the report that of the candidates."""
    environ = {"REQUEST_METHOD": "GET", "PATH_INFO": path, "HTTP_AUTHORIZATION": authorization}
    decision = guarded(App(), guard).decide(environ)
    assert getattr(decision.answer, "reason", None) == reason
    assert getattr(decision.reported, "reason", None) == reported
    assert len({*decision.rules}) == len(decision.rules)


def test_a_preflight_is_reported_and_the_app_answers_it() -> None:
    """`reported` says that the middleware would have answered it; the environ has no refusal."""
    seen: list[Decision] = []
    app = App()
    site = guarded(
        app,
        rules(report_only=True),
        allowed_origins=[FRONT],
        observers=[lambda decision, environ: seen.append(decision)],
    )
    environ = {"REQUEST_METHOD": "OPTIONS", "PATH_INFO": "/api", "HTTP_ORIGIN": FRONT}
    answer(site, environ | {"HTTP_ACCESS_CONTROL_REQUEST_METHOD": "GET"})
    assert isinstance(seen[0].reported, Preflight)
    assert "jwt_middleware.would_refuse" not in app.environs[0]


class Keys:
    """Keys of an owner's that fail in a way of their own."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    @property
    def generation(self) -> object:
        """Fail."""
        raise self.error

    def find(self, kid: str | None) -> Sequence[Key]:
        """Fail."""
        raise self.error


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (Unavailable("keys_unavailable"), "keys_unavailable"),
        (RuntimeError("a secret"), None),
        (TypeError("a secret"), None),
    ],
    ids=["not reachable", "a fault", "a fault like that of an environ"],
)
def test_keys_that_fail_refuse_nobody(
    error: Exception, reason: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    """Enforced it is 503, or a 500 of the owner's own keys; reported it passes, and a fault is one
    line with the class of the error."""
    provider = Provider(issuer=ISSUER, audience=AUDIENCE, keys=Keys(error))
    app = App()
    site = guarded(app, [Rule("/api", report_only=True)], providers=[provider])
    environ = {
        "REQUEST_METHOD": "GET",
        "PATH_INFO": "/api",
        "HTTP_AUTHORIZATION": f"Bearer {token()}",
    }
    sent, _, _ = answer(site, environ)
    assert sent[0][0] == "200 OK"
    assert app.environs[0].get("jwt_middleware.would_refuse") == reason
    assert "a secret" not in caplog.text
    assert ("a report-only rule cannot be evaluated" in caplog.text) is (reason is None)


@pytest.mark.parametrize(
    "others", [[], [Rule("/api", optional)]], ids=["alone", "beside one that is enforced"]
)
def test_keys_that_hang_are_waited_for_once(others: list[Rule]) -> None:
    """The first request waits for them as it would if the rule were enforced, and not twice beside
    a rule that is; the next ones pass or are refused at once."""
    with KeyServer() as server:
        server.hang()
        # Longer than a busy machine stops for.
        keys = RemoteKeySet(server.url, fetch=Fetch(timeout=2))
        provider = Provider(issuer=server.issuer, audience=server.audience, keys=keys)
        site = guarded(App(), [*others, Rule("/api", report_only=True)], providers=[provider])
        environ = {"REQUEST_METHOD": "GET", "PATH_INFO": "/api"}
        environ["HTTP_AUTHORIZATION"] = f"Bearer {server.token()}"
        waits, statuses = [], set()
        for _ in range(4):
            started = time.monotonic()
            statuses.add(answer(site, environ)[0][0][0])
            waits.append(time.monotonic() - started)
        server.recover()
    assert statuses == {"503 SERVICE UNAVAILABLE" if others else "200 OK"}
    assert waits[0] > 1.5
    assert max(waits[1:]) < waits[0]


def test_one_line_for_what_would_be_refused(caplog: pytest.LogCaptureFixture) -> None:
    """The line of a refusal, with another verb and a field that says that nobody was refused."""
    caplog.set_level(logging.INFO, "jwt_middleware")
    site = guarded(App(), rules(report_only=True))
    environ = {"REQUEST_METHOD": "GET", "PATH_INFO": "/api/admin", "REMOTE_ADDR": "192.0.2.7:80"}
    answer(site, environ | {"HTTP_AUTHORIZATION": AUTHORIZATIONS["a token without scopes"]})
    (record,) = caplog.records
    assert record.getMessage() == (
        'would refuse GET /api/admin: scope subject="ada" audience="example-api" '
        'address="192.0.2.7"'
    )
    assert (record.report_only, record.reason, record.rule) == (True, "scope", "/api/admin")  # type: ignore[attr-defined]


def test_requirements_of_a_report_only_rule_are_asked_once() -> None:
    """It is evaluated in full, and not more than enforcing it would."""
    asked: list[Identity] = []
    note: Callable[[Identity], None] = asked.append
    site = guarded(App(), [Rule("/", optional), Rule("/", note, report_only=True)])
    environ = {"REQUEST_METHOD": "GET", "PATH_INFO": "/"}
    answer(site, environ | {"HTTP_AUTHORIZATION": f"Bearer {GOOD}"})
    assert [identity.subject for identity in asked] == ["ada"]


def test_a_report_only_rule_as_text() -> None:
    """The word `report_only` in the rules of an ini file or of the environment."""
    site = filter_app_factory(
        App(),
        {},
        issuer=ISSUER,
        audience=AUDIENCE,
        secret=SECRET,
        rules="/api, /api GET report_only scope=read, /new report_only",
    )
    assert list(map(repr, site.rules)) == [
        "Rule('/api')",
        "Rule('/api', scope('read'), methods=('GET', 'HEAD'), report_only=True)",
        "Rule('/new', report_only=True)",
    ]
    with pytest.raises(ConfigurationError, match=r"each word must be .* report_only, scope="):
        filter_app_factory(
            App(), {}, issuer=ISSUER, audience="x", secret=SECRET, rules="/a report-only"
        )
