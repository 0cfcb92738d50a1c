"""What is promised of issuers, as a client sees it: fetching of keys, tenants, introspection."""

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest

from jwt_middleware import (
    ConfigurationError,
    Fetch,
    Introspection,
    JWTMiddleware,
    Provider,
    RemoteKeySet,
    Rule,
    issued_by,
    scope,
)
from jwt_middleware.testing import KeyServer
from tests.kit.certificates import authority
from tests.kit.fault_server import FaultServer, answer, hang, says, under, well
from tests.kit.forward_proxy import ForwardProxy
from tests.kit.waiting import PATIENCE

from .conftest import Client

Visit = Callable[[Any], Client]
Guard = Callable[..., JWTMiddleware]
QUICK = Fetch(timeout=0.5)
"""For what never answers."""

ENOUGH = Fetch(timeout=PATIENCE)
"""For what answers, however busy the machine is."""


def status(client: Client, token: str, path: str = "/api") -> tuple[int, str]:
    """What comes of a token: the subject, or the reason."""
    client.secrets.add(token)
    headers = {"Authorization": f"Bearer {token}"}
    found = client.get(path, headers=headers, expect_errors=True)
    if found.status_int == 503:
        assert int(found.headers["Retry-After"]) > 0
        assert "WWW-Authenticate" not in found.headers
    if found.status_int == 401:
        assert 'error="invalid_token"' in found.headers["WWW-Authenticate"]
    return found.status_int, found.json["subject" if found.status_int == 200 else "reason"]


# --- Fetch


@pytest.fixture
def private(tmp_path: Path) -> Iterator[tuple[Path, KeyServer]]:
    """The CA file of a company, and an issuer whose certificate it has signed."""
    ca_file, context = authority(tmp_path)
    with KeyServer(tls=context) as server:
        yield ca_file, server


