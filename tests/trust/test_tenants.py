"""One provider for the issuers of many tenants."""

import json
import logging
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from jwt_middleware import (
    ConfigurationError,
    Fetch,
    InvalidToken,
    JWTMiddleware,
    Key,
    KeySet,
    Provider,
    RemoteKeySet,
    Rule,
    Unavailable,
    issued_by,
)
from jwt_middleware.trust.tenants import MOST_TENANTS, MOST_UNPROVEN
from jwt_middleware.trust.verifier import Verifier
from tests.kit.clock import AheadClock
from tests.kit.fault_server import Exchange, FaultServer, hang, well
from tests.kit.tokens import ABSENT, changed, issued
from tests.kit.waiting import BOUND, PATIENCE, wait_for

ENTRA = "https://login.microsoftonline.com/{tid}/v2.0"
KEY = Key.generate(id="first")
OIDC = "/.well-known/openid-configuration"


def shared(tenants: Any = ("a", "b"), **options: Any) -> Provider:
    """A provider whose tenants share their keys."""
    return Provider(issuer=ENTRA, audience="api", keys=KeySet([KEY]), tenants=tenants, **options)


def token(issuer: str, **claims: Any) -> str:
    """A good token of an issuer, but for these claims."""
    return issued(KEY, iss=issuer, aud="api", **claims)


def of(tenant: str, **claims: Any) -> str:
    """A token that a tenant of Entra's has."""
    claims = changed({"tid": tenant}, claims)
    return token(ENTRA.replace("{tid}", tenant), **claims)


def reason(provider: Provider, token: str) -> str | None:
    """Why the token is refused, or None."""
    try:
        Verifier([provider]).identify(token)
    except (InvalidToken, Unavailable) as refusal:
        return refusal.reason
    return None


TOKENS: dict[str, tuple[str, str | None]] = {
    "a tenant": (of("a"), None),
    "another": (of("b"), None),
    "a stranger": (of("c"), "issuer"),
    "the claim names another tenant": (of("a", tid="b"), "issuer"),
    "the claim is missing": (of("a", tid=ABSENT), "issuer"),
    "the claim is a list": (of("a", tid=["a"]), "issuer"),
    "the template itself": (of("{tid}"), "issuer"),
    "a slash": (of("a/b", tid="a/b"), "issuer"),
    "an empty tenant": (of("", tid=""), "issuer"),
    "a dot segment": (of("..", tid=".."), "issuer"),
    "another host": (token("https://evil.example/a/v2.0", tid="a"), "issuer"),
    "the end is missing": (token("https://login.microsoftonline.com/a", tid="a"), "issuer"),
    "a slash more": (token(ENTRA.replace("{tid}", "a") + "/", tid="a"), "issuer"),
    "a line break": (of("a\n", tid="a\n"), "issuer"),
    "a percent sign": (of("%61", tid="%61"), "issuer"),
    "the case differs": (of("A", tid="A"), "issuer"),
}


@pytest.mark.parametrize(("token", "expected"), TOKENS.values(), ids=TOKENS)
def test_which_tenants_are_trusted(token: str, expected: str | None) -> None:
    """The braces stand for one tenant of those named, and the claim of their name repeats it."""
    assert reason(shared(), token) == expected
    # A predicate cannot make the braces mean more.
    assert reason(shared(lambda tenant: tenant in ("a", "b")), token) == expected


def test_an_identity_names_the_tenants_issuer() -> None:
    """So that the same subject of two tenants is two people."""
    verifier = Verifier([shared()])
    first, second = verifier.identify(of("a", jti="1")), verifier.identify(of("b", jti="1"))
    assert (first.issuer, first.subject) == (ENTRA.replace("{tid}", "a"), second.subject)
    keys = [set(verifier.verify(of(tenant, jti="1")).revocation_keys) for tenant in "ab"]
    assert keys[0] & keys[1] == {"jti\n\n1"}  # the key of all issuers


