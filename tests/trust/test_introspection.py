"""`Introspection`: the issuer is asked about each token (RFC 7662)."""

import base64
import json
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import parse_qs

import pytest

from jwt_middleware import (
    ConfigurationError,
    Fetch,
    Introspection,
    InvalidToken,
    Key,
    KeySet,
    Provider,
    Unavailable,
)
from jwt_middleware.stores import MemoryStore, OpaqueTokens
from jwt_middleware.trust.verifier import Verifier
from tests.kit.clock import AheadClock
from tests.kit.fault_server import (
    BEHAVIOURS,
    OF_KEYS,
    Exchange,
    FaultServer,
    answer,
    hang,
    under,
    well,
)
from tests.kit.fork_amid import fork_amid
from tests.kit.passwords import CHEAP
from tests.kit.tokens import issued
from tests.kit.waiting import BOUND, PATIENCE, wait_for

ISSUER = "https://idp.example/"


@pytest.fixture
def server() -> Iterator[FaultServer]:
    """A server that knows one active token, whatever it is asked."""
    with FaultServer([]) as server:
        tell(server)
        yield server


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> AheadClock:
    """The clock of the code under test."""
    clock = AheadClock()
    monkeypatch.setattr(time, "monotonic", clock)
    return clock


def good(**members: Any) -> dict[str, Any]:
    """The answer about an active token."""
    usual = {"active": True, "sub": "ada", "aud": "api", "exp": int(time.time()) + 3600}
    return usual | members


def tell(server: FaultServer, **members: Any) -> None:
    """Answer so about every token."""
    server.pages["/jwks.json"] = json.dumps(good(**members)).encode()


def at(server: FaultServer, **options: Any) -> Verifier:
    """A verifier that asks the server."""
    usual = {"issuer": ISSUER, "audience": "api", "client_id": "a:b", "client_secret": "s%c"}
    usual["fetch"] = Fetch(timeout=PATIENCE)
    return Verifier([Introspection(server.url, **usual | options)])


def reason(verifier: Verifier, token: str = "opaque") -> str | None:
    """Why the token is refused, or None."""
    try:
        verifier.identify(token)
    except (InvalidToken, Unavailable) as refusal:
        return refusal.reason
    return None


def test_an_active_token_names_its_caller(server: FaultServer) -> None:
    """The token is posted as a form with the client's credentials, and nowhere else."""
    tell(server, scope="read write", client_id="spa")
    caller = at(server).identify("a+b/c=&d")
    assert (caller.subject, caller.issuer, caller.scopes) == ("ada", ISSUER, ("read", "write"))
    (request,) = server.requests
    head, _, body = request.partition("\r\n\r\n")
    assert head.startswith("POST /jwks.json HTTP/1.1\r\n")
    assert parse_qs(body)["token"] == ["a+b/c=&d"]
    basic = base64.b64encode(b"a%3Ab:s%25c").decode()
    assert f"\r\nAuthorization: Basic {basic}" in head


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        ({}, None),
        ({"iss": ISSUER}, None),
        ({"iss": "https://other.example/"}, "issuer"),
        ({"iss": 5}, "issuer"),
        ({"aud": ["other", "api"]}, None),
        ({"aud": "other"}, "audience"),
        ({"aud": None}, "audience"),
        ({"sub": None}, "claims"),
        ({"sub": 5}, "claims"),
        ({"exp": 1}, "expired"),
        ({"exp": "soon"}, "claims"),
        ({"nbf": 2**33}, "not_yet_valid"),
        ({"cnf": {"jkt": "x"}}, "proof"),
        ({"token_type": "Bearer"}, None),
        ({"token_type": "access_token", "token_use": "access_token"}, None),
        ({"token_use": "access", "typ": "at+jwt"}, None),
        ({"token_type": "Refresh"}, "type"),
        ({"token_type": "Bearer", "token_use": "refresh_token"}, "type"),
        ({"token_type": "urn:ietf:params:oauth:token-type:refresh_token"}, "type"),
        ({"typ": "Refresh", "token_type": "Bearer"}, "type"),
        ({"typ": "Offline"}, "type"),
        ({"token_use": "id"}, "type"),
        ({"token_type": "ID_TOKEN"}, "type"),
        ({"typ": "logout+jwt"}, "type"),
        ({"token_use": ["refresh_token"]}, "type"),
        ({"active": False}, "inactive"),
        ({"active": "true"}, "tokens_unavailable"),
        ({"active": 1}, "tokens_unavailable"),
        ({"active": None}, "tokens_unavailable"),
        ({"active": [True]}, "tokens_unavailable"),
    ],
    ids=repr,
)
def test_what_the_issuer_says(
    server: FaultServer, members: dict[str, Any], expected: str | None
) -> None:
    """The claims are checked as those of a JWT; an answer that says neither yes nor no is 503."""
    tell(server, **members)
    assert reason(at(server)) == expected


