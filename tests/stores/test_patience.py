"""How long the calls of one request wait together for stores that do not answer."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest
import sqlalchemy as sa
from sqlalchemy.pool import QueuePool

from jwt_middleware.errors import StoreUnavailable
from jwt_middleware.stores.patience import one_patience, waiting, waiting_since
from jwt_middleware.stores.sql.silence import Silence, is_timeout
from tests.kit.clock import Clock
from tests.kit.waiting import PATIENCE


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """A clock that goes on only when a call waits."""
    clock = Clock(1000)
    monkeypatch.setattr(time, "monotonic", clock)
    return clock


def call(clock: Clock, *, waits: float, fails: bool = True) -> None:
    """One call to a store that gives up after two seconds."""
    with waiting(2):
        clock.now += waits
        if fails:
            raise StoreUnavailable("the store does not answer")


def seconds_of(clock: Clock, *calls: Callable[[], None]) -> float:
    """How long several calls take, which may fail."""
    began = clock.now
    for each in calls:
        with suppress(StoreUnavailable):
            each()
    return clock.now - began


def test_a_request_waits_in_vain_once(clock: Clock) -> None:
    """After a call that has timed out, the other calls of the request fail at once."""
    calls = [lambda: call(clock, waits=2)] * 4
    with one_patience():
        assert seconds_of(clock, *calls) == 2
        with pytest.raises(StoreUnavailable) as caught:
            call(clock, waits=0, fails=False)
    assert "waited in vain" in caught.value.cause
    assert seconds_of(clock, *calls) == 8  # each is a request of its own


def test_the_next_request_asks_again(clock: Clock) -> None:
    """A store that is back is used by the next request, without a pause."""
    for _ in range(2):
        with one_patience():
            assert seconds_of(clock, *[lambda: call(clock, waits=2)] * 2) == 2
    with one_patience():
        call(clock, waits=0, fails=False)


@pytest.mark.parametrize(
    "first",
    [{"waits": 0.5}, {"waits": 1.5, "fails": False}],
    ids=["refused at once", "slow and answered"],
)
def test_a_call_that_did_not_wait_in_vain(first: dict[str, float], clock: Clock) -> None:
    """A connection that is refused, or a slow answer, keeps no later call from being made: an
    attempt is given back."""
    with one_patience():
        assert seconds_of(clock, lambda: call(clock, **first)) == first["waits"]  # type: ignore[arg-type]
        call(clock, waits=0, fails=False)


def test_a_call_within_a_call(clock: Clock) -> None:
    """A log in Redis is asked within a transaction of the database: its silence ends the request,
    however long the outer call may wait."""
    with one_patience():
        with suppress(StoreUnavailable), waiting(60):
            call(clock, waits=2)
        with pytest.raises(StoreUnavailable, match="does not answer"):
            call(clock, waits=0, fails=False)


def test_threads_have_their_own(clock: Clock) -> None:
    """The request of one thread says nothing about that of another."""
    with one_patience(), ThreadPoolExecutor(1) as other:
        seconds_of(clock, lambda: call(clock, waits=2))
        other.submit(call, clock, waits=0, fails=False).result(PATIENCE)


def test_the_word_of_another_call(clock: Clock) -> None:
    """Who began before a server was found silent does not ask it; who begins later does."""
    silence = Silence()
    silence.check()
    with one_patience():
        assert waiting_since() == clock.now
        clock.now += 1
        silence.found()
        with pytest.raises(TimeoutError):
            silence.check()
        clock.now += 1
        with pytest.raises(TimeoutError):
            silence.check()  # still the same request
    silence.check()


def test_those_who_wait_for_a_connection() -> None:
    """When the one connection of a pool has met silence, those in line for it do not wait for the
    server one after the other."""
    silence, asked = Silence(), []
    everyone_waits, go_on = threading.Semaphore(0), threading.Event()

    def begin(connection: object, record: object, proxy: object) -> None:
        silence.check()
        asked.append(connection)
        assert go_on.wait(PATIENCE)
        silence.found()
        raise TimeoutError("the server has stopped answering")

    engine = sa.create_engine(
        "sqlite://", poolclass=QueuePool, pool_size=1, max_overflow=0, pool_timeout=PATIENCE
    )
    sa.event.listen(engine, "checkout", begin)

    def use() -> type[BaseException] | None:
        with one_patience():
            everyone_waits.release()
            try:
                engine.connect()
            except TimeoutError as error:
                return type(error)
        return None

    with ThreadPoolExecutor(8) as threads:
        found = [threads.submit(use) for _ in range(8)]
        for _ in found:
            assert everyone_waits.acquire(timeout=PATIENCE)
        go_on.set()
        assert [each.result(PATIENCE) for each in found] == [TimeoutError] * 8
    assert len(asked) == 1
    engine.dispose()


def _raised(how: Callable[[], None]) -> BaseException:
    with pytest.raises(Exception) as caught:  # noqa: PT011 (each is another one)
        how()
    return caught.value


def _with_cause() -> None:
    raise ValueError from TimeoutError()


def _with_context() -> None:
    try:
        raise TimeoutError
    except TimeoutError:
        raise ValueError  # noqa: B904 (as drivers do)


def _refused() -> None:
    raise ConnectionRefusedError


@pytest.mark.parametrize(
    ("how", "expected"),
    [(_with_cause, True), (_with_context, True), (_refused, False)],
    ids=["cause", "context", "refused"],
)
def test_what_a_timeout_is(how: Callable[[], None], expected: bool) -> None:
    """A driver wraps the error of the socket in its own."""
    assert is_timeout(_raised(how)) is expected
