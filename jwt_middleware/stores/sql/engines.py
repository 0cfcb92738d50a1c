"""How the two databases are reached: URLs, engines, connections that give up in time."""

import logging
import os
import sqlite3
import stat
import threading
import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, cast
from urllib.parse import unquote, urlsplit

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as postgresql_dialect
from sqlalchemy.dialects import sqlite as sqlite_dialect
from sqlalchemy.exc import ArgumentError, DisconnectionError, OperationalError

from ...errors import ConfigurationError, require

_PATIENCE = 2  # seconds, for a connection, a statement or a lock
_FORM = (
    "a store is SQLStore('sqlite:///auth.db'), SQLStore('postgresql://user:password@host/name') "
    "or SQLStore(engine)"
)


_log = logging.getLogger("jwt_middleware")


@contextmanager
def begin(engine: sa.Engine, *pragmas: str, write: bool) -> Iterator[sa.Connection]:
    """A transaction; in SQLite one that writes waits for the others here, and one that reads is
    none."""
    with engine.begin() as connection:
        if engine.dialect.name == "postgresql":
            # Not as an option of the connection: PgBouncer refuses those, and an engine may be its
            # owner's.
            connection.exec_driver_sql(f"SET LOCAL statement_timeout = '{_PATIENCE}s'")
        elif write:
            if getattr(connection.connection.dbapi_connection, "in_transaction", False):
                connection.exec_driver_sql("ROLLBACK")
            for pragma in pragmas:
                connection.exec_driver_sql(f"PRAGMA {pragma}")
            connection.exec_driver_sql(
                "BEGIN IMMEDIATE"
            )  # a plain BEGIN can fail at its first write without a wait
        yield connection


def checked_url(url: object) -> sa.URL:
    """Return the URL of one of the two engines. `ConfigurationError`, which does not show it, for
    any other."""
    require(isinstance(url, (str, sa.URL)), _FORM)
    try:
        made = sa.make_url(cast(str, url))
    except (ArgumentError, ValueError):
        raise ConfigurationError(
            _FORM
        ) from None  # the error quotes the URL, which may hold a password
    require(made.get_backend_name() in ("sqlite", "postgresql", "postgres"), _FORM)
    if made.get_backend_name() == "sqlite":
        require(not made.host, _FORM)
        is_in_memory = (
            ":memory:" in (made.database or ":memory:") or made.query.get("mode") == "memory"
        )
        require(not is_in_memory, "a database in memory: use MemoryStore()")
    # Many hosts put a "postgres://" into DATABASE_URL.
    return made.set(drivername="postgresql") if made.drivername == "postgres" else made


def path_of(url: sa.URL) -> Path:
    """Return the absolute path of an SQLite file: a server may change its directory later."""
    path = str(url.database)
    require(
        url.get_driver_name() == "pysqlite" and not url.query and not path.startswith("file:"),
        _FORM,
    )
    return Path(os.path.abspath(path))


def file_of(engine: sa.Engine) -> Path | None:
    """Return the absolute path of the SQLite file that an engine would create, else None."""
    name = engine.url.database
    if engine.dialect.name != "sqlite" or not name:
        return None
    is_uri = name.startswith("file:") and "uri" in engine.url.query
    if not is_uri:
        return Path(os.path.abspath(name))
    if engine.url.query.get("mode", "rwc") != "rwc" or "immutable" in engine.url.query:
        return None
    return Path(os.path.abspath(unquote(urlsplit(name).path)))


def insert(engine: sa.Engine, table: sa.Table) -> Any:
    """Return an INSERT that can say what to do on a conflict: each database has its own."""
    is_sqlite = engine.dialect.name == "sqlite"
    return (sqlite_dialect if is_sqlite else postgresql_dialect).insert(table)