def test_an_answer_without_an_expiry_holds_for_the_time_of_the_cache(server: FaultServer) -> None:
    """`exp` is optional (RFC 7662 section 2.2)."""
    server.pages["/jwks.json"] = b'{"active": true, "sub": "ada", "aud": "api"}'
    assert 0 < at(server).identify("opaque").expires_at - time.time() <= 60


@pytest.mark.parametrize("lasts", [60, 10])
def test_an_answer_is_cached_until_it_ends(
    server: FaultServer, clock: AheadClock, lasts: int
) -> None:
    """For `cache_for`, or until `exp` if that is sooner."""
    tell(server, exp=int(time.time()) + (3600 if lasts == 60 else 11))
    verifier = at(server)
    assert reason(verifier) is None
    clock.hold()
    assert [reason(verifier) for _ in range(49)] == [None] * 49
    clock.move(lasts - 2)
    assert (reason(verifier), len(server.requests)) == (None, 1)
    clock.move(4)
    assert (reason(verifier), len(server.requests)) == (None, 2)


def test_a_refusal_is_cached_for_five_seconds(server: FaultServer, clock: AheadClock) -> None:
    """A stranger's retries cost one request, and a token that becomes known is soon good."""
    tell(server, active=False)
    verifier = at(server)
    assert {reason(verifier) for _ in range(50)} == {"inactive"}
    assert len(server.requests) == 1
    tell(server)
    clock.move(6)
    assert (reason(verifier), len(server.requests)) == (None, 2)


def test_one_request_for_each_token_at_a_time(server: FaultServer) -> None:
    """All that wait for the same token get the one answer."""
    arrived, released = threading.Event(), threading.Event()

    def held_up(exchange: Exchange) -> None:
        arrived.set()
        released.wait(PATIENCE)
        exchange.request.sendall(answer(json.dumps(good()).encode()))

    server.behaviour = held_up
    verifier = at(server, fetch=Fetch(timeout=PATIENCE))
    with ThreadPoolExecutor(20) as pool:
        waiting = [pool.submit(reason, verifier) for _ in range(20)]
        assert arrived.wait(PATIENCE)
        released.set()
        assert [one.result() for one in waiting] == [None] * 20
    assert len(server.requests) == 1


