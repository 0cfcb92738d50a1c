"""The log of revocations on every engine, alone and behind a `RevocationList`."""

import math
import signal
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from jwt_middleware.errors import ConfigurationError, Unavailable
from jwt_middleware.stores import MemoryStore, RedisLog, SQLStore
from jwt_middleware.stores import redis as redis_log
from jwt_middleware.stores.revocations import session_entry
from jwt_middleware.stores.sql import engines
from jwt_middleware.trust.revocation import RevocationList, RevocationPage
from tests.kit.clock import stopped
from tests.kit.engines import PostgreSQL, Valkey, ValkeyCluster
from tests.kit.forking import APPS
from tests.kit.passwords import CHEAP
from tests.kit.scripts import run
from tests.kit.waiting import PATIENCE, wait_for

from .conftest import ISSUER, entries_of, is_revoked, new_session

Log = Any  # MemoryStore | SQLStore | RedisLog
FOREVER = 4e9
LONG_AGO = 2 * 3600  # an entry that old is deleted with the next append


def revoke(log: Log, *ids: str) -> None:
    """Revoke these tokens of our issuer for ever."""
    for token_id in ids:
        log.revoke(token_id=token_id, expires_at=FOREVER, issuer=ISSUER)


def ids_in(page: RevocationPage) -> list[str]:
    """The ids of the tokens on a page, in its order."""
    return [entry.key.rpartition("\n")[2] for entry in page.entries]


# ------------------------------------------------------------------------------------------------
# the log


def test_a_log_is_read_on_from_a_cursor(log: Log) -> None:
    """First all, then what is new, then nothing; a page that goes on has entries in the order they
    were made."""
    revoke(log, "a")
    first = log.read_revocations(None)
    assert ids_in(first) == ["a"]
    revoke(log, "b", "c", "d")
    second = log.read_revocations(first.cursor)
    assert ids_in(second) == ["b", "c", "d"]
    for _ in range(2):
        third = log.read_revocations(second.cursor)
        assert (ids_in(third), third.cursor) == ([], second.cursor)
    assert sorted(ids_in(log.read_revocations(None))) == ["a", "b", "c", "d"]


def test_an_empty_log(log: Log) -> None:
    """Who has read an empty log reads all there is as soon as there is something."""
    empty = log.read_revocations(None)
    assert ids_in(empty) == []
    assert ids_in(log.read_revocations(empty.cursor)) == []
    revoke(log, "a")
    assert ids_in(log.read_revocations(empty.cursor)) == ["a"]


def test_what_an_entry_says(log: Log) -> None:
    """An entry has the key of its token, for an issuer or for any, and stays five minutes longer
    than the token."""
    log.revoke(token_id="a", expires_at=1990000000.5, issuer=ISSUER)
    log.revoke(token_id="b", expires_at=1990000000)
    assert entries_of(log) == {f"jti\n{ISSUER}\na": 1990000300.5, "jti\n\nb": 1990000300}


@pytest.mark.parametrize(
    "token_id",
    ["a\nb", " ", "\u2603\U0001f600", "'; DROP TABLE x; --", "{x}:*", "x" * 999],
    ids=ascii,
)
def test_any_jti_can_be_revoked(log: Log, token_id: str) -> None:
    """A `jti` is a text with whatever characters its issuer likes."""
    log.revoke(token_id=token_id, expires_at=FOREVER, issuer=ISSUER)
    assert is_revoked(RevocationList(log), jti=token_id)


BAD = {
    "no id": {"token_id": ""},
    "an id that is no text": {"token_id": 5},
    "bytes": {"token_id": b"a"},
    "a lone surrogate": {"token_id": "\ud800"},
    "a NUL": {"token_id": "a\0"},
    "no issuer": {"issuer": None},
    "a date as text": {"expires_at": "2030-01-01"},
    "no date": {"expires_at": None},
    "infinity": {"expires_at": math.inf},
    "not a number": {"expires_at": math.nan},
    "a number without end": {"expires_at": 10**400},
    "before the epoch": {"expires_at": -1},
}


