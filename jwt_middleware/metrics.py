"""`PrometheusMetrics`: what the middleware decides, and on what it rests, as Prometheus metrics.

| metric | labels | |
|---|---|---|
| `jwt_middleware_decisions_total` | `rule`, `outcome`, `reason` | requests under a rule |
| `jwt_middleware_token_verifications_total` | `cache` | tokens found in the cache, or verified |
| `jwt_middleware_key_fetch_failures_total` | `issuer` | fetches of keys that failed |
| `jwt_middleware_keys_fetched_timestamp_seconds` | `issuer` | when keys were last fetched |
| `jwt_middleware_revocation_read_failures_total` | | reads of the log that failed |
| `jwt_middleware_revocations_read_timestamp_seconds` | | when the log was last read |
| `jwt_middleware_revocations` | | revoked tokens and sessions that are known |
| `jwt_middleware_login_events_total` | `event` | events of the login app |

- `rule` is the prefix of the deepest rule that governs, with its methods; it is empty where a path
  or header was too long for any. `outcome` is `allowed`, `refused`, `reported` (a report-only rule
  would have refused) or `preflight`. `reason` is a word of `errors.DESCRIPTIONS`, or empty.
- An age is `time() - jwt_middleware_keys_fetched_timestamp_seconds`: a moment stays right while a
  worker has nothing to do, an age would not. Key sets that never change have none.
- Every label is of a closed set that the owner's configuration fixes. None is a path, a subject or
  a `kid`.

In the multiprocess mode (`PROMETHEUS_MULTIPROC_DIR`) counts are sums over the workers. Moments and
sizes are those of the worker that is furthest: the newest read, the longest list. They are set
while requests are answered, at most once a second, and at each scrape of the process itself.
"""

import threading
import time
from collections.abc import Iterable, Mapping
from typing import Any, Protocol

from ._options import got, require
from ._packages import require_package
from .decision import Decision
from .errors import DESCRIPTIONS, ConfigurationError, Refusal
from .login_events import LOGIN_EVENTS, listen
from .policy.rules import Rule
from .readiness import number_of
from .trust.verifier import Verifier
from .verdict_cache import CacheCounts

require_package(
    "prometheus_client",
    "metrics",
    lack="PrometheusMetrics needs prometheus_client",
    install="wsgi-jwt-middleware[metrics]",
)

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Gauge  # noqa: E402
from prometheus_client.registry import Collector  # noqa: E402

_REFRESH = 1
"""Seconds between two looks at keys and revocations while requests are answered."""


_KEYS_FETCHED = (
    "jwt_middleware_keys_fetched_timestamp_seconds",
    "When an issuer's keys were last fetched.",
    ("issuer",),
    "max",
)
_REVOCATIONS_READ = (
    "jwt_middleware_revocations_read_timestamp_seconds",
    "When the revocation log was last read.",
    (),
    "max",
)
_REVOCATIONS = (
    "jwt_middleware_revocations",
    "Revoked tokens and sessions that are known.",
    (),
    "livemax",  # a dead worker's longer list must not be shown for ever
)


class Watched(Protocol):
    """What is read of a middleware."""

    verifier: Verifier

    cache_counts: CacheCounts


