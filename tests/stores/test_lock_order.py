"""Locks of the SQL stores on real servers: calls that lock the same rows never wait for each other
in a circle, and one that loses a lock has changed nothing."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from itertools import count

import pytest

from jwt_middleware.errors import ConfigurationError
from jwt_middleware.stores import SQLStore, UnknownToken, UnknownUser
from jwt_middleware.stores.tokens import KEEP_EXPIRED
from tests.kit.inside import database_of
from tests.kit.waiting import BOUND, seconds_until_unavailable, wait_for

from .conftest import new_session

pytestmark = pytest.mark.needs_engines

LONG_EXPIRED = KEEP_EXPIRED + 86_400
"""Seconds after the expiry of a token when it is deleted by the next one that is added."""

NAMES = ("ann", "bob", "cid")
ROUNDS = 80
TABLES = ("user", "token", "session", "revocation", "counter", "schema", "setting")


@pytest.fixture(params=["postgresql", "mariadb"])
def store(request: pytest.FixtureRequest) -> SQLStore:
    """A store on a server that locks rows, with three users."""
    made: SQLStore = request.getfixturevalue(f"{request.param}_store")
    for name in NAMES:
        made.add_user(name, "wonderland")
    return made


def add_tokens(store: SQLStore, name: str) -> None:
    """Add tokens that are to be deleted at once, so that each further one deletes some."""
    for _ in range(4):
        store.add_token(name, name="t", scopes=[], expires_at=time.time() - LONG_EXPIRED)


def remove_tokens(store: SQLStore, name: str) -> None:
    """Remove the tokens of a user, one by one."""
    for token in store.tokens(name):
        store.remove_token(token.id)


def end_and_return(store: SQLStore, name: str) -> None:
    """Disable a user, which ends all tokens and sessions, and enable the user again."""
    store.disable_user(name)
    store.enable_user(name)


def replace(store: SQLStore, name: str) -> None:
    """Remove a user with its tokens, and add it again."""
    with suppress(ConfigurationError, UnknownUser):
        store.remove_user(name)
        store.add_user(name, "wonderland")


def log_in_and_out(store: SQLStore, name: str) -> None:
    """Add a session that expired, which the next one deletes, refresh another one and end it."""
    store.add_session(new_session(name, expires_at=time.time() - 86_400))
    session = new_session(name)
    store.add_session(session)
    store.replace_session(session, new_session(name, name_hash=session.name_hash))
    store.end_sessions(name)


def count_up(store: SQLStore, name: str) -> None:
    """Count in a window that is over at once, so that each new one deletes some."""
    for number in range(4):
        store.increment(f"{name}{number}", 0)
        store.increment(name, 60, 1 if number % 2 else -1)


PAIRS: dict[str, tuple[Callable[[SQLStore, str], None], ...]] = {
    "tokens are added and their users disabled": (add_tokens, end_and_return),
    "tokens are added and removed": (add_tokens, remove_tokens),
    "tokens are added and their users removed": (add_tokens, replace),
    "tokens are removed and their users disabled": (add_tokens, remove_tokens, end_and_return),
    "sessions are added, refreshed and ended": (log_in_and_out, end_and_return),
    "counters are new, changed and over": (count_up, count_up),
    "all of it": (add_tokens, remove_tokens, end_and_return, log_in_and_out, count_up, replace),
}


@pytest.mark.parametrize("pair", PAIRS.values(), ids=PAIRS)
def test_no_call_waits_in_a_circle(store: SQLStore, pair: tuple[Callable[..., None], ...]) -> None:
    """Many at once on the same users: no call ends in a deadlock, nor for want of a lock."""
    numbers = count()

    def work(_: int) -> None:
        for _ in range(ROUNDS // 4):
            number = next(numbers)
            with suppress(UnknownToken, UnknownUser, ConfigurationError):
                pair[number % len(pair)](store, NAMES[number % len(NAMES)])

    with ThreadPoolExecutor(8) as threads:
        for done in [threads.submit(work, number) for number in range(8)]:
            done.result()


# ------------------------------------------------------------------------------------------------
# without a lock


@contextmanager
def locked(store: SQLStore) -> Iterator[None]:
    """Have all tables locked by another transaction, as a migration or a backup does."""
    names = [f"jwt_middleware_{table}" for table in TABLES]
    with database_of(store).engine.connect() as other:
        if other.dialect.name == "postgresql":
            other.exec_driver_sql(f"LOCK TABLE {', '.join(names)} IN ACCESS EXCLUSIVE MODE")
        else:
            other.exec_driver_sql(f"LOCK TABLES {' WRITE, '.join(names)} WRITE")
        yield
        other.rollback()
        if other.dialect.name != "postgresql":
            other.exec_driver_sql("UNLOCK TABLES")


def rows_of(store: SQLStore) -> dict[str, list[object]]:
    """All that the store holds."""
    with database_of(store).transaction() as connection:
        return {
            table: sorted(map(repr, connection.exec_driver_sql(f"SELECT * FROM {table}").all()))
            for table in (f"jwt_middleware_{name}" for name in TABLES)
        }


def test_a_call_that_gets_no_lock_changes_nothing(store: SQLStore) -> None:
    """Each call that writes ends as unavailable in time, and leaves everything as it was."""
    store.add_token("ann", name="t", scopes=[], expires_at=time.time() + 99)
    (token,) = store.tokens("ann")
    session = new_session(str(store.get("1") and 1))
    store.add_session(session)
    successor = new_session(session.user_id, name_hash=session.name_hash, sid=session.sid)
    expiry = {"expires_at": time.time() + 99}
    calls: dict[str, Callable[[], object]] = {
        "add_user": lambda: store.add_user("dan", "wonderland"),
        "set_password": lambda: store.set_password("ann", "looking-glass"),
        "set_scopes": lambda: store.set_scopes("ann", ["a"]),
        "disable_user": lambda: store.disable_user("ann"),
        "remove_user": lambda: store.remove_user("ann"),
        "add_token": lambda: store.add_token("ann", name="u", scopes=[], **expiry),
        "remove_token": lambda: store.remove_token(token.id),
        "add_session": lambda: store.add_session(new_session(session.user_id)),
        "replace_session": lambda: store.replace_session(session, successor),
        "end_session": lambda: store.end_session(session),
        "end_sessions": lambda: store.end_sessions(session.user_id),
        "revoke": lambda: store.revoke(token_id="t", **expiry),
        "revoke_subject": lambda: store.revoke_subject("https://login.example", "1"),
        "increment": lambda: store.increment("k", 60),
    }
    before = rows_of(store)
    with locked(store), ThreadPoolExecutor(len(calls)) as threads:
        took = dict(zip(calls, threads.map(seconds_until_unavailable, calls.values()), strict=True))
    assert rows_of(store) == before
    assert max(took.values()) < BOUND, took
    for call in calls.values():  # and each of them can be made again
        with suppress(UnknownUser, UnknownToken, ConfigurationError):
            call()


def test_a_call_that_loses_a_deadlock_is_made_again(mariadb_store: SQLStore) -> None:
    """A transaction of somebody else may lock our rows in another order: the server undoes ours,
    and the call succeeds at the second attempt."""
    store = mariadb_store
    session = new_session()
    store.add_session(session)
    for number in range(50):
        store.increment(str(number), 60)
    with (
        database_of(store).engine.connect() as other,
        database_of(store).engine.connect() as watch,
        ThreadPoolExecutor(1) as threads,
    ):

        def status(name: str) -> int:
            (row,) = watch.exec_driver_sql(f"SHOW GLOBAL STATUS LIKE 'Innodb_{name}'").all()
            return int(row[1])

        before = status("deadlocks")
        # It changes more than ours does, so that it is ours that the server undoes.
        other.exec_driver_sql("UPDATE jwt_middleware_counter SET count = count + 1")
        other.exec_driver_sql("SELECT * FROM jwt_middleware_session FOR UPDATE")
        ending = threads.submit(store.end_session, session)
        wait_for(lambda: status("row_lock_current_waits") or ending.done())
        other.exec_driver_sql("SELECT * FROM jwt_middleware_schema FOR UPDATE")
        other.rollback()
        ending.result()
        assert status("deadlocks") == before + 1
    assert store.find_session(session.name_hash) is None
    assert store.is_revoked([f"sid\n{session.issuer}\n{session.sid}"])
