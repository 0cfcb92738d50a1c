"""What Prometheus is told: names, labels of closed sets, counts that add up, and moments."""

import functools
import json
import re
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, Counter, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from jwt_middleware import (
    ConfigurationError,
    Decision,
    Fetch,
    JWTMiddleware,
    Key,
    KeySet,
    MissingToken,
    Provider,
    RemoteKeySet,
    RevocationList,
    Rule,
    StoreUnavailable,
    optional,
    public,
    scope,
)
from jwt_middleware.login import LoginApp, TokenMinter, audit
from jwt_middleware.login_events import LOGIN_EVENTS
from jwt_middleware.metrics import PrometheusMetrics
from jwt_middleware.reasons import DESCRIPTIONS
from jwt_middleware.stores import MemoryStore
from jwt_middleware.testing import KeyServer
from tests.kit.answers import call
from tests.kit.forking import APPS
from tests.kit.logs import ListLog
from tests.kit.pages import DOCS, blocks
from tests.kit.passwords import CHEAP
from tests.kit.scripts import run
from tests.kit.serving import gunicorn
from tests.kit.tokens import issued
from tests.kit.waiting import PATIENCE, wait_for

ISSUER, AUDIENCE = "https://login.example", "example-api"
SECRET = "a secret of the tests, long enough"
FRONT = "https://front.example"
PROVIDER = Provider(issuer=ISSUER, audience=AUDIENCE, keys=KeySet([Key.from_secret(SECRET)]))
RULES = [
    Rule("/api"),
    Rule("/api/admin", scope("admin")),
    Rule("/api/health", public),
    Rule("/new", scope("new"), report_only=True),
    Rule("/docs", scope("write")),
    Rule("/docs", optional, methods=("GET", "POST")),
]

Samples = dict[tuple[str, str], float]


def token(**claims: Any) -> str:
    """A token that is good but for what is given."""
    return issued(SECRET, **{"iss": ISSUER, "aud": AUDIENCE} | claims)


def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    """An app that is always well."""
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b""]


class Site:
    """A guarded app whose metrics are in a registry of its own."""

    def __init__(self, **options: Any) -> None:
        self.registry = CollectorRegistry()
        self.metrics = PrometheusMetrics(self.registry)
        usual = {"providers": [PROVIDER], "rules": RULES, "allowed_origins": [FRONT]}
        self.guarded = JWTMiddleware(app, observers=[self.metrics], **{**usual, **options})

    def get(self, path: str, given: str = "", **environ: str) -> None:
        """Send a request."""
        authorization = {"HTTP_AUTHORIZATION": f"Bearer {given}"} if given else {}
        usual = {"REQUEST_METHOD": "GET", "PATH_INFO": path}
        self.guarded({**usual, **authorization, **environ}, lambda *arguments: None)

    def samples(self) -> Samples:
        """What a scrape says, by name and labels, without what is zero."""
        return samples_of(generate_latest(self.registry).decode())


def samples_of(text: str) -> Samples:
    """The samples of an exposition that are not zero."""
    return {
        (
            sample.name,
            " ".join(f"{name}={value}" for name, value in sorted(sample.labels.items())),
        ): (sample.value)
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.value and not sample.name.endswith("_created")
    }


DECISIONS = "jwt_middleware_decisions_total"


def test_decisions_by_rule_and_reason() -> None:
    """Allowed, refused, reported, and preflights; a path without a rule is not counted."""
    site = Site()
    good, admin = token(), token(scope="admin")
    for path, given in [
        ("/other", ""),
        ("/api", ""),
        ("/api/x", good),
        ("/api/y", good),
        ("/api/admin", good),
        ("/api/admin", admin),
        ("/api/health", "rubbish"),
        ("/new", good),
        ("/new", token(scope="new")),
        ("/docs/a", ""),
        ("/api", token(exp=1)),
        ("/%2e" * 1000, ""),
    ]:
        site.get(path, given)
    preflight = {"HTTP_ORIGIN": FRONT, "HTTP_ACCESS_CONTROL_REQUEST_METHOD": "GET"}
    site.get("/api", REQUEST_METHOD="OPTIONS", **preflight)
    counted = {
        labels: value for (name, labels), value in site.samples().items() if name == DECISIONS
    }
    assert counted == {
        "outcome=refused reason=missing rule=/api": 1,
        "outcome=allowed reason= rule=/api": 2,
        "outcome=refused reason=scope rule=/api/admin": 1,
        "outcome=allowed reason= rule=/api/admin": 1,
        "outcome=allowed reason= rule=/api/health": 1,
        "outcome=reported reason=scope rule=/new": 1,
        "outcome=allowed reason= rule=/new": 1,
        "outcome=allowed reason= rule=/docs GET HEAD POST": 1,
        "outcome=refused reason=expired rule=/api": 1,
        "outcome=refused reason=path_too_long rule=": 1,
        "outcome=preflight reason= rule=/api": 1,
    }


