"""The throttle over the counters of every store: what is too much, for whom, and for how long."""

import logging
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from clock import Clock, stopped
from hypothesis import given, settings
from hypothesis import strategies as st
from werkzeug.middleware.proxy_fix import ProxyFix

from jwt_middleware.errors import ConfigurationError
from jwt_middleware.login import throttle
from jwt_middleware.login.throttle import Throttle, Throttled, address_of
from jwt_middleware.stores import MemoryStore

Counters = Any  # MemoryStore | SQLStore | RedisLog
HOME, AWAY = "192.0.2.1", "198.51.100.7"
USUAL = Throttle()
DAY = 86_400


@pytest.fixture
def clock() -> Iterator[Clock]:
    """`time.time`, standing still at the beginning of a period of thirty days."""
    with stopped("time", 700.0 * 30 * DAY) as clock:
        yield clock


def fail(
    counters: Counters, name: str = "ann", address: str | None = HOME, *, times: int = 1
) -> None:
    """Try wrong passwords."""
    for _ in range(times):
        USUAL.attempt(counters, name, address)


def succeed(counters: Counters, name: str = "ann", address: str | None = HOME) -> None:
    """Sign in."""
    USUAL.attempt(counters, name, address).succeeded()


def waits(counters: Counters, name: str = "ann", address: str | None = HOME) -> int:
    """The seconds to wait before an attempt, 0 for one that may be made now (and is, and was
    right)."""
    try:
        succeed(counters, name, address)
    except Throttled as throttled:
        return throttled.retry_after
    return 0


# ------------------------------------------------------------------------------------------------
# the limits


def test_five_a_minute_for_a_name_from_an_address(log: Counters) -> None:
    """The sixth attempt waits for the minute to end; other names, and other addresses, do not."""
    fail(log, times=5)
    assert 55 <= waits(log) <= 60
    assert waits(log, "Ann") == waits(log, "ann ") == waits(log, "bob") == 0
    assert waits(log, address=AWAY) == 0


def test_fifty_a_minute_for_an_address(log: Counters) -> None:
    """Many names from one address are as bad as one; the names are free to sign in elsewhere."""
    for n in range(50):
        fail(log, f"user{n}")
    assert 55 <= waits(log, "ann") <= 60
    assert waits(log, "user1", AWAY) == 0


def test_a_hundred_an_hour_for_a_name(log: Counters) -> None:
    """Many addresses that try one name make it wait for everybody who has not signed in with it
    lately."""
    succeed(log, address=HOME)
    for n in range(100):
        fail(log, address=f"198.51.100.{n}")
    assert 3500 <= waits(log, address="203.0.113.1") <= 3600
    assert waits(log, "bob", "203.0.113.1") == 0
    assert waits(log, address=HOME) == 0


def test_a_success_is_no_failure(log: Counters) -> None:
    """Who signs in well may do so without end, also after some failures, and these still count."""
    fail(log, times=4)
    assert [waits(log) for _ in range(60)] == [0] * 60
    fail(log)
    assert waits(log) > 0


def test_a_refused_attempt_is_not_counted(memory_store: MemoryStore, clock: Clock) -> None:
    """Who keeps trying waits no longer than who does not, and uses up nobody else's share."""
    fail(memory_store, times=5)
    clock.now += 30
    assert [waits(memory_store) for _ in range(300)] == [30] * 300
    fail(memory_store, "bob", times=5)
    clock.now += 30
    assert waits(memory_store) == 0
    assert waits(memory_store, address=AWAY) == 0


def test_a_full_address_uses_up_no_name(memory_store: MemoryStore, clock: Clock) -> None:
    """Attempts that are refused for where they come from leave the names they are for as they
    were."""
    for n in range(50):
        fail(memory_store, f"user{n}")
    clock.now += 30
    assert all(waits(memory_store) for _ in range(200))
    clock.now += 30
    assert waits(memory_store) == 0


def test_how_long_to_wait(memory_store: MemoryStore, clock: Clock) -> None:
    """`Retry-After` is in whole seconds, never less than there are, and never none; after it an
    attempt may be made."""
    fail(memory_store, times=5)
    for passed, left in ((0, 60), (0.5, 60), (1, 59), (58.9, 2), (59.5, 1), (59.999, 1)):
        clock.now = 700.0 * 30 * DAY + passed
        assert waits(memory_store) == left
    clock.now = 700.0 * 30 * DAY + 60
    assert waits(memory_store) == 0


