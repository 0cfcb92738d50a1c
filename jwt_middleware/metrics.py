"""`PrometheusMetrics`: the middleware's decisions, and its keys and revocations, as metrics.

| metric | labels | |
|---|---|---|
| `jwt_middleware_decisions_total` | `rule`, `outcome`, `reason` | requests under a rule |
| `jwt_middleware_token_verifications_total` | `cache` | tokens, cached or not |
| `jwt_middleware_key_fetch_failures_total` | `issuer` | failed fetches of keys |
| `jwt_middleware_keys_fetched_timestamp_seconds` | `issuer` | time of the last fetch of keys |
| `jwt_middleware_revocation_read_failures_total` | | failed reads of the log |
| `jwt_middleware_revocations_read_timestamp_seconds` | | time of the last read of the log |
| `jwt_middleware_revocations` | | known revocations of tokens and sessions |
| `jwt_middleware_login_events_total` | `event` | events of the login app |

- `rule` is the prefix of the deepest governing rule, with `exact` and its methods. It is empty if a
  path or header was too long for any rule. `outcome` is `allowed`, `refused`, `reported` (a
  report-only rule would have refused), `preflight` or `metadata` (of the resource). `reason` is a
  key of `errors.DESCRIPTIONS`, or empty.
- `cache` is `hit` for a token that was found in the cache, and `miss` for one that was verified,
  valid or not. `decide` and `verify` count too.
- An age is `time() - jwt_middleware_keys_fetched_timestamp_seconds`. A timestamp stays correct
  while a worker is idle, and an age would not. Key sets that never change have no timestamp.
- The owner's configuration limits every label to a closed set. Labels never hold a path, a subject
  or a `kid`.

In multiprocess mode (`PROMETHEUS_MULTIPROC_DIR`), counts are sums over the workers. Timestamps and
sizes are those of the most advanced worker: the newest read, the longest list. They are set while
requests are answered, at most once per second, and at each scrape of the process itself.
"""

import threading
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol, TypeAlias

from ._options import got, require
from ._packages import require_package
from .decision import Decision
from .errors import DESCRIPTIONS, ConfigurationError, Refusal
from .login_events import LOGIN_EVENTS, listen
from .policy.rules import Rule
from .readiness import number_of
from .trust.verifier import VerificationCounts, Verifier

require_package(
    "prometheus_client",
    "metrics",
    lack="PrometheusMetrics needs prometheus_client",
    install="wsgi-jwt-middleware[metrics]",
)

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Gauge  # noqa: E402
from prometheus_client.registry import Collector  # noqa: E402

_REFRESH = 1
"""Seconds between two reads of keys and revocations while requests are answered."""


_Key: TypeAlias = tuple[Rule | None, str, str]
"""The rule, the outcome and the reason of a decision."""

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
    "livemax",  # a dead worker's longer list must not be shown forever
)


class Watched(Protocol):
    """The attributes of a middleware that metrics read."""

    verifier: Verifier

    counts: VerificationCounts


