"""What only a real MariaDB shows: faults, exact comparison, and tables that were half created."""

import gc
import signal
import socket
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest
import sqlalchemy as sa

from jwt_middleware.errors import ConfigurationError, StoreUnavailable
from jwt_middleware.stores import SQLStore
from tests.kit.engines import MariaDB
from tests.kit.inside import database_of
from tests.kit.passwords import CHEAP
from tests.kit.waiting import BOUND, seconds_until_unavailable

from .conftest import new_session

pytestmark = [
    pytest.mark.needs_engines,
    # PyMySQL leaves a socket to the garbage collector when it cannot connect.
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


@pytest.fixture
def store(mariadb_url: str) -> Iterator[SQLStore]:
    """A store in a new database."""
    store = SQLStore(mariadb_url, password_method=CHEAP)
    yield store
    store.close()


def test_a_driver_that_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a driver the error is one line that names the extra."""
    monkeypatch.setitem(sys.modules, "pymysql", None)
    with pytest.raises(ConfigurationError, match=r"pip install 'wsgi-jwt-middleware\[mysql\]'"):
        SQLStore("mysql://ann:secret@localhost/auth")


@pytest.mark.parametrize("scheme", ["mysql", "mariadb", "mysql+pymysql", "mariadb+pymysql"])
def test_the_schemes_of_a_url(mariadb_url: str, scheme: str) -> None:
    """Each name of the database and its driver is understood, and no repr shows a password."""
    with_password = mariadb_url.replace("mysql://root@", f"{scheme}://root:@")
    store = SQLStore(with_password, password_method=CHEAP)
    store.ping()
    store.close()
    assert "hunter2" not in repr(SQLStore(f"{scheme}://ann:hunter2@localhost/auth"))


@pytest.mark.parametrize(
    "options",
    [
        "x=1",
        "connect_timeout=0",
        "read_timeout=soon",
        "charset=latin1",
        "charset=x",
        "ssl_ca=a&ssl_ca=b",
    ],
)
def test_options_at_fault(options: str) -> None:
    """An option that PyMySQL would trip over at the first request is refused while building."""
    with pytest.raises(ConfigurationError, match="PyMySQL") as caught:
        SQLStore(f"mysql://ann:hunter2@localhost/auth?{options}")
    assert "hunter2" not in str(caught.value)


def test_an_engine_of_the_owner(mariadb_url: str) -> None:
    """An engine that the app has made itself works too, under the name MariaDB."""
    engine = sa.create_engine(mariadb_url.replace("mysql:", "mariadb+pymysql:"))
    store = SQLStore(engine, password_method=CHEAP)
    ann = store.add_user("ann", "wonderland")
    assert store.increment("k", 60) == store.increment("l", 60) == 1
    assert store.authenticate("ann", "wonderland") == ann
    engine.dispose()


@pytest.mark.parametrize("other", ["7 ", "A7", "a7\u0301", "\u00e17"])
def test_ids_and_keys_are_compared_exactly(store: SQLStore, other: str) -> None:
    """Neither case, accents nor blanks at the end make two values one."""
    for user_id in ("7", "a7", other):
        store.add_session(new_session(user_id))
        assert store.increment(user_id, 60) == 1
        store.revoke(token_id=user_id, expires_at=4e9)
    kept = new_session(other, sid="s")
    store.add_session(kept)
    for user_id in ("7", "a7"):
        store.end_sessions(user_id)
        assert store.find_session_by_sid("s", user_id=user_id, issuer=kept.issuer) is None
    assert store.find_session(kept.name_hash) == kept
    assert store.revoked_until("jti\n\nnone ") == 0


@pytest.mark.usefixtures("patient")
def test_one_refresh_of_many_at_once_wins(store: SQLStore) -> None:
    """A session is replaced by one of the requests that have read the same generation."""
    session = new_session()
    store.add_session(session)
    successors = [new_session(name_hash=session.name_hash, sid=session.sid) for _ in range(12)]
    with ThreadPoolExecutor(6) as threads:
        won = list(threads.map(lambda new: store.replace_session(session, new), successors))
    assert won.count(True) == 1
    assert store.find_session(session.name_hash) == successors[won.index(True)]


@pytest.mark.usefixtures("patient")
def test_workers_that_start_at_once(mariadb_url: str) -> None:
    """Several processes create the tables once. One that has waited for two seconds says so, and
    works at its next call."""
    stores = [SQLStore(mariadb_url, password_method=CHEAP) for _ in range(4)]

    def start(store: SQLStore) -> None:
        with suppress(StoreUnavailable):
            store.ping()

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(start, stores))
    for store in stores:
        store.ping()
    with database_of(stores[0]).transaction() as connection:
        rows = connection.exec_driver_sql("SELECT version FROM jwt_middleware_schema").all()
    assert len(rows) == 1
    for store in stores:
        store.close()


def test_tables_that_were_half_created(mariadb_url: str) -> None:
    """A process that is killed while it creates the tables leaves a database that the next one
    completes."""
    whole = SQLStore(mariadb_url, password_method=CHEAP)
    whole.ping()
    with database_of(whole).engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM jwt_middleware_schema")
        connection.exec_driver_sql("DROP TABLE jwt_middleware_token")
        connection.exec_driver_sql(
            "DROP INDEX ix_jwt_middleware_user_name_key ON jwt_middleware_user"
        )
    next_one = SQLStore(mariadb_url, password_method=CHEAP)
    next_one.add_user("ann", "wonderland")
    with pytest.raises(ConfigurationError, match="already"):
        next_one.add_user("ANN", "wonderland")
    assert next_one.tokens("ann") == []
    for store in (whole, next_one):
        store.close()


def test_a_lock_of_somebody_else(store: SQLStore) -> None:
    """A call that waits for a row that another transaction has locked gives up after two
    seconds."""
    store.add_user("ann", "wonderland")
    with database_of(store).engine.begin() as other:
        other.exec_driver_sql("SELECT * FROM jwt_middleware_user FOR UPDATE")
        assert 1.5 < seconds_until_unavailable(lambda: store.set_scopes("ann", ["a"])) < BOUND
    store.set_scopes("ann", ["a"])


def test_a_server_that_is_not_there() -> None:
    """It is said at once."""
    store = SQLStore("mysql://ann:secret@127.0.0.1:1/auth")
    assert min(seconds_until_unavailable(store.ping) for _ in range(3)) < 1.5  # not two each


def test_a_server_that_says_nothing() -> None:
    """An address that takes connections and never answers is given up after two seconds."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        store = SQLStore(f"mysql://ann:secret@127.0.0.1:{silent.getsockname()[1]}/auth")
        assert 1.5 < seconds_until_unavailable(store.ping) < BOUND


def test_a_server_that_is_killed_and_freezes(mariadb_of_its_own: MariaDB) -> None:
    """What was committed is there after a kill, old connections are replaced, and a frozen server
    is given up in time."""
    server = mariadb_of_its_own
    store = SQLStore(server.url, password_method=CHEAP)
    ann = store.add_user("ann", "wonderland")
    store.revoke(token_id="a", expires_at=4e9)
    cursor = store.read_revocations(None).cursor
    server.kill(signal.SIGKILL)
    assert seconds_until_unavailable(store.ping) < BOUND
    server.start()
    assert store.authenticate("ann", "wonderland") == ann
    store.revoke(token_id="b", expires_at=4e9)
    assert [entry.key for entry in store.read_revocations(cursor).entries] == ["jti\n\nb"]
    server.signal_all(signal.SIGSTOP)
    try:
        assert 1.5 < seconds_until_unavailable(store.ping) < BOUND
    finally:
        server.signal_all(signal.SIGCONT)
    assert store.get(str(ann.id)) == ann
    store.close()
    gc.collect()
