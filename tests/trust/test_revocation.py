"""`RevocationList`: how old the view may be, who waits, what an outage means, and what a store may
do."""

import logging
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jwt_middleware import (
    ConfigurationError,
    InvalidToken,
    RevocationList,
    StoreUnavailable,
    Unavailable,
)
from jwt_middleware.trust import revocation
from jwt_middleware.trust.revocation import (
    Revocation,
    RevocationPage,
    revocation_key,
    revocation_keys,
)
from tests.kit.clock import Clock, stopped
from tests.kit.logs import ListLog
from tests.kit.waiting import PATIENCE, wait_for

ISSUER = "https://idp.example"
FOREVER = 4e9
T1, T2 = (revocation_keys(ISSUER, name, "s1") for name in ("t1", "t2"))


@pytest.fixture
def clock() -> Iterator[Clock]:
    """`time.monotonic`, standing still."""
    with stopped("monotonic", 1000.0) as clock:
        yield clock


@pytest.fixture
def log() -> ListLog:
    """A log in which one other token is revoked."""
    log = ListLog()
    log.revoke(ISSUER, jti="other", expires_at=FOREVER)
    return log


def is_revoked(revocations: RevocationList, keys: tuple[str, ...] = T1) -> bool:
    """Whether the list refuses these keys."""
    try:
        revocations.check(keys)
    except InvalidToken as refusal:
        return refusal.reason == "revoked"
    return False


def settle(revocations: RevocationList) -> None:
    """Wait for a read in the background to end."""
    # inside: a read in the background has no other end to wait for
    for reading in revocations._reading.values():
        assert reading.acquire(timeout=PATIENCE)
        reading.release()


@pytest.mark.parametrize(
    "options",
    [
        *({"max_staleness": value} for value in (-1, float("nan"), "1", None)),
        *({"max_outage": value} for value in (-1, float("nan"), "1")),
        *({"log": value} for value in (None, "sqlite:///auth.db", ["t1"])),
    ],
)
def test_what_cannot_be_is_refused_while_building(options: dict[str, Any]) -> None:
    """The store keeps a log, and both durations are seconds."""
    with pytest.raises(ConfigurationError):
        RevocationList(**{"log": ListLog()} | options)


def test_building_reads_nothing(log: ListLog) -> None:
    """The store may be down then."""
    RevocationList(log)
    assert log.reads == 0


@pytest.mark.parametrize(
    ("ids", "is_ended"),
    [
        ({"jti": "t1"}, True),
        ({"sid": "s1"}, True),
        ({"jti": "t2"}, False),
        ({"sid": "t1"}, False),
        ({"jti": "s1"}, False),
        ({"jti": "t1", "issuer": "https://other.example"}, False),
        ({"sid": "s1", "issuer": "https://other.example"}, False),
    ],
)
def test_an_entry_ends_a_token_or_a_session_of_its_issuer(
    ids: dict[str, str], is_ended: bool
) -> None:
    """By `jti` or by `sid`, each with its issuer, and nothing that merely has the same name."""
    log, ids = ListLog(), {"issuer": ISSUER} | ids
    log.entries += [
        Revocation(revocation_key(kind, ids["issuer"], ids[kind]), FOREVER)
        for kind in ids.keys() - {"issuer"}
    ]
    assert is_revoked(RevocationList(log), T1) == is_ended


@given(
    *[
        st.tuples(
            st.sampled_from(["jti", "sid"]),
            st.sampled_from(["a", "b"]),
            st.text("ab\n\0", max_size=4),
        )
    ]
    * 2
)
def test_no_two_ids_have_one_key(one: tuple[str, str, str], other: tuple[str, str, str]) -> None:
    """Whatever an id is made of, its key is that of no other kind, issuer or id."""
    assert (revocation_key(*one) == revocation_key(*other)) == (one == other)


