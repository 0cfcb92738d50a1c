"""The counters on every engine: atomic, shared, and forgotten in time."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any

import pytest

from jwt_middleware.stores import RedisLog, SQLStore
from tests.kit.clock import stopped
from tests.kit.forking import APPS
from tests.kit.inside import client_of, counts_of, database_of
from tests.kit.scripts import run

Log = Any  # MemoryStore | SQLStore | RedisLog


def has_own_clock(log: Log) -> bool:
    """Whether the engine judges by its server's clock, which a test cannot stop."""
    return isinstance(log, RedisLog) or (
        isinstance(log, SQLStore) and database_of(log).engine.dialect.name != "sqlite"
    )


@pytest.fixture
def wait(log: Log) -> Iterator[Callable[[float], None]]:
    """Let seconds go by: a server has a clock of its own, the other engines have ours, which stands
    still."""
    if has_own_clock(log):
        yield time.sleep
        return
    with stopped("time", time.time()) as clock:
        yield lambda seconds: setattr(clock, "now", clock.now + seconds)


def test_a_count_goes_up_and_down(log: Log) -> None:
    """Each increment answers with the count; taking away ends at zero, and zero is where it goes on
    from."""
    amounts = [1, 1, 3, -2, -1, 1, -100, -1, 2]
    assert [log.increment("k", 60, amount) for amount in amounts] == [1, 2, 5, 3, 2, 3, 0, 0, 2]
    assert log.count("k")[0] == 2


def test_keys_are_apart(log: Log) -> None:
    """A count belongs to exactly one key."""
    keys = ["k", "K", "k ", "", "k/1", "*", "%", "k\n", "\u2603", "x" * 200]
    for n, key in enumerate(keys, 1):
        assert log.increment(key, 60, n) == n
    assert [log.count(key)[0] for key in keys] == list(range(1, len(keys) + 1))


def test_a_count_is_forgotten_after_its_first_increment(
    log: Log, wait: Callable[[float], None]
) -> None:
    """The window neither moves nor grows with later increments, and a new one opens after it."""
    started = time.time()
    log.increment("k", 2)
    _, forgotten_at = log.count("k")
    assert started + 1.9 < forgotten_at < time.time() + 2.1
    wait(0.6)
    assert [log.increment("k", 2), log.increment("k", 60, -1), log.increment("k", 60)] == [2, 1, 2]
    assert log.count("k") == (2, pytest.approx(forgotten_at, abs=0.3))
    wait(1.45)
    assert log.count("k")[0] == 0
    assert log.increment("k", 60, -1) == 0
    assert log.count("k")[1] <= time.time() + 0.02
    assert log.increment("k", 5) == 1
    assert log.count("k")[1] > forgotten_at + 3


def test_taking_away_opens_no_window(log: Log) -> None:
    """No count is zero until now, and stays so when something is taken away."""
    for _ in range(2):
        assert log.increment("k", 60, -1) == 0
        assert log.count("k") == (0, pytest.approx(time.time(), abs=1))


@pytest.mark.usefixtures("patient")
def test_no_increment_is_lost(log: Log) -> None:
    """Threads that count at once each get a number of their own."""
    with ThreadPoolExecutor(8) as threads:
        counted = list(threads.map(lambda _: log.increment("k", 60), range(100)))
    assert sorted(counted) == list(range(1, 101))


COUNTING = """if True:
    import os
    from jwt_middleware.stores import RedisLog, SQLStore
    store = {store}
    store.increment("k", 60)
    for _ in range(4):
        if not os.fork():
            for _ in range(25):
                store.increment("k", 60)
            os._exit(0)
    print([os.waitstatus_to_exitcode(os.wait()[1]) for _ in range(4)], store.count("k")[0])
"""


@pytest.mark.parametrize("engine", ["sqlite", "postgresql", "mariadb", "redis"])
def test_processes_count_together(request: pytest.FixtureRequest, engine: str) -> None:
    """All processes that share a store share its counters."""
    url = request.getfixturevalue(f"{engine}_url")
    store = f"RedisLog({url!r})" if engine == "redis" else f"SQLStore({url!r})"
    assert run(COUNTING.format(store=store), after=APPS) == "[0, 0, 0, 0] 101\n"


def test_counts_that_are_over_go(log: Log) -> None:
    """A new count takes the place of those that are forgotten: what is kept stays bounded."""
    with ExitStack() as clocks:
        for n in range(30):
            log.increment(f"k{n}", 1)
        if isinstance(log, RedisLog):
            assert {
                client_of(log).ttl(key)
                for key in client_of(log).scan_iter("{jwt_middleware}:count:*")
            } == {1}
            return
        if has_own_clock(log):
            time.sleep(1.1)
        else:
            clocks.enter_context(stopped("time", time.time() + 100))
        log.increment("new", 1)
        assert len(kept_in(log)) == 1


def test_counts_that_are_given_back_go(log: Log, wait: Callable[[float], None]) -> None:
    """What is back at zero is not held for the rest of its window, or for a minute in memory: a
    flood of attempts that end in a 503 is for names without end."""
    log.increment("other", 3600, 2)
    for n in range(30):
        log.increment(f"k{n}", 3600)
        log.increment(f"k{n}", 3600, -1)
    log.increment("other", 3600, -1)
    if hasattr(log, "_counts"):
        wait(61)
        log.increment("other", 3600)
    assert len(kept_in(log)) == 1


WRONG = {"ahead": 22 * 60, "behind": -22 * 60, "a day ahead": 86_400, "a day behind": -86_400}


@pytest.mark.parametrize("engine", ["postgresql", "mariadb", "valkey", "split", "cluster"])
@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG)
def test_a_wrong_clock_neither_ends_nor_lengthens_a_window(
    request: pytest.FixtureRequest, engine: str, wrong: float
) -> None:
    """A worker whose clock is wrong counts in the same window as all others, and is told the end
    of it by its own clock."""
    counters: Log = request.getfixturevalue(f"{engine}_store")
    assert counters.increment("k", 60) == 1
    with stopped("time", time.time() + wrong) as clock:
        assert counters.increment("k", 60) == 2
        assert counters.count("k") == (2, pytest.approx(clock.now + 60, abs=3))
        assert counters.increment("other", 60) == 1
    assert counters.count("other") == (1, pytest.approx(time.time() + 60, abs=3))
    assert [counters.increment("k", 60, -1), counters.increment("k", 60)] == [1, 2]


def kept_in(store: Any) -> list[Any]:
    """All counters that a store holds, forgotten or not."""
    if hasattr(store, "_counts"):
        return list(counts_of(store))
    if isinstance(store, RedisLog):
        return list(client_of(store).scan_iter("{jwt_middleware}:count:*"))
    with database_of(store).transaction() as connection:
        return connection.exec_driver_sql("SELECT * FROM jwt_middleware_counter").all()
