"""The throttle over the counters of every store: what is too much, for whom, and for how long."""

import time
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jwt_middleware.errors import ConfigurationError, StoreUnavailable
from jwt_middleware.login.throttle import Throttle, Throttled, fold_spelling
from jwt_middleware.stores import MemoryStore
from tests.kit.clock import Clock, stopped
from tests.kit.forking import APPS
from tests.kit.inside import counts_of
from tests.kit.scripts import run

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
    assert waits(log, "bob") == waits(log, "anne") == 0
    assert waits(log, address=AWAY) == 0


def test_fifty_a_minute_for_an_address(log: Counters) -> None:
    """Many names from one address are as bad as one; the names are free to sign in elsewhere."""
    started = time.monotonic()
    for n in range(50):
        fail(log, f"user{n}")
    assert 55 - (time.monotonic() - started) <= waits(log, "ann") <= 60
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
    """Where no address can be told, only the limit per name counts, not those per address."""
    fail(log, address=None, times=100)
    assert 3500 <= waits(log, address=None) <= 3600
    for n in range(60):
        fail(log, f"user{n}", None)
    assert waits(log, "bob", None) == 0


def test_without_an_address_nothing_is_known(log: Counters) -> None:
    """A success without an address lifts no limit: nobody could tell the next stranger from it."""
    succeed(log, address=None)
    fail(log, address=None, times=100)
    assert waits(log, address=None) > 0


def test_a_success_without_an_address_leaves_nothing(memory_store: MemoryStore) -> None:
    """It is given back, and no counter remembers it."""
    succeed(memory_store, address=None)
    assert [count for count, _ in counts_of(memory_store).values()] == [0]


def test_a_flood_from_one_address_costs_one_count(memory_store: MemoryStore) -> None:
    """A full /48 is the first thing that is counted: no key per name or /64 is written."""
    for n in range(50):
        fail(memory_store, f"user{n}", f"2001:db8:1:{n:x}::1")
    before = set(counts_of(memory_store))
    assert waits(memory_store, "ann", "2001:db8:1:ffff::1") > 0
    assert set(counts_of(memory_store)) == before


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
    """Where a user logged in before, five a minute and a hundred a day are checked."""
    succeed(memory_store)
    fail(memory_store, times=5)
    assert waits(memory_store) > 0
    assert guesses_of_a_day(memory_store, clock, HOME) == 95
    assert waits(memory_store) == 0


def test_a_stranger_may_not_guess_without_end(memory_store: MemoryStore, clock: Clock) -> None:
    """From an address that is not known, a hundred an hour are checked."""
    assert guesses_of_a_day(memory_store, clock, AWAY) == 24 * 100


def test_a_full_known_address_is_full_alone(memory_store: MemoryStore, clock: Clock) -> None:
    """A neighbor who guesses at one known address locks the user out of no other address."""
    succeed(memory_store, address=HOME)
    succeed(memory_store, address=AWAY)
    guesses_of_a_day(memory_store, clock, HOME)
    clock.now -= 60
    assert waits(memory_store, address=HOME) > 0
    assert waits(memory_store, address=AWAY) == waits(memory_store, address="203.0.113.1") == 0


def guesses_of_a_day(counters: Counters, clock: Clock, address: str) -> int:
    """How many of ten wrong passwords a minute are checked within a day."""
    checked = 0
    for _ in range(24 * 60):
        for _ in range(10):
            try:
                USUAL.attempt(counters, "ann", address)
            except Throttled:
                break
            checked += 1
        clock.now += 60
    return checked


SPELLINGS = {
    "case": "ANN@example.com",
    "a blank at the end": "ann@example.com ",
    "a blank at the start": "\tann@example.com",
    "a no-break space": "ann@example.com\u00a0",
    "an ideographic space": "\u3000ann@example.com",
    "full width": "\uff41\uff4e\uff4e@example.com",
    "mathematical letters": "\U0001d41ann@example.com",
    "zero width space": "a\u200bnn@example.com",
    "soft hyphen": "a\u00adnn@example.com",
    "NUL": "ann@example.com\0",
    "line feed": "ann@example.com\n",
    "byte order mark": "\ufeffann@example.com",
    "accent, composed": "\u00e1nn@example.com",
    "accent, decomposed": "a\u0301nn@example.com",
}


@pytest.mark.parametrize("spelling", SPELLINGS.values(), ids=SPELLINGS)
def test_spellings_share_a_counter(memory_store: MemoryStore, spelling: str) -> None:
    """Many tables take these for one name, so together they have five attempts a minute."""
    fail(memory_store, "ann@example.com", times=5)
    assert waits(memory_store, spelling) > 0


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("stra\u00dfe", "STRASSE"),
        ("admin", "adm\u0131n"),
        ("admin", "ADM\u0130N"),
        ("kim", "\u212aim"),
        (
            "\u03c3\u03af\u03c3\u03c5\u03c6\u03bf\u03c2",
            "\u03a3\u03af\u03c3\u03c5\u03c6\u03bf\u03a3",
        ),
        ("ﬁnn", "finn"),
        ("classic", "cla\u017f\u017fic"),
    ],
    ids=ascii,
)
def test_letters_whose_case_is_special(one: str, other: str) -> None:
    """What `upper()`, `lower()` or `casefold()` of some database make equal is equal here."""
    assert fold_spelling(one) == fold_spelling(other)


@given(name=st.text())
def test_folding_is_final(name: str) -> None:
    """A folded name folds to itself, and so do its other cases and a blank around it."""
    folded = fold_spelling(name)
    assert fold_spelling(folded) == folded
    assert fold_spelling(f" {name}\u3000") == folded
    assert fold_spelling(name.upper()) == fold_spelling(name.lower()) == folded


