"""`Provider.discover`: an issuer that tells where its keys are."""

import json
import logging
import time
from collections.abc import Iterator
from typing import Any

import pytest

from jwt_middleware import ConfigurationError, Fetch, JWTMiddleware, Key, Provider, Rule
from jwt_middleware.trust.discovery import DiscoveredKeySet
from tests.kit.fault_server import (
    BEHAVIOURS,
    PATH,
    Behaviour,
    Exchange,
    FaultServer,
    answer,
    hang,
    reset_at_once,
    says,
    under,
    well,
)
from tests.kit.tokens import issued
from tests.kit.waiting import wait_for

KEY = Key.generate(id="first")
OIDC, OAUTH = "/.well-known/openid-configuration", "/.well-known/oauth-authorization-server"


@pytest.fixture
def server() -> Iterator[FaultServer]:
    """A server that publishes a key, and nothing that tells where."""
    with FaultServer([KEY.to_jwk()]) as server:
        yield server


def describe(server: FaultServer, path: str, **members: Any) -> None:
    """Publish metadata at the path."""
    server.pages[path] = json.dumps(
        {"issuer": server.origin, "jwks_uri": server.url} | members
    ).encode()


def guarded(provider: Provider) -> JWTMiddleware:
    """An app that asks for a token of the provider's."""
    return JWTMiddleware(
        lambda environ, start_response: [], providers=[provider], rules=[Rule("/")]
    )


def status(provider: Provider) -> int:
    """The status of a good token of the provider's."""
    return status_in(guarded(provider), provider.issuer)


def status_in(app: JWTMiddleware, issuer: str) -> int:
    """The status that a token of the issuer's gets from the app."""
    token = issued(KEY, iss=issuer, aud="api")
    environ = {"PATH_INFO": "/", "REQUEST_METHOD": "GET", "HTTP_AUTHORIZATION": f"Bearer {token}"}
    return getattr(app.decide(environ).answer, "status", 200)


def asked(server: FaultServer) -> list[str]:
    """The paths that were asked for, in order."""
    return [head.split(" ")[1] for head in server.requests]


@pytest.mark.parametrize(
    ("path", "oidc", "oauth"),
    [
        ("", OIDC, OAUTH),
        ("/", OIDC, OAUTH),
        ("/tenant/v2.0", "/tenant/v2.0" + OIDC, OAUTH + "/tenant/v2.0"),
        ("/realms/main/", "/realms/main" + OIDC, OAUTH + "/realms/main"),
    ],
    ids=["bare", "slash", "path", "path and slash"],
)
def test_where_the_metadata_is(path: str, oidc: str, oauth: str, server: FaultServer) -> None:
    """OpenID Connect appends to the issuer's path (Discovery section 4), RFC 8414 section 3.1 puts
    it in front."""
    provider = Provider.discover(server.origin + path, audience="api")
    describe(server, oauth, issuer=provider.issuer)
    assert status(provider) == 200
    assert asked(server) == [oidc, oauth, PATH]
    describe(server, oidc, issuer=provider.issuer)
    assert status(Provider.discover(server.origin + path, audience="api")) == 200
    assert asked(server)[3:] == [oidc, PATH]


def test_building_does_no_io(server: FaultServer) -> None:
    """Discovery happens when the first token comes: the app starts while the issuer is down."""
    Provider.discover(server.origin, audience="api")
    assert server.requests == []


@pytest.mark.parametrize(
    "page", [b"<!doctype html>", b"[]", b"\xff", b""], ids=["HTML", "a list", "no UTF-8", "empty"]
)
def test_what_is_no_metadata_is_passed_over(page: bytes, server: FaultServer) -> None:
    """Some servers answer every path with their front page: RFC 8414's document is then asked for
    too."""
    server.pages[OIDC] = page
    describe(server, OAUTH)
    assert status(Provider.discover(server.origin, audience="api")) == 200


