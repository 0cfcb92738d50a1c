"""`RemoteKeySet` against real sockets that behave, and that do not."""

import copy
import json
import logging
import math
import re
import socket
import ssl
import textwrap
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import example, given, settings
from hypothesis import strategies as st

from jwt_middleware import (
    ConfigurationError,
    Fetch,
    JWTMiddleware,
    Key,
    Provider,
    Rule,
    Unavailable,
)
from jwt_middleware.trust.discovery import DiscoveredKeySet
from jwt_middleware.trust.key_snapshot import Snapshot
from jwt_middleware.trust.remote_keys import RemoteKeySet
from tests.kit import clock as kit_clock
from tests.kit.answers import call
from tests.kit.fault_server import (
    BAD_KEYS,
    BEHAVIOURS,
    PATH,
    Exchange,
    FaultServer,
    answer,
    drip,
    hang,
    says,
    well,
)
from tests.kit.fork_amid import fork_amid
from tests.kit.parts import examples
from tests.kit.serving import gunicorn
from tests.kit.tokens import RSA, issued
from tests.kit.waiting import PATIENCE, settle_fetches, wait_for

ISSUER = "https://idp.example/"
FIRST, SECOND = Key.generate(id="first"), Key.generate(id="second")
JWKS = [FIRST.to_jwk(), SECOND.to_jwk()]
DOWN = says(b"HTTP/1.1 503 Unavailable\r\n\r\n")


class Clock(kit_clock.AheadClock):
    """The clock of the code under test; a fetch lives in the real time."""

    def move(self, seconds: float) -> None:
        """Let time pass, once no fetch is under way."""
        settle_fetches()
        super().move(seconds)


def fetches_under_way() -> int:
    """How many fetches are under way in this process."""
    return sum(thread.name == "jwt-middleware-keys" for thread in threading.enumerate())


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The clock of the code under test."""
    clock = Clock()
    monkeypatch.setattr(time, "monotonic", clock)
    return clock


@pytest.fixture
def server() -> Iterator[FaultServer]:
    """A server that publishes two keys."""
    with FaultServer(JWKS) as server:
        yield server
    settle_fetches()


def mint(key: Key = FIRST, *, kid: str | None = None, **claims: Any) -> str:
    """A good token of the key, or with a `kid` of somebody's choice."""
    usual = {"iss": ISSUER, "aud": "api", "exp": int(time.time()) + 200_000}
    return issued(key, headers={"kid": kid or key.id}, **usual | claims)


def guarded(keys: RemoteKeySet) -> Callable[[str], int]:
    """What maps a token to the status it gets from a middleware with these keys."""
    provider = Provider(issuer=ISSUER, audience="api", keys=keys)
    app = JWTMiddleware(lambda environ, start_response: [], providers=[provider], rules=[Rule("/")])

    def status(token: str) -> int:
        environ = {
            "PATH_INFO": "/",
            "REQUEST_METHOD": "GET",
            "HTTP_AUTHORIZATION": f"Bearer {token}",
        }
        return getattr(app.decide(environ).answer, "status", 200)

    return status


def warm(server: FaultServer, **terms: Any) -> tuple[RemoteKeySet, Callable[[str], int]]:
    """A key set that has been asked once, and the statuses of a middleware with it."""
    keys = RemoteKeySet(server.url, **terms)
    status = guarded(keys)
    assert status(mint()) == 200
    return keys, status


# --- building


@pytest.mark.parametrize(
    "url",
    [
        "https://idp.example/jwks.json",
        "HTTPS://idp.example",
        "https://idp.example:8443/a/b?tenant=1&x=%20",
        "https://[2001:db8::1]/jwks.json",
        "http://localhost:8080/jwks.json",
        "http://127.0.0.1/jwks.json",
        "http://127.1.2.3:1/",
        "http://[::1]:80/",
    ],
)
def test_https_urls_and_loopback_ones_are_taken(url: str) -> None:
    """Keys come over https, or from this machine."""
    assert RemoteKeySet(url)


@pytest.mark.parametrize(
    "url",
    [
        "http://idp.example/jwks.json",
        "http://127.0.0.1.evil.example/",
        "http://localhost.evil.example/",
        "http://localhost@evil.example/",
        "http://10.0.0.1/",
        "http://[::2]/",
        "https://user:word@idp.example/",
        "https://idp.example/jwks.json#keys",
        "https://idp.example/a b",
        "https://idp.example/a\r\nX-Injected: 1",
        "https://idp.example/ключи",
        "https://idp.example\\@evil.example/",
        "https://idp.example:0/",
        "https://",
        "https:///jwks.json",
        "file:///etc/passwd",
        "ftp://127.0.0.1/",
        "//idp.example/",
        "",
        None,
        b"https://idp.example/",
    ],
)
def test_other_urls_are_refused_while_building(url: Any) -> None:
    """No plain http but on loopback, no other scheme, nothing that two readers could read in two
    ways."""
    with pytest.raises(ConfigurationError, match="https URL"):
        RemoteKeySet(url)


@pytest.mark.parametrize(
    "url",
    [
        *("https://idp.example:99999/", "https://idp.example:65536/", "https://idp.example:0/"),
        *("https://idp.example:" + "9" * 5000, "https://[:::]/", "https://[::1::]/"),
        *("http://[::1]:99999/", "http://localhost:70000/jwks.json", "http://127.1/"),
        *("http://127.0.0.1.5/", "http://127.0.0.1000/"),
    ],
)
def test_ports_and_addresses_that_are_none_are_refused_while_building(url: str) -> None:
    """What only the parser of URLs can tell is a configuration error as well, and so is an address
    that is not one of this machine."""
    for make in (RemoteKeySet, DiscoveredKeySet):
        with pytest.raises(ConfigurationError, match="https URL"):
            make(url)


