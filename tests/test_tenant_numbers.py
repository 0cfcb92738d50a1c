"""Metrics and readiness say which tenant is wrong, with few labels, whatever strangers send."""

import json
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from jwt_middleware import Fetch, JWTMiddleware, Key, KeySet, Provider, Rule, Unavailable
from jwt_middleware.metrics import PrometheusMetrics
from jwt_middleware.tenant_numbers import MOST_TENANTS, TenantNumbers
from tests.kit.fault_server import FaultServer
from tests.kit.tokens import issued

KEY = Key.generate(id="first")
FAILURES = "jwt_middleware_key_fetch_failures_total"
FETCHED = "jwt_middleware_keys_fetched_timestamp_seconds"


def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    """An app that is always well."""
    start_response("200 OK", [])
    return [b""]


@pytest.fixture
def server() -> Iterator[FaultServer]:
    """A server with the realms `one` and `two`."""
    with FaultServer([KEY.to_jwk()]) as server:
        for realm in ("one", "two"):
            issuer = f"{server.origin}/{realm}"
            document = {"issuer": issuer, "jwks_uri": server.url}
            server.pages[f"/{realm}/.well-known/openid-configuration"] = json.dumps(
                document
            ).encode()
        yield server


class Site:
    """A middleware for the realms of a server, with its metrics."""

    def __init__(self, server: FaultServer, tenants: Any) -> None:
        self.origin = server.origin
        self.registry = CollectorRegistry()
        provider = Provider.discover(
            f"{self.origin}/{{realm}}", audience="api", tenants=tenants, fetch=Fetch(timeout=5)
        )
        fixed = Provider(issuer="https://a.example", audience="api", keys=KeySet([KEY]))
        self.guarded = JWTMiddleware(
            app,
            providers=[provider, fixed],
            rules=[Rule("/")],
            observers=[PrometheusMetrics(self.registry)],
        )

    def call(self, realm: str) -> None:
        """Send a token of a realm."""
        token = issued(KEY, iss=f"{self.origin}/{realm}", aud="api", sub="ada")
        environ = {"REQUEST_METHOD": "GET", "PATH_INFO": "/"}
        environ["HTTP_AUTHORIZATION"] = f"Bearer {token}"
        self.guarded(environ, lambda *arguments: None)

    def numbers(self, name: str) -> dict[str, float]:
        """The samples of a metric that are not zero, by the end of the issuer."""
        text = generate_latest(self.registry).decode()
        return {
            sample.labels["issuer"].removeprefix(f"{self.origin}/"): sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
            if sample.name == name and sample.value
        }

    def tenants(self) -> dict[str, Any] | None:
        """What readiness says of the tenants, after a way through JSON."""
        said = json.loads(json.dumps(self.guarded.ready(), allow_nan=False))
        assert said["ready"] is True
        assert "tenants" not in said["keys"][1]
        found: dict[str, Any] | None = said["keys"][0].get("tenants")
        return found


def test_the_tenants_of_a_list_have_labels(server: FaultServer) -> None:
    """Each tenant that was asked has its own moment and its own failures, and readiness names the
    one that has no keys. The probe itself asks no tenant."""
    site = Site(server, ["one", "two", "gone", "never"])
    assert site.tenants() is None
    assert server.requests == []
    for realm in ("one", "gone", "one", "gone"):
        site.call(realm)
    assert set(site.numbers(FETCHED)) == {"one"}
    assert site.numbers(FAILURES) == {"gone": 1}
    assert site.numbers(FAILURES) == {"gone": 1}  # scraping counts nothing again
    asked = len(server.requests)
    assert site.tenants() == {"asked": 2, "usable": 1, "unusable": [f"{server.origin}/gone"]}
    assert len(server.requests) == asked


def test_a_tenant_that_was_away_is_usable_again(server: FaultServer) -> None:
    """Nothing is named once its keys are there."""
    site = Site(server, ["one"])
    site.call("one")
    assert site.tenants() == {"asked": 1, "usable": 1, "unusable": []}


def test_made_up_tenants_have_no_label(server: FaultServer) -> None:
    """Where a predicate decides, a stranger chooses names. They are counted together under the
    braces, and readiness names none of them."""
    site = Site(server, lambda realm: True)
    for realm in ("made-up-1", "one", "made-up-2", "made-up-3"):
        site.call(realm)
    assert site.numbers(FAILURES) == {"{realm}": 3}
    assert set(site.numbers(FETCHED)) == {"one"}
    assert site.tenants() == {"asked": 4, "usable": 1, "unusable": []}


class Keys:
    """Keys of a tenant with these numbers."""

    generation = 0

    def __init__(self, age: float | None, failures: int) -> None:
        self.age, self.failures = age, failures

    def find(self, kid: str | None) -> tuple[Key, ...]:
        """No keys."""
        return ()


def provider_of(issuer: str, keys: Any, tenants: Any = None) -> Provider:
    """Terms with these keys."""
    return Provider(issuer=issuer, audience="api", keys=keys, tenants=tenants)


def test_labels_are_bounded() -> None:
    """The first hundred tenants have a label; the others are counted together, with the oldest of
    their keys. A label stays with its tenant."""
    numbers, fixed = TenantNumbers(), KeySet([KEY])
    template = provider_of("https://a.example/{realm}", fixed, lambda realm: True)
    tenants = [
        provider_of(f"https://a.example/{number}", Keys(number, 1))
        for number in range(MOST_TENANTS + 3)
    ]
    failures, ages = numbers.read(template, tenants)
    assert len(ages) == len(failures) == MOST_TENANTS + 1
    assert (failures[str(template.issuer)], ages[str(template.issuer)]) == (3, MOST_TENANTS + 2)
    again, _ = numbers.read(template, reversed(tenants))
    assert set(again) == set(failures)
    assert set(again.values()) == {0}


def test_the_keys_of_a_dropped_tenant_are_forgotten(
    collect_garbage: Callable[[], object],
) -> None:
    """A stranger who makes up tenants must not fill the memory."""
    numbers, keys = TenantNumbers(), Keys(None, 2)
    template = provider_of("https://a.example/{realm}", KeySet([KEY]), lambda realm: True)
    tenant = provider_of("https://a.example/x", keys)
    assert numbers.read(template, [tenant]) == ({template.issuer: 2}, {})
    gone = weakref.ref(keys)
    del keys, tenant
    collect_garbage()
    assert gone() is None


def test_readiness_names_a_few(server: FaultServer) -> None:
    """However many tenants of a list are away, twenty are named."""
    realms = [f"gone-{number}" for number in range(25)]
    site = Site(server, realms)
    for realm in realms:
        with pytest.raises(Unavailable):
            site.guarded.verify(issued(KEY, iss=f"{server.origin}/{realm}", aud="api", sub="ada"))
    said = site.tenants()
    assert said
    assert (said["asked"], said["usable"], len(said["unusable"])) == (25, 0, 20)


def test_tenants_that_share_keys_are_one_issuer() -> None:
    """The keys of the provider are told of once."""
    provider = provider_of("https://a.example/{tid}", KeySet([KEY]), ("a",))
    guarded = JWTMiddleware(app, providers=[provider], rules=[Rule("/")])
    guarded.verify(issued(KEY, iss="https://a.example/a", aud="api", sub="ada", tid="a"))
    assert guarded.ready()["keys"] == [
        {"issuer": "https://a.example/{tid}", "ready": True, "age": None}
    ]
