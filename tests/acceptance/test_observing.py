"""What an operator sees: report-only rules, observers, the log of refusals, readiness, metrics."""

import json
import logging
import time
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from jwt_middleware import Decision, Rule, StoreUnavailable, optional, public, scope
from jwt_middleware.metrics import PrometheusMetrics
from jwt_middleware.testing import assert_protected
from tests.kit.waiting import BOUND

from .conftest import AUDIENCE, ISSUER, RULES, SECRET, echo

REPORTED = [Rule(rule.prefix, *rule.requires, report_only=True) for rule in RULES]
FRONT = "https://front.example"


def seen_by(client: Any, mount: str, path: str, given: str = "", **headers: str) -> Any:
    """The answer to a GET, whatever its status is."""
    if given:
        headers["Authorization"] = f"Bearer {given}"
    return client.get(path, headers=headers, expect_errors=True)


@pytest.mark.parametrize("path", ["/api", "/api/admin", "/api/health", "/news", "//api", "/other"])
@pytest.mark.parametrize("kind", ["none", "good", "expired", "forged", "rubbish"])
def test_report_only_rules_change_no_byte(
    path: str, kind: str, visit: Any, guard: Any, forge: Any
) -> None:
    """Status, headers and body are those of the app alone, to an allowed origin and to a
    preflight."""

    def plain(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [] if environ["REQUEST_METHOD"] == "HEAD" else [environ["PATH_INFO"].encode()]

    tokens = {
        "good": forge(),
        "expired": forge(exp=1),
        "forged": forge(key="another secret that is long enough"),
        "rubbish": "rubbish",
    }
    headers = {"Origin": FRONT, "Access-Control-Request-Method": "GET"}
    if kind in tokens:
        headers["Authorization"] = f"Bearer {tokens[kind]}"
    clients = [visit(plain), visit(guard(plain, rules=REPORTED, allowed_origins=[FRONT]))]
    for method in ("GET", "POST", "HEAD", "OPTIONS"):
        alone, reported = (
            client.request(path, method=method, headers=headers, expect_errors=True)
            for client in clients
        )
        assert reported.status == alone.status, method
        assert reported.headerlist == alone.headerlist, method
        assert reported.body == alone.body, method


def test_a_report_only_rule_injects_who_is_calling(visit: Any, guard: Any, forge: Any) -> None:
    """The identity of a good token, and nobody for a bad one; the request passes."""
    client = visit(guard(rules=REPORTED))
    assert seen_by(client, "", "/api", forge()).json["subject"] == "1"
    assert seen_by(client, "", "/api", forge(exp=1)).json["subject"] is None
    assert seen_by(client, "", "/api/admin", forge()).json["subject"] == "1"


def test_a_report_only_rule_says_what_it_would_have_answered(
    visit: Any, guard: Any, forge: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """In the decision, in the environ of the app, and on one line of the log."""
    environs: list[dict[str, Any]] = []

    def app(environ: dict[str, Any], start_response: Any) -> Any:
        environs.append(dict(environ))
        return echo(environ, start_response)

    guarded = guard(app, rules=REPORTED)
    client = visit(guarded)
    client.get("/api", extra_environ={"jwt_middleware.would_refuse": "stale"})
    seen_by(client, "", "/api/admin", forge())
    seen_by(client, "", "/api", forge())
    assert [environ.get("jwt_middleware.would_refuse") for environ in environs] == [
        "missing",
        "scope",
        None,
    ]
    lines = [r.getMessage() for r in caplog.records if r.getMessage().startswith("would refuse")]
    assert [line.partition(": ")[2].split()[0] for line in lines] == ["missing", "scope"]
    decision = guarded.decide({"REQUEST_METHOD": "GET", "PATH_INFO": "/api"})
    assert (decision.answer, decision.reported.reason) == (None, "missing")
    assert "report_only=True" in repr(decision.rules[0])


@pytest.mark.parametrize(
    ("rules", "path", "status"),
    [
        ([Rule("/api"), Rule("/api/admin", scope("admin"), report_only=True)], "/api/admin", 401),
        ([Rule("/api"), Rule("/api", optional, report_only=True)], "/api", 401),
        ([Rule("/api"), Rule("/api/open", public, report_only=True)], "/api/open", 401),
        ([Rule("/api"), Rule("/new", report_only=True)], "/new/../api", 401),
        ([Rule("/api"), Rule("/new", report_only=True)], "/new", 200),
    ],
)
def test_a_report_only_rule_opens_nothing(
    rules: list[Rule], path: str, status: int, visit: Any, guard: Any
) -> None:
    """Below, beside and through another reading of a rule that is enforced."""
    assert seen_by(visit(guard(rules=rules)), "", path).status_int == status


def test_observers_see_every_decision_under_a_rule(visit: Any, guard: Any, forge: Any) -> None:
    """Allowed, refused and reported; nothing of a path without a rule. One that raises changes
    nothing, and is logged once."""
    seen: list[tuple[list[str], Any, Any, Any]] = []

    def fails(decision: Decision, environ: Any) -> None:
        raise RuntimeError("a text of the observer's")

    def observer(decision: Decision, environ: Any) -> None:
        answers = [getattr(x, "reason", None) for x in (decision.answer, decision.reported)]
        subject = decision.identity and decision.identity.subject
        seen.append(([rule.prefix for rule in decision.rules], *answers, subject))

    rules = [*RULES, Rule("/new", report_only=True)]
    client = visit(guard(rules=rules, observers=[fails, observer]))
    statuses = [
        seen_by(client, "", path, given).status_int
        for path, given in [
            ("/other", ""),
            ("/api", ""),
            ("/api", forge()),
            ("/api/admin", forge()),
            ("/api/health", ""),
            ("/new", ""),
        ]
    ]
    assert statuses == [200, 401, 200, 403, 200, 200]
    assert seen == [
        (["/api"], "missing", None, None),
        (["/api"], None, None, "1"),
        (["/api/admin"], "scope", None, None),
        (["/api/health"], None, None, None),
        (["/new"], None, "missing", None),
    ]


def test_an_observer_that_raises_is_logged_once(
    visit: Any, guard: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """However many requests come; its text, which might quote a request, is not logged."""

    def fails(decision: Decision, environ: Any) -> None:
        raise RuntimeError("a text of the observer's")

    client = visit(guard(observers=[fails]))
    for _ in range(3):
        client.get("/api", status=401)
        client.get("/api/health", status=200)
    errors = [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR]
    assert len(errors) == 1
    assert "fails" in errors[0]
    assert "RuntimeError" in errors[0]
    assert "a text" not in caplog.text


def test_the_line_of_a_403_says_who_it_was(
    visit: Any, guard: Any, forge: Any, mount: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Subject, audience and address, in the text and as fields; and the subject in the environ for
    access logs, without an identity."""
    environs: list[dict[str, Any]] = []
    guarded = guard()

    def outer(environ: dict[str, Any], start_response: Any) -> Any:
        environs.append(environ)
        return guarded(environ, start_response)

    client = visit(outer)
    assert seen_by(client, mount, "/api/admin", forge(sub="ada\r\nx")).status_int == 401
    assert seen_by(client, mount, "/api/admin", forge(sub="ada")).status_int == 403
    record = caplog.records[-1]
    line = record.getMessage()
    assert line == (
        f"refused GET {mount}/api/admin: scope "
        f'subject="ada" audience="{AUDIENCE}" address="192.0.2.1"'
    )
    fields = vars(record)
    assert (fields["subject"], fields["audience"], fields["address"]) == (
        "ada",
        AUDIENCE,
        "192.0.2.1",
    )
    assert environs[0].get("jwt_middleware.subject") is None
    assert environs[1]["jwt_middleware.subject"] == "ada"
    assert "jwt_middleware.identity" not in environs[1]
    assert "REMOTE_USER" not in environs[1]


class Log:
    """A revocation log that can fail."""

    def __init__(self) -> None:
        self.fault: Exception | None = None

    def read_revocations(self, cursor: object) -> Any:
        """Nothing is revoked."""
        from jwt_middleware.trust.revocation import RevocationPage

        if self.fault:
            raise self.fault
        return RevocationPage(1, [])


@pytest.mark.parametrize("is_down", [False, True], ids=["well", "down"])
def test_a_probe_is_told_whether_tokens_can_be_verified(
    is_down: bool, visit: Any, guard: Any, forge: Any
) -> None:
    """`ready` says what the next request with a good token meets; the answer is JSON without
    secrets."""
    from jwt_middleware import RevocationList

    log = Log()
    log.fault = StoreUnavailable("down") if is_down else None
    guarded = guard(revocations=RevocationList(log))
    said = json.loads(json.dumps(guarded.ready(), allow_nan=False))
    assert said["ready"] is not is_down
    assert said["keys"] == [{"issuer": ISSUER, "ready": True, "age": None}]
    assert said["revocations"]["ready"] is not is_down
    assert SECRET not in json.dumps(said)
    assert seen_by(visit(guarded), "", "/api", forge()).status_int == (503 if is_down else 200)


def test_metrics_count_what_went_out(visit: Any, guard: Any, forge: Any) -> None:
    """One line each for rule and reason; no path, subject or token in any."""
    registry = CollectorRegistry()
    rules = [*RULES, Rule("/new", report_only=True)]
    client = visit(guard(rules=rules, observers=[PrometheusMetrics(registry)]))
    good = forge(sub="grace-hopper")
    for path, given in [("/api/x-1", good), ("/api/x-2", good), ("/api/admin", good), ("/new", "")]:
        seen_by(client, "", path, given)
    shown = generate_latest(registry).decode()
    for line in (
        'jwt_middleware_decisions_total{outcome="allowed",reason="",rule="/api"} 2.0',
        'jwt_middleware_decisions_total{outcome="refused",reason="scope",rule="/api/admin"} 1.0',
        'jwt_middleware_decisions_total{outcome="reported",reason="missing",rule="/new"} 1.0',
        'jwt_middleware_token_verifications_total{cache="miss"} 1.0',
        'jwt_middleware_token_verifications_total{cache="hit"} 2.0',
    ):
        assert line in shown
    for text in ("x-1", "grace-hopper", good, "/sub"):
        assert text not in shown


def test_a_report_only_rule_adds_no_wait_to_a_body(visit: Any, guard: Any) -> None:
    """The body of a request that would be refused is left to the app, unread."""

    class Unread:
        def read(self, *arguments: int) -> bytes:
            raise AssertionError("it was read")

    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        start_response("204 No Content", [])
        return []

    from jwt_middleware import JWTMiddleware

    guarded: JWTMiddleware = guard(rules=REPORTED)
    guarded.app = app
    environ = {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": "/api",
        "CONTENT_LENGTH": "10",
        "wsgi.input": Unread(),
    }
    started = time.monotonic()
    assert guarded(environ, lambda *arguments: None) == []
    assert time.monotonic() - started < BOUND


@pytest.mark.parametrize("rules", [REPORTED, [*RULES, *REPORTED]], ids=["alone", "beside"])
@pytest.mark.parametrize("path", ["/api", "/news", "/api/health"])
def test_nobody_elses_keys_are_left_under_a_report_only_rule(
    rules: list[Rule], path: str, visit: Any, guard: Any, forge: Any
) -> None:
    """What a server or an outer middleware put there is cleared, as under every rule."""
    environs: list[dict[str, Any]] = []

    def app(environ: dict[str, Any], start_response: Any) -> Any:
        environs.append(dict(environ))
        return echo(environ, start_response)

    stale = {
        "REMOTE_USER": "mallory",
        "AUTH_TYPE": "Basic",
        "jwt_middleware.identity": "mallory",
        "jwt_middleware.reason": "expired",
        "jwt_middleware.subject": "mallory",
        "jwt_middleware.would_refuse": "expired",
    }
    client = visit(guard(app, rules=rules))
    client.authorization = ("Bearer", forge())
    client.get(path, extra_environ=stale)
    (environ,) = environs
    for name, value in stale.items():
        assert environ.get(name) != value


def test_the_kit_calls_a_report_only_rule_open(guard: Any) -> None:
    """`assert_protected` does not take a report for protection."""
    with pytest.raises(AssertionError):
        assert_protected(guard(rules=REPORTED), "/api")
    assert_protected(guard(rules=[*RULES, *REPORTED]), "/api")