def test_remote_user_is_set_where_one_tenant_is_left() -> None:
    """With many tenants a subject is no name; under `issued_by` one of them it is."""
    only = issued_by(ENTRA.replace("{tid}", "a"))
    seen: list[Any] = []

    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        seen.append(environ.get("REMOTE_USER"))
        start_response("200 OK", [])
        return []

    rules = [Rule("/"), Rule("/a", only), Rule("/any", issued_by(ENTRA))]
    guarded = JWTMiddleware(app, providers=[shared()], rules=rules)

    def status(path: str, bearer: str) -> str:
        statuses: list[str] = []
        environ = {"REQUEST_METHOD": "GET", "PATH_INFO": path, "SCRIPT_NAME": ""}
        environ["HTTP_AUTHORIZATION"] = f"Bearer {bearer}"
        guarded(environ, lambda line, *_: statuses.append(line[:3]))  # type: ignore[arg-type]
        return statuses[0]

    assert [status(path, of("a")) for path in ("/", "/a", "/any")] == ["200"] * 3
    assert seen == [None, "ada", None]
    assert [status(path, of("b")) for path in ("/", "/a", "/any")] == ["200", "401", "200"]


@pytest.mark.parametrize(
    "other", ["https://login.microsoftonline.com/a/v1.0", "https://evil.example/a/v2.0"]
)
def test_issued_by_must_be_of_the_template(other: str) -> None:
    """An issuer that no tenant can have is a slip."""
    with pytest.raises(ConfigurationError, match="names no configured provider"):
        JWTMiddleware(lambda *_: [], providers=[shared()], rules=[Rule("/", issued_by(other))])


def fails(tenant: str) -> bool:
    """A predicate whose database is down."""
    raise OSError("postgresql://user:hush@db")


@pytest.mark.parametrize(
    ("predicate", "cause"),
    [(fails, "OSError"), (lambda tenant: None, "NoneType"), (lambda tenant: "yes", "str")],
    ids=["raises", "None", "a string"],
)
def test_a_predicate_that_cannot_decide(
    predicate: Any, cause: str, caplog: pytest.LogCaptureFixture
) -> None:
    """503 and an ERROR line without a secret, since the token may be good."""
    assert reason(shared(predicate), of("a")) == "tenants_unavailable"
    (record,) = caplog.records
    assert (record.levelno, "hush" in record.getMessage()) == (logging.ERROR, False)
    assert cause in record.getMessage()


@pytest.mark.parametrize(
    "tenants",
    [None, "a", (), [], set(), {"a": 1}, ["a/b"], [""], ["a", 5], [".."], [None], lambda: True, 5],
    ids=lambda bad: "without arguments" if callable(bad) else repr(bad),
)
def test_bad_tenants_are_refused_while_building(tenants: Any) -> None:
    """A template needs its tenants, as names or as a predicate with one argument."""
    with pytest.raises(ConfigurationError, match=r"^tenants must"):
        shared(tenants)


@pytest.mark.parametrize(
    ("of_key", "expected"),
    [
        (None, None),
        (ENTRA, None),
        ("https://login.microsoftonline.com/{tenantid}/v2.0", None),
        ("https://login.microsoftonline.com/a/v2.0", None),
        ("https://login.microsoftonline.com/b/v2.0", "key"),
        ("https://login.microsoftonline.com/{tenantid}", "key"),
        ("https://evil.example/{tenantid}/v2.0", "key"),
        ("{tenantid}", "key"),
    ],
)
def test_a_key_serves_its_issuer_alone(of_key: str | None, expected: str | None) -> None:
    """Entra's key documents name an issuer for each key, as a template or one tenant's."""
    jwk = KEY.to_jwk() | ({} if of_key is None else {"issuer": of_key})
    with FaultServer([jwk]) as server:
        for issuer in (ENTRA, ENTRA.replace("{tid}", "a")):
            tenants = ("a", "b") if issuer == ENTRA else None
            keys = RemoteKeySet(server.url)
            provider = Provider(issuer=issuer, audience="api", keys=keys, tenants=tenants)
            assert reason(provider, of("a")) == expected