@pytest.mark.parametrize("named", ["https://other.example", None, 5, [], "", "//"])
def test_the_document_must_be_the_issuers_own(named: Any, server: FaultServer) -> None:
    """Another issuer's document could name another issuer's keys (RFC 8414 section 3.3)."""
    describe(server, OIDC, issuer=named)
    describe(server, OAUTH)
    assert status(Provider.discover(server.origin, audience="api")) == 503
    assert asked(server) == [OIDC]


@pytest.mark.parametrize(
    ("asked_one", "named"), [("", "/"), ("/", ""), ("/a", "/a/"), ("/a/", "/a")]
)
def test_a_final_slash_is_told(
    asked_one: str, named: str, server: FaultServer, caplog: Any
) -> None:
    """The commonest mistake has a WARNING of its own, with both texts."""
    issuer = server.origin + asked_one
    describe(server, asked_one.rstrip("/") + OIDC, issuer=server.origin + named)
    assert status(Provider.discover(issuer, audience="api")) == 503
    ((_, level, message),) = caplog.record_tuples
    assert level == logging.WARNING
    assert repr(issuer) in message
    assert repr(server.origin + named) in message
    assert "only the final slash differs" in message


@pytest.mark.parametrize(("ours", "theirs"), [("", "/"), ("/", ""), ("/a", "/a/"), ("/a/", "/a")])
def test_a_final_slash_in_a_token_is_told_once(
    ours: str, theirs: str, server: FaultServer, caplog: Any
) -> None:
    """A token whose `iss` differs by the slash alone is refused, and a WARNING says why, but not
    for each token."""
    provider = Provider.discover(server.origin + ours, audience="api")
    app = guarded(provider)
    assert [status_in(app, server.origin + theirs) for _ in range(3)] == [401, 401, 401]
    assert status_in(app, server.origin + theirs + "x") == 401
    ((_, level, message),) = caplog.record_tuples
    assert level == logging.WARNING
    assert repr(provider.issuer) in message  # the other is that one but for the slash


def told(server: FaultServer, caplog: Any) -> str:
    """What the one WARNING says of a provider of the server's that gets no keys."""
    assert status(Provider.discover(server.origin, audience="api")) == 503
    ((_, level, message),) = caplog.record_tuples
    assert level == logging.WARNING
    return str(message).replace(server.origin, "ORIGIN")


_ANSWERS: dict[str, tuple[Behaviour, str]] = {
    "403": (under("403 Forbidden"), "the answer has the status 403"),
    "404": (under("404 Not Found"), "the answer has the status 404"),
    "503": (under("503 Unavailable"), "the answer has the status 503"),
    "HTML": (says(answer(b"<!doctype html>")), "the answer is not strict JSON"),
    "redirect": (
        says(answer(b"", "Location: https://x.example/s3cr3t", status="302 Found")),
        "the answer has the status 302, a redirect to 'https://x.example', which is not followed",
    ),
    "too large": (says(answer(b" " * 300_000)), "the answer is too large"),
}


@pytest.mark.parametrize("second", _ANSWERS)
@pytest.mark.parametrize("first", _ANSWERS)
def test_the_log_names_each_document(
    first: str, second: str, server: FaultServer, caplog: Any
) -> None:
    """An operator reads what each document answered, the first one first, and no 404 of the
    fallback hides the cause."""

    def behave(exchange: Exchange) -> None:
        _ANSWERS[first if exchange.path == OIDC else second][0](exchange)

    server.pages[PATH] = b"{}"
    server.behaviour = behave
    assert told(server, caplog) == (
        f"DiscoveredKeySet('ORIGIN') cannot be reached: 'ORIGIN{OIDC}': {_ANSWERS[first][1]}; "
        f"'ORIGIN{OAUTH}': {_ANSWERS[second][1]}"
    )


