"""`KeyServer`: a `RemoteKeySet` sees keys that come, change, fail and hang."""

import socket
import threading
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import urlopen

import jwt
import pytest

from jwt_middleware import (
    ConfigurationError,
    Fetch,
    InvalidToken,
    Provider,
    RemoteKeySet,
    Unavailable,
)
from jwt_middleware.testing import KeyServer
from jwt_middleware.trust.fetch import get
from jwt_middleware.trust.verifier import Verifier
from tests.kit.certificates import authority
from tests.kit.clock import stopped
from tests.kit.fault_server import FaultServer, reset
from tests.kit.waiting import PATIENCE

SOURCES: dict[str, Callable[[KeyServer], Provider]] = {
    "url": lambda server: Provider(
        issuer=server.issuer,
        audience=server.audience,
        # What hangs is waited for; a busy machine may stop for as long.
        keys=RemoteKeySet(server.url, fetch=Fetch(timeout=3)),
    ),
    "discovery": lambda server: Provider.discover(server.issuer, audience=server.audience),
}


def verifier(server: KeyServer) -> Verifier:
    """One that fetches the keys from the server, at first use."""
    return Verifier([SOURCES["url"](server)])


@pytest.mark.parametrize("source", SOURCES.values(), ids=SOURCES)
def test_its_tokens_are_verified_with_its_keys(source: Callable[[KeyServer], Provider]) -> None:
    """By the URL of the keys and by discovery alike; subject, scopes and claims are those asked
    for."""
    with KeyServer() as server:
        token = server.token("ada", scopes=["read"], role="x")
        identity = Verifier([source(server)]).identify(token)
    assert (identity.subject, identity.scopes, identity.claims["role"]) == ("ada", ("read",), "x")


def test_a_rotation_costs_nobody_a_request(jwt_key_server: KeyServer) -> None:
    """As good issuers do it: the next key has been published before it signs."""
    verify, old = verifier(jwt_key_server).identify, jwt_key_server.token("ada")
    verify(old)
    jwt_key_server.rotate()
    assert verify(jwt_key_server.token("bob")).subject == "bob"
    verify(old)


def test_a_key_that_comes_unannounced(jwt_key_server: KeyServer) -> None:
    """After two rotations it is found at once, and then the old one is unknown; what comes within
    30 s of that is unknown until the keys are fetched again."""
    with stopped("monotonic") as clock:
        verify, old = verifier(jwt_key_server).identify, jwt_key_server.token("ada")
        verify(old)
        jwt_key_server.rotate()
        jwt_key_server.rotate()
        assert verify(jwt_key_server.token("bob")).subject == "bob"
        jwt_key_server.rotate()
        jwt_key_server.rotate()
        new = jwt_key_server.token("bob")
        with pytest.raises(InvalidToken, match="key"):
            verify(new)
        clock.now += 31
        assert verify(new).subject == "bob"
        with pytest.raises(InvalidToken, match="key"):
            verify(old)


@pytest.mark.parametrize("fault", [KeyServer.fail, KeyServer.hang, lambda server: server.fail(404)])
def test_a_fault_lasts_until_the_recovery(
    fault: Callable[[Any], None], jwt_key_server: KeyServer
) -> None:
    """Without keys nobody is let in, and afterwards a new process is."""
    fault(jwt_key_server)
    with pytest.raises(Unavailable, match="keys_unavailable"):
        verifier(jwt_key_server).identify(jwt_key_server.token())
    jwt_key_server.recover()
    verifier(jwt_key_server).identify(jwt_key_server.token())


def test_known_keys_last_through_an_outage(jwt_key_server: KeyServer) -> None:
    """A server that fails later costs nobody who was known."""
    verify = verifier(jwt_key_server).identify
    verify(jwt_key_server.token("ada"))
    jwt_key_server.fail(500)
    assert verify(jwt_key_server.token("bob")).subject == "bob"


def test_a_hanging_server_can_be_left(capfd: pytest.CaptureFixture[str]) -> None:
    """At the end nobody is kept waiting any more; no thread stays, and nothing is printed."""
    before = set(threading.enumerate())
    with KeyServer() as server:
        server.hang()
        with pytest.raises(Unavailable):
            verifier(server).identify(server.token())
        with socket.create_connection(("127.0.0.1", urlsplit(server.url).port)) as impatient:
            impatient.sendall(b"GET /jwks.json HTTP/1.0\r\n\r\n")
            reset(impatient)
    for thread in set(threading.enumerate()) - before:
        thread.join(PATIENCE)
        assert not thread.is_alive()
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("kind", [KeyServer, FaultServer])
def test_a_client_that_resets_before_the_handshake(
    kind: type[KeyServer | FaultServer], collect_garbage: Callable[[], object], tmp_path: Path
) -> None:
    """No connection is left to the garbage collector, which would warn of it."""
    ca_file, context = authority(tmp_path)
    before = set(threading.enumerate())
    server = kind(tls=context)  # it listens, and accepts nobody yet
    for _ in range(3):
        reset(socket.create_connection(("127.0.0.1", urlsplit(server.url).port)))
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        with server:
            get(server.url, Fetch(ca_file=ca_file), time.monotonic() + PATIENCE)
        for thread in set(threading.enumerate()) - before:
            thread.join(PATIENCE)
        collect_garbage()
    assert told == []


