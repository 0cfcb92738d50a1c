"""`KeyServer`: a `RemoteKeySet` sees keys that come, change, fail and hang."""

import socket
import struct
import threading
from collections.abc import Callable
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import urlopen

import pytest

from jwt_middleware import Fetch, InvalidToken, Provider, RemoteKeySet, Unavailable
from jwt_middleware.testing import KeyServer
from jwt_middleware.trust.verifier import Verifier
from tests.kit.clock import stopped
from tests.kit.waiting import PATIENCE

SOURCES: dict[str, Callable[[KeyServer], Provider]] = {
    "url": lambda server: Provider(
        issuer=server.issuer,
        audience=server.audience,
        keys=RemoteKeySet(server.url, fetch=Fetch(timeout=1)),
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
    with stopped("monotonic", 1000) as clock:
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
            impatient.setsockopt(
                socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
            )  # so that it resets
    for thread in set(threading.enumerate()) - before:
        thread.join(PATIENCE)
        assert not thread.is_alive()
    assert capfd.readouterr() == ("", "")


def test_there_is_nothing_else(jwt_key_server: KeyServer) -> None:
    """Any other path is 404."""
    with pytest.raises(HTTPError) as told:
        urlopen(f"{jwt_key_server.issuer}/other.json")
    assert told.value.code == 404
    told.value.close()