@pytest.mark.parametrize("make", [RemoteKeySet, DiscoveredKeySet])
@pytest.mark.parametrize(
    "terms",
    [
        *({"fresh_for": value} for value in (0, -1, math.nan, math.inf, 10**400, "600", True)),
        *({"stale_for": value} for value in (-1, math.nan, math.inf, -math.inf, None, False)),
    ],
    ids=repr,
)
def test_durations_that_are_none_are_refused(make: Any, terms: dict[str, Any]) -> None:
    """Each duration is a finite number of seconds, and the message names the option."""
    ((name, _),) = terms.items()
    with pytest.raises(ConfigurationError, match=f"{name} must be a finite number of seconds"):
        make("https://idp.example/", **terms)


def test_a_message_shows_no_secret_of_a_url() -> None:
    """User info and query of a URL that is refused may be credentials."""
    for url in ("https://ann:s3cr3t@idp.example/", "ftp://idp.example/?key=s3cr3t"):
        with pytest.raises(ConfigurationError) as error:
            RemoteKeySet(url)
        assert "s3cr3t" not in str(error.value)


def test_building_does_no_io_and_starts_no_thread(server: FaultServer) -> None:
    """Building a middleware with remote keys asks nobody: the app starts while the issuer is
    down."""
    threads = threading.active_count()
    guarded(RemoteKeySet(server.url))
    assert (server.requests, threading.active_count()) == ([], threads)


# --- faults


@pytest.mark.parametrize("name", BEHAVIOURS)
def test_without_keys_a_fault_is_503(name: str, server: FaultServer) -> None:
    """A good token gets 200 from what can be used and 503 from what cannot; fifty look-ups cost one
    fetch."""
    server.behaviour, comes_through = BEHAVIOURS[name]
    status = guarded(RemoteKeySet(server.url, fetch=Fetch(timeout=30 if comes_through else 0.3)))
    assert {status(mint()) for _ in range(50)} == {200 if comes_through else 503}
    assert len(server.requests) == 1


@pytest.mark.parametrize("name", BEHAVIOURS)
def test_with_keys_a_fault_changes_nothing(name: str, server: FaultServer, clock: Clock) -> None:
    """Known keys serve before, during and after a refresh that goes wrong."""
    _, status = warm(server, fetch=Fetch(timeout=PATIENCE))
    server.behaviour = BEHAVIOURS[name][0]
    clock.move(500)
    assert {status(mint(jti=str(number))) for number in range(20)} == {200}
    wait_for(lambda: len(server.requests) == 2)
    server.closing.set()  # what would hang on ends
    settle_fetches()
    assert status(mint()) == 200
    assert len(server.requests) == 2


@pytest.mark.parametrize(
    "name", [name for name in BEHAVIOURS if name.startswith(("hang", "drip", "endless 100"))]
)
def test_a_fetch_ends_by_its_deadline(name: str, server: FaultServer) -> None:
    """However steadily a server drips, the wait is over and so is the fetch while it goes on
    dripping."""
    server.behaviour = BEHAVIOURS[name][0]
    with pytest.raises(Unavailable):
        RemoteKeySet(server.url, fetch=Fetch(timeout=0.3)).find("first")
    settle_fetches()
    assert fetches_under_way() == 0


def test_a_name_server_that_hangs_holds_up_nobody(
    server: FaultServer, clock: Clock, monkeypatch: Any
) -> None:
    """`getaddrinfo` knows no time-out: the wait for it has one, and known keys serve meanwhile."""
    _, status = warm(server, fetch=Fetch(timeout=3))  # a busy machine may stop for as long
    released = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: released.wait(PATIENCE) and [])
    with pytest.raises(Unavailable):
        RemoteKeySet(server.url, fetch=Fetch(timeout=0.1)).find("first")
    clock.ahead += 700
    assert {status(mint()) for _ in range(50)} == {200}
    assert fetches_under_way() == 2
    released.set()


def test_without_a_thread_known_keys_serve(
    server: FaultServer, clock: Clock, monkeypatch: Any
) -> None:
    """A process that may start no thread is an outage like another."""
    _, status = warm(server)
    monkeypatch.setattr(threading.Thread, "start", lambda _: exec("raise RuntimeError"))
    clock.move(700)
    assert (status(mint()), guarded(RemoteKeySet(server.url))(mint())) == (200, 503)


@pytest.mark.parametrize(("size", "expected"), [(256 * 1024, 200), (256 * 1024 + 1, 503)])
@pytest.mark.parametrize("chunked", [False, True], ids=["sized", "chunked"])
def test_a_body_has_256_kib_at_most(
    size: int, expected: int, chunked: bool, server: FaultServer
) -> None:
    """The limit is exact, whether the server names the length or not."""
    body = json.dumps({"keys": JWKS}).encode().ljust(size)
    chunk = b"%x\r\n%b\r\n0\r\n\r\n" % (size, body)
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    server.behaviour = says(head, chunk) if chunked else says(answer(body))
    assert guarded(RemoteKeySet(server.url))(mint()) == expected


@pytest.mark.parametrize(
    "name",
    ["200 MB", "200 MB in chunks", "one endless header", "flood of 100-continue", "gzip bomb"],
)
def test_what_is_too_large_is_not_kept(name: str, server: FaultServer) -> None:
    """However much comes, reading it takes less than 2 MB."""
    server.behaviour = BEHAVIOURS[name][0]
    tracemalloc.start()
    try:
        with pytest.raises(Unavailable):
            RemoteKeySet(server.url).find("first")
        assert tracemalloc.get_traced_memory()[1] < 2_000_000
    finally:
        tracemalloc.stop()