def test_a_report_beside_a_rule_that_is_enforced() -> None:
    """It is counted for the report-only rule; a refusal for the rule that is enforced."""
    site = Site()
    for given in ("", token()):
        site.get("/new/../api", given)
    counted = {labels for name, labels in site.samples() if name == DECISIONS}
    assert counted == {
        "outcome=refused reason=missing rule=/api",
        "outcome=reported reason=scope rule=/new",
    }


def test_the_counters_of_reporting_are_those_of_enforcing() -> None:
    """The same requests, the same numbers; only `refused` is called `reported`."""
    counted: list[Samples] = []
    for report_only in (False, True):
        rules = [
            Rule(rule.prefix, *rule.requires, methods=[*rule.methods], report_only=report_only)
            for rule in RULES
        ]
        site = Site(rules=rules)
        preflight = {"HTTP_ORIGIN": FRONT, "HTTP_ACCESS_CONTROL_REQUEST_METHOD": "GET"}
        for given in ("", token(), token(scope="admin new"), token(exp=1), "a b", "x" * 9000):
            for path in ("/", "/api", "/api/admin", "//api", "/new", "/docs", "/%2e" * 1000):
                site.get(path, given)
                site.get(path, given, REQUEST_METHOD="POST")
                site.get(path, given, REQUEST_METHOD="OPTIONS", **preflight)
        counted.append(
            {
                (name, labels.replace("outcome=reported", "outcome=refused")): value
                for (name, labels), value in site.samples().items()
            }
        )
    assert counted[0] == counted[1]
    assert sum(counted[0].values()) > 100


def cache_of(samples: Samples) -> tuple[float, float]:
    """Hits and misses."""
    name = "jwt_middleware_token_verifications_total"
    return samples.get((name, "cache=hit"), 0), samples.get((name, "cache=miss"), 0)


def test_hits_and_misses_of_the_cache() -> None:
    """A first-seen token is a miss, good or not; a cached one is a hit, allowed, refused or
    reported; a request without one is neither."""
    site = Site()
    good = token()
    assert cache_of(site.samples()) == (0, 0)
    site.get("/api", good)
    assert cache_of(site.samples()) == (0, 1)
    for path in ("/api", "/api/admin", "/new", "/docs"):
        site.get(path, good)
    assert cache_of(site.samples()) == (4, 1)
    site.get("/api")
    site.get("/docs")
    site.get("/api/health", good)
    assert cache_of(site.samples()) == (4, 1)
    for _ in range(2):
        site.get("/api", token(exp=1))
        site.get("/api/admin", f"{good[:-4]}AAAA")
    assert cache_of(site.samples()) == (4, 5)


def test_what_is_asked_outside_of_requests_counts_too() -> None:
    """`decide` and `verify` with tokens of their own take no hit away from requests."""
    site = Site()
    for number in range(5):
        header = f"Bearer {token(jti=str(number))}"
        environ = {"REQUEST_METHOD": "GET", "PATH_INFO": "/api", "HTTP_AUTHORIZATION": header}
        site.guarded.decide(environ)
    assert cache_of(site.samples()) == (0, 5)
    good = token(jti="0")
    site.get("/api", good)
    site.get("/api", good, HTTP_AUTHORIZATION=f"bearer  {good}")
    assert cache_of(site.samples()) == (2, 5)
    for _ in range(2):
        site.guarded.verify(good)
    site.guarded.verify(token(jti="new"))
    assert cache_of(site.samples()) == (4, 6)


def test_a_request_under_rules_of_both_kinds_is_one_hit() -> None:
    """The report-only rule takes the caller whom the other one has found."""
    site = Site(rules=[Rule("/api"), Rule("/api", scope("x"), report_only=True)])
    good = token()
    for _ in range(3):
        site.get("/api", good)
    assert cache_of(site.samples()) == (2, 1)


def test_without_a_cache_every_token_is_a_miss() -> None:
    """`cache_size=0`."""
    site = Site(cache_size=0)
    for _ in range(3):
        site.get("/api", token(jti="one"))
    assert cache_of(site.samples()) == (0, 3)


