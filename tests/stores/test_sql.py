"""Users in real databases: many processes, forks, and everything that can go wrong with an
engine."""

import gc
import logging
import os
import signal
import socket
import sqlite3
import stat
import sys
import threading
import traceback
import weakref
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import psycopg
import pytest
import sqlalchemy as sa

from jwt_middleware.errors import ConfigurationError, StoreUnavailable
from jwt_middleware.stores import SQLStore
from jwt_middleware.stores.passwords import PasswordHasher
from jwt_middleware.stores.sql import engines, schema
from tests.kit.engines import PostgreSQL
from tests.kit.forking import APPS
from tests.kit.inside import database_of
from tests.kit.passwords import CHEAP
from tests.kit.scripts import run
from tests.kit.waiting import BOUND, PATIENCE, seconds_until_unavailable

from .conftest import new_session


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Half a second where it would be two, for the tests that wait for it."""
    assert engines.TIMEOUT == 2
    monkeypatch.setattr(engines, "TIMEOUT", 0.5)


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest) -> str:
    """The URL of a new database on either engine."""
    return request.getfixturevalue(f"{request.param}_url")


@contextmanager
def opened(url_or_engine: str | sa.Engine) -> Iterator[SQLStore]:
    """A store whose connections are closed at the end."""
    store = SQLStore(url_or_engine, password_method=CHEAP)
    yield store
    database_of(store).engine.dispose()


def engine_of(url: str) -> sa.Engine:
    """An engine as an owner might make it, with its pool and transactions as SQLAlchemy has them by
    default."""
    return sa.create_engine(url.replace("postgresql:", "postgresql+psycopg:"))


def told_by(error: BaseException) -> str:
    """Everything that a traceback of the error shows but the lines of source."""
    told = traceback.TracebackException.from_exception(error)
    return "".join(line for line in told.format() if not line.startswith("  File"))


# ----------------------------------------------------------------------------------------------
# processes


def test_many_processes_start_at_once(url: str) -> None:
    """Sixteen processes that make the schema of one new database at the same moment all succeed."""
    script = f"""if True:
        import os, psycopg
        from jwt_middleware.stores import SQLStore
        until_all_are_there, go = os.pipe()
        for n in range(16):
            if not os.fork():
                os.close(go)
                os.read(until_all_are_there, 1)
                SQLStore({url!r}, password_method={CHEAP!r}).add_user(f"user{{n:02}}", "x")
                os._exit(0)
        os.close(go)
        print([os.waitstatus_to_exitcode(os.wait()[1]) for _ in range(16)] == [0] * 16)
        names = [user.username for user in SQLStore({url!r}).users()]
        print(names == [f"user{{n:02}}" for n in range(16)])
    """
    assert run(script, after=APPS) == "True\nTrue\n"


@pytest.mark.usefixtures("patient")
def test_the_schema_is_made_once(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """When eight stores have all seen that there is no schema, one makes it and the others use
    it."""
    all_have_seen, look = threading.Barrier(8, timeout=PATIENCE), schema.find_version
    first_look = threading.local()

    def look_and_wait(connection: sa.Connection) -> int | None:
        version = look(connection)
        if not hasattr(first_look, "done"):
            first_look.done = True
            all_have_seen.wait()
        return version

    def add(n: int) -> None:
        SQLStore(url, password_method=CHEAP).add_user(f"user{n}", "x")

    with monkeypatch.context() as patched, ThreadPoolExecutor(8) as threads:
        patched.setattr(schema, "find_version", look_and_wait)
        list(threads.map(add, range(8)))
    with opened(url) as store:
        assert [user.username for user in store.users()] == [f"user{n}" for n in range(8)]
        with database_of(store).transaction() as connection:
            assert connection.execute(
                sa.text("SELECT version FROM jwt_middleware_schema")
            ).scalars().all() == [schema.VERSION]


FORKING = """if True:
    import ctypes, os
    import sqlalchemy
    from jwt_middleware.stores import SQLStore
    fork = {fork}
    store = SQLStore({what}, password_method="scrypt:1024:1:1")
    users = [store.add_user(f"user{{n}}", "x") for n in range(4)]
    for mine in users:
        if mine is users[3] or not fork():
            break
    right = all(store.get(str(mine.id)) == mine for _ in range(60))
    if mine is not users[3]:
        os._exit(0 if right else 1)
    codes = [os.waitstatus_to_exitcode(os.wait()[1]) for _ in range(3)]
    print(right, codes, store.get("1") == users[0])