@pytest.mark.parametrize(
    ("behaviour", "why"),
    [(under("500 Oops"), "the answer has the status 500"), (hang, "TimeoutError")],
    ids=["500", "hang"],
)
def test_the_log_names_the_document_of_the_keys(
    behaviour: Behaviour, why: str, server: FaultServer, caplog: Any
) -> None:
    """If the metadata is good and the keys do not come, the log blames their URL, without its
    query."""
    describe(server, OIDC, jwks_uri=f"{server.url}?code=s3cr3t")
    server.behaviour = lambda exchange: (well if exchange.path == OIDC else behaviour)(exchange)
    keys = DiscoveredKeySet(server.origin, fetch=Fetch(timeout=1))
    assert status(Provider(issuer=server.origin, audience="api", keys=keys)) == 503
    wait_for(lambda: caplog.messages)
    (message,) = caplog.messages
    assert message.replace(server.origin, "ORIGIN").endswith(f": 'ORIGIN{PATH}': {why}")


def test_a_host_that_does_not_answer_is_asked_once(server: FaultServer, caplog: Any) -> None:
    """A connection that fails says nothing of the document, so the other one is not tried."""
    server.behaviour = reset_at_once
    message = told(server, caplog)
    assert message.endswith(f"'ORIGIN{OIDC}': ConnectionResetError")
    assert len(server.requests) == 1


def test_the_log_names_the_document_at_fault(server: FaultServer, caplog: Any) -> None:
    """So it does where the document came and is another issuer's."""
    describe(server, OIDC, issuer="https://other.example")
    assert f"'ORIGIN{OIDC}': the document found there belongs to another issuer" in told(
        server, caplog
    )


# --- metadata_url


@pytest.mark.parametrize(
    "issuer",
    [
        "https://tenant.b2clogin.example/00000000-0000-0000-0000-000000000000/v2.0/",
        "https://sso.company.example/realms/main" + "/a" * 100,
        "http://localhost:8080/realms/main",
        "http://sso.company.lan/realms/main",
        "tag:idp.example,2026:main",
    ],
    ids=["Azure AD B2C", "split horizon", "loopback", "http", "no URL"],
)
def test_metadata_at_another_url(issuer: str, server: FaultServer) -> None:
    """The owner names the document; the issuer is compared, in the document and in tokens, and
    never asked."""
    describe(server, "/tenant/policy?p=B2C_1_flow", issuer=issuer)
    url = f"{server.origin}/tenant/policy?p=B2C_1_flow"
    assert status(Provider.discover(issuer, audience="api", metadata_url=url)) == 200
    assert asked(server) == ["/tenant/policy?p=B2C_1_flow", PATH]


def test_other_metadata_at_that_url(server: FaultServer, caplog: Any) -> None:
    """The document must still name this issuer, no other document is tried, and the log shows no
    query."""
    describe(server, "/policy?code=s3cr3t", issuer="https://other.example")
    describe(server, OIDC)
    for path in ("/policy?code=s3cr3t", "/missing?code=s3cr3t"):
        url = server.origin + path
        provider = Provider.discover(server.origin, audience="api", metadata_url=url)
        assert status(provider) == 503
        assert asked(server)[-1] == path
        assert f"'{url.partition('?')[0]}': the " in caplog.messages[-1]
    assert len(server.requests) == 2
    assert "s3cr3t" not in caplog.text


@pytest.mark.parametrize(
    "url",
    ["http://keycloak:8080/x", "ftp://idp.example/", "keycloak", "", 5, "https://idp.example/#a"],
)
def test_a_metadata_url_is_checked_while_building(url: Any) -> None:
    """As strictly as any URL."""
    with pytest.raises(ConfigurationError, match="metadata_url must be an https URL"):
        Provider.discover("https://idp.example", audience="api", metadata_url=url)


@pytest.mark.parametrize("mark", ["?", "?tenant=s3cr3t", "#", "#s3cr3t", "/?a#b"])
@pytest.mark.parametrize("metadata_url", [None, "https://idp.example/metadata"])
def test_an_issuer_has_no_query_and_no_fragment(mark: str, metadata_url: str | None) -> None:
    """OpenID Connect Core section 2 and RFC 8414 section 2 forbid both; the message shows
    neither."""
    with pytest.raises(ConfigurationError, match=r"issuer must be .* without query") as error:
        Provider.discover(f"https://idp.example{mark}", audience="api", metadata_url=metadata_url)
    assert "s3cr3t" not in str(error.value)