def test_many_threads_lose_no_count() -> None:
    """Decisions are counted under a lock."""
    site = Site()
    good = token()
    threads = [
        threading.Thread(target=lambda: [site.get("/api", good) for _ in range(200)])
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert site.samples()[DECISIONS, "outcome=allowed reason= rule=/api"] == 1600


@pytest.fixture
def server() -> Iterator[KeyServer]:
    """An issuer with keys at a URL."""
    with KeyServer() as server:
        yield server


def test_the_moment_of_the_last_fetch_and_the_failures(server: KeyServer) -> None:
    """The moment appears with the first fetch, and not as 1970 before it; failures are counted."""
    keys = RemoteKeySet(server.url, fetch=Fetch(timeout=PATIENCE))
    provider = Provider(issuer=server.issuer, audience=server.audience, keys=keys)
    site = Site(providers=[PROVIDER, provider])
    moment = ("jwt_middleware_keys_fetched_timestamp_seconds", f"issuer={server.issuer}")
    assert moment not in site.samples()
    site.get("/api", server.token())
    assert time.time() - site.samples()[moment] < 10
    assert {name for name, _ in site.samples() if "keys" in name} == {moment[0]}
    gone = Provider(
        issuer="https://gone.example",
        audience="x",
        keys=RemoteKeySet("http://127.0.0.1:9/jwks.json", fetch=Fetch(timeout=1)),
    )
    site = Site(providers=[gone])
    site.get("/api", token(iss=gone.issuer, aud="x"))
    failures = ("jwt_middleware_key_fetch_failures_total", f"issuer={gone.issuer}")
    assert site.samples()[failures] == 1
    assert site.samples()[failures] == 1  # scraping counts nothing again


def test_revocations_have_a_moment_a_size_and_failures() -> None:
    """Nothing is said of revocations that were never read, or that nobody has."""
    assert not [name for name, _ in Site().samples() if "revocations" in name]
    log = ListLog()
    log.revoke(ISSUER, jti="x", expires_at=time.time() + 60)
    site = Site(revocations=RevocationList(log, max_staleness=0))
    assert not [name for name, _ in site.samples() if "revocations" in name]
    site.get("/api", token(jti="y"))
    samples = site.samples()
    assert samples["jwt_middleware_revocations", ""] == 2
    assert time.time() - samples["jwt_middleware_revocations_read_timestamp_seconds", ""] < 10
    log.fault = StoreUnavailable("down")
    site.get("/api", token(jti="y"))
    assert site.samples()["jwt_middleware_revocation_read_failures_total", ""] == 1


def test_keys_that_middlewares_share_are_counted_once() -> None:
    """One failure of one key set is one failure, however many middlewares it serves."""
    keys = RemoteKeySet("http://127.0.0.1:9/jwks.json", fetch=Fetch(timeout=1))
    provider = Provider(issuer="https://gone.example", audience="x", keys=keys)
    site = Site(providers=[provider])
    JWTMiddleware(app, providers=[provider], rules=[Rule("/")], observers=[site.metrics])
    site.get("/api", token(iss=provider.issuer, aud="x"))
    failures = ("jwt_middleware_key_fetch_failures_total", f"issuer={provider.issuer}")
    assert site.samples()[failures] == 1


def test_events_of_the_login_app(caplog: pytest.LogCaptureFixture) -> None:
    """Counted whatever the level of the audit log is."""
    caplog.set_level("CRITICAL", "jwt_middleware.login")
    site = Site()
    store = MemoryStore(password_method=CHEAP)
    store.add_user("ada", "analytical engine")
    minter = TokenMinter.from_secret(SECRET, issuer=ISSUER, audience=AUDIENCE)
    login = LoginApp(store, minter)
    for password in ("analytical engine", "wrong", "wrong"):
        body = json.dumps({"username": "ada", "password": password}).encode()
        environ = {
            "REQUEST_METHOD": "POST",
            "PATH_INFO": "/token",
            "CONTENT_TYPE": "application/json",
            "CONTENT_LENGTH": str(len(body)),
            "wsgi.input": __import__("io").BytesIO(body),
        }
        b"".join(login(environ, lambda *arguments: None))
    name = "jwt_middleware_login_events_total"
    found = {labels: value for (sample, labels), value in site.samples().items() if sample == name}
    assert found == {"event=login": 1, "event=failure": 2}


def test_the_events_are_those_of_the_audit_log() -> None:
    """The closed set of labels is the set of events."""
    # inside: every event of the audit has to be counted
    assert set(LOGIN_EVENTS) == set(audit._EVENTS)


def test_a_listener_that_raises_changes_nothing(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The event is logged, and so is the class of the error."""
    # inside: a listener is there for the life of a process, and other tests have theirs
    monkeypatch.setattr("jwt_middleware.login_events._listeners", [fails])
    audit.record("failure", "192.0.2.1")
    assert [record.getMessage().split()[0] for record in caplog.records] == ["fails", "failure:"]
    assert "a secret" not in caplog.text


def fails(event: str) -> None:
    """A listener with a fault."""
    raise RuntimeError("a secret")


def test_no_label_comes_from_a_request() -> None:
    """Whatever a stranger sends, the values of labels are those of the configuration, and the words
    of closed sets."""
    site = Site()
    for number in range(50):
        site.get(f"/api/{number}", token(sub=f"s{number}", iss=f"https://{number}.example"))
        site.get(f"/new/{number}", token(sub=f"s{number}"))
        site.get("/api", "x", REQUEST_METHOD=f"M{number}")
        site.get(f"//api/{number}/../admin", f"{number}")
    texts = {"", *(" ".join([rule.prefix, *sorted(rule.methods)]) for rule in RULES)}
    allowed = {
        "rule": texts,
        "outcome": {"allowed", "refused", "reported", "preflight"},
        "reason": {"", *DESCRIPTIONS},
        "issuer": {ISSUER},
        "event": set(LOGIN_EVENTS),
        "cache": {"hit", "miss"},
    }
    for family in site.registry.collect():
        for sample in family.samples:
            for name, value in sample.labels.items():
                assert value in allowed[name]


def test_the_names_follow_the_conventions() -> None:
    """A prefix of the application, base units, `_total` for what only grows."""
    site = Site(revocations=RevocationList(ListLog()))
    site.get("/api", token())
    families = list(site.registry.collect())
    assert families
    for family in families:
        assert re.fullmatch(r"jwt_middleware(_[a-z]+)+", family.name)
        assert family.documentation.endswith(".")
        if family.type == "counter":
            assert not family.name.endswith(("_total", "_count"))
            assert {s.name for s in family.samples} <= {
                f"{family.name}_total",
                f"{family.name}_created",
            }
        else:
            assert family.type == "gauge"
            assert not family.name.endswith("_total")


class Word(MissingToken):
    """A refusal of an owner's with a reason of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.reason = "/a/path"


def test_a_reason_that_is_none_of_ours_is_other() -> None:
    """An owner's refusal cannot widen the set."""
    site = Site()
    site.metrics(Decision((RULES[0],), None, Word()), {})
    assert site.samples()[DECISIONS, "outcome=refused reason=other rule=/api"] == 1


@pytest.mark.parametrize("registry", ["", 0, dict, [CollectorRegistry()], CollectorRegistry])
def test_a_registry_is_one(registry: Any) -> None:
    """Anything else is a `ConfigurationError`."""
    with pytest.raises(ConfigurationError, match="registry must be a CollectorRegistry or None"):
        PrometheusMetrics(registry)


def test_two_in_one_registry() -> None:
    """The second is a `ConfigurationError` that says what to do; it leaves nothing behind."""
    registry = CollectorRegistry()
    PrometheusMetrics(registry)
    with pytest.raises(ConfigurationError, match="pass it to every middleware"):
        PrometheusMetrics(registry)
    other = CollectorRegistry()
    Counter("jwt_middleware_decisions", "Somebody else's.", registry=other)
    before = generate_latest(other)
    with pytest.raises(ConfigurationError, match="registry must not have these metrics"):
        PrometheusMetrics(other)
    assert generate_latest(other) == before


@pytest.mark.parametrize("observers", [PrometheusMetrics, [PrometheusMetrics]])
def test_the_class_is_no_observer(observers: Any) -> None:
    """The commonest slip: without the call it is refused while building."""
    with pytest.raises(ConfigurationError, match="observers must"):
        JWTMiddleware(app, providers=[PROVIDER], rules=RULES, observers=observers)


SERVED = f"""
import os

from jwt_middleware import JWTMiddleware, RemoteKeySet, RevocationList, Rule, scope
from jwt_middleware.login import LoginApp, TokenMinter
from jwt_middleware.metrics import PrometheusMetrics
from jwt_middleware.stores import MemoryStore

store = MemoryStore(password_method="scrypt:1024:1:1")
minter = TokenMinter.from_secret({SECRET!r}, issuer={ISSUER!r}, audience={AUDIENCE!r})

def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [str(os.getpid()).encode()]

guarded = JWTMiddleware(
    app,
    providers=[minter.provider],
    rules=[Rule("/api"), Rule("/new", scope("x"), report_only=True)],
    revocations=RevocationList(store),
    observers=[PrometheusMetrics()],
)
guarded = LoginApp(store, minter).wrap(guarded, prefix="/auth")
"""

_PAGE = blocks(DOCS / "how-to/observing.md", "python")
(SERVES,) = (text for text in _PAGE if "def scrape(" in text)
(CONFIG,) = (text for text in _PAGE if "def child_exit(" in text)
"""What the page on metrics says of several workers: how to serve them, and gunicorn's file."""


@pytest.mark.needs_servers
@pytest.mark.parametrize("preload", [(), ("--preload",)], ids=["each by itself", "preloaded"])
def test_two_workers_of_gunicorn(preload: tuple[str, ...], tmp_path: Path) -> None:
    """In the multiprocess mode any worker answers a scrape for all: counts are sums, and the moment
    and size of the revocation list are there. The page's code serves them."""
    (tmp_path / "served.py").write_text(SERVED + SERVES)
    (tmp_path / "conf.py").write_text(CONFIG)
    shared = tmp_path / "shared"
    shared.mkdir()
    env = {"PROMETHEUS_MULTIPROC_DIR": str(shared)}
    options = ("--workers", "2", "--config", "conf.py", *preload)
    minter = TokenMinter.from_secret(SECRET, issuer=ISSUER, audience=AUDIENCE)
    good = minter.mint("ada")
    with gunicorn("served", *options, cwd=tmp_path, env=env) as address:
        asked = _ask_both(f"{address}/api", good)
        assert [call(f"{address}/{path}")[0] for path in ("api", "new", "new")] == [401, 200, 200]
        assert call(f"{address}/auth/token", {"username": "ada", "password": "x"})[0] == 401
        time.sleep(1.1)  # what is not a decision is written once a second
        asked += _ask_both(f"{address}/api", good)
        samples = samples_of(call(f"{address}/metrics").body.decode())
    decisions = {labels: value for (name, labels), value in samples.items() if name == DECISIONS}
    assert decisions == {
        "outcome=allowed reason= rule=/api": asked,
        "outcome=refused reason=missing rule=/api": 1,
        "outcome=reported reason=missing rule=/new": 2,
    }
    hits, misses = cache_of(samples)
    assert 1 <= misses <= 2
    assert 0 < hits <= asked
    assert samples["jwt_middleware_login_events_total", "event=failure"] == 1
    assert time.time() - samples["jwt_middleware_revocations_read_timestamp_seconds", ""] < 30


def _ask_both(address: str, token: str) -> int:
    """Ask until each of two workers has answered, and some times more. Return how often."""
    answers: list[bytes] = []

    def ask() -> bool:
        answers.append(call(address, token=token).body)
        return len(answers) >= 20 and len(set(answers)) == 2

    wait_for(ask, say=lambda: f"only {set(answers)} answered")
    return len(answers)


def calls_of(run: Callable[[], object]) -> int:
    """How many functions, of Python and of C, one run calls once it is warm.

    The least of several runs, since the garbage collector may run in one of them.
    """
    run()
    return min(_calls_once(run) for _ in range(5))


def _calls_once(run: Callable[[], object]) -> int:
    count = 0

    def count_it(frame: object, event: str, argument: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    sys.setprofile(count_it)
    try:
        run()
    finally:
        sys.setprofile(None)
    return count


def calls_added() -> int:
    """How many more functions a request calls with metrics than without."""
    good = token()
    plain = JWTMiddleware(app, providers=[PROVIDER], rules=RULES)
    environ = {"REQUEST_METHOD": "GET", "PATH_INFO": "/api", "HTTP_AUTHORIZATION": f"Bearer {good}"}
    calls: dict[str, int] = {}
    runs: Mapping[str, Any] = {"plain": plain, "metrics": Site().guarded}
    for name, guarded in runs.items():
        calls[name] = calls_of(functools.partial(guarded, environ, lambda *arguments: None))
    return calls["metrics"] - calls["plain"]


def test_metrics_cost_little() -> None:
    """They call a bounded number of functions for each request.

    The time that this takes is a row of `python -m tests.checks.benchmarks compare`.
    """
    # In a process of its own, since other tests leave loggers and caches behind.
    script = "from tests.test_metrics import calls_added; print(calls_added())"
    assert int(run(script, after=APPS)) <= 40