def test_without_an_address(log: Counters) -> None:
    """Where no address can be told names are counted alone, and together, and nothing else is."""
    fail(log, address=None, times=5)
    assert waits(log, address=None) > 0
    for n in range(60):
        fail(log, f"user{n}", None)
    assert waits(log, "bob", None) == 0


@pytest.mark.parametrize("days", [1, 29.9, 30])
@pytest.mark.parametrize("start", [0, 15, 29.9])
def test_an_address_is_known_for_thirty_days(
    memory_store: MemoryStore, clock: Clock, start: float, days: float
) -> None:
    """A stranger cannot lock a user out of where it signed in within thirty days, first or last."""
    clock.now += start * DAY
    succeed(memory_store)
    clock.now += days * DAY
    for n in range(100):
        fail(memory_store, address=f"198.51.100.{n}")
    assert waits(memory_store, address=AWAY) > 0
    assert waits(memory_store, address=HOME) == 0


def test_an_address_is_not_known_for_ever(memory_store: MemoryStore, clock: Clock) -> None:
    """After two months an address is like any other, and it never was for another name."""
    succeed(memory_store)
    fail(memory_store, "bob", AWAY)
    clock.now += 60 * DAY
    for name in ("ann", "bob"):
        for n in range(100):
            fail(memory_store, name, f"198.51.100.{n}")
        assert waits(memory_store, name) > 0


def test_a_known_address_may_not_guess_without_end(memory_store: MemoryStore, clock: Clock) -> None:
    """Where a user signed in before, five a minute is still all."""
    succeed(memory_store)
    fail(memory_store, times=5)
    assert waits(memory_store) > 0


FAILING = """if True:
    import os
    from jwt_middleware.login.throttle import Throttle, Throttled
    from jwt_middleware.stores import RedisLog, SQLStore
    counters = {counters}
    counters.ping()
    told, tell = os.pipe()
    for n in range(4):
        if not os.fork():
            for _ in range(3):
                try:
                    Throttle().attempt(counters, "ann", "192.0.2.1")
                    os.write(tell, b"+")
                except Throttled:
                    os.write(tell, b"-")
            os._exit(0)
    print([os.waitstatus_to_exitcode(os.wait()[1]) for _ in range(4)], sorted(os.read(told, 100)).count(ord("+")))
"""


@pytest.mark.parametrize("engine", ["sqlite", "postgresql", "redis"])
def test_all_workers_count_together(request: pytest.FixtureRequest, engine: str) -> None:
    """Of twelve attempts that four processes make at once five are let through."""
    url = request.getfixturevalue(f"{engine}_url")
    script = FAILING.format(counters=f"{'RedisLog' if engine == 'redis' else 'SQLStore'}({url!r})")
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60
    )
    assert (done.stdout, done.stderr) == ("[0, 0, 0, 0] 5\n", "")


# ---------------------------------------------------------------------------------------------
# names and options


@given(name=st.text(), address=st.one_of(st.none(), st.text(max_size=50)))
@settings(deadline=None)
def test_any_name_can_be_counted(name: str, address: str | None) -> None:
    """Whatever a client sends as a name: five, and no more."""
    counters = MemoryStore()
    fail(counters, name, address, times=5)
    assert waits(counters, name, address) > 0


@pytest.mark.parametrize(
    "name", ["", "\udce4", "a\0b", "x" * 2**20, "%", "{}"], ids=lambda name: ascii(name)[:20]
)
def test_no_name_is_kept(log: Counters, name: str) -> None:
    """What a name is made of never reaches the store, so any name can be counted on each engine."""
    fail(log, name, times=5)
    assert waits(log, name) > 0


def test_limits_of_the_owners(memory_store: MemoryStore, clock: Clock) -> None:
    """Each limit can be set, and each binds on its own."""
    strict = Throttle(
        per_name_and_address="1/second", per_name="2 per 5 minutes", per_address="3/hour"
    )
    strict.attempt(memory_store, "ann", HOME)
    with pytest.raises(Throttled) as caught:
        strict.attempt(memory_store, "ann", HOME)
    assert caught.value.retry_after == 1
    strict.attempt(memory_store, "ann", AWAY)
    with pytest.raises(Throttled) as caught:
        strict.attempt(memory_store, "ann", "203.0.113.1")
    assert caught.value.retry_after == 300
    for name in ("bob", "eve"):
        strict.attempt(memory_store, name, HOME)
    with pytest.raises(Throttled) as caught:
        strict.attempt(memory_store, "dan", HOME)
    assert caught.value.retry_after == 3600


