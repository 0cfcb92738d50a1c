"""Sessions, log and counters in real databases: order, one step or none, forks, files and backups
that come and go."""

import os
import shutil
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from jwt_middleware.errors import StoreUnavailable
from jwt_middleware.stores import Session, SQLStore
from jwt_middleware.stores.sql.schema import counters, sessions
from tests.kit.forking import APPS
from tests.kit.inside import database_of
from tests.kit.passwords import CHEAP
from tests.kit.scripts import run

from .conftest import added, entries_of, new_session


@pytest.fixture(params=["sqlite", "postgresql", "mariadb"])
def store(request: pytest.FixtureRequest) -> SQLStore:
    """A new store in either database."""
    return request.getfixturevalue(f"{request.param}_store")


def execute(store: SQLStore, statement: str) -> sa.CursorResult[Any]:
    """Do something to the tables."""
    with database_of(store).transaction(write=True) as connection:
        return connection.execute(sa.text(statement))


# -------------------------------------------------------------------------------------------------
# order


@pytest.mark.parametrize("engine", ["postgresql", "mariadb"])
def test_entries_become_visible_in_their_order(request: pytest.FixtureRequest, engine: str) -> None:
    """A reader misses no entry of a transaction that began first and is committed last."""
    url = request.getfixturevalue(f"{engine}_url")
    first, second = (SQLStore(url, password_method=CHEAP) for _ in range(2))
    slow, quick = added(first), added(first)
    with ThreadPoolExecutor(1) as threads:
        # inside: how much is held in memory is no answer of any call
        with first._log.ending() as connection:
            first._sessions.end(connection, sa.text(f"sid = '{slow.sid}'"))  # type: ignore[arg-type]
            ending = threads.submit(second.end_session, quick)
            time.sleep(0.2)
            cursor = first.read_revocations(None).cursor
        ending.result()
    seen = [entry.key.rpartition("\n")[2] for entry in first.read_revocations(cursor).entries]
    assert seen == [slow.sid, quick.sid]
    for store in (first, second):
        store.close()


def test_ids_are_never_used_again(store: SQLStore) -> None:
    """The id of an entry that has gone is not that of the next, even when the log was empty
    between."""
    seen = []
    for n in range(3):
        store.revoke(token_id="a", expires_at=n)
        rows = execute(store, "SELECT id FROM jwt_middleware_revocation")
        seen += [entry_id for (entry_id,) in rows]
        execute(store, "DELETE FROM jwt_middleware_revocation")
    assert seen == [1, 2, 3]


@pytest.mark.usefixtures("patient")
def test_who_end_the_same_sessions_do_not_lock_one_another(store: SQLStore) -> None:
    """Threads that end, disable and prune the same rows in all orders wait for each other, but not
    in a ring."""
    ann = store.add_user("ann", "wonderland")

    def many(n: int) -> None:
        sessions = [added(store, str(ann.id), expires_at=time.time() - 2000) for _ in range(5)]
        for session in sessions[:: 1 if n % 2 else -1]:
            store.end_session(session)
        (store.disable_user, lambda _: store.end_sessions(str(ann.id)))[n % 2]("ann")

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(many, range(16)))
    assert len(entries_of(store)) <= 80


def test_sessions_of_a_user_are_locked_in_the_order_of_their_names(
    postgresql_store: SQLStore,
) -> None:
    """Who waits for one of them holds those before it and none after, so no two can wait for each
    other."""
    for n in (3, 2, 1):  # as they lie in the table
        added(postgresql_store, name_hash=bytes([n]) * 32)
    engine = database_of(postgresql_store).engine
    take = (
        "SELECT count(*) FROM (SELECT 1 FROM jwt_middleware_session WHERE name_hash = "
        ":name FOR UPDATE {}) AS x"
    )
    with ThreadPoolExecutor(1) as threads:
        with engine.begin() as holder, engine.begin() as other:
            holder.execute(sa.text(take.format("")), {"name": b"\2" * 32})
            ending = threads.submit(postgresql_store.end_sessions, "1")
            time.sleep(0.2)
            free = [
                other.scalar(sa.text(take.format("SKIP LOCKED")), {"name": bytes([n]) * 32})
                for n in (1, 2, 3)
            ]
        ending.result()
    assert free == [0, 0, 1]
    assert len(entries_of(postgresql_store)) == 3