@pytest.mark.parametrize("bad", BAD.values(), ids=BAD)
def test_what_cannot_be_revoked(log: Log, bad: dict[str, Any]) -> None:
    """What is no `jti` or `exp` is refused with the right form: an entry nobody can read would stop
    all readers."""
    with pytest.raises(ConfigurationError, match=r"revoke\(token_id="):
        log.revoke(**{"token_id": "a", "expires_at": FOREVER, **bad})
    assert entries_of(log) == {}


def test_an_unknown_cursor_means_all(log: Log) -> None:
    """A cursor of another log, or of this one before it was lost, is answered with all there is."""
    revoke(log, "a", "b")
    for cursor in (0, 10**6, (10**6, "jti\n\na"), (1, "jti\n\nother")):
        page = log.read_revocations(cursor)
        assert sorted(ids_in(page)) == ["a", "b"]


def test_a_reader_who_is_behind_loses_nothing(log: Log) -> None:
    """When the entry of a cursor has expired and is gone, all is read again."""
    log.revoke(token_id="short", expires_at=time.time() - LONG_AGO, issuer=ISSUER)
    cursor = log.read_revocations(None).cursor
    with stopped("time", time.time() + 61):
        revoke(log, *"abc")
        page = log.read_revocations(cursor)
        assert [token_id for token_id in ids_in(page) if token_id != "short"] == ["a", "b", "c"]
        assert ids_in(log.read_revocations(page.cursor)) == []


def test_expired_entries_go(log: Log) -> None:
    """What nobody needs to know any more makes room for what is new."""
    for n in range(20):
        log.revoke(token_id=f"short{n}", expires_at=time.time() - LONG_AGO, issuer=ISSUER)
    revoke(log, "long")
    with stopped("time", time.time() + 61):  # memory is swept once a minute
        revoke(log, "new")
        assert sorted(ids_in(log.read_revocations(None))) == ["long", "new"]


AHEAD = {"22 minutes": 22 * 60, "55 minutes": 55 * 60, "a day": 86_400, "ten years": 3.2e8}


@pytest.mark.parametrize("engine", ["postgresql", "mariadb", "valkey", "split", "cluster"])
@pytest.mark.parametrize("ahead", AHEAD.values(), ids=AHEAD)
def test_a_machine_whose_clock_is_ahead_deletes_nothing(
    request: pytest.FixtureRequest, engine: str, ahead: float
) -> None:
    """Only the clock of the engine says what has expired, however wrong that of a client is."""
    log: Log = request.getfixturevalue(f"{engine}_store")
    log.revoke(token_id="good", expires_at=time.time() + 900, issuer=ISSUER)
    log.revoke(token_id="old", expires_at=time.time() - LONG_AGO, issuer=ISSUER)
    with stopped("time", time.time() + ahead):
        revoke(log, "of the machine")
    assert sorted(ids_in(log.read_revocations(None))) == ["good", "of the machine"]
    assert is_revoked(RevocationList(log), jti="good")


@pytest.mark.parametrize("ahead", [22 * 60, 55 * 60])
def test_a_clock_that_is_ahead_for_a_while_deletes_nothing(log: Log, ahead: float) -> None:
    """An engine whose own clock jumps ahead by up to an hour still has all entries of good tokens:
    in memory and in SQLite the clock is that of this machine."""
    log.revoke(token_id="good", expires_at=time.time(), issuer=ISSUER)
    with stopped("time", time.time() + ahead):
        revoke(log, "of the machine")
    assert sorted(ids_in(log.read_revocations(None))) == ["good", "of the machine"]


BEHIND = {"22 minutes": 22 * 60, "five hours": 5 * 3600}


@pytest.mark.parametrize("behind", BEHIND.values(), ids=BEHIND)
@pytest.mark.parametrize("engine", ["postgresql", "mariadb", "split"])
def test_a_machine_whose_clock_is_behind_revokes_for_long_enough(
    request: pytest.FixtureRequest, engine: str, behind: float
) -> None:
    """A session that such a machine ends stays revoked until its last token has expired by the
    engine's clock, and five minutes more."""
    store: SQLStore = request.getfixturevalue(f"{engine}_store")
    session = new_session(token_lifetime=900)
    store.add_session(session)
    with stopped("time", time.time() - behind):
        store.end_session(session)
    (expires_at,) = entries_of(store).values()
    assert expires_at == pytest.approx(time.time() + 900 + 300, abs=5)