def test_no_request_falls_between_the_answer_and_the_cache(
    server: FaultServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A request that looked before the answer came, and asks after it, gets this answer. Another
    one that comes at any moment of that waits for it, or finds it."""
    tell(server)
    verifier = at(server)
    asked = Introspection._asked  # inside: the moment between two steps of a request
    first = threading.Event()

    def slow(source: Introspection, token: str, digest: bytes) -> Any:
        if not first.is_set():
            first.set()
            assert reason(verifier) is None  # another request is asked and answered meanwhile
        return asked(source, token, digest)

    monkeypatch.setattr(Introspection, "_asked", slow)
    assert reason(verifier) is None
    assert len(server.requests) == 1


def test_requests_at_once_are_bounded(server: FaultServer) -> None:
    """A hundred made-up tokens at a server that hangs: 32 requests, the rest is 503 at once."""
    server.behaviour = hang
    verifier = at(server)
    with ThreadPoolExecutor(100) as pool:
        asked = [pool.submit(reason, verifier, f"made up {number}") for number in range(100)]
        wait_for(lambda: sum(one.done() for one in asked) == 68)
        assert len(server.requests) <= 32
        server.closing.set()
        assert {one.result() for one in asked} == {"tokens_unavailable"}


_FORK = """
    import os, signal, sys, threading
    from jwt_middleware import Fetch, Introspection

    signal.alarm(60)
    asked = Introspection(
        sys.argv[1], issuer="https://idp.example/", audience="api", client_id="a",
        client_secret="b", fetch=Fetch(timeout=60),
    )
    for n in range(32):
        threading.Thread(target=asked.look_up, args=(f"made up {n}",), daemon=True).start()
    sys.stdin.readline()  # they hang by now
    asked._under_way[os.getpid()].lock.acquire()  # as if another thread were just starting one
    if os.fork() == 0:
        signal.alarm(60)
        print(*(asked.look_up(f"made up {n}").claims["sub"] for n in range(33)), flush=True)
        os._exit(0)
    os.wait()
"""


def test_a_fork_in_the_middle_of_requests(server: FaultServer) -> None:
    """A child has neither the threads of its parent's requests, which would count as running
    forever, nor anybody to free their lock: it asks anew."""
    assert fork_amid(32, server, _FORK).split() == ["ada"] * 33
    assert len(server.requests) == 32 + 33


@pytest.mark.parametrize(
    "name", [name for name, (_, works) in BEHAVIOURS.items() if not works and name not in OF_KEYS]
)
def test_an_outage_is_503_within_the_deadline(server: FaultServer, name: str) -> None:
    """Whatever is wrong with the server, no token is 401, and nobody waits longer."""
    server.behaviour = BEHAVIOURS[name][0]
    started = time.monotonic()
    assert reason(at(server, fetch=Fetch(timeout=0.4))) == "tokens_unavailable"
    assert time.monotonic() - started < BOUND


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"true", b"<html>", b'{"active":true,"active":false}']
)
def test_an_answer_that_is_no_object(server: FaultServer, body: bytes) -> None:
    """Strict JSON or 503."""
    server.pages["/jwks.json"] = body
    assert reason(at(server)) == "tokens_unavailable"


def test_the_log_names_the_cause_and_no_secret(
    server: FaultServer, caplog: pytest.LogCaptureFixture
) -> None:
    """An operator sees that the client's credentials are wrong; a pause follows each failure."""
    server.behaviour = under("401 Unauthorized")
    verifier = at(server, client_secret="hush-hush")
    assert {reason(verifier, f"hush {n}") for n in range(20)} == {"tokens_unavailable"}
    assert len(server.requests) == 1
    (record,) = caplog.records
    assert "the answer has the status 401" in record.getMessage()
    assert "hush" not in caplog.text + repr(verifier.lookups)


@pytest.mark.parametrize(
    "status", ["400 Bad Request", "413 Content Too Large", "414 URI Too Long", "422 Unprocessable"]
)
def test_a_refused_request_does_not_hold_up_other_tokens(
    server: FaultServer, status: str, caplog: pytest.LogCaptureFixture
) -> None:
    """A stranger's token that the issuer cannot read is 503, and the others are still asked for:
    otherwise one such token a second would refuse everybody. The log has one line a second."""
    verifier = at(server)
    server.behaviour = under(status)
    assert {reason(verifier, f"odd{n}") for n in range(3)} == {"tokens_unavailable"}
    assert len(server.requests) == 3
    server.behaviour = well
    assert reason(verifier, "good") is None
    assert len(caplog.records) == 1


def test_a_jwt_is_never_sent(server: FaultServer) -> None:
    """A token in the form of a JWT is for the other providers."""
    key = Key.generate()
    other = Provider(issuer="https://jwt.example", audience="api", keys=KeySet([key]))
    verifier = Verifier([*at(server).lookups, other])
    assert verifier.identify(issued(key, iss=other.issuer, aud="api")).subject == "ada"
    assert server.requests == []
    assert reason(verifier) is None


def test_a_token_of_another_provider_is_never_sent(server: FaultServer) -> None:
    """Whatever the order of the list: a secret of one issuer is not for the other."""
    store = MemoryStore(password_method=CHEAP)
    store.add_user("ada", "correct horse")
    expires_at = time.time() + 3600
    token = store.add_token("ada", name="ci", scopes=(), expires_at=expires_at)
    (introspection,) = at(server).lookups
    personal = OpaqueTokens(store, issuer="https://own.example/")
    for providers in ([introspection, personal], [personal, introspection]):
        verifier = Verifier(providers)
        assert verifier.identify(token).issuer == "https://own.example/"
        assert reason(verifier, f"{token[:-1]}?") == "malformed"
        assert server.requests == []
    assert reason(verifier) is None


def test_two_introspections_are_refused_while_building(server: FaultServer) -> None:
    """The first would get the tokens of the second, which would never be asked."""
    one, other = at(server).lookups[0], at(server, issuer="https://other.example/").lookups[0]
    with pytest.raises(ConfigurationError, match="providers must have at most one"):
        Verifier([one, other])


@pytest.mark.parametrize(
    "options",
    [
        {"issuer": None},
        {"client_id": ""},
        {"client_secret": None},
        {"client_secret": "\ud800"},
        {"audience": ""},
        {"cache_for": -1},
        {"fetch": 3},
    ],
    ids=repr,
)
def test_bad_options_are_refused_while_building(
    server: FaultServer, options: dict[str, Any]
) -> None:
    """The error names the option and no secret."""
    with pytest.raises(ConfigurationError, match=f"^{next(iter(options))} must"):
        at(server, **options)
    with pytest.raises(ConfigurationError, match="url must be an https URL"):
        Introspection("http://idp/", issuer="a", audience="b", client_id="c", client_secret="d")