def test_a_hundred_keys_are_taken(server: FaultServer) -> None:
    """The limit is 100 keys; 101 are among the faults above."""
    server.publish([*JWKS, *({"kty": "AKP"} for _ in range(98))])
    assert guarded(RemoteKeySet(server.url))(mint()) == 200


def test_a_redirect_is_not_followed(server: FaultServer) -> None:
    """Where the keys are is the owner's word, not the server's."""
    with FaultServer(JWKS) as elsewhere:
        server.behaviour = says(
            answer(b"", f"Location: {elsewhere.url}", status="307 Temporary Redirect")
        )
        assert guarded(RemoteKeySet(server.url))(mint()) == 503
        assert elsewhere.requests == []


def test_the_request_says_what_is_wanted(server: FaultServer) -> None:
    """Path and query as given, one Host, a key set in either media type (RFC 7517 section 8.5), and
    the one coding that is decoded within the bound."""
    server.pages["/keys?tenant=1"] = server.pages[PATH]
    RemoteKeySet(f"{server.origin}/keys?tenant=1").find("first")
    line, *headers = server.requests[0].strip().split("\r\n")
    assert line == "GET /keys?tenant=1 HTTP/1.1"
    assert {
        f"Host: {server.origin[7:]}",
        "Accept-Encoding: gzip",
        "Accept: application/json, application/jwk-set+json",
    } < set(headers)


# --- keys


def test_a_secret_never_comes_from_a_url(server: FaultServer) -> None:
    """An `oct` key in the document verifies nothing, whatever else it says: its readers could sign
    with it."""
    secret = Key.from_secret("s" * 32, id="secret")
    jwk = {
        "kty": "oct",
        "k": jwt.utils.base64url_encode(b"s" * 32).decode(),
        "kid": "secret",
        "alg": "HS256",
    }
    assert Key.from_jwk(jwk).verifying_key == secret.verifying_key
    server.publish([jwk, *JWKS])
    status = guarded(RemoteKeySet(server.url))
    assert (status(mint(secret)), status(mint())) == (401, 200)


@pytest.mark.parametrize(
    "private",
    [{"d": "A" * 200_000}, {"d": 5}, {"d": "AQ", "p": None, "oth": []}],
    ids=["huge", "number", "other"],
)
def test_private_members_are_not_read(private: dict[str, Any], server: FaultServer) -> None:
    """What a private member holds cannot cost a key that verifies without it, nor the seconds of a
    huge one."""
    pair = Key.generate("RS256", id="rsa")
    server.publish([pair.to_jwk() | private])
    (key,) = RemoteKeySet(server.url).find("rsa")
    assert (key.signing_key, key.algorithm) == (None, "RS256")


def test_an_rsa_key_without_alg_means_rs256(server: FaultServer) -> None:
    """Entra publishes keys without `alg`."""
    key = Key.generate("RS256", id="rsa")
    server.publish([{name: value for name, value in key.to_jwk().items() if name != "alg"}])
    assert guarded(RemoteKeySet(server.url))(mint(key)) == 200


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=20)
    | st.sampled_from(["RSA", "EC", "OKP", "oct", "sig", "ES256"]),
    lambda values: (
        st.lists(values, max_size=3) | st.dictionaries(st.text(max_size=5), values, max_size=3)
    ),
    max_leaves=5,
)
jwk_like = st.dictionaries(
    st.sampled_from(["kty", "use", "key_ops", "alg", "kid", "n", "e", "crv", "x", "y", "d", "k"]),
    json_values,
)


@pytest.fixture(scope="module")
def shared_server() -> Iterator[FaultServer]:
    """One server for all examples of a property."""
    with FaultServer() as server:
        yield server


@settings(max_examples=examples(100), deadline=None)
@example([{"kty": "EC", "x": 10**4000}, 10**40, 1e300, {"kid": "\ud800"} | SECOND.to_jwk()], 2)
@given(st.lists(json_values | jwk_like, max_size=20), st.integers(0, 20))
def test_no_other_key_costs_a_good_one(
    shared_server: FaultServer, others: list[Any], place: int
) -> None:
    """Whatever stands beside it, a good key is found; a `kid` that two keys share is nobody's."""
    shared_server.publish([*others[:place], FIRST.to_jwk(), *others[place:]])
    found = RemoteKeySet(shared_server.url).find("first")
    assert [key.thumbprint() for key in found if key.id] == [FIRST.thumbprint()]