@pytest.mark.parametrize("level", ["AUTOCOMMIT", "SERIALIZABLE", "REPEATABLE READ"])
def test_an_engine_of_the_owners_has_another_isolation(postgresql_url: str, level: str) -> None:
    """What an engine does for its owner's app changes nothing for the store: one step, and waiting,
    not failing."""
    url = postgresql_url.replace("postgresql:", "postgresql+psycopg:")
    engine = sa.create_engine(url, isolation_level=level)
    store = SQLStore(engine, password_method=CHEAP)
    session = added(store)
    with without_writes(store, "session"), pytest.raises(StoreUnavailable):
        store.end_session(session)
    assert entries_of(store) == {}
    with ThreadPoolExecutor(8) as threads:
        assert sorted(threads.map(lambda _: store.increment("k", 60), range(40))) == list(
            range(1, 41)
        )
    with engine.connect() as connection:  # and the store changes nothing for the app
        raw: Any = connection.connection.dbapi_connection
        assert (
            raw.autocommit if level == "AUTOCOMMIT" else connection.get_isolation_level() == level
        )
    engine.dispose()


def test_pruning_waits_for_nobody(postgresql_store: SQLStore) -> None:
    """An expired row that another transaction has in hand does not hold up a sign-in."""
    over = added(postgresql_store, expires_at=time.time() - 2000)
    with database_of(postgresql_store).engine.begin() as other:
        other.execute(sa.text("SELECT * FROM jwt_middleware_session FOR UPDATE"))
        added(postgresql_store)
        assert postgresql_store.find_session(over.name_hash) == over
    added(postgresql_store)
    assert postgresql_store.find_session(over.name_hash) is None


def test_few_expired_rows_go_at_a_time(store: SQLStore) -> None:
    """After a quiet month the first sign-in does not clear up for all."""
    with database_of(store).transaction(write=True) as connection:
        rows = [{"key": str(n), "count": 1, "expires_at": 1.0} for n in range(1000)]
        connection.execute(counters.insert(), rows)
    for left in (900, 800):
        store.increment(f"new {left}", 60)
        count = execute(
            store, "SELECT count(*) FROM jwt_middleware_counter WHERE expires_at = 1.0"
        ).scalar()
        assert count == left


# ----------------------------------------------------------------------------------------- all or
# nothing

ENDING: dict[str, Callable[[SQLStore, Session], None]] = {
    "end_session": lambda store, session: store.end_session(session),
    "end_sessions": lambda store, session: store.end_sessions(session.user_id),
    "set_password": lambda store, _: store.set_password("ann", "looking-glass"),
    "disable_user": lambda store, _: store.disable_user("ann"),
    "remove_user": lambda store, _: store.remove_user("ann"),
}


@pytest.mark.parametrize("end", ENDING.values(), ids=ENDING)
@pytest.mark.parametrize("table", ["session", "revocation"])
def test_a_session_and_its_entry_go_together(
    store: SQLStore, end: Callable[..., None], table: str
) -> None:
    """When the row cannot go, or the entry cannot come, nothing has changed, the user neither."""
    ann = store.add_user("ann", "wonderland")
    session = added(store, str(ann.id))
    with without_writes(store, table), pytest.raises(StoreUnavailable):
        end(store, session)
    assert store.find_session(session.name_hash) == session
    assert entries_of(store) == {}
    assert store.authenticate("ann", "wonderland") == ann
    end(store, session)
    assert len(entries_of(store)) == 1


@contextmanager
def without_writes(store: SQLStore, table: str) -> Iterator[None]:
    """A time in which nothing can be deleted from, or inserted into, a table, while all else
    works."""
    event = {"session": "DELETE", "revocation": "INSERT"}[table]
    if store.path:
        forbid = (
            f"CREATE TRIGGER bar BEFORE {event} ON jwt_middleware_{table} BEGIN SELECT "
            f"RAISE(ABORT, 'no'); END"
        )
        allow = "DROP TRIGGER bar"
    elif database_of(store).engine.dialect.name == "mysql":
        forbid = (
            f"CREATE TRIGGER bar BEFORE {event} ON jwt_middleware_{table} FOR EACH ROW "
            "SIGNAL SQLSTATE '45000'"
        )
        allow = "DROP TRIGGER bar"
    else:
        fail = "UPDATE jwt_middleware_schema SET version = 1 / 0"
        forbid = f"CREATE RULE bar AS ON {event} TO jwt_middleware_{table} DO INSTEAD {fail}"
        allow = f"DROP RULE bar ON jwt_middleware_{table}"
    execute(store, forbid)
    try:
        yield
    finally:
        execute(store, allow)