@pytest.mark.parametrize(
    "limit",
    ["", "five", "5", "5/fortnight", "/minute", "-1/minute", 5, None, ["5/minute"]],
    ids=str,
)
@pytest.mark.parametrize("which", ["per_name_and_address", "per_name", "per_address"])
def test_what_is_no_limit(which: str, limit: Any) -> None:
    """A limit that `limits` does not read is refused while building, with an example of a good
    one."""
    with pytest.raises(ConfigurationError, match="5/minute"):
        Throttle(**{which: limit})


# -------------------------------------------------------------------------------------------------
# addresses

ADDRESSES = {
    "192.0.2.1": "192.0.2.1",
    "127.0.0.1": "127.0.0.1",
    "2001:db8:1:2:3:4:5:6": "2001:db8:1:2::",
    "2001:db8:1:2::": "2001:db8:1:2::",
    "2001:DB8:1:2:ffff::1": "2001:db8:1:2::",
    "2001:db8:1:3::1": "2001:db8:1:3::",
    "::ffff:192.0.2.1": "192.0.2.1",
    "fe80::1%eth0": "fe80::",
    "::1": "::",
    "": None,
    "unix:": None,
    "@": None,
    "192.0.2.1:5000": None,
    "proxy.example": None,
    "\u0661.2.3.4": None,
}


@pytest.mark.parametrize(("peer", "counted"), ADDRESSES.items(), ids=ascii)
def test_what_is_counted_of_an_address(peer: str, counted: str | None) -> None:
    """An IPv4 address however it is written, the /64 that one household has of IPv6, and nothing
    else."""
    assert address_of({"REMOTE_ADDR": peer}) == counted


@pytest.mark.usefixtures("not_warned_yet")
def test_no_peer_at_all(caplog: pytest.LogCaptureFixture) -> None:
    """A server that does not say who the peer is, as behind a Unix socket, is no reason to warn."""
    assert address_of({}) is None
    assert caplog.records == []


@pytest.fixture
def not_warned_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that has given no warning so far."""
    monkeypatch.setattr(throttle, "_has_warned", False)


@pytest.mark.parametrize(
    "peer", ["127.0.0.1", "127.8.9.1", "::1", "::ffff:127.0.0.1", "", "unix:", None], ids=str
)
@pytest.mark.usefixtures("not_warned_yet")
def test_a_proxy_without_proxyfix(caplog: pytest.LogCaptureFixture, peer: str | None) -> None:
    """All the world would be one address, so none is counted; the operator is told once, and no
    header is believed."""
    environ = {"HTTP_X_FORWARDED_FOR": "192.0.2.1"} | (
        {} if peer is None else {"REMOTE_ADDR": peer}
    )
    assert [address_of(environ) for _ in range(3)] == [None] * 3
    (record,) = caplog.records
    assert (record.name, record.levelno) == ("jwt_middleware.login", logging.WARNING)
    assert "ProxyFix" in record.getMessage()


@pytest.mark.usefixtures("not_warned_yet")
@pytest.mark.parametrize("peer", [HOME, "127.0.0.1"])
def test_a_proxy_with_proxyfix(caplog: pytest.LogCaptureFixture, peer: str) -> None:
    """It leaves the header and puts the client's address where it belongs; that may be loopback,
    and is counted."""
    seen: list[str | None] = []
    app = ProxyFix(lambda environ, start_response: seen.append(address_of(environ)) or [])
    app({"REMOTE_ADDR": "127.0.0.1", "HTTP_X_FORWARDED_FOR": peer}, lambda *_: None)
    assert (seen, caplog.records) == ([peer], [])


@pytest.mark.usefixtures("not_warned_yet")
def test_a_client_that_sends_the_header_itself(caplog: pytest.LogCaptureFixture) -> None:
    """From anywhere else the header means nothing: the peer is counted."""
    assert address_of({"REMOTE_ADDR": HOME, "HTTP_X_FORWARDED_FOR": AWAY}) == HOME
    assert caplog.records == []


@given(peer=st.one_of(st.text(max_size=60), st.ip_addresses().map(str)), forwarded=st.booleans())
def test_any_peer_is_an_address_or_none(peer: str, forwarded: bool) -> None:
    """Whatever a server says of the peer, nothing is raised."""
    environ = {"REMOTE_ADDR": peer} | ({"HTTP_X_FORWARDED_FOR": "x"} if forwarded else {})
    assert isinstance(address_of(environ), (str, type(None)))