@pytest.mark.parametrize(
    "url", ["http://idp.example/", "file:///etc/passwd", "/jwks.json", "", None, 5, [], "reachable"]
)
def test_keys_come_over_https_or_from_loopback(url: Any, server: FaultServer) -> None:
    """A document cannot point to where the owner could not, even where it would be answered."""
    describe(
        server,
        OIDC,
        jwks_uri=server.url.replace("127.0.0.1", "0.0.0.0") if url == "reachable" else url,
    )
    assert status(Provider.discover(server.origin, audience="api")) == 503
    assert asked(server) == [OIDC]


@pytest.mark.parametrize(
    "issuer",
    [
        *("http://idp.example/", "idp.example", "https://idp.example/#a", "", None, 5),
        *("https://idp.example/?tenant=1", "https://idp.example?", "https://idp.example:99999"),
    ],
)
def test_an_issuer_that_is_no_https_url_is_refused_while_building(issuer: Any) -> None:
    """Only a URL can be asked."""
    with pytest.raises(ConfigurationError, match="https URL"):
        Provider.discover(issuer, audience="api")


def test_the_other_terms_are_the_providers(server: FaultServer) -> None:
    """`discover` takes what `Provider` takes, the audience always, and checks it alike."""
    provider = Provider.discover(
        server.origin, audience=("a", "b"), leeway=9, typ="at+jwt", scope_claims=("permissions",)
    )
    keys = provider.keys
    assert isinstance(keys, DiscoveredKeySet)
    assert provider == Provider(
        issuer=server.origin,
        audience=("a", "b"),
        leeway=9,
        typ="at+jwt",
        scope_claims=("permissions",),
        keys=keys,
    )
    assert server.origin in repr(provider)
    with pytest.raises(ConfigurationError, match="leeway"):
        Provider.discover(server.origin, audience="api", leeway=1000)
    with pytest.raises(TypeError, match="audience"):
        Provider.discover(server.origin)  # type: ignore[call-arg]


def test_one_deadline_for_all_of_it(server: FaultServer) -> None:
    """Metadata and keys together have the three seconds, whichever of them hangs."""
    describe(server, OIDC)

    def late(exchange: Exchange) -> None:
        exchange.faults.closing.wait(1.0)
        (hang if exchange.path == PATH else well)(exchange)

    server.behaviour = late
    keys = DiscoveredKeySet(
        server.origin, fetch=Fetch(timeout=3)
    )  # a busy machine answers late, too
    assert status(Provider(issuer=server.origin, audience="api", keys=keys)) == 503
    assert asked(server) == [OIDC, PATH]


@pytest.mark.parametrize(
    "name", [name for name in BEHAVIOURS if not name.startswith(("well", "slow"))]
)
def test_faults_of_the_metadata(name: str, server: FaultServer) -> None:
    """Whatever goes wrong where the metadata is, a good token gets 503 and nothing worse."""
    describe(server, OIDC)
    behaviour, _ = BEHAVIOURS[name]
    server.behaviour = lambda exchange: (well if exchange.path == PATH else behaviour)(exchange)
    keys = DiscoveredKeySet(server.origin, fetch=Fetch(timeout=0.2))
    assert status(Provider(issuer=server.origin, audience="api", keys=keys)) == 503


def test_keys_that_move_are_followed(server: FaultServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """The metadata is asked at each fetch, so the document may send the readers elsewhere."""
    describe(server, OIDC)
    provider = Provider.discover(server.origin, audience="api")
    assert status(provider) == 200
    describe(server, OIDC, jwks_uri=server.origin + "/moved")
    server.pages["/moved"] = server.pages.pop(PATH)
    real = time.monotonic
    monkeypatch.setattr(time, "monotonic", lambda: real() + 700)
    assert status(provider) == 200
    assert asked(server)[2:] == [OIDC, "/moved"]