def test_what_takes_a_right_away_is_on_the_disk(sqlite_store: SQLStore) -> None:
    """A logout or a new password survives a power failure; a rotation or a count need not, and is
    faster for it."""
    levels: list[int] = []

    def listen(connection: sa.Connection) -> None:
        levels.append(connection.exec_driver_sql("PRAGMA synchronous").scalar_one())

    sqlite_store.add_user("ann", "wonderland")
    sa.event.listen(database_of(sqlite_store).engine, "commit", listen)
    session = new_session()
    full, normal = 2, 1
    for level, call in (
        (normal, lambda: sqlite_store.add_session(session)),
        (full, lambda: sqlite_store.set_password("ann", "looking-glass")),
        (normal, lambda: sqlite_store.replace_session(session, session)),
        (full, lambda: sqlite_store.end_session(session)),
        (normal, lambda: sqlite_store.increment("k", 60)),
        (full, lambda: sqlite_store.revoke(token_id="a", expires_at=4e9)),
    ):
        call()
        assert levels.pop() == level


# -------------------------------------------------------------------------------------------------
# many


@pytest.fixture(params=["sqlite", "postgresql", "split"])
def any_store(request: pytest.FixtureRequest) -> SQLStore:
    """A new store in either database, or with its log elsewhere."""
    return request.getfixturevalue(f"{request.param}_store")


@pytest.mark.needs_time
def test_a_user_with_sixty_thousand_sessions_is_disabled_at_once(any_store: SQLStore) -> None:
    """Rows of a time without a limit end in one step, all of them, without a time-out."""
    ann = any_store.add_user("ann", "wonderland")
    rows = [vars_of(new_session(str(ann.id))) for _ in range(60_000)]
    with database_of(any_store).transaction(write=True) as connection:
        for first in range(0, len(rows), 500):
            connection.execute(sessions.insert(), rows[first : first + 500])
    any_store.disable_user("ann")
    assert any_store.authenticate("ann", "wonderland") is None
    assert count_of(any_store) == 0
    assert len(entries_of(any_store)) == 60_000


def test_what_is_above_the_limit_ends_over_several_logins(store: SQLStore) -> None:
    """A login ends a thousand at most, so that it ends in time itself."""
    with database_of(store).transaction(write=True) as connection:
        rows = [vars_of(new_session("1", started_at=float(n))) for n in range(2500)]
        connection.execute(sessions.insert(), rows)
    left = []
    for _ in range(4):
        added(store, "1")
        left.append(count_of(store))
    assert left == [1501, 502, 100, 100]


def vars_of(session: Session) -> dict[str, object]:
    """The fields of a session."""
    return {name: getattr(session, name) for name in session.__slots__}


def count_of(store: SQLStore) -> int:
    """How many sessions there are."""
    return int(execute(store, "SELECT count(*) FROM jwt_middleware_session").scalar_one())


# ----------------------------------------------------------------------------------------- files
# and forks


def test_a_fork_finds_no_open_file(sqlite_url: str) -> None:
    """SQLite's locks do not survive a fork, so the file is closed before one and opened again
    after."""
    script = f"""if True:
        import os, sqlalchemy
        from jwt_middleware.stores import SQLStore

        def descriptors():
            links = [f"/proc/self/fd/{{n}}" for n in os.listdir("/proc/self/fd")]
            return sum(os.path.realpath(link).endswith(".db") for link in links)

        url = {sqlite_url!r}
        for what in (url, sqlalchemy.create_engine(url)):
            store = SQLStore(what)
            store.ping()
            before = descriptors()
            if not os.fork():
                os._exit(descriptors())
            print(before, os.waitstatus_to_exitcode(os.wait()[1]))
            store.ping()
            del store, what
    """
    assert run(script, after=APPS) == "1 0\n1 0\n"