def test_a_young_view_costs_no_read(clock: Clock, log: ListLog) -> None:
    """In the first half of `max_staleness` the log is not asked again."""
    revocations = RevocationList(log, max_staleness=1)
    for clock.now in (1000, 1000.2, 1000.499):
        assert not is_revoked(revocations)
    settle(revocations)
    assert log.reads == 1


def test_past_half_its_age_the_view_is_read_on_in_the_background(
    clock: Clock, log: ListLog
) -> None:
    """The request goes on with what is known, and only one reads; what it finds holds for the next
    request."""
    revocations = RevocationList(log, max_staleness=1)
    assert not is_revoked(revocations)
    log.gate.clear()
    log.revoke(ISSUER, jti="t1", expires_at=FOREVER)
    for clock.now in (1000.5, 1000.6, 1000.999):
        assert not is_revoked(revocations)
    wait_for(lambda: log.reads == 2)
    log.gate.set()
    settle(revocations)
    assert is_revoked(revocations)
    assert log.reads == 2


def test_a_failed_read_in_the_background_is_not_repeated_at_once(
    clock: Clock, log: ListLog
) -> None:
    """One try a second, however many requests come; meanwhile the view is young enough."""
    revocations = RevocationList(log, max_staleness=10)
    assert not is_revoked(revocations)
    log.fault = StoreUnavailable("down")
    for clock.now, reads in ((1005, 2), (1005.1, 2), (1005.9, 2), (1006.1, 3), (1007, 3)):
        assert not is_revoked(revocations)
        settle(revocations)
        assert log.reads == reads


@pytest.mark.parametrize("age", [1, 1.5, 100_000])
def test_a_view_older_than_allowed_makes_the_request_wait(
    clock: Clock, log: ListLog, age: float
) -> None:
    """For one read, and what was revoked before the request is known to it."""
    revocations = RevocationList(log, max_staleness=1, max_outage=0)
    assert not is_revoked(revocations)
    log.revoke(ISSUER, jti="t1", expires_at=FOREVER)
    clock.now += age
    assert is_revoked(revocations)
    assert log.reads == 2


def test_one_read_serves_all_who_wait(clock: Clock, log: ListLog) -> None:
    """Eight requests with an old view: one reads, the others wait for it and do not read again."""
    revocations = RevocationList(log, max_staleness=1)
    assert not is_revoked(revocations)
    clock.now += 5
    log.gate.clear()
    log.is_entered.clear()
    with ThreadPoolExecutor(8) as pool:
        waiting = [pool.submit(is_revoked, revocations) for _ in range(8)]
        assert log.is_entered.wait(PATIENCE)
        log.revoke(ISSUER, jti="t1", expires_at=FOREVER)
        log.gate.set()
        assert [done.result(PATIENCE) for done in waiting] == [True] * 8
    assert log.reads == 2


def test_without_staleness_every_request_reads(clock: Clock, log: ListLog) -> None:
    """`max_staleness=0`: also when the clock has not moved."""
    revocations = RevocationList(log, max_staleness=0, max_outage=0)
    for reads in range(1, 6):
        assert not is_revoked(revocations)
        assert log.reads == reads
    log.revoke(ISSUER, sid="s1", expires_at=FOREVER)
    assert is_revoked(revocations)