"""


@pytest.mark.parametrize(
    ("given", "fork"),
    [("url", "os.fork"), ("engine", "os.fork"), ("url", "ctypes.PyDLL(None).fork")],
)
def test_processes_forked_after_use(url: str, given: str, fork: str) -> None:
    """Parent and children go on with connections of their own: each reads its own rows, many times
    at once.

    Also when a server forks in C, as uWSGI does, which calls none of Python's hooks.
    """
    engine_url = url.replace("postgresql:", "postgresql+psycopg:")
    what = repr(url) if given == "url" else f"sqlalchemy.create_engine({engine_url!r})"
    assert run(FORKING.format(what=what, fork=fork), after=APPS) == "True [0, 0, 0] True\n"


def test_a_store_that_is_dropped_is_freed(
    collect_garbage: Callable[[], object], sqlite_url: str
) -> None:
    """What is remembered for forks does not keep stores alive."""
    store = SQLStore(sqlite_url, password_method=CHEAP)
    store.ping()
    dropped = weakref.ref(store)
    del store
    collect_garbage()
    assert dropped() is None


def test_a_store_that_is_dropped_lets_go(postgresql_url: str) -> None:
    """The connections of a store end with it, when we made them; an engine of the owner's keeps its
    own."""
    store = SQLStore(postgresql_url, password_method=CHEAP)
    store.ping()
    pool = database_of(store).engine.pool
    assert pool.checkedin() == 1  # type: ignore[attr-defined]
    del store
    gc.collect()
    assert pool.checkedin() == 0  # type: ignore[attr-defined]
    engine = engine_of(postgresql_url)
    SQLStore(engine, password_method=CHEAP).ping()
    gc.collect()
    assert engine.pool.checkedin() == 1  # type: ignore[attr-defined]
    engine.dispose()


# -------------------------------------------------------------------------------------------------
# SQLite


def test_building_touches_no_database(tmp_path: Path) -> None:
    """A store is built without a file, a folder or a server being there."""
    for url in (
        f"sqlite:///{tmp_path}/none/auth.db",
        "postgresql://127.0.0.1:1/none",
        "postgres://127.0.0.1:1/none",
    ):
        SQLStore(url, password_method=CHEAP)
    assert not any(tmp_path.iterdir())


def test_a_new_file_is_for_its_owner_only(sqlite_store: SQLStore) -> None:
    """The file and the two beside it have mode 0600 whatever the umask."""
    umask = os.umask(0)
    try:
        sqlite_store.add_user("ann", "wonderland")
        with database_of(sqlite_store).transaction(write=True) as connection:
            connection.execute(sa.text("UPDATE jwt_middleware_user SET scopes = 'read'"))
            files = sorted(sqlite_store.path.parent.iterdir())  # type: ignore[union-attr]
            assert [file.name for file in files] == ["auth.db", "auth.db-shm", "auth.db-wal"]
            assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
    finally:
        os.umask(umask)


def test_a_file_keeps_its_mode(sqlite_store: SQLStore) -> None:
    """A file that is there already is used as it is, empty or not."""
    path = sqlite_store.path
    assert path is not None
    path.touch()
    path.chmod(0o640)
    sqlite_store.add_user("ann", "wonderland")
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_how_a_file_is_opened(sqlite_store: SQLStore) -> None:
    """Readers do not wait for a writer (WAL)."""
    sqlite_store.ping()
    with database_of(sqlite_store).transaction() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"


def test_a_relative_path_means_where_it_was_built(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that changes its directory later still finds the file."""
    monkeypatch.chdir(tmp_path)
    store = SQLStore("sqlite:///auth.db", password_method=CHEAP)
    monkeypatch.chdir("/")
    store.ping()
    assert store.path == tmp_path / "auth.db"
    assert store.path.exists()


def test_an_odd_path(tmp_path: Path) -> None:
    """A path may hold characters that mean something in a URI."""
    path = tmp_path / "a b?c#d%41ü&.db"
    SQLStore(sa.URL.create("sqlite", database=str(path)), password_method=CHEAP).ping()
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