@pytest.mark.parametrize("algorithm", ["ES256", "RS256", "EdDSA"])
def test_its_keys_stay_of_one_algorithm(algorithm: str) -> None:
    """However often it turns to the next key."""
    with KeyServer(algorithm=algorithm) as server:
        for _ in range(3):
            assert {key["alg"] for key in server.jwks["keys"]} == {algorithm}
            server.rotate()


ISSUER = "https://idp.example/realms/shop"


def test_it_stands_in_for_another_issuer() -> None:
    """Its tokens and its metadata have the name of the issuer, and the metadata is at the usual
    path below it; the keys are where it says, with the members that this issuer publishes."""
    with KeyServer(
        issuer=ISSUER,
        audience="shop",
        algorithm="RS256",
        key_members={"alg": None, "x5t": "abc", "issuer": ISSUER},
    ) as server:
        assert urlsplit(server.metadata_url).path == (
            "/realms/shop/.well-known/openid-configuration"
        )
        assert {"x5t", "issuer"} <= server.jwks["keys"][0].keys()
        assert all("alg" not in key for key in server.jwks["keys"])
        provider = Provider.discover(ISSUER, audience="shop", metadata_url=server.metadata_url)
        assert Verifier([provider]).identify(server.token("ada")).issuer == ISSUER


def test_the_metadata_names_another_url_of_the_keys(tmp_path: Path) -> None:
    """By https, with a certificate of one's own; further documents are served beside them."""
    ca_file, context = authority(tmp_path)
    with KeyServer(tls=context) as elsewhere:
        elsewhere.documents["/more.json"] = elsewhere.jwks
        keys_url = elsewhere.url.replace("/jwks.json", "/more.json")
        fetch = Fetch(ca_file=ca_file)
        with KeyServer(issuer=ISSUER, jwks_uri=keys_url, tls=context) as server:
            assert server.url.startswith("https://127.0.0.1:")
            assert urlsplit(server.url).path == "/more.json"
            provider = Provider.discover(
                ISSUER, audience="test", metadata_url=server.metadata_url, fetch=fetch
            )
            token = elsewhere.sign({"iss": ISSUER, "sub": "ada", "aud": "test", "exp": 2**32})
            assert Verifier([provider]).identify(token).subject == "ada"
            with pytest.raises(InvalidToken):
                Verifier([provider]).identify(server.token("ada"))


def test_it_signs_exactly_these_claims(jwt_key_server: KeyServer) -> None:
    """Nothing is added to the claims; of the header, None leaves a member out."""
    claims = {"exp": 2**32, "aud": None}
    token = jwt_key_server.sign(claims, {"typ": "at+jwt", "kid": None})
    assert jwt.get_unverified_header(token) == {"alg": "ES256", "typ": "at+jwt"}
    assert jwt.decode(token, options={"verify_signature": False}) == claims
    assert set(jwt.get_unverified_header(jwt_key_server.sign({}))) == {"alg", "kid"}


def test_only_callers_that_it_knows_get_the_keys() -> None:
    """Without the right `Authorization` the answer is 401; what is right may change."""
    with KeyServer(authorization="Bearer a") as server:
        given = {"Authorization": "Bearer b"}
        keys = RemoteKeySet(server.url, fetch=Fetch(headers=lambda: given))
        provider = Provider(issuer=server.issuer, audience="test", keys=keys)
        with pytest.raises(Unavailable):
            Verifier([provider]).identify(server.token("ada"))
        server.authorization = "Bearer b"
        again = RemoteKeySet(server.url, fetch=Fetch(headers=lambda: given))
        provider = Provider(issuer=server.issuer, audience="test", keys=again)
        assert Verifier([provider]).identify(server.token("ada")).subject == "ada"


@pytest.mark.parametrize(
    "options",
    [
        {"issuer": "idp.example"},
        {"issuer": "https://idp.example/?a"},
        {"issuer": ""},
        {"issuer": 5},
        {"issuer": "https://[idp"},
        {"jwks_uri": "/keys"},
        {"audience": ""},
        {"audience": None},
        {"algorithm": "HS256"},
        {"algorithm": None},
        {"algorithm": "none"},
        {"key_members": None},
    ],
    ids=repr,
)
def test_bad_options_are_refused(options: dict[str, Any]) -> None:
    """The error names the option."""
    with pytest.raises(ConfigurationError, match=f"^{next(iter(options))} must"):
        KeyServer(**options)


def test_there_is_nothing_else(jwt_key_server: KeyServer) -> None:
    """Any other path is 404."""
    with pytest.raises(HTTPError) as told:
        urlopen(f"{jwt_key_server.issuer}/other.json")
    assert told.value.code == 404
    told.value.close()