@pytest.mark.parametrize("name", ["bob", "ann2", "ann.b", "an", "\u5b89"])
def test_other_names_have_other_counters(memory_store: MemoryStore, name: str) -> None:
    """Folding keeps letters, digits and signs apart."""
    fail(memory_store, "ann", times=5)
    assert waits(memory_store, name) == 0


def test_ipv6_counts_by_household_and_by_site(log: Counters) -> None:
    """Fifty a minute for a /64, whatever its hosts, and for a /48, whatever its /64s."""
    for n in range(50):
        fail(log, f"user{n}", f"2001:db8:1:{n:x}::{n:x}")
    assert waits(log, "ann", "2001:db8:1:ffff::1") > 0
    assert waits(log, "ann", "2001:db8:2::1") == 0


def test_a_name_and_a_household(memory_store: MemoryStore) -> None:
    """Five a minute for a name from a /64, in which each host has any address it likes."""
    for n in range(5):
        fail(memory_store, "ann", f"2001:db8:1:2::{n:x}")
    assert waits(memory_store, "ann", "2001:db8:1:2:ffff::1") > 0
    assert waits(memory_store, "ann", "2001:db8:1:3::1") == 0


def test_an_attempt_is_given_back_once(memory_store: MemoryStore) -> None:
    """What ended in a 503 is not a failure, and giving it back again takes nobody else's away."""
    for _ in range(20):
        attempt = USUAL.attempt(memory_store, "ann", HOME)
        attempt.give_back()
        attempt.give_back()
    fail(memory_store, times=4)
    USUAL.attempt(memory_store, "ann", HOME).give_back()
    fail(memory_store)
    assert waits(memory_store) > 0


class Broken(MemoryStore):
    """Counters that fail at the n-th increment from now."""

    left = 10**9

    def increment(self, key: str, seconds: int, amount: int = 1) -> int:
        """Count down to the failure."""
        self.left -= 1
        if self.left < 0:
            raise StoreUnavailable("down")
        return super().increment(key, seconds, amount)


@pytest.mark.parametrize("working", [0, 1, 2])
def test_counters_that_fail_midway(working: int) -> None:
    """An attempt that cannot be counted is a `StoreUnavailable`; giving back never is one."""
    counters = Broken()
    for _ in range(10):
        counters.left = working
        with pytest.raises(StoreUnavailable):
            USUAL.attempt(counters, "ann", HOME)
        counters.left = 10**9
        counts_of(counters).clear()
    attempt = USUAL.attempt(counters, "ann", HOME)
    counters.left = 0
    attempt.give_back()


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
    codes = [os.waitstatus_to_exitcode(os.wait()[1]) for _ in range(4)]
    print(codes, os.read(told, 100).count(b"+"))
"""


@pytest.mark.parametrize("engine", ["sqlite", "postgresql", "redis"])
def test_all_workers_count_together(request: pytest.FixtureRequest, engine: str) -> None:
    """Of twelve attempts that four processes make at once five are let through."""
    url = request.getfixturevalue(f"{engine}_url")
    script = FAILING.format(counters=f"{'RedisLog' if engine == 'redis' else 'SQLStore'}({url!r})")
    assert run(script, is_quiet=True, after=APPS) == "[0, 0, 0, 0] 5\n"


# ---------------------------------------------------------------------------------------------
# names and options


@given(name=st.text(), address=st.text(min_size=1, max_size=50))
@settings(deadline=None)
def test_any_name_can_be_counted(name: str, address: str) -> None:
    """Whatever a client sends as a name: five, and no more."""
    counters = MemoryStore()
    fail(counters, name, address, times=5)
    assert waits(counters, name, address) > 0


@pytest.mark.parametrize(
    "name",
    ["", "\udce4", "a\0b", pytest.param("x" * 2**20, marks=pytest.mark.needs_time), "%", "{}"],
    ids=lambda name: ascii(name)[:20],
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
    [
        "",
        "five",
        "5",
        "5/fortnight",
        "/minute",
        "-1/minute",
        "0/minute",
        "5/minute; 10/hour",
        "5/minute, 10/hour",
        "5 per 99999999999 days",
        "5/" + "9" * 5000 + "minutes",
        b"5/minute",
        5,
        None,
        ["5/minute"],
        {},
        float("nan"),
    ],
    ids=lambda limit: str(limit)[:20],
)
@pytest.mark.parametrize(
    "which", ["per_name_and_address", "per_known_address", "per_name", "per_address"]
)
def test_what_is_no_limit(which: str, limit: Any) -> None:
    """A limit that `limits` does not read is refused while building, with an example of a good
    one."""
    with pytest.raises(ConfigurationError, match=f'{which} must be one limit such as "5/minute"'):
        Throttle(**{which: limit})


@given(
    limit=st.one_of(st.text(), st.from_regex(r"-?\d{1,30} ?(/|per) ?\d{0,12} ?(second|day|year)s?"))
)
def test_any_text_is_a_limit_or_a_configuration_error(limit: str) -> None:
    """What is accepted can be counted, and nothing but `ConfigurationError` comes out."""
    try:
        throttle = Throttle(per_address=limit)
    except ConfigurationError:
        return
    throttle.attempt(MemoryStore(), "ann", HOME)


def test_a_throttle_is_a_value() -> None:
    """It is frozen, equal to its like, and its `repr` names every limit."""
    assert Throttle() == USUAL
    assert repr(USUAL) == (
        "Throttle(per_name_and_address='5/minute', per_known_address='100/day', "
        "per_name='100/hour', per_address='50/minute')"
    )
    with pytest.raises(AttributeError):
        USUAL.per_name = "1/day"  # type: ignore[misc]