@pytest.mark.parametrize("value", [5, None, "", ["a"], {}], ids=repr)
def test_an_issuer_of_a_key_is_a_string(value: Any) -> None:
    """Anything else is a fault of the key, which is left out of its set."""
    with pytest.raises(ConfigurationError, match="issuer of a key"):
        Key.from_jwk(KEY.to_jwk() | {"issuer": value})


# --- keys of each tenant


@pytest.fixture
def server() -> Iterator[FaultServer]:
    """A server with the realms `one`, `two` and `three`."""
    with FaultServer([KEY.to_jwk()]) as server:
        for realm in ("one", "two", "three"):
            add_realm(server, realm)
        yield server


def add_realm(server: FaultServer, realm: str) -> None:
    """Publish the metadata of a realm and its keys."""
    issuer = f"{server.origin}/realms/{realm}"
    server.pages[f"/realms/{realm}{OIDC}"] = json.dumps(
        {"issuer": issuer, "jwks_uri": f"{issuer}/certs"}
    ).encode()
    server.pages[f"/realms/{realm}/certs"] = json.dumps({"keys": [KEY.to_jwk()]}).encode()


def discovered(server: FaultServer, tenants: Any = ("one", "two"), **options: Any) -> Provider:
    """A provider of the server's realms."""
    issuer = f"{server.origin}/realms/{{realm}}"
    how = {"audience": "api", "fetch": Fetch(timeout=PATIENCE)} | options
    return Provider.discover(issuer, tenants=tenants, **how)


def paths(server: FaultServer) -> list[str]:
    """The paths that the server was asked for."""
    return [head.split(" ")[1] for head in server.requests]


def failing(realm: str, how: Callable[[Exchange], None]) -> Callable[[Exchange], None]:
    """A server that fails for one realm alone."""
    return lambda exchange: how(exchange) if f"/{realm}" in exchange.path else well(exchange)


def test_each_tenant_has_keys_of_its_own(server: FaultServer) -> None:
    """Each is found at its first token; a stranger's token asks nobody."""
    verifier = Verifier([discovered(server)])
    assert server.requests == []
    for realm in ("one", "two", "one"):
        verifier.identify(token(f"{server.origin}/realms/{realm}"))
    assert paths(server) == [
        f"/realms/{realm}{end}" for realm in ("one", "two") for end in (OIDC, "/certs")
    ]
    for realm in ("three", "none", "one/..", "one%2f..", ".."):
        with pytest.raises(InvalidToken, match="issuer"):
            verifier.identify(token(f"{server.origin}/realms/{realm}"))
    assert len(server.requests) == 4


def test_the_claim_is_optional_but_must_agree(server: FaultServer) -> None:
    """Keycloak has no claim `realm`; if one is there, it names the same."""
    provider = discovered(server)
    issuer = f"{server.origin}/realms/one"
    assert reason(provider, token(issuer, realm="one")) is None
    assert reason(provider, token(issuer, realm="two")) == "issuer"


@pytest.mark.parametrize("fault", [hang, lambda exchange: exchange.request.close()])
def test_an_outage_does_not_touch_another_tenant(server: FaultServer, fault: Any) -> None:
    """One tenant is 503 within the deadline; the others' first tokens are good meanwhile."""
    hasty, verifier = (
        Verifier([discovered(server, fetch=Fetch(timeout=seconds))]) for seconds in (1, PATIENCE)
    )
    server.behaviour = failing("one", fault)
    started = time.monotonic()
    with pytest.raises(Unavailable, match="keys_unavailable"):
        hasty.identify(token(f"{server.origin}/realms/one"))
    assert time.monotonic() - started < BOUND
    with ThreadPoolExecutor(1) as other:
        failing_one = other.submit(verifier.identify, token(f"{server.origin}/realms/one"))
        wait_for(lambda: len(server.requests) > 1)
        verifier.identify(token(f"{server.origin}/realms/two"))
        assert fault is not hang or not failing_one.done()
        server.closing.set()
        with pytest.raises(Unavailable, match="keys_unavailable"):
            failing_one.result()