@pytest.mark.usefixtures("impatient")
def test_a_locked_file(sqlite_store: SQLStore) -> None:
    """While another process writes, reads are answered, and a write gives up after its time."""
    ann = sqlite_store.add_user("ann", "wonderland")
    with closing(sqlite3.connect(sqlite_store.path, isolation_level=None)) as other:  # type: ignore[arg-type]
        other.execute("BEGIN IMMEDIATE")
        assert sqlite_store.authenticate("ann", "wonderland") == ann
        assert (
            0.4
            < seconds_until_unavailable(lambda: sqlite_store.set_scopes("ann", ["read"]))
            < BOUND
        )
    sqlite_store.set_scopes("ann", ["read"])


def test_a_new_file_that_is_locked(sqlite_store: SQLStore) -> None:
    """The first use waits for another process that is busy with the new file."""
    with closing(
        sqlite3.connect(sqlite_store.path, isolation_level=None, check_same_thread=False)
    ) as other:  # type: ignore[arg-type]
        other.execute("BEGIN IMMEDIATE")
        rollback = threading.Timer(0.3, other.execute, ["ROLLBACK"])
        rollback.start()
        assert sqlite_store.add_user("ann", "wonderland")
        rollback.join()


def test_a_file_that_vanishes(sqlite_store: SQLStore) -> None:
    """A file that is taken away is an outage, not an empty database, and ends when it is back."""
    ann = sqlite_store.add_user("ann", "wonderland")
    path = sqlite_store.path
    assert path is not None
    away = path.rename(path.with_suffix(".away"))
    seconds_until_unavailable(lambda: sqlite_store.authenticate("ann", "wonderland"))
    seconds_until_unavailable(lambda: sqlite_store.add_user("bob", "wonderland"))
    seconds_until_unavailable(sqlite_store.ping)
    assert not path.exists()
    away.rename(path)
    assert sqlite_store.authenticate("ann", "wonderland") == ann


def no_database(path: Path) -> None:
    path.write_bytes(b"This is not a database. " * 100)


def cut_short(path: Path) -> None:
    SQLStore(f"sqlite:///{path}", password_method=CHEAP).add_user("ann", "wonderland")
    path.write_bytes(path.read_bytes()[:5000])


def dangling(path: Path) -> None:
    path.symlink_to(path.parent / "none" / "none")


@pytest.mark.parametrize(
    "spoil", [no_database, cut_short, dangling, Path.mkdir], ids=lambda spoil: spoil.__name__
)
def test_a_file_that_is_no_database(sqlite_store: SQLStore, spoil: Callable[[Path], None]) -> None:
    """A path with something else there is an outage for every call."""
    spoil(sqlite_store.path)  # type: ignore[arg-type]
    for call in CALLS.values():
        seconds_until_unavailable(lambda call=call: call(sqlite_store))


CALLS: dict[str, Callable[[SQLStore], object]] = {
    "authenticate": lambda store: store.authenticate("ann", "wonderland"),
    "get": lambda store: store.get("1"),
    "add_user": lambda store: store.add_user("bob", "wonderland"),
    "set_password": lambda store: store.set_password("ann", "other"),
    "set_scopes": lambda store: store.set_scopes("ann", ()),
    "disable_user": lambda store: store.disable_user("ann"),
    "remove_user": lambda store: store.remove_user("ann"),
    "users": lambda store: store.users(),
    "ping": lambda store: store.ping(),
    "add_session": lambda store: store.add_session(new_session()),
    "find_session": lambda store: store.find_session(bytes(32)),
    "replace_session": lambda store: store.replace_session(new_session(), new_session()),
    "end_session": lambda store: store.end_session(new_session()),
    "end_sessions": lambda store: store.end_sessions("1"),
    "revoke": lambda store: store.revoke(token_id="a", expires_at=4e9),
    "read_revocations": lambda store: list(store.read_revocations(None).entries),
    "increment": lambda store: store.increment("k", 60),
    "take away": lambda store: store.increment("k", 60, -1),
    "count": lambda store: store.count("k"),
}
WRITES = (
    "add_user",
    "set_password",
    "set_scopes",
    "disable_user",
    "remove_user",
    "add_session",
    "revoke",
    "increment",
)


def test_a_folder_that_is_missing(tmp_path: Path) -> None:
    """Where no file can be made the store cannot answer."""
    seconds_until_unavailable(
        SQLStore(f"sqlite:///{tmp_path}/none/auth.db", password_method=CHEAP).ping
    )