def test_a_token_from_a_clock_that_was_ahead_stays_revoked(
    session_store: MemoryStore | SQLStore,
) -> None:
    """The last token of a session expires by the clock of the machine that minted it."""
    now = time.time()
    session = new_session(token_lifetime=900, used_at=now + 1320)
    session_store.add_session(session)
    session_store.end_session(session)
    (expires_at,) = entries_of(session_store).values()
    assert expires_at == pytest.approx(now + 1320 + 900 + 300, abs=1)


def test_the_clock_of_the_log(valkey_store: RedisLog) -> None:
    """`now` is the server's clock, not ours."""
    with stopped("time", 5.0):
        told = valkey_store.now()
    assert told == pytest.approx(time.time(), abs=2)


def test_places_are_never_used_again(log: Log) -> None:
    """After all entries have gone the next one is new to whoever has read those."""
    cursors = []
    for n in range(4):
        with stopped("time", time.time() + 61 * n):
            log.revoke(token_id="same", expires_at=time.time() - LONG_AGO, issuer=ISSUER)
            page = log.read_revocations(cursors[-1] if cursors else None)
            assert ids_in(page) == ["same"]
            cursors.append(page.cursor)
    assert len(set(cursors)) == 4


def test_a_long_log_is_read_in_pieces(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is lost or told twice where a piece ends, also when it ends with the log."""
    # inside: a page has so many rows that a test of several pages would take long
    monkeypatch.setattr("jwt_middleware.stores.sql.revocations._PAGE", 10)
    revoke(log, "first")
    cursor = log.read_revocations(None).cursor
    for n in (9, 10, 11, 20):
        names = [f"{n}-{k:02}" for k in range(n)]
        revoke(log, *names)
        page = log.read_revocations(cursor)
        assert ids_in(page) == names
        cursor = page.cursor
    assert len(ids_in(log.read_revocations(None))) == 1 + 9 + 10 + 11 + 20


@pytest.mark.usefixtures("patient")
def test_many_write_and_many_read(log: Log) -> None:
    """Readers who follow the log while threads append to it have seen every entry at the end."""

    def follow(_: int) -> set[str]:
        seen: set[str] = set()
        cursor = None
        deadline = time.monotonic() + PATIENCE
        while len(seen) < 80 and time.monotonic() < deadline:
            page = log.read_revocations(cursor)
            cursor = page.cursor
            seen.update(ids_in(page))
            time.sleep(
                0.002
            )  # a reader that never pauses keeps the interpreter from who holds SQLite's lock
        return seen

    with ThreadPoolExecutor(6) as threads:
        readers = [threads.submit(follow, n) for n in range(2)]
        list(threads.map(lambda n: revoke(log, *(f"{n}-{k}" for k in range(20))), range(4)))
        assert {len(reader.result()) for reader in readers} == {80}


# ---------------------------------------------------------------------------------- behind a
# RevocationList


@pytest.mark.parametrize("kind", ["jti", "sid"])
def test_what_is_revoked_is_refused(log: Log, kind: str) -> None:
    """A list over any log refuses a revoked token, and each token of a session that has ended."""
    revocations = RevocationList(log, max_staleness=0)
    session = new_session(sid="a")
    assert not is_revoked(revocations, **{kind: "a"})
    if kind == "jti":
        revoke(log, "a")
    elif isinstance(log, RedisLog):
        log.append([session_entry(ISSUER, session.sid, 900, time.time(), time.time())])
    else:
        log.add_session(session)
        log.end_session(session)
    assert is_revoked(revocations, **{kind: "a"})
    assert not is_revoked(revocations, **{kind: "b"})


def test_a_view_is_as_old_as_it_may_be_and_no_older(log: Log) -> None:
    """Without a read for longer than `max_staleness` the next request reads first, after any time
    without requests."""
    with stopped("monotonic") as clock:
        revocations = RevocationList(log, max_staleness=1)
        assert not is_revoked(revocations, jti="a")
        revoke(log, "a")
        clock.now += 0.4
        assert not is_revoked(revocations, jti="a")
        clock.now += 0.7
        assert is_revoked(revocations, jti="a")
        revoke(log, "b")
        clock.now += 86_400
        assert is_revoked(revocations, jti="b")


FOLLOWING = """if True:
    import os, signal, time
    from jwt_middleware import RevocationList
    from jwt_middleware.errors import InvalidToken
    from jwt_middleware.trust.revocation import revocation_keys
    from jwt_middleware.stores import RedisLog, SQLStore
    log = {log}
    log.revoke(token_id="first", expires_at=4e9)
    revocations = RevocationList(log, max_staleness=0.02)

    def is_revoked(token_id):
        try:
            revocations.check(revocation_keys("", token_id, None))
        except InvalidToken:
            return True

    signal.alarm(60)
    ready, go = os.pipe()
    assert is_revoked("first")
    for n in range(3):
        if not os.fork():
            signal.alarm(60)
            os.write(go, b"." if is_revoked("first") and not is_revoked("second") else b"!")
            while not is_revoked("second"):
                time.sleep(0.005)
            os._exit(0)
    told = b"".join(os.read(ready, 1) for _ in range(3))
    log.revoke(token_id="second", expires_at=4e9)
    while not is_revoked("second"):
        time.sleep(0.005)
    print(told, [os.waitstatus_to_exitcode(os.wait()[1]) for _ in range(3)])
"""


@pytest.mark.parametrize("engine", ["sqlite", "postgresql", "mariadb", "redis"])
def test_every_process_sees_a_revocation(request: pytest.FixtureRequest, engine: str) -> None:
    """A list that was used before a fork follows the log in parent and children alike."""
    url = request.getfixturevalue(f"{engine}_url")
    log = f"RedisLog({url!r})" if engine == "redis" else f"SQLStore({url!r})"
    assert run(FOLLOWING.format(log=log), after=APPS) == "b'...' [0, 0, 0]\n"


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Less than half a second where it would be two."""
    monkeypatch.setattr(engines, "TIMEOUT", 0.4)
    # inside: a limit of our own, so that no test waits for the real one
    monkeypatch.setattr(redis_log, "_TIMEOUT", 0.4)


Server = PostgreSQL | Valkey | ValkeyCluster


@pytest.fixture(params=["postgresql", "valkey", "cluster"])
def server(request: pytest.FixtureRequest) -> Server:
    """A server for this test alone."""
    own: Server = request.getfixturevalue(f"{request.param}_of_its_own")
    return own


@pytest.fixture
def log_of(server: Server, impatient: None) -> Iterator[Log]:
    """A log in that server."""
    if not isinstance(server, PostgreSQL):
        yield RedisLog(server.url)
        return
    store = SQLStore(server.url + "&connect_timeout=2", password_method=CHEAP)
    yield store
    store.close()


def freeze(server: Server) -> Callable[[], None]:
    """Stop the server in the middle of whatever it does."""
    server.signal_all(signal.SIGSTOP)
    return lambda: server.signal_all(signal.SIGCONT)


def kill(server: Server) -> Callable[[], None]:
    """End the server as a crash would."""
    server.kill()
    return server.start


@pytest.mark.skipif(sys.platform != "linux", reason="finds the processes of the server in /proc")
@pytest.mark.parametrize("fail", [freeze, kill], ids=["frozen", "killed"])
def test_an_outage_of_the_log(
    server: Server, log_of: Log, fail: Callable[[Any], Callable[[], None]]
) -> None:
    """While the engine is away a list goes on with what it knows, for as long as it may; then it
    reads on."""
    revoke(log_of, "known")
    revocations = RevocationList(log_of, max_staleness=0, max_outage=1000)
    strict = RevocationList(log_of, max_staleness=0, max_outage=0)
    assert is_revoked(revocations, jti="known")
    assert is_revoked(strict, jti="known")
    mend = fail(server)
    try:
        assert is_revoked(revocations, jti="known")
        assert not is_revoked(revocations, jti="other")
        with pytest.raises(Unavailable):
            is_revoked(strict, jti="other")
    finally:
        mend()
    revoke(log_of, "late")
    wait_for(lambda: is_revoked(revocations, jti="late"))
    assert is_revoked(revocations, jti="known")