def test_a_bad_key_is_logged_once(
    server: FaultServer, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    """The same document is not read again, so its faults are not told every ten minutes."""
    server.publish([*BAD_KEYS, *JWKS])
    _, status = warm(server)
    for _ in range(3):
        clock.move(500)
        status(mint())
        settle_fetches()
    assert len(server.requests) == 4
    assert sum("left out" in message for message in caplog.messages) == len(BAD_KEYS)


# --- time


@pytest.mark.parametrize(
    ("header", "fresh_for"),
    [
        ("", 600),
        ("Cache-Control: max-age=3600", 3600),
        ("Cache-Control: public, MAX-AGE=100, must-revalidate", 100),
        ("Cache-Control: max-age=0", 60),
        ("Cache-Control: max-age=59", 60),
        ("Cache-Control: max-age=86401", 86_400),
        ("Cache-Control: max-age=" + "9" * 5000, 86_400),
        ("Cache-Control: s-maxage=5", 600),
        ("Cache-Control: max-age=soon", 600),
        ("Cache-Control: no-store", 600),
        ("Cache-Control: max-age=100, max-age=100", 100),
        ("Cache-Control: private,\tmax-age=100 ,x", 100),
        ('Cache-Control: no-cache="max-age=100"', 600),
        ('Cache-Control: x="a, max-age=100, b", max-age=200', 200),
        ("Cache-Control: max-age=3600.5", 600),
        ("Cache-Control: max-age=3600;x", 600),
        ("Cache-Control: max-age=3600x", 600),
        ("Cache-Control: max-age=-1", 600),
        ("Cache-Control: max-age=+3600", 600),
        ("Cache-Control: max-age=3_600", 600),
        ("Cache-Control: max-age=0x10", 600),
        ("Cache-Control: max-age=1e5", 600),
        ("Cache-Control: max-age", 600),
        ("Cache-Control: max-age=", 600),
        ("Cache-Control: max-age =3600", 600),
        ("Cache-Control: max-age= 3600", 600),
        ('Cache-Control: max-age="3600"', 600),
        ('Cache-Control: max-age=3600"', 600),
        ('Cache-Control: max-age=3600"x"', 600),
        ("Cache-Control: public max-age=3600", 600),
        ("Cache-Control: public; max-age=3600", 600),
        ("Cache-Control: x-max-age=3600", 600),
        ("Cache-Control: max-age=100, max-age=200", 600),
        ("Cache-Control: max-age=\xb2", 600),
    ],
)
def test_fresh_for(header: str, fresh_for: int, server: FaultServer, clock: Clock) -> None:
    """The keys are asked for again at 80 % of `max-age`, taken as a minute at least and a day at
    most, or of 600 s."""
    server.headers = (header,) if header else ()
    keys, _ = warm(server)
    clock.hold()
    clock.move(0.8 * fresh_for - 1)
    keys.find("first")
    settle_fetches()
    assert len(server.requests) == 1
    clock.move(2)
    keys.find("first")
    settle_fetches()
    assert len(server.requests) == 2


def test_a_refresh_holds_up_nobody(server: FaultServer, clock: Clock) -> None:
    """From 80 % on the old keys serve while one fetch is under way."""
    _, status = warm(server)
    server.behaviour = hang
    clock.move(500)
    assert {status(mint(jti=str(number))) for number in range(50)} == {200}
    assert fetches_under_way() == 1
    server.closing.set()


def test_an_outage_holds_up_nobody(server: FaultServer, clock: Clock) -> None:
    """Once a fetch has failed, keys past their freshness serve at once, also while the next attempt
    hangs."""
    _, status = warm(server)
    server.behaviour = DOWN
    clock.move(700)
    assert status(mint()) == 200
    server.behaviour = hang
    clock.move(6)
    assert {status(mint(jti=str(number))) for number in range(50)} == {200}
    assert fetches_under_way() == 1
    server.closing.set()


def test_keys_that_nobody_asked_for_are_confirmed_first(server: FaultServer, clock: Clock) -> None:
    """After an idle night, a key withdrawn in the evening verifies nothing: only an outage lets old
    keys serve."""
    _, status = warm(server)
    server.publish(JWKS[1:])
    clock.move(40_000)
    assert (status(mint()), status(mint(SECOND))) == (401, 200)


@pytest.mark.parametrize(
    "keys", [JWKS[1:], [Key.generate(id="first").to_jwk()]], ids=["removed", "replaced"]
)
def test_a_key_that_is_gone_ends_kept_verdicts(
    keys: list[Any], server: FaultServer, clock: Clock
) -> None:
    """A kept token is verified anew once its key has gone from the document, or become another."""
    _, status = warm(server)
    server.publish(keys)
    clock.move(500)
    status(mint())
    settle_fetches()
    assert status(mint()) == 401


def test_a_thread_that_has_not_quite_ended(
    server: FaultServer, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The thread of a fetch lives on for a moment after its answer is used. Meanwhile a fetch that
    is due starts all the same, and a key withdrawn by then verifies nothing."""
    keys, status = warm(server)
    is_over, run = threading.Event(), threading.Thread.run

    def run_and_stay(thread: threading.Thread) -> None:
        run(thread)
        is_over.wait(PATIENCE)

    monkeypatch.setattr(threading.Thread, "run", run_and_stay)
    try:
        for published in (JWKS, JWKS[1:]):
            server.publish(published)
            kit_clock.AheadClock.move(clock, 500)  # `Clock.move` would wait for the thread's end
            status(mint())
            wait_for(lambda: (keys.age or 0) < 400)
    finally:
        is_over.set()
    assert status(mint()) == 401


def test_keys_that_are_replaced_between_two_steps_of_a_request(
    server: FaultServer, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A refresh ends after a request has looked for an unknown id, and before it may start a fetch.
    The key is published after the refresh, and the request still finds it."""
    keys, status = warm(server)
    third, find = Key.generate(id="third"), Snapshot.find

    def find_late(snapshot: Snapshot, kid: str | None) -> Any:
        found = find(snapshot, kid)
        if kid == third.id and len(server.requests) == 1:
            clock.move(500)
            assert keys.generation
            settle_fetches()
            server.publish([*JWKS, third.to_jwk()])
        return found

    monkeypatch.setattr(Snapshot, "find", find_late)
    assert status(mint(third)) == 200
    assert len(server.requests) == 3


def test_the_generation_stays_while_the_document_does(server: FaultServer, clock: Clock) -> None:
    """A refresh that brings nothing new costs no kept token its verdict; every change is another
    generation."""
    keys, status = warm(server)
    before = keys.generation
    clock.move(500)
    status(mint())
    settle_fetches()
    assert (keys.generation, len(server.requests)) == (before, 2)
    server.publish([SECOND.to_jwk()])
    clock.move(500)
    status(mint())
    settle_fetches()
    assert keys.generation != before


def test_an_outage_of_a_day_is_survived(server: FaultServer, clock: Clock) -> None:
    """Good tokens: 200 through 24 hours of outage, then 503, and 200 within one cooldown of the
    recovery."""
    _, status = warm(server)
    clock.move(470)
    server.behaviour = DOWN
    for _ in range(24 * 4):
        clock.move(900)
        assert status(mint()) == 200
    clock.move(601)
    assert status(mint()) == 503
    server.behaviour = well
    clock.move(30)
    assert status(mint()) == 200


def test_without_stale_keys_an_outage_shows_at_once(server: FaultServer, clock: Clock) -> None:
    """`stale_for=0`: when the keys are not fresh any more, it is 503."""
    _, status = warm(server, stale_for=0)
    server.behaviour = DOWN
    clock.hold()
    clock.move(599)
    assert status(mint()) == 200
    clock.move(2)
    assert status(mint()) == 503


def test_a_failing_endpoint_is_left_in_peace(server: FaultServer, clock: Clock) -> None:
    """50 look-ups at a failing endpoint: 2 fetches in 30 s, whether all at once or over the
    time."""
    server.behaviour = DOWN
    status = guarded(RemoteKeySet(server.url))
    clock.hold()
    for _ in range(50):
        assert status(mint()) == 503
        clock.move(30 / 50)
    assert len(server.requests) == 2


# --- unknown ids


def test_a_thousand_unknown_ids_cost_two_fetches(server: FaultServer, clock: Clock) -> None:
    """One fetch a cooldown beside the first, however many strangers make up ids."""
    _, status = warm(server)
    assert {status(mint(kid=f"made up {number}")) for number in range(500)} == {401}
    assert len(server.requests) == 2
    clock.move(15)  # a busy machine may need the other 15
    assert {status(mint(kid=f"made up {number}")) for number in range(500, 1000)} == {401}
    assert len(server.requests) == 2
    clock.move(16)
    assert {status(mint(kid=f"made up {number}")) for number in range(500, 1000)} == {401}
    assert len(server.requests) == 3


def test_a_new_key_is_found_at_once(server: FaultServer, clock: Clock) -> None:
    """Rotation: a token of a key that is new since the last fetch, however short ago, is good at
    its first use; only a fetch for another unknown `kid` makes it wait for 30 s."""
    _, status = warm(server)
    third, fourth = Key.generate(id="third"), Key.generate(id="fourth")
    server.publish([*JWKS, third.to_jwk()])
    assert status(mint(third)) == 200
    server.publish([*JWKS, third.to_jwk(), fourth.to_jwk()])
    assert status(mint(fourth)) == 401
    clock.move(31)
    assert status(mint(fourth)) == 200
    assert len(server.requests) == 3


def test_a_new_key_is_found_beside_a_refresh(server: FaultServer, clock: Clock) -> None:
    """A refresh that was answered before the new key was published does not make its token 401."""
    _, status = warm(server)
    third = Key.generate(id="third")
    asked, released = threading.Event(), threading.Event()

    def held_up(exchange: Exchange) -> None:
        asked.set()
        released.wait(PATIENCE)
        exchange.request.sendall(answer(json.dumps({"keys": JWKS}).encode()))

    server.behaviour = held_up
    clock.move(500)
    assert status(mint()) == 200
    assert asked.wait(PATIENCE)
    server.publish([*JWKS, third.to_jwk()])
    server.behaviour = well
    with ThreadPoolExecutor() as pool:
        waiting = pool.submit(status, mint(third))
        released.set()
        assert waiting.result() == 200
    assert len(server.requests) == 3


# --- keys without an algorithm


def bare(key: Key) -> dict[str, str]:
    """The public JWK of a key without `alg`, as Entra and others publish it."""
    return {name: value for name, value in key.to_jwk().items() if name != "alg"}


@pytest.mark.parametrize("name", ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"])
def test_an_rsa_key_without_alg(name: str, server: FaultServer) -> None:
    """`algorithm` says which one of its kind the key has; all others are 401."""
    names = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512")
    signers = {one: Key(one, "rsa", RSA.signing_key, RSA.verifying_key) for one in names}
    server.publish([bare(signers["RS256"])])
    status = guarded(RemoteKeySet(server.url, algorithm=name))
    for one, signer in signers.items():
        assert status(mint(signer)) == (200 if one == name else 401)


@pytest.mark.parametrize("algorithm", ["RS512", "Ed25519", "ES256"])
def test_an_algorithm_is_for_its_kind_alone(algorithm: str, server: FaultServer) -> None:
    """Keys of another kind, and keys that name theirs, keep their own; each curve has its one."""
    signers = [Key.generate(name, id=name) for name in ("ES256", "ES384", "EdDSA")]
    named = Key("RS256", "named", RSA.signing_key, RSA.verifying_key)
    server.publish([*map(bare, signers), named.to_jwk()])
    status = guarded(RemoteKeySet(server.url, algorithm=algorithm))
    for signer in (signers[0], signers[1], named):
        assert status(mint(signer)) == 200
    wanted = 401 if algorithm == "Ed25519" else 200
    assert status(mint(signers[2])) == wanted


@pytest.mark.parametrize("algorithm", ["HS256", "none", "rs256", "", 5, ["RS256"]], ids=repr)
def test_no_other_algorithm_can_be_given(algorithm: Any) -> None:
    """That of a secret, a slip and a wrong type are refused while building, by each way."""
    for make in (RemoteKeySet, DiscoveredKeySet):
        with pytest.raises(ConfigurationError, match=r"^algorithm must be one of RS256, "):
            make("https://idp.example/", algorithm=algorithm)


# --- bad signatures


@pytest.mark.parametrize("algorithm", ["ES256", "RS256"])
def test_a_key_that_changed_under_its_id(algorithm: str, server: FaultServer, clock: Clock) -> None:
    """The first bad signature is 401 and starts a fetch in the background, whose keys are the next
    token's, whether or not the algorithm has changed with the key."""
    keys, status = warm(server)
    changed = Key.generate(algorithm, id="first")
    server.publish([changed.to_jwk()])
    assert status(mint(changed)) == 401
    settle_fetches()
    assert status(mint(changed)) == 200
    assert status(mint()) == 401
    assert len(server.requests) == 2
    assert keys.find("second") == ()


def test_a_bad_signature_waits_for_nothing(server: FaultServer, clock: Clock) -> None:
    """Neither the forger nor anyone else waits for the fetch that a forged token starts."""
    _, status = warm(server)
    server.behaviour = hang
    forger = Key.generate(id="first")
    assert {status(mint(forger, jti=str(number))) for number in range(20)} == {401}
    assert status(mint(jti="good")) == 200
    assert fetches_under_way() == 1
    server.closing.set()


def test_a_thousand_forged_tokens_cost_one_fetch(server: FaultServer, clock: Clock) -> None:
    """One a cooldown, shared with unknown ids; a token of known form and of another issuer costs
    none."""
    _, status = warm(server)
    forger = Key.generate(id="first")
    assert {status(mint(forger, jti=str(number))) for number in range(500)} == {401}
    settle_fetches()
    assert status(mint(kid="made up")) == 401
    assert len(server.requests) == 2
    clock.move(31)
    assert {status(mint(forger, jti=str(number))) for number in range(500)} == {401}
    settle_fetches()
    assert len(server.requests) == 3
    clock.move(31)
    assert status(mint(forger, iss="https://other.example/")) == 401
    assert len(server.requests) == 3


def test_a_failing_endpoint_is_left_in_peace_by_forgers(server: FaultServer, clock: Clock) -> None:
    """After a failed fetch, forged tokens are 401 and keep to its pauses."""
    _, status = warm(server)
    clock.hold()
    server.behaviour = DOWN
    forger = Key.generate(id="first")
    for number in range(50):
        assert status(mint(forger, jti=str(number))) == 401
        clock.move(30 / 50)
    assert len(server.requests) == 3


def test_the_pause_after_a_failure_is_kept(server: FaultServer, clock: Clock) -> None:
    """A refresh has failed: within the pause neither an unknown `kid` nor a forgery asks again,
    though nobody has looked for an unknown one before."""
    _, status = warm(server)
    server.behaviour = DOWN
    clock.move(500)
    assert status(mint()) == 200
    settle_fetches()
    assert (status(mint(kid="new")), status(mint(Key.generate(id="first")))) == (503, 401)
    settle_fetches()
    assert len(server.requests) == 2


def test_one_request_waits_for_an_unknown_id(server: FaultServer, clock: Clock) -> None:
    """While the keys are fetched for an unknown `kid`, one request waits, and the others hear `try
    again` at once."""
    _, status = warm(server, fetch=Fetch(timeout=PATIENCE))  # a busy machine may stop for 3 s
    third = Key.generate(id="third")
    server.publish([*JWKS, third.to_jwk()])
    asked, released = threading.Event(), threading.Event()

    def held_up(exchange: Exchange) -> None:
        asked.set()
        released.wait(PATIENCE)
        well(exchange)

    server.behaviour = held_up
    clock.move(31)
    with ThreadPoolExecutor() as pool:
        # The one that begins the fetch need not be the one that waits: any of them may come first.
        requests = [pool.submit(status, mint(third)) for _ in range(3)]
        assert asked.wait(PATIENCE)
        wait_for(lambda: sum(one.done() for one in requests) == 2)
        assert [one.result() for one in requests if one.done()] == [503, 503]
        assert [status(mint(kid="made up")), status(mint())] == [503, 200]
        (waiting,) = (one for one in requests if not one.done())
        released.set()
        assert waiting.result() == 200
    assert len(server.requests) == 2


def test_a_request_while_a_fetch_starts(
    server: FaultServer, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A request that comes before the thread of a fetch runs is not told that the key is unknown,
    since the fetch may bring it."""
    _, status = warm(server, fetch=Fetch(timeout=PATIENCE))
    third = Key.generate(id="third")
    server.publish([*JWKS, third.to_jwk()])
    clock.move(31)
    late: list[Future[int]] = []
    start = threading.Thread.start

    def slow_start(thread: threading.Thread) -> None:
        if thread.name == "jwt-middleware-keys":
            late.append(pool.submit(status, mint(third)))
            wait(late, 0.5)  # it hears nothing before the fetch runs, or is told what is wrong
        start(thread)

    with ThreadPoolExecutor() as pool:
        pool.submit(int).result()  # the pool starts its threads as well
        monkeypatch.setattr(threading.Thread, "start", slow_start)
        assert status(mint(third)) in (200, 503)
        assert late[0].result() in (200, 503)
    assert len(late) == 1


def test_after_a_failed_fetch_an_unknown_id_is_our_fault(server: FaultServer, clock: Clock) -> None:
    """It may be a good one, so it is 503 with the seconds to wait, and 401 only when a fetch has
    come through."""
    keys, status = warm(server)
    server.behaviour = DOWN
    clock.move(31)
    assert [status(mint(kid="made up")) for _ in range(3)] == [503, 503, 503]
    with pytest.raises(Unavailable) as caught:
        keys.find("made up")
    assert (caught.value.reason, caught.value.retry_after) == ("keys_unavailable", 5)
    server.behaviour = well
    clock.move(6)
    assert status(mint(kid="made up")) == 401
    assert len(server.requests) == 3


def test_all_wait_for_the_first_keys(server: FaultServer) -> None:
    """At the start nobody has keys: many requests at once make one fetch, and all are served by
    it."""
    server.behaviour = BEHAVIOURS["slow (0.4 s)"][0]
    status = guarded(RemoteKeySet(server.url))
    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(lambda _: status(mint()), range(8))) == {200}
    assert len(server.requests) == 1


def test_a_request_with_an_old_snapshot_starts_no_fetch(server: FaultServer) -> None:
    """Who has waited for the lock while another request's fetch was answered looks at the answer
    first."""
    keys, _ = warm(server)
    # inside: the model compares what the set holds with what it should
    assert keys._started_fetch(copy.copy(keys._snapshot)) is None
    assert (len(server.requests), fetches_under_way()) == (1, 0)


def test_a_token_without_an_id_tries_every_key(server: FaultServer) -> None:
    """`kid` is optional (RFC 7515 section 4.1.4), and its absence asks nobody."""
    keys, _ = warm(server)
    assert [key.id for key in keys.find(None)] == ["first", "second"]
    assert len(server.requests) == 1


steps = st.lists(
    st.tuples(
        st.sampled_from([0, 1, 4, 6, 29, 31, 100, 481, 601, 40_000, 87_001]),
        st.booleans(),
        st.booleans(),
    ),
    max_size=12,
)


@settings(max_examples=examples(60), deadline=None)
@given(steps)
def test_any_history(shared_server: FaultServer, steps: list[tuple[int, bool, bool]]) -> None:
    """Whatever fails when: keys serve for a day after the last success, an unknown `kid` is 401
    exactly if the last fetch succeeded, and no 30 seconds see five fetches."""
    clock, fetches, last_success, has_succeeded = Clock(), [], float("-inf"), False
    shared_server.publish(JWKS)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(time, "monotonic", clock)
        status = guarded(RemoteKeySet(shared_server.url))
        for pause, is_up, is_known in steps:
            clock.move(pause)
            shared_server.behaviour = well if is_up else DOWN
            before = len(shared_server.requests)
            answer = status(mint() if is_known else mint(kid="made up"))
            settle_fetches()
            fetches += [clock.ahead] * (len(shared_server.requests) - before)
            if len(shared_server.requests) > before:
                has_succeeded = is_up
                last_success = clock.ahead if is_up else last_success
            age = clock.ahead - last_success
            if is_known:
                assert answer == (200 if age < 87_000 else 503)
            else:
                assert answer == (401 if has_succeeded else 503)
    assert all(fifth - first >= 30 for first, fifth in zip(fetches, fetches[4:], strict=False))


# --- what is told


def test_the_log_names_no_secret(server: FaultServer, caplog: pytest.LogCaptureFixture) -> None:
    """Neither a query, which may hold a secret, nor a text of the server's reaches the log or the
    repr."""
    server.behaviour = says(b"HTTP/1.1 500 injected\r\n\r\n")
    keys = RemoteKeySet(f"{server.url}?code=secret")
    with pytest.raises(Unavailable):
        keys.find("first")
    assert repr(keys) == f"RemoteKeySet({server.url!r})"
    assert caplog.record_tuples == [
        (
            "jwt_middleware",
            logging.WARNING,
            f"{keys!r} cannot be reached: the answer has the status 500",
        )
    ]


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("drip the body fast", "TimeoutError"),
        ("flood of 100-continue", "the answer is too large|HTTPException"),  # since Python 3.15
        ("endless headers", "HTTPException"),
        ("200 MB", "the answer is too large"),
        ("RST before headers", "ConnectionResetError"),
        (
            "redirect to itself",
            r"the answer has the status 302, a redirect to 'http://127\.0\.0\.1:\d+', which .*",
        ),
        ("redirect to file://", "the answer has the status 302, .* an address without a host, .*"),
        ("gzip bomb", "the answer is too large"),
        ("gzip cut off", "the answer is not valid gzip"),
        ("deflate", "the answer has a coding that was not asked for"),
        ("HTML", "the answer is not strict JSON"),
        ("101 keys", "the answer has more than 100 keys"),
    ],
)
def test_the_log_says_why(
    name: str, why: str, server: FaultServer, caplog: pytest.LogCaptureFixture
) -> None:
    """One WARNING a failed fetch, from which an operator can tell what to look at."""
    server.behaviour = BEHAVIOURS[name][0]
    with pytest.raises(Unavailable):
        RemoteKeySet(server.url, fetch=Fetch(timeout=1)).find("first")
    settle_fetches()
    (told,) = (message.partition(" cannot be reached: ")[2] for message in caplog.messages)
    assert re.fullmatch(why, told)


# --- TLS


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with a key and a certificate for 127.0.0.1 that nobody has signed."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "test")])
    builder = x509.CertificateBuilder(
        name, name, key.public_key(), x509.random_serial_number(), now, now + timedelta(days=1)
    )
    alternative = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
    signed = builder.add_extension(alternative, critical=False).sign(key, hashes.SHA256())
    file = tmp_path_factory.mktemp("tls") / "server.pem"
    encoding, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    file.write_bytes(
        key.private_bytes(encoding, form, serialization.NoEncryption())
        + signed.public_bytes(encoding)
    )
    return file


@pytest.fixture
def tls_server(certificate: Path) -> Iterator[FaultServer]:
    """A server that speaks TLS."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    with FaultServer(JWKS, tls=context) as server:
        yield server
    settle_fetches()


def test_https_needs_a_certificate_that_is_trusted(
    tls_server: FaultServer, certificate: Path, monkeypatch: Any
) -> None:
    """A stranger's certificate is a failed fetch; the system's trust, which SSL_CERT_FILE may name,
    decides."""
    assert guarded(RemoteKeySet(tls_server.url))(mint()) == 503
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    assert guarded(RemoteKeySet(tls_server.url))(mint()) == 200
    assert guarded(RemoteKeySet(tls_server.url.replace("127.0.0.1", "localhost")))(mint()) == 503


@pytest.mark.parametrize(
    "make_url",
    [
        lambda plain, tls: plain.url,
        lambda plain, tls: plain.url.replace("127.0.0.1", "localhost"),
        lambda plain, tls: plain.url.upper().replace("HTTP:", "HTTP:", 1),
        lambda plain, tls: tls.url.replace("127.0.0.1", "ann:word@127.0.0.1"),
        lambda plain, tls: tls.url + "#keys",
        lambda plain, tls: "file:///etc/hostname",
        lambda plain, tls: 'data:application/json,{"keys":[]}',
        lambda plain, tls: tls.url.removeprefix("https:"),
        lambda plain, tls: None,
        lambda plain, tls: [tls.url],
    ],
    ids=[
        *("http on loopback", "http on localhost", "HTTP", "user info", "fragment", "file", "data"),
        *("no scheme", "none", "a list"),
    ],
)
def test_an_https_issuer_sends_nobody_to_another_scheme(
    make_url: Any, tls_server: FaultServer, server: FaultServer, certificate: Path, monkeypatch: Any
) -> None:
    """Whoever writes an issuer's metadata must not reach the plain services of this machine: only
    an https `jwks_uri` is asked, on whatever host."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    page = {"issuer": tls_server.origin, "jwks_uri": make_url(server, tls_server)}
    tls_server.pages["/.well-known/openid-configuration"] = json.dumps(page).encode()
    with pytest.raises(Unavailable):
        DiscoveredKeySet(tls_server.origin).find("first")
    assert server.requests == []
    assert len(tls_server.requests) == 1
    tls_server.pages["/.well-known/openid-configuration"] = json.dumps(
        page | {"jwks_uri": tls_server.url}
    ).encode()
    assert DiscoveredKeySet(tls_server.origin).find("first")[0].id == "first"


def test_a_redirect_of_an_https_server_is_not_followed(
    tls_server: FaultServer, server: FaultServer, certificate: Path, monkeypatch: Any
) -> None:
    """A redirect would reach plain http just so."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    tls_server.behaviour = says(answer(b"", f"Location: {server.url}", status="302 Found"))
    for keys in (RemoteKeySet(tls_server.url), DiscoveredKeySet(tls_server.origin)):
        with pytest.raises(Unavailable):
            keys.find("first")
    assert server.requests == []


def test_a_handshake_ends_by_the_deadline(server: FaultServer) -> None:
    """A server that never answers the TLS greeting is let go like any that hangs."""
    server.behaviour = drip(b"\x16\x03\x03\x40\x00", b"\x00", 0.05)
    with pytest.raises(Unavailable):
        RemoteKeySet(server.url.replace("http", "https"), fetch=Fetch(timeout=0.3)).find("first")
    settle_fetches()
    assert fetches_under_way() == 0


# --- processes

_APPLICATION = """
    import os, threading
    from jwt_middleware import JWTMiddleware, Provider, Rule, public
    from jwt_middleware.trust.remote_keys import RemoteKeySet

    def hello(environ, start_response):
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [str(os.getpid()).encode()]

    keys = RemoteKeySet(os.environ["JWKS_URL"])
    provider = Provider(issuer="https://idp.example/", audience="api", keys=keys)
    rules = [Rule("/"), Rule("/open", public)]
    application = JWTMiddleware(hello, providers=[provider], rules=rules)
"""


@pytest.mark.needs_servers
@pytest.mark.parametrize(
    "worker",
    [("sync", "--workers=2"), ("gthread", "--threads=4"), ("gevent", "--graceful-timeout=1")],
)
def test_gunicorn_with_a_preloaded_app(
    worker: tuple[str, str], tls_server: FaultServer, certificate: Path, tmp_path: Path
) -> None:
    """Built before the fork, used after it, over TLS: every kind of worker fetches the keys itself,
    once."""
    (tmp_path / "guarded.py").write_text(textwrap.dedent(_APPLICATION))
    options = ("--preload", f"--worker-class={worker[0]}", worker[1])
    environ = {"JWKS_URL": tls_server.url, "SSL_CERT_FILE": str(certificate)}
    with gunicorn("guarded:application", *options, cwd=tmp_path, env=environ) as address:
        assert tls_server.requests == []
        answers = [call(address, token=mint()) for _ in range(20)]
    assert {answer.status for answer in answers} == {200}
    assert len(tls_server.requests) == len({answer.body for answer in answers})


@pytest.mark.needs_servers
def test_a_waiting_request_leaves_a_gevent_worker_free(server: FaultServer, tmp_path: Path) -> None:
    """Under gevent a fetch is a greenlet: one worker answers others while it hangs."""
    (tmp_path / "guarded.py").write_text(textwrap.dedent(_APPLICATION))
    server.behaviour = hang
    options = ("--worker-class=gevent", "--graceful-timeout=1")
    with (
        gunicorn(
            "guarded:application", *options, cwd=tmp_path, env={"JWKS_URL": server.url}
        ) as address,
        ThreadPoolExecutor() as pool,
    ):
        waiting = pool.submit(call, address, token=mint())
        wait_for(lambda: server.requests)
        assert call(f"{address}/open")[0] == 200
        assert not waiting.done()
        assert waiting.result()[0] == 503


_FORK = """
    import os, signal, sys, threading
    from jwt_middleware.trust.remote_keys import RemoteKeySet

    signal.alarm(60)
    keys = RemoteKeySet(sys.argv[1])
    threading.Thread(target=keys.find, args=("first",), daemon=True).start()
    sys.stdin.readline()  # the fetch hangs by now
    keys._starting[os.getpid()].acquire()  # as if another thread were just starting one
    if os.fork() == 0:
        signal.alarm(60)
        print(keys.find("first")[0].id, flush=True)
        os._exit(0)
    os.wait()
"""


def test_a_fork_in_the_middle_of_a_fetch(server: FaultServer) -> None:
    """A child has neither the thread of its parent's fetch nor anybody to free its lock: it starts
    anew."""
    assert fork_amid(1, server, _FORK) == "first\n"
    assert len(server.requests) == 2