class PrometheusMetrics:
    """An observer that counts: `JWTMiddleware(..., observers=[PrometheusMetrics()])`.

    That line is enough. The middleware passes itself to the observer, so keys, revocations and the
    cache are watched too. The events of all login apps in this process are counted.

    - `registry`: the registry of the metrics; None uses prometheus_client's own `REGISTRY`.

    Create one and pass it to every middleware. Raises `ConfigurationError` if the registry already
    has these metrics, and `ImportError` without the extra `metrics`.
    """

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        is_registry = registry is None or isinstance(registry, CollectorRegistry)
        require(is_registry, f"registry must be a CollectorRegistry or None, got {got(registry)}")
        self._watched: list[Watched] = []
        self._refresh_at = 0.0
        self._refreshing = threading.Lock()
        self._decisions_of: dict[_Key, Counter] = {}
        self._allowed: dict[Rule, Callable[[], None]] = {}
        # How much of what has been counted, by what has the count: middlewares may share keys, and
        # a verifier may be replaced. Each entry holds its object, so that no id is used again.
        self._counted: dict[tuple[int, str], tuple[object, float]] = {}
        self._gauges: dict[str, Gauge] = {}
        self._registry = REGISTRY if registry is None else registry
        try:
            self._make()
        except ValueError:
            raise ConfigurationError(
                "registry must not have these metrics already: create one PrometheusMetrics and "
                "pass it to every middleware"
            ) from None
        listen(self._count_login_event)

    def __call__(self, decision: Decision, environ: Mapping[str, Any]) -> None:
        """Count a decision."""
        rules = decision.rules
        # Nearly every request is allowed: one look-up by the rule, and no key to make.
        if rules and decision.answer is None and decision.reported is None:
            count = self._allowed.get(rules[0])
            if count is None:
                count = self._allowed[rules[0]] = self._counter(rules[0], "allowed", "").inc
            count()
        else:
            self._counter(*_key(decision)).inc()
        if time.monotonic() >= self._refresh_at:
            self.refresh()

    def watch(self, middleware: Watched) -> None:
        """Watch the keys, the revocations and the cache of a middleware, which calls this
        itself."""
        self._watched.append(middleware)
        self.refresh()

    @property
    def gauges(self) -> list[Gauge]:
        """The gauges that have a value."""
        return [*self._gauges.values()]

    def refresh(self) -> None:
        """Read keys, revocations and caches now. Only one thread does it; others go on."""
        if not self._refreshing.acquire(blocking=False):
            return
        try:
            self._refresh_at = time.monotonic() + _REFRESH
            for middleware in self._watched:
                self._read(middleware)
        finally:
            self._refreshing.release()

    def _read(self, middleware: Watched) -> None:
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
        self._add(middleware.counts, "cached", self.verifications.labels("hit"))
        self._add(middleware.counts, "verified", self.verifications.labels("miss"))

    def _add(self, source: object, name: str, counter: Counter) -> None:
        """Add the growth of a source's number since the last read to a counter."""
        count = number_of(source, name) or 0
        _, counted = self._counted.get((id(source), name), (source, 0))
        if count > counted:
            self._counted[id(source), name] = (source, count)
            counter.inc(count - counted)

    def _gauge(self, name: str, help: str, labels: tuple[str, ...], mode: Any) -> Gauge:
        """Return a gauge, created when it has a value. A gauge of 0 would mean that the keys were
        last fetched in 1970."""
        if name not in self._gauges:
            self._gauges[name] = Gauge(
                name, help, labels, registry=self._registry, multiprocess_mode=mode
            )
        return self._gauges[name]

    def _make(self) -> None:
        # Register this first, so that a scrape of this process refreshes the metrics below.
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
            "token_verifications",
            "Tokens found in the cache (hit), and tokens that were verified (miss).",
            "cache",
        )
        self.key_failures = counter(
            "key_fetch_failures", "Fetches of an issuer's keys that failed.", "issuer"
        )
        self.revocation_failures = counter(
            "revocation_read_failures", "Reads of the revocation log that failed."
        )
        self.login_events = counter("login_events", "Events of the login app.", "event")
        # Create all counters now, since a counter that appears with its first event has no rate.
        for event in LOGIN_EVENTS:
            self.login_events.labels(event)
        for cache in ("hit", "miss"):
            self.verifications.labels(cache)

    def _counter(self, rule: Rule | None, outcome: str, reason: str) -> Counter:
        key: _Key = rule, outcome, reason
        counter = self._decisions_of.get(key)
        if counter is None:
            text = "" if rule is None else _text_of(rule)
            counter = self._decisions_of[key] = self.decisions.labels(text, outcome, reason)
        return counter

    def _count_login_event(self, event: str) -> None:
        if event in LOGIN_EVENTS:
            self.login_events.labels(event).inc()


def _text_of(rule: Rule) -> str:
    """Return the prefix of a rule with `exact` and its methods."""
    exact = ["exact"] if rule.exact else []
    return " ".join([rule.prefix, *exact, *sorted(rule.methods)])


def _key(decision: Decision) -> _Key:
    """Return the rule, the outcome and the reason of a decision."""
    is_reported = decision.answer is None
    rules = [rule for rule in decision.rules if rule.report_only is is_reported]
    rule = rules[0] if rules else None
    answer = decision.reported if is_reported else decision.answer
    if not isinstance(answer, Refusal):
        return rule, "allowed" if answer is None else answer.outcome, ""
    reason = answer.reason if answer.reason in DESCRIPTIONS else "other"
    return rule, "reported" if is_reported else "refused", reason


class _Refresher(Collector):
    """Reads keys and revocations when the process itself is scraped."""

    def __init__(self, metrics: PrometheusMetrics) -> None:
        self._metrics = metrics

    def collect(self) -> Iterable[Any]:
        """Refresh, and return new gauges, since the registry has started to collect without
        them."""
        known = self._metrics.gauges
        self._metrics.refresh()
        new = [gauge for gauge in self._metrics.gauges if gauge not in known]
        return [family for gauge in new for family in gauge.collect()]

    def describe(self) -> Iterable[Any]:
        """Return nothing. Without this method, registering would collect."""
        return ()