def test_made_up_tenants_cost_few_requests(
    server: FaultServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A predicate may accept any name: a stranger makes a bounded number of requests, and the
    tenants with keys go on. A new one is good again half a minute later."""
    clock = AheadClock()
    monkeypatch.setattr(time, "monotonic", clock)
    verifier = Verifier([discovered(server, lambda realm: True)])
    verifier.identify(token(f"{server.origin}/realms/one"))
    asked = len(server.requests)

    def refused(realm: str) -> str | None:
        try:
            verifier.identify(token(f"{server.origin}/realms/{realm}"))
        except (InvalidToken, Unavailable) as refusal:
            return refusal.reason
        return None

    for number in range(MOST_UNPROVEN + 20):
        assert refused(f"made-up-{number}") == "keys_unavailable"
    assert len(server.requests) - asked <= 2 * MOST_UNPROVEN
    assert [refused("one"), refused("two")] == [None, "keys_unavailable"]
    clock.move(31)
    assert [refused("two"), refused("one")] == [None, None]


def test_tenants_of_a_list_are_not_limited(server: FaultServer) -> None:
    """The owner has named them, and each is asked once in a while only."""
    realms = [f"r{number}" for number in range(MOST_UNPROVEN + 20)]
    verifier = Verifier([discovered(server, [*realms, "one"])])
    for realm in [*realms, *realms]:
        with pytest.raises(Unavailable, match="keys_unavailable"):
            verifier.identify(token(f"{server.origin}/realms/{realm}"))
    verifier.identify(token(f"{server.origin}/realms/one"))
    assert len(server.requests) == 2 * len(realms) + 2


def test_metadata_elsewhere(server: FaultServer) -> None:
    """`metadata_url` has the same braces, for issuers that are reached under another name."""
    issuer = "https://sso.example/realms/{realm}"
    server.pages["/internal/one"] = json.dumps(
        {"issuer": "https://sso.example/realms/one", "jwks_uri": server.url}
    ).encode()
    url = f"{server.origin}/internal/{{realm}}"
    provider = Provider.discover(issuer, audience="api", tenants=["one"], metadata_url=url)
    assert reason(provider, token("https://sso.example/realms/one")) is None
    for wrong in (server.url, "http://sso.example/{realm}", "https://{realm}.example/", 5):
        with pytest.raises(ConfigurationError, match="metadata_url must"):
            Provider.discover(issuer, audience="api", tenants=["one"], metadata_url=wrong)  # type: ignore[arg-type]


def test_tenants_are_bounded() -> None:
    """However many tenants a predicate accepts, so many are cached; each is still trusted."""
    verifier = Verifier([shared(lambda tenant: True)])
    (readers,) = verifier._tenants  # inside: the bound is of memory, which cannot be seen
    for number in range(MOST_TENANTS + 50):
        verifier.identify(of(f"t{number}"))
    assert len(readers._readers) == MOST_TENANTS
    verifier.identify(of("t0"))
    assert len(readers._readers) == MOST_TENANTS


@pytest.mark.parametrize("issuer", ["http://sso.example/{realm}", "https://sso.example:0/{realm}"])
def test_a_template_is_asked_by_https(issuer: str) -> None:
    """What may not be fetched is said while building, as for one issuer."""
    with pytest.raises(ConfigurationError, match="issuer must be an https URL"):
        Provider.discover(issuer, audience="api", tenants=["one"])