def away(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no variable of this machine name a proxy, or this one."""
    for variable in ("HTTPS_PROXY", "https_proxy", "NO_PROXY", "no_proxy"):
        monkeypatch.delenv(variable, raising=False)
    if name:
        monkeypatch.setenv("HTTPS_PROXY", name)


def test_a_private_authority(
    private: tuple[Path, KeyServer], visit: Visit, guard: Guard, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`ca_file` is trusted; without it the answer is 503 and never 401."""
    away("", monkeypatch)
    ca_file, server = private
    for fetch, expected in (
        (Fetch(ca_file=ca_file, timeout=PATIENCE), (200, "ada")),
        (ENOUGH, (503, "keys_unavailable")),
    ):
        provider = Provider.discover(server.issuer, audience="test", fetch=fetch)
        assert status(visit(guard(providers=[provider])), server.token("ada")) == expected


def test_a_proxy(
    private: tuple[Path, KeyServer], visit: Visit, guard: Guard, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`HTTPS_PROXY` is asked for the way, and `NO_PROXY` names hosts without it. A proxy that
    refuses is 503."""
    ca_file, server = private
    with ForwardProxy() as proxy:
        away(proxy.url, monkeypatch)

        def client() -> Client:
            fetch = Fetch(ca_file=ca_file, timeout=PATIENCE)
            provider = Provider.discover(server.issuer, audience="test", fetch=fetch)
            return visit(guard(providers=[provider]))

        assert status(client(), server.token("ada")) == (200, "ada")
        assert len(proxy.heads) == 2  # metadata and keys
        proxy.behaviour = lambda tunnel: tunnel.request.sendall(
            b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n"
        )
        assert status(client(), server.token("ada")) == (503, "keys_unavailable")
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        assert status(client(), server.token("ada")) == (200, "ada")


def test_a_header_is_asked_for_at_each_fetch(visit: Visit, guard: Guard) -> None:
    """A callable gives the token of the moment, and a WARNING never shows it."""
    with KeyServer(authorization="Bearer second-secret") as server:
        tokens = iter(["first-secret", "second-secret"])
        fetch = Fetch(headers=lambda: {"Authorization": f"Bearer {next(tokens)}"})
        for expected in ((503, "keys_unavailable"), (200, "ada")):
            provider = Provider(
                issuer=server.issuer, audience="test", keys=RemoteKeySet(server.url, fetch=fetch)
            )
            client = visit(guard(providers=[provider]))
            client.secrets |= {"first-secret", "second-secret"}
            assert status(client, server.token("ada")) == expected


def test_plain_http_is_for_the_named_hosts() -> None:
    """A slip costs no key: nothing is built for a host that nobody has named."""
    with pytest.raises(ConfigurationError, match="allow_http"):
        RemoteKeySet("http://keycloak:8080/jwks.json", fetch=Fetch(allow_http=("other",)))


# --- tenants


@pytest.fixture
def realms() -> Iterator[dict[str, KeyServer]]:
    """One server that publishes each realm's metadata, and the issuer of each realm by its name.
    The keys of `blue` are at a server of its own, which can fail alone."""
    with KeyServer() as red, KeyServer() as blue:
        for name, server in (("red", red), ("blue", blue)):
            red.documents[f"/{name}/.well-known/openid-configuration"] = {
                "issuer": f"{red.issuer}/{name}",
                "jwks_uri": server.url,
            }
        yield {"red": red, "blue": blue}


def of(realms: dict[str, KeyServer], name: str, subject: str = "ada") -> str:
    """A token of a realm."""
    issuer = f"{realms['red'].issuer}/{name}"
    claims = {"iss": issuer, "sub": subject, "aud": "test", "exp": int(time.time()) + 600}
    return realms[name if name in realms else "red"].sign(claims)


def tenants(realms: dict[str, KeyServer], accepted: Any) -> Provider:
    """The provider of the realms."""
    template = f"{realms['red'].issuer}/{{realm}}"
    return Provider.discover(template, audience="test", tenants=accepted, fetch=ENOUGH)


def test_each_tenant_has_its_own_keys(
    realms: dict[str, KeyServer], visit: Visit, guard: Guard
) -> None:
    """Realms that are named are accepted, each with its keys alone; others are 401."""
    client = visit(guard(providers=[tenants(realms, ("red", "blue"))]))
    assert status(client, of(realms, "red")) == (200, "ada")
    assert status(client, of(realms, "blue")) == (200, "ada")
    assert status(client, of(realms, "green")) == (401, "issuer")
    forged = {"iss": f"{realms['red'].issuer}/blue", "sub": "ada", "aud": "test"}
    forged_token = realms["red"].sign(forged | {"exp": int(time.time()) + 600})
    assert status(client, forged_token) == (401, "key")


def test_an_outage_of_one_tenant_touches_no_other(
    realms: dict[str, KeyServer], visit: Visit, guard: Guard
) -> None:
    """503 for the tenant that is away; 200 for the others, whether they are known or not, and for
    it again when it is back."""
    realms["blue"].fail()
    client = visit(guard(providers=[tenants(realms, ("red", "blue"))]))
    assert status(client, of(realms, "blue")) == (503, "keys_unavailable")
    assert status(client, of(realms, "red")) == (200, "ada")
    for number in range(5):
        assert status(client, of(realms, "red", f"user {number}")) == (200, f"user {number}")
    realms["blue"].recover()
    again = visit(guard(providers=[tenants(realms, ("red", "blue"))]))
    assert status(again, of(realms, "blue")) == (200, "ada")


@pytest.mark.parametrize(
    ("predicate", "expected"),
    [
        (lambda realm: realm == "red", (200, "ada")),
        (lambda realm: False, (401, "issuer")),
        (lambda realm: 1 / 0, (503, "tenants_unavailable")),
        (lambda realm: None, (503, "tenants_unavailable")),
        (lambda realm: "red", (503, "tenants_unavailable")),
        (lambda realm: 1, (503, "tenants_unavailable")),
    ],
    ids=["agrees", "disagrees", "raises", "None", "a string", "a number"],
)
def test_a_function_decides_about_tenants(
    predicate: Any,
    expected: tuple[int, str],
    realms: dict[str, KeyServer],
    visit: Visit,
    guard: Guard,
) -> None:
    """Only True lets a tenant in; a function that cannot say is 503."""
    client = visit(guard(providers=[tenants(realms, predicate)]))
    assert status(client, of(realms, "red")) == expected


# --- introspection


@pytest.fixture
def endpoint() -> Iterator[FaultServer]:
    """An introspection endpoint that knows one active token, whatever it is asked."""
    with FaultServer() as server:
        tell(server)
        yield server


def tell(server: FaultServer, **members: Any) -> None:
    """Answer so from now on."""
    usual = {"active": True, "sub": "ada", "aud": "api", "scope": "admin"}
    server.pages["/jwks.json"] = json.dumps(
        usual | {"exp": int(time.time()) + 600} | members
    ).encode()


def asking(server: FaultServer, fetch: Fetch = ENOUGH, **options: Any) -> Introspection:
    """A provider that asks the endpoint."""
    return Introspection(
        server.url,
        issuer="https://idp.example",
        audience="api",
        client_id="api",
        client_secret="hush-hush",
        fetch=fetch,
        **options,
    )


def test_an_opaque_token_is_looked_up(endpoint: FaultServer, visit: Visit, guard: Guard) -> None:
    """Once, by POST; the scopes count in the rules, and the log has neither token nor secret."""
    client = visit(guard(providers=[asking(endpoint)]))
    client.secrets.add("hush-hush")
    for path in ("/api", "/api/admin", "/api"):
        assert status(client, "opaque-token-of-ada", path) == (200, "ada")
    (request,) = endpoint.requests
    assert parse_qs(request.partition("\r\n\r\n")[2])["token"] == ["opaque-token-of-ada"]
    tell(endpoint, scope="read")
    assert status(client, "another-opaque-token", "/api/admin") == (403, "scope")


@pytest.mark.parametrize(
    ("members", "reason"),
    [
        ({"active": False}, "inactive"),
        ({"aud": "another"}, "audience"),
        ({"aud": None}, "audience"),
        ({"iss": "https://other.example"}, "issuer"),
        ({"exp": 1}, "expired"),
        ({"token_type": "refresh_token"}, "type"),
        ({"sub": None}, "claims"),
    ],
    ids=repr,
)
def test_what_the_issuer_refuses_is_401(
    members: dict[str, Any], reason: str, endpoint: FaultServer, visit: Visit, guard: Guard
) -> None:
    """A clear no, a token for somebody else and one of another kind."""
    tell(endpoint, **members)
    client = visit(guard(providers=[asking(endpoint)]))
    assert status(client, "opaque-token-of-ada") == (401, reason)


UNCLEAR = {
    "hangs": hang,
    "not JSON": says(answer(b"<html>")),
    'active: "true"': says(answer(b'{"active": "true", "sub": "ada", "aud": "api"}')),
    "our client is refused": under("401 Unauthorized"),
    "500": under("500 Internal Server Error"),
    "huge": says(answer(b'{"active": true, "x": "' + b"a" * 300_000 + b'"}')),
}


@pytest.mark.parametrize("how", UNCLEAR)
def test_an_endpoint_that_does_not_say_is_503(
    how: str, endpoint: FaultServer, visit: Visit, guard: Guard
) -> None:
    """Never 401 for what may be good; what is cached goes on, and a second later all is well."""
    client = visit(guard(providers=[asking(endpoint, ENOUGH)]))
    assert status(client, "known-opaque-token") == (200, "ada")
    endpoint.behaviour = UNCLEAR[how]
    cold = visit(guard(providers=[asking(endpoint, QUICK)]))
    assert status(cold, "opaque-token-of-ada") == (503, "tokens_unavailable")
    assert status(client, "known-opaque-token") == (200, "ada")
    endpoint.behaviour = well
    again = visit(guard(providers=[asking(endpoint)]))
    assert status(again, "opaque-token-of-ada") == (200, "ada")


def test_a_jwt_is_not_sent_to_the_endpoint(
    endpoint: FaultServer, visit: Visit, guard: Guard, jwt_key_server: KeyServer
) -> None:
    """Beside a provider of JWTs each token goes its own way, and rules tell the issuers apart."""
    provider = Provider(
        issuer=jwt_key_server.issuer,
        audience="test",
        keys=RemoteKeySet(jwt_key_server.url, fetch=ENOUGH),
    )
    rules = [
        Rule("/api"),
        Rule("/api/opaque", issued_by("https://idp.example")),
        Rule("/api/admin", scope("admin")),
    ]
    client = visit(guard(providers=[asking(endpoint), provider], rules=rules))
    assert status(client, jwt_key_server.token("bob")) == (200, "bob")
    assert endpoint.requests == []
    assert status(client, jwt_key_server.token("bob"), "/api/opaque") == (401, "issuer")
    assert status(client, "opaque-token-of-ada", "/api/opaque") == (200, "ada")