def test_a_file_that_cannot_be_written(sqlite_store: SQLStore) -> None:
    """A read-only database answers reads, even a login that would renew a hash; a write is an
    outage."""
    ann = sqlite_store.add_user("ann", "wonderland")
    # inside: the row of a user and the hash in it are shown by no call
    sqlite_store._update(
        "ann", {"password_hash": PasswordHasher("scrypt:2048:8:1").hash("wonderland")}
    )
    with opened(sa.create_engine(f"sqlite:///file:{sqlite_store.path}?mode=ro&uri=true")) as store:
        assert store.authenticate("ann", "wonderland") == ann
        assert store.get(str(ann.id)) == ann
        assert store.find_session(bytes(32)) is None
        for name in WRITES:
            seconds_until_unavailable(lambda name=name: CALLS[name](store))


def test_a_full_disk(sqlite_url: str) -> None:
    """A write for which there is no room is an outage, and nothing of it is kept."""
    engine = engine_of(sqlite_url)
    with opened(engine) as store:
        store.add_user("ann", "wonderland")
        sa.event.listen(
            engine, "checkout", lambda raw, *_: raw.execute("PRAGMA max_page_count = 8")
        )
        seconds_until_unavailable(
            lambda: store.add_user("bob", "wonderland", claims={"big": "x" * 100_000})
        )
        assert [user.username for user in store.users()] == ["ann"]


def test_damaged_claims(sqlite_store: SQLStore) -> None:
    """A user whose claims cannot be read is an outage for this user, and no other error."""
    for name in ("ann", "bob"):
        sqlite_store.add_user(name, "wonderland")
    for damaged in ("", "{", "[]", "null", "[" * 100_000):
        # inside: the row of a user and the hash in it are shown by no call
        sqlite_store._update("ann", {"claims": damaged})
        with pytest.raises(StoreUnavailable, match="damaged"):
            sqlite_store.authenticate("ann", "wonderland")
        assert sqlite_store.authenticate("bob", "wonderland")


# ---------------------------------------------------------------------------------------------
# PostgreSQL


@pytest.fixture
def server(postgresql_of_its_own: PostgreSQL) -> PostgreSQL:
    """A PostgreSQL server for this test alone."""
    return postgresql_of_its_own


def test_a_server_that_is_not_there() -> None:
    """Every call says at once that the store cannot answer."""
    store = SQLStore("postgresql://ann:secret@127.0.0.1:1/auth", password_method=CHEAP)
    for call in CALLS.values():
        assert seconds_until_unavailable(lambda call=call: call(store)) < BOUND


def test_a_server_that_says_nothing() -> None:
    """An address that takes connections and never answers is given up after two seconds."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"postgresql://ann:secret@127.0.0.1:{silent.getsockname()[1]}/auth"
        assert 1.8 < seconds_until_unavailable(SQLStore(url, password_method=CHEAP).ping) < BOUND


def connections_of(server: socket.socket) -> int:
    """Take the connections that clients have made, and return how many there are."""
    server.setblocking(False)
    taken = 0
    with suppress(BlockingIOError):
        while True:
            server.accept()[0].close()
            taken += 1
    return taken


def test_a_name_with_two_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    """A host whose first address says nothing is not asked at its second one too. One that refuses
    at the first is."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        url = f"postgresql://ann:secret@database.example:{port}/auth"
        for first in ("127.0.0.1", "127.0.0.2"):
            found = [(2, 1, 6, "", (address, 0)) for address in (first, "127.0.0.1", "127.0.0.3")]
            monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)  # noqa: B023
            seconds = seconds_until_unavailable(SQLStore(url, password_method=CHEAP).ping)
            assert 1.8 < seconds < BOUND
            assert connections_of(silent) == 1