class PrometheusMetrics:
    """An observer that counts: `JWTMiddleware(..., observers=[PrometheusMetrics()])`.

    That line is all: the middleware gives itself to the observer, so keys, revocations and the
    cache are watched too, and the events of the login apps of this process are counted.

    - `registry`: where the metrics are registered; None is prometheus_client's own `REGISTRY`.

    Make one and give it to every middleware. `ConfigurationError` if the registry has these metrics
    already; `ImportError` without the extra `metrics`.
    """

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        is_registry = registry is None or isinstance(registry, CollectorRegistry)
        require(is_registry, f"registry must be a CollectorRegistry or None, got {got(registry)}")
        self._watched: list[Watched] = []
        self._refresh_at = 0.0
        self._refreshing = threading.Lock()
        self._decisions_of: dict[tuple[Rule | None, str, str], Any] = {}
        # How much of what has been counted, by what has the count: middlewares may share keys, and
        # a verifier may be replaced. Each entry holds its object, so that no id is used again.
        self._counted: dict[tuple[int, str], tuple[object, float]] = {}
        self._gauges: dict[str, Gauge] = {}
        self._registry = REGISTRY if registry is None else registry
        try:
            self._make()
        except ValueError:
            raise ConfigurationError(
                "registry must not have these metrics already: make one PrometheusMetrics and give "
                "it to every middleware"
            ) from None
        listen(self._count_login_event)

    def __call__(self, decision: Decision, environ: Mapping[str, Any]) -> None:
        """Count a decision."""
        refusal, outcome, rule = decision.answer, "refused", None
        if refusal is None:
            refusal, outcome = decision.reported, "reported"
        if decision.rules:
            rule = decision.rules[0]
        key = (rule, "allowed", "") if refusal is None else _key(decision, refusal, outcome)
        counter = self._decisions_of.get(key)
        if counter is None:
            counter = self._new_counter(key)
        counter.inc()
        if time.monotonic() >= self._refresh_at:
            self.refresh()

    def watch(self, middleware: Watched) -> None:
        """Watch the keys, the revocations and the cache of a middleware. It calls this itself."""
        self._watched.append(middleware)
        self.refresh()

    def refresh(self) -> None:
        """Look at keys, revocations and caches now. One thread does it, the others go on."""
        if not self._refreshing.acquire(blocking=False):
            return
        try:
            self._refresh_at = time.monotonic() + _REFRESH
            for middleware in self._watched:
                self._look(middleware)
        finally:
            self._refreshing.release()

    def _look(self, middleware: Watched) -> None:
        verifier = middleware.verifier
        for provider in verifier.providers:
            issuer = provider.issuer or ""
            if (age := number_of(provider.keys, "age")) is not None:
                self._gauge(*_KEYS_FETCHED).labels(issuer).set(time.time() - age)
            self._add(provider.keys, "failures", self.key_failures.labels(issuer))
        revocations = verifier.revocations
        if revocations is not None:
            if (age := number_of(revocations, "age")) is not None:
                self._gauge(*_REVOCATIONS_READ).set(time.time() - age)
                self._gauge(*_REVOCATIONS).set(number_of(revocations, "size") or 0)
            self._add(revocations, "failures", self.revocation_failures)
        self._add(middleware.cache_counts, "hits", self.verifications.labels("hit"))
        self._add(middleware.cache_counts, "misses", self.verifications.labels("miss"))

    def _add(self, source: object, name: str, counter: Counter) -> None:
        """Add to a counter what a number has grown by since the last look."""
        count = number_of(source, name) or 0
        _, counted = self._counted.get((id(source), name), (source, 0))
        if count > counted:
            self._counted[id(source), name] = (source, count)
            counter.inc(count - counted)

    def _gauge(self, name: str, help: str, labels: tuple[str, ...], mode: Any) -> Gauge:
        """Return a gauge, made when there is something to show: one that is still 0 would say that
        the keys were last fetched in 1970."""
        if name not in self._gauges:
            self._gauges[name] = Gauge(
                name, help, labels, registry=self._registry, multiprocess_mode=mode
            )
        return self._gauges[name]

    def _make(self) -> None:
        # First, so that a scrape of this process looks before it reads the metrics below.
        refresher = _Refresher(self)
        self._registry.register(refresher)
        try:
            self._make_counters()
        except ValueError:
            self._registry.unregister(refresher)
            raise

    def _make_counters(self) -> None:
        def counter(name: str, help: str, *labels: str) -> Counter:
            return Counter(f"jwt_middleware_{name}", help, labels, registry=self._registry)

        self.decisions = counter("decisions", "Requests under a rule.", "rule", "outcome", "reason")
        self.verifications = counter(
            "token_verifications", "Tokens found in the cache, or verified.", "cache"
        )
        self.key_failures = counter(
            "key_fetch_failures", "Fetches of an issuer's keys that failed.", "issuer"
        )
        self.revocation_failures = counter(
            "revocation_read_failures", "Reads of the revocation log that failed."
        )
        self.login_events = counter("login_events", "Events of the login app.", "event")
        # A counter that appears with its first event has no rate before it.
        for event in LOGIN_EVENTS:
            self.login_events.labels(event)
        for cache in ("hit", "miss"):
            self.verifications.labels(cache)

    def _new_counter(self, key: tuple[Rule | None, str, str]) -> Any:
        rule, outcome, reason = key
        text = "" if rule is None else " ".join([rule.prefix, *sorted(rule.methods)])
        counter = self._decisions_of[key] = self.decisions.labels(text, outcome, reason)
        return counter

    def _count_login_event(self, event: str) -> None:
        if event in LOGIN_EVENTS:
            self.login_events.labels(event).inc()


def _key(decision: Decision, refusal: object, outcome: str) -> tuple[Rule | None, str, str]:
    """Return the rule, the outcome and the reason of a decision that is or would be answered."""
    wanted = outcome == "reported"
    rules = [rule for rule in decision.rules if rule.report_only is wanted]
    rule = rules[0] if rules else None
    if not isinstance(refusal, Refusal):
        return rule, "preflight", ""
    return rule, outcome, refusal.reason if refusal.reason in DESCRIPTIONS else "other"


class _Refresher(Collector):
    """Looks at keys and revocations when the process itself is scraped; has no metric of its
    own."""

    def __init__(self, metrics: PrometheusMetrics) -> None:
        self._metrics = metrics

    def collect(self) -> Iterable[Any]:
        """Refresh, and return nothing."""
        self._metrics.refresh()
        return ()

    def describe(self) -> Iterable[Any]:
        """Return nothing: without this method registering would collect."""
        return ()