def test_a_file_that_is_replaced(sqlite_store: SQLStore, tmp_path: Path) -> None:
    """Another file put in the place of the database, without what SQLite keeps beside it, is used
    from then on."""
    other = SQLStore(f"sqlite:///{tmp_path}/other.db", password_method=CHEAP)
    bob = other.add_user("bob", "wonderland")
    other.close()
    sqlite_store.add_user("ann", "wonderland")
    assert sqlite_store.path is not None
    for companion in tmp_path.glob("auth.db-*"):
        companion.unlink()
    os.rename(tmp_path / "other.db", sqlite_store.path)
    assert [user.username for user in sqlite_store.users()] == ["bob"]
    assert sqlite_store.authenticate("bob", "wonderland") == bob


def test_a_backup_that_is_restored(sqlite_store: SQLStore, tmp_path: Path) -> None:
    """Ids after a backup are given out a second time; who has read the first ones still misses none
    of the second."""
    sqlite_store.revoke(token_id="before", expires_at=4e9)
    path = sqlite_store.path
    assert path is not None
    with (
        closing(sqlite3.connect(path)) as source,
        closing(sqlite3.connect(tmp_path / "backup.db")) as backup,
    ):
        source.backup(backup)
    sqlite_store.revoke(token_id="lost", expires_at=4e9)
    cursor = sqlite_store.read_revocations(None).cursor
    sqlite_store.close()
    os.rename(tmp_path / "backup.db", path)
    for token_id in ("new", "newer"):
        sqlite_store.revoke(token_id=token_id, expires_at=4e9)
    page = sqlite_store.read_revocations(cursor)
    assert [entry.key for entry in page.entries] == ["jti\n\nbefore", "jti\n\nnew", "jti\n\nnewer"]


def test_a_log_that_is_another_one(store: SQLStore) -> None:
    """Tables that were made anew, and have the same ids, are read from their start."""
    store.revoke(token_id="a", expires_at=4e9)
    cursor = store.read_revocations(None).cursor
    restart = {
        "sqlite": "DELETE FROM sqlite_sequence",
        "postgresql": "ALTER SEQUENCE jwt_middleware_revocation_id_seq RESTART",
        "mysql": "ALTER TABLE jwt_middleware_revocation AUTO_INCREMENT = 1",
    }[database_of(store).engine.dialect.name]
    for statement in ("DELETE FROM jwt_middleware_revocation", restart):
        execute(store, statement)
    for token_id in ("b", "c"):
        store.revoke(token_id=token_id, expires_at=4e9)
    page = store.read_revocations(cursor)
    assert [entry.key for entry in page.entries] == ["jti\n\nb", "jti\n\nc"]


@pytest.mark.usefixtures("patient")
def test_threads_share_a_file(sqlite_store: SQLStore) -> None:
    """Forty threads that write at once wait for each other, none of them in vain."""
    all_are_there = threading.Barrier(40)

    def write(n: int) -> int:
        all_are_there.wait()
        return sqlite_store.increment("k", 60) + len(added(sqlite_store, str(n)).sid)

    with ThreadPoolExecutor(40) as threads:
        assert sorted(threads.map(write, range(40))) == list(range(17, 57))


def test_a_disk_that_is_full(sqlite_url: str) -> None:
    """A session for which there is no room is an outage; those that are there can still be read,
    and end later."""
    engine = sa.create_engine(sqlite_url)
    store = SQLStore(engine, password_method=CHEAP)
    session = added(store)
    limit = sa.event.listens_for(engine, "checkout")(
        lambda raw, *_: raw.execute("PRAGMA max_page_count = 8")
    )
    with pytest.raises(StoreUnavailable):
        added(store, "x" * 100_000)
    assert store.find_session(session.name_hash) == session
    sa.event.remove(engine, "checkout", limit)
    engine.dispose()
    store.end_session(session)
    assert len(entries_of(store)) == 1
    with closing(
        sqlite3.connect(shutil.copy(engine.url.database or "", f"{engine.url.database}.copy"))
    ) as copy:
        assert copy.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    engine.dispose()