@pytest.mark.parametrize(
    "fault", [StoreUnavailable("down"), RuntimeError("password=hunter2"), KeyError("x")], ids=repr
)
def test_only_a_failed_read_lets_the_old_view_go_on(
    clock: Clock, log: ListLog, fault: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    """For `max_outage` at most, then 503; each second one more try; the first success ends it
    (whatever was raised)."""
    log.revoke(ISSUER, jti="t1", expires_at=FOREVER)
    revocations = RevocationList(log, max_staleness=1, max_outage=10)
    assert is_revoked(revocations)
    log.fault = fault
    for clock.now, reads in ((1002, 2), (1002.9, 2), (1003, 3), (1003.5, 3), (1009.9, 4)):
        assert is_revoked(revocations, T1)
        assert not is_revoked(revocations, T2)
        assert log.reads == reads
    for clock.now in (1010, 1010.5, 2000):
        with pytest.raises(Unavailable) as refusal:
            revocations.check(T2)
        assert refusal.value.reason == "revocations_unavailable"
    assert {record.levelno for record in caplog.records} == {logging.WARNING}
    assert "hunter2" not in caplog.text
    log.fault = None
    clock.now += 1
    assert is_revoked(revocations, T1)
    assert not is_revoked(revocations, T2)


@pytest.mark.parametrize("max_outage", [120, 0, None])
def test_before_the_first_read_nothing_is_known(
    clock: Clock, log: ListLog, max_outage: float | None
) -> None:
    """A log that cannot be read at all is 503, however long an outage may last: who is revoked is
    unknown."""
    revocations = RevocationList(log, max_outage=max_outage)
    log.fault = StoreUnavailable("down")
    for clock.now in (1000, 1000.5, 1001.5, 9000):
        with pytest.raises(Unavailable):
            revocations.check(T1)
    log.fault = None
    clock.now += 1
    assert not is_revoked(revocations)


def test_an_outage_may_last_for_ever(clock: Clock, log: ListLog) -> None:
    """`max_outage=None` goes on with what was known once."""
    log.revoke(ISSUER, jti="t1", expires_at=FOREVER)
    revocations = RevocationList(log, max_outage=None)
    assert is_revoked(revocations)
    log.fault = StoreUnavailable("down")
    clock.now += 1_000_000
    assert is_revoked(revocations, T1)
    assert not is_revoked(revocations, T2)


def test_no_outage_may_be_allowed(clock: Clock, log: ListLog) -> None:
    """`max_outage=0`: the first failed read of a view that is too old is 503; a younger view needs
    none."""
    revocations = RevocationList(log, max_staleness=1, max_outage=0)
    assert not is_revoked(revocations)
    log.fault = StoreUnavailable("down")
    clock.now += 0.9
    assert not is_revoked(revocations)
    settle(revocations)
    clock.now += 0.2
    with pytest.raises(Unavailable):
        revocations.check(T1)


def test_in_an_outage_one_request_tries_and_the_others_go_on(
    clock: Clock, log: ListLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A store that takes its time to fail does not hold up every request."""
    # inside: a limit of our own, so that no test waits for the real one
    monkeypatch.setattr(revocation, "_READ_TIMEOUT", 30)
    revocations = RevocationList(log, max_staleness=1)
    assert not is_revoked(revocations)
    log.fault = StoreUnavailable("down")
    clock.now += 2
    assert not is_revoked(revocations)
    clock.now += 2
    log.gate.clear()
    log.is_entered.clear()
    with ThreadPoolExecutor(1) as pool:
        trying = pool.submit(is_revoked, revocations)
        assert log.is_entered.wait(PATIENCE)
        assert not is_revoked(revocations)
        assert not trying.done()
        log.gate.set()
        assert trying.result(PATIENCE) is False
    assert log.reads == 3


def test_a_read_that_never_ends_counts_as_failed(
    clock: Clock, log: ListLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A log that breaks its word holds a request up for a bounded time: then the old view, or
    503."""
    # inside: a limit of our own, so that no test waits for the real one
    monkeypatch.setattr(revocation, "_READ_TIMEOUT", 0.01)
    revocations = RevocationList(log, max_staleness=1, max_outage=10)
    assert not is_revoked(revocations)
    log.gate.clear()
    clock.now += 0.6
    assert not is_revoked(revocations)
    clock.now += 5
    assert not is_revoked(revocations)
    clock.now += 5
    with pytest.raises(Unavailable):
        revocations.check(T1)
    log.gate.set()
    settle(revocations)
    assert not is_revoked(revocations)


def test_where_no_thread_can_be_had_a_later_request_reads(
    clock: Clock, log: ListLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A read in the background that cannot start leaves nothing locked."""
    revocations = RevocationList(log, max_staleness=1)
    assert not is_revoked(revocations)
    log.revoke(ISSUER, jti="t1", expires_at=FOREVER)

    def cannot_start(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", cannot_start)
    clock.now += 0.7
    assert not is_revoked(revocations)
    clock.now += 0.3
    assert is_revoked(revocations)


def test_reads_in_the_background_share_a_thread_that_ends_with_the_list(
    collect_garbage: Callable[[], object], clock: Clock, log: ListLog
) -> None:
    """Busy workers start no thread for each read, and a list that is dropped leaves none behind."""
    revocations = RevocationList(log, max_staleness=1)
    assert not is_revoked(revocations)
    before, threads = {*threading.enumerate()}, set()
    for _ in range(3):
        clock.now += 0.7
        assert not is_revoked(revocations)
        settle(revocations)
        threads |= {*threading.enumerate()} - before
    (thread,) = threads
    del revocations
    collect_garbage()
    thread.join(PATIENCE)
    assert not thread.is_alive()


def test_another_epoch_adds_to_what_was_known(clock: Clock, log: ListLog) -> None:
    """A store restored from a backup has other entries: they count, and so do the earlier ones."""
    log.revoke(ISSUER, jti="t1", expires_at=FOREVER)
    revocations = RevocationList(log, max_staleness=1)
    assert is_revoked(revocations, T1)
    log.forget([Revocation(key, FOREVER) for key in revocation_keys(ISSUER, "t2", None)])
    clock.now += 1
    assert is_revoked(revocations, T1)
    assert is_revoked(revocations, T2)


def test_a_log_that_was_flushed_makes_no_revoked_token_good_again(
    clock: Clock, log: ListLog
) -> None:
    """All that the log still has is nothing: what was revoked stays so
    an hour after it expires."""
    with stopped("time", 100_000) as wall:
        log.revoke(ISSUER, jti="t1", sid="s1", expires_at=101_000)
        revocations = RevocationList(log, max_staleness=0)
        assert is_revoked(revocations)
        log.forget()
        for wall.now, is_known in (
            (100_001, True),
            (100_500, True),
            (104_599, True),
            (104_660, False),
        ):
            assert is_revoked(revocations) == is_known


def test_while_all_is_read_again_nothing_is_forgotten(clock: Clock) -> None:
    """In no moment of reading everything is a revoked token let through, nor when that breaks
    off."""
    moments: list[bool] = []
    entry = Revocation(T1[0], FOREVER)

    class Log:
        def read_revocations(self, cursor: object | None) -> RevocationPage:
            return RevocationPage(1, self.entries(cursor))

        def entries(self, cursor: object | None) -> Iterator[Revocation]:
            if cursor is not None:
                moments.append(is_revoked(revocations))
            yield Revocation("x", FOREVER)
            if cursor is not None:
                moments.append(is_revoked(revocations))
                raise StoreUnavailable("broke off")
            yield entry

    revocations = RevocationList(Log(), max_staleness=1)
    assert is_revoked(revocations)
    clock.now += 0.7
    assert is_revoked(revocations)
    settle(revocations)
    clock.now += 2
    assert is_revoked(revocations)
    assert moments
    assert all(moments)


def test_an_entry_is_forgotten_an_hour_after_its_expiry(clock: Clock, log: ListLog) -> None:
    """A verifier with leeway accepts a token after its expiry, so its revocation stays known for
    an hour more, and for a minute at most beyond that."""
    with stopped("time", 100_000) as wall:
        log.revoke(ISSUER, jti="t1", expires_at=100_030)
        revocations = RevocationList(log, max_staleness=0)
        for wall.now, is_known in ((100_000, True), (103_629, True), (103_690, False)):
            assert is_revoked(revocations) == is_known


@pytest.mark.parametrize("later", [100_031, 100_050, 100_100, 101_000])
def test_a_prolonged_entry_stays_until_its_last_expiry(
    clock: Clock, log: ListLog, later: float
) -> None:
    """Revoked twice, in the same minute of expiry or in another: the greater counts, in either
    order."""
    for expiries in ((100_030, later), (later, 100_030)):
        with stopped("time", 100_000) as wall:
            log.forget()
            for expires_at in expiries:
                log.revoke(ISSUER, jti="t1", expires_at=expires_at)
            revocations = RevocationList(log, max_staleness=0, max_outage=0)
            for wall.now, is_known in (
                (100_000, True),
                (later + 3599, True),
                (later + 3660, False),
                (later + 4200, False),
            ):
                clock.now += 1
                assert is_revoked(revocations) == is_known


SET_BACK = {"22 minutes": 22 * 60, "five hours": 5 * 3600, "a year": 365 * 86_400}


@pytest.mark.parametrize("ahead", SET_BACK.values(), ids=SET_BACK)
def test_a_clock_that_was_ahead_makes_no_revoked_token_good_again(
    clock: Clock, log: ListLog, ahead: float
) -> None:
    """A view that dropped a revocation while its clock was ahead knows it again as soon as the
    clock is set right."""
    with stopped("time", 100_000) as wall:
        log.revoke(ISSUER, jti="t1", sid="s1", expires_at=100_900)
        revocations = RevocationList(log, max_staleness=1)
        assert is_revoked(revocations)
        for wall.now in (100_000 + ahead, 100_010):
            clock.now += 2
            is_revoked(revocations)
        assert is_revoked(revocations)


@pytest.mark.parametrize("leeway", [0, 60, 299])
def test_a_verifier_with_leeway_refuses_what_was_revoked(
    clock: Clock, log: ListLog, leeway: float
) -> None:
    """A log may keep a revocation until the token's own expiry; leeway makes no such token good
    again."""
    with stopped("time", 100_000) as wall:
        log.revoke(ISSUER, jti="t1", expires_at=100_900)
        revocations = RevocationList(log, max_staleness=1)
        for wall.now in (100_000, 100_500, 100_900 + leeway):
            clock.now += 2
            assert is_revoked(revocations, T1)


CAUSES = {
    "a class": (ConnectionRefusedError("to host with hunter2"), "ConnectionRefusedError"),
    "an SQLSTATE": (psycopg.errors.QueryCanceled("SELECT hunter2"), "QueryCanceled 57014"),
}


@pytest.mark.parametrize(("cause", "named"), CAUSES.values(), ids=CAUSES)
def test_the_log_line_names_the_cause_of_an_outage(
    clock: Clock, caplog: pytest.LogCaptureFixture, cause: Exception, named: str
) -> None:
    """An operator reads the class or SQLSTATE of the driver's error, and never its text."""

    class Log:
        def read_revocations(self, cursor: object | None) -> RevocationPage:
            raise StoreUnavailable("Redis does not answer") from cause

    with pytest.raises(Unavailable):
        is_revoked(RevocationList(Log()))
    assert caplog.messages == [
        f"the revocation log cannot be read: Redis does not answer ({named})"
    ]


def test_threads_see_a_revocation_at_once(log: ListLog) -> None:
    """With `max_staleness=0` a check that begins after the logout refuses, while others check all
    the time."""
    revocations = RevocationList(log, max_staleness=0)
    names = [f"t{number}" for number in range(300)]
    has_ended = threading.Event()

    def keep_checking() -> int:
        checks = 0
        while not has_ended.is_set():
            is_revoked(revocations, revocation_keys(ISSUER, names[checks % len(names)], None))
            checks += 1
        return checks

    with ThreadPoolExecutor(4) as pool:
        checking = [pool.submit(keep_checking) for _ in range(4)]
        missed = []
        for name in names:
            log.revoke(ISSUER, jti=name, expires_at=FOREVER)
            if not is_revoked(revocations, revocation_keys(ISSUER, name, None)):
                missed.append(name)
        has_ended.set()
        assert all(done.result(PATIENCE) for done in checking)
    assert missed == []