def test_what_a_call_asks_the_server(
    postgresql_store: SQLStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A call is one message that begins its transaction, its statement and a commit."""
    assert postgresql_store.get("1") is None
    sent: list[bytes] = []
    begun = psycopg.Connection.execute

    def note(connection: Any, query: Any, *arguments: Any, **options: Any) -> Any:
        sent.append(query)
        return begun(connection, query, *arguments, **options)

    statements: list[str] = []
    engine = database_of(postgresql_store).engine
    sa.event.listen(engine, "before_cursor_execute", lambda *given: statements.append(given[2]))
    monkeypatch.setattr(psycopg.Connection, "execute", note)
    assert postgresql_store.get("1") is None
    assert sent == [b"BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL statement_timeout = '2s'"]
    assert len(statements) == 1


def test_a_server_that_restarts(server: PostgreSQL) -> None:
    """No call fails because of connections to a server that was killed and is back."""
    with opened(server.url) as store:
        ann = store.add_user("ann", "wonderland")
        server.kill()
        for call in CALLS.values():
            assert seconds_until_unavailable(lambda call=call: call(store)) < BOUND
        server.start()
        assert store.get(str(ann.id)) == ann
        with database_of(store).engine.connect(), database_of(store).engine.connect():
            pass  # two connections in the pool
        server.kill()
        server.start()
        assert store.authenticate("ann", "wonderland") == ann
        store.set_scopes("ann", ["read"])


@pytest.mark.usefixtures("impatient")
@pytest.mark.skipif(sys.platform != "linux", reason="finds the processes of the server in /proc")
def test_a_server_that_hangs(server: PostgreSQL) -> None:
    """A server that stops in the middle is given up after its time, and works again at once when it
    goes on."""
    with opened(server.url + "&connect_timeout=2") as store:
        ann = store.add_user("ann", "wonderland")
        server.signal_all(signal.SIGSTOP)
        try:
            assert 0.4 < seconds_until_unavailable(lambda: store.get("1")) < BOUND
        finally:
            server.signal_all(signal.SIGCONT)
        assert store.get("1") == ann


@pytest.mark.usefixtures("impatient")
def test_a_locked_table(postgresql_store: SQLStore) -> None:
    """A call that waits for somebody else's lock gives up after its time."""
    ann = postgresql_store.add_user("ann", "wonderland")
    with database_of(postgresql_store).engine.begin() as other:
        other.execute(sa.text("LOCK TABLE jwt_middleware_user"))
        assert 0.4 < seconds_until_unavailable(lambda: postgresql_store.get("1")) < BOUND
    assert postgresql_store.get("1") == ann


def test_no_connection_to_be_had(postgresql_url: str) -> None:
    """A pool with no connection left is an outage after its own time."""
    engine = sa.create_engine(
        postgresql_url.replace("postgresql:", "postgresql+psycopg:"),
        pool_size=1,
        max_overflow=0,
        pool_timeout=0.1,
    )
    with opened(engine) as store:
        store.ping()
        with engine.connect():
            seconds_until_unavailable(store.ping)
        store.ping()


def test_psycopg_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a driver the error is one line that names the extra."""
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(ConfigurationError, match="pip install 'wsgi-jwt-middleware\\[postgres\\]'"):
        SQLStore("postgresql://ann:secret@localhost/auth")


# ------------------------------------------------------------------------------------------ schema
# and engine


def test_a_schema_from_the_future(url: str) -> None:
    """Tables that a newer version made are left alone, with a sentence that says what to do."""
    with opened(url) as store:
        store.add_user("ann", "wonderland")
        with database_of(store).transaction(write=True) as connection:
            connection.execute(sa.text("UPDATE jwt_middleware_schema SET version = version + 1"))
    with opened(url) as store:
        for call in CALLS.values():
            with pytest.raises(ConfigurationError, match="a newer version of jwt_middleware"):
                call(store)


def plain(engine: sa.Engine) -> sa.Engine:
    return engine


def autocommitting(engine: sa.Engine) -> sa.Engine:
    return engine.execution_options(isolation_level="AUTOCOMMIT")


def serializable(engine: sa.Engine) -> sa.Engine:
    return engine.execution_options(isolation_level="SERIALIZABLE")


def beginning_itself(engine: sa.Engine) -> sa.Engine:
    """SQLAlchemy's recipe for transactions in SQLite."""

    def autocommit(raw: Any, record: object) -> None:
        raw.isolation_level = None

    if engine.dialect.name == "sqlite":
        sa.event.listen(engine, "connect", autocommit)
        sa.event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN"))
    return engine


@pytest.mark.parametrize(
    "kind", [plain, autocommitting, serializable, beginning_itself], ids=lambda kind: kind.__name__
)
def test_an_engine_of_the_owners(url: str, kind: Callable[[sa.Engine], sa.Engine]) -> None:
    """A store works on an engine that is set up for other things as well, and leaves it as it
    is."""
    engine = kind(engine_of(url))
    with engine.begin() as connection:
        connection.execute(sa.text("CREATE TABLE users (id INTEGER)"))
    with opened(engine) as store:
        ann = store.add_user("ann", "wonderland")
        with pytest.raises(ConfigurationError, match="already"):
            store.add_user("ann", "wonderland")
        store.set_scopes("ann", ["read"])
        assert store.authenticate("ann", "wonderland").scopes == ("read",)  # type: ignore[union-attr]
        assert [user.id for user in store.users()] == [ann.id]
        assert store.path is None
        with engine.connect() as connection:
            assert connection.execute(sa.text("SELECT id FROM users")).all() == []


NO_STORES = ["", "auth.db", "/tmp/auth.db", "sqlite", "sqlite://auth.db", "sqlite://host/auth.db", "sqlite:///auth.db?timeout=9",
             "sqlite:///file:auth.db?uri=true", "mssql://ann:secret@host/auth",
             "host=h password=secret",
             "postgresql+pg8000://ann:secret@host/auth", "oracle://x",
             None, 5, b"sqlite:///auth.db", Path("auth.db")]  # fmt: skip
IN_MEMORY = ["sqlite://", "sqlite:///", "sqlite:///:memory:", "sqlite:///file::memory:?uri=true",
             "sqlite:///file:x?mode=memory&uri=true"]  # fmt: skip


@pytest.mark.parametrize("what", NO_STORES, ids=str)
def test_what_is_no_store(what: Any) -> None:
    """Anything but a URL of the two engines is refused with the right forms, and is not
    repeated."""
    with pytest.raises(ConfigurationError, match=r"SQLStore\('sqlite:///auth.db'\)") as caught:
        SQLStore(what)
    assert "secret" not in told_by(caught.value)


@pytest.mark.parametrize("url", IN_MEMORY)
def test_a_database_in_memory(url: str) -> None:
    """Each connection would have a database of its own: `MemoryStore` is what was meant."""
    for what in (url, sa.create_engine(url, poolclass=sa.StaticPool)):
        with pytest.raises(ConfigurationError, match="MemoryStore"):
            SQLStore(what)


SECRETS = ["postgresql://ann:hunter2@127.0.0.1:1/auth", "postgresql://ann@127.0.0.1:1/auth?password=hunter2",
           "postgres://ann:hunter2@127.0.0.1:1/auth?sslmode=disable"]  # fmt: skip


@pytest.mark.parametrize("url", SECRETS)
def test_nothing_shows_the_password_of_the_database(
    url: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither the repr nor an error, its traceback or the logs show a secret of the URL or of a
    user."""
    caplog.set_level(logging.DEBUG, logger="sqlalchemy")
    store = SQLStore(url, password_method=CHEAP)
    with pytest.raises(StoreUnavailable) as caught:
        store.authenticate("ann", "wonderland")
    for shown in (repr(store), told_by(caught.value), caplog.text):
        assert "hunter2" not in shown
        assert "wonderland" not in shown


def test_a_table_that_vanishes(url: str) -> None:
    """Tables that somebody drops are an outage, which `ping` sees, and are not made again behind
    their back."""
    with opened(url) as store:
        store.add_user("ann", "wonderland")
        with database_of(store).transaction(write=True) as connection:
            for table in ("user", "schema", "session", "revocation", "counter"):
                connection.execute(sa.text(f"DROP TABLE jwt_middleware_{table}"))
        for call in CALLS.values():
            seconds_until_unavailable(lambda call=call: call(store))


@pytest.mark.parametrize("given", ["url", "engine"])
def test_nothing_shows_the_hash_of_a_user(
    url: str, given: str, caplog: pytest.LogCaptureFixture
) -> None:
    """A failed statement shows no hash: not in the error, not in its traceback, and for our engines
    in no log."""
    caplog.set_level(logging.DEBUG, logger="sqlalchemy")
    with opened(url if given == "url" else engine_of(url)) as store:
        store.ping()
        with database_of(store).transaction(write=True) as connection:
            connection.execute(sa.text("DROP TABLE jwt_middleware_user"))
        with pytest.raises(StoreUnavailable) as caught:
            store.add_user("ann", "wonderland")
    assert "scrypt" not in told_by(caught.value)
    if given == "url":
        assert "scrypt:1024" not in caplog.text