def sqlite(path: Path) -> sa.Engine:
    """An engine with a pool: to close the last connection to a file costs four times what a
    transaction does.

    A connection to a file that has been taken away is not used any more.
    """

    def connect() -> sqlite3.Connection:
        # mode=rw: a file that has vanished is an error, not a new and empty database
        uri = f"{path.as_uri()}?mode=rw"
        return sqlite3.connect(
            uri, uri=True, timeout=_PATIENCE, isolation_level=None, check_same_thread=False
        )

    def remember(connection: object, record: Any) -> None:
        record.info["file"] = os.stat(path)

    def compare(connection: object, record: Any, proxy: object) -> None:
        if not (path.exists() and os.path.samestat(os.stat(path), record.info["file"])):
            raise DisconnectionError

    url = sa.URL.create("sqlite", database=str(path))
    engine = sa.create_engine(url, creator=connect, pool_timeout=_PATIENCE, hide_parameters=True)
    sa.event.listen(engine, "connect", remember)
    sa.event.listen(engine, "checkout", compare)
    return engine


def create_file(path: Path) -> None:
    """Make the file, for its owner only, unless it is there."""
    with _creating, suppress(FileExistsError):
        # SQLite gives its -wal and -shm files the mode of the file itself. An existing file must
        # not be opened here: to close it would end the locks that other threads hold on it
        # (sqlite.org/howtocorrupt.html, section 2.2).
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))


def warn_of_mode(engine: sa.Engine) -> None:
    """Log a warning, once for each file, when other accounts may read or write an SQLite file.

    It holds password hashes. SQLite gives the files beside it the same mode, and a file that was
    there before us keeps the mode that it has.
    """
    if engine.dialect.name != "sqlite" or os.name == "nt":
        return
    with engine.connect() as connection:
        files = connection.exec_driver_sql("PRAGMA database_list").all()
    main = next((str(file) for _, name, file in files if name == "main" and file), None)
    if main is None:
        return
    for path in (main, f"{main}-wal", f"{main}-shm", f"{main}-journal"):
        with suppress(FileNotFoundError):
            mode = stat.S_IMODE(os.stat(path).st_mode)
            if mode & 0o077 and path not in _warned_of:
                _warned_of.add(path)
                _log.warning(
                    "other accounts of this machine may read or write %s (mode %04o), "
                    "which holds password hashes: set it to 0600",
                    path,
                    mode,
                )


_warned_of: set[str] = set()


def use_wal(engine: sa.Engine) -> None:
    """Let readers go on while one writes. SQLite does not wait for a lock here, so this does."""
    deadline = time.monotonic() + _PATIENCE
    while True:
        try:
            with engine.connect() as connection:
                connection.exec_driver_sql("PRAGMA journal_mode = WAL")
            return
        except OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.01)


def postgresql(url: sa.URL) -> sa.Engine:
    """An engine with a pool, over psycopg."""
    require(url.drivername in ("postgresql", "postgresql+psycopg"), _FORM)
    url = url.set(
        drivername="postgresql+psycopg", query={"connect_timeout": str(_PATIENCE), **url.query}
    )
    try:
        engine = sa.create_engine(
            url, pool_pre_ping=True, pool_timeout=_PATIENCE, hide_parameters=True
        )
    except ImportError:
        raise ConfigurationError(
            "PostgreSQL needs psycopg: pip install 'wsgi-jwt-middleware[postgres]'"
        ) from None
    sa.event.listen(engine, "do_connect", _connect_impatiently)
    return engine


def _connect_impatiently(
    dialect: Any, record: Any, args: Sequence[Any], options: Mapping[str, Any]
) -> Any:
    """Return a psycopg connection that gives up a server which has stopped answering, or a network
    that has gone.

    The server's statement_timeout cannot see to that; on a server that is alive it comes first.
    """
    import psycopg

    class Impatient(psycopg.Connection[Any]):
        def wait(self, gen: Generator[Any, Any, Any], *args: Any, **options: Any) -> Any:
            return super().wait(
                self._until(time.monotonic() + _PATIENCE + 0.5, gen), *args, **options
            )

        def _until(
            self, deadline: float, gen: Generator[Any, Any, Any]
        ) -> Generator[Any, Any, Any]:
            try:
                ready = yield next(gen)
                while time.monotonic() < deadline:
                    ready = yield gen.send(ready)
            except StopIteration as done:
                return done.value
            # an answer that comes later must not be taken for that of another statement
            self.pgconn.finish()
            # No error of psycopg's: after a failed ping of such a kind SQLAlchemy would connect,
            # and wait, once more.
            raise TimeoutError("the server has stopped answering")

    return Impatient.connect(*args, **options)


_creating = threading.Lock()


def _after_fork() -> None:
    global _creating
    _creating = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
