"""Connects to SQLite and PostgreSQL: checks URLs, builds engines, and gives every call a deadline.

`mysql` connects to MySQL and MariaDB.
"""

import os
import sqlite3
import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import sqlalchemy as sa
from sqlalchemy.exc import ArgumentError, DisconnectionError

from ..._options import require
from ...errors import ConfigurationError
from .dialects import is_mysql

TIMEOUT = 2
"""Seconds to wait for a connection, a statement or a lock: every call ends within about two."""

_USAGE = (
    "url_or_engine must be an SQLite, PostgreSQL, MySQL or MariaDB URL or an SQLAlchemy engine: "
    "SQLStore('sqlite:///auth.db'), SQLStore('postgresql://user:password@host/name'), "
    "SQLStore('mysql://user:password@host/name') or SQLStore(engine)"
)


@contextmanager
def begin(engine: sa.Engine, *pragmas: str, write: bool) -> Iterator[sa.Connection]:
    """Open a transaction. In SQLite a writer waits here for other writers, and a reader needs no
    transaction."""
    with engine.begin() as connection:
        if engine.dialect.name == "postgresql":
            # Do not set this as an option of the connection: PgBouncer refuses those, and the
            # engine may belong to the app.
            connection.exec_driver_sql(f"SET LOCAL statement_timeout = '{TIMEOUT}s'")
        elif write and not is_mysql(engine):
            if getattr(connection.connection.dbapi_connection, "in_transaction", False):
                connection.exec_driver_sql("ROLLBACK")
            for pragma in pragmas:
                connection.exec_driver_sql(f"PRAGMA {pragma}")
            # After a plain BEGIN, the first write can fail at once instead of waiting.
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        yield connection


def checked_url(url: object) -> sa.URL:
    """Return the URL of an SQLite file or of a server.

    Any other URL raises `ConfigurationError`. The message never shows the URL, because it may
    contain a password.
    """
    require(isinstance(url, (str, sa.URL)), _USAGE)
    try:
        made = sa.make_url(cast(str, url))
    except (ArgumentError, ValueError):
        raise ConfigurationError(_USAGE) from None
    require(
        made.get_backend_name() in ("sqlite", "postgresql", "postgres", "mysql", "mariadb"), _USAGE
    )
    require(
        "@" not in f"{made.host}{made.database if made.host else ''}",
        "url_or_engine must have '@' and '/' in its password written as %40 and %2F",
    )
    if made.get_backend_name() == "sqlite":
        require(not made.host, _USAGE)
        names_memory = ":memory:" in (made.database or ":memory:")
        require(
            not names_memory and made.query.get("mode") != "memory",
            "url_or_engine must name a file; each connection to a database in memory would see "
            "its own: use MemoryStore()",
        )
    # Many hosting providers set DATABASE_URL to "postgres://", which SQLAlchemy refuses.
    return made.set(drivername="postgresql") if made.drivername == "postgres" else made


def path_of(url: sa.URL) -> Path:
    """Return the absolute path of an SQLite file, because a server may change its directory
    later."""
    path = str(url.database)
    require(url.get_driver_name() == "pysqlite", _USAGE)
    require(not url.query and not path.startswith("file:"), _USAGE)
    return Path(os.path.abspath(path))


def sqlite(path: Path) -> sa.Engine:
    """Return an engine with a pool. Without one, each transaction would close the last connection
    to the file, which costs four times as much as the transaction.

    A connection to a file that was removed is not used again.
    """

    def connect() -> sqlite3.Connection:
        # mode=rw: a removed file must raise an error, not become a new and empty database.
        uri = f"{path.as_uri()}?mode=rw"
        return sqlite3.connect(
            uri, uri=True, timeout=TIMEOUT, isolation_level=None, check_same_thread=False
        )

    def remember_file(connection: object, record: Any) -> None:
        record.info["file"] = os.stat(path)

    def compare_file(connection: object, record: Any, proxy: object) -> None:
        if not (path.exists() and os.path.samestat(os.stat(path), record.info["file"])):
            raise DisconnectionError

    url = sa.URL.create("sqlite", database=str(path))
    engine = sa.create_engine(url, creator=connect, pool_timeout=TIMEOUT, hide_parameters=True)
    sa.event.listen(engine, "connect", remember_file)
    sa.event.listen(engine, "checkout", compare_file)
    return engine


def postgresql(url: sa.URL) -> sa.Engine:
    """Return an engine with a pool that uses psycopg."""
    require(url.drivername in ("postgresql", "postgresql+psycopg"), _USAGE)
    url = url.set(
        drivername="postgresql+psycopg", query={"connect_timeout": str(TIMEOUT), **url.query}
    )
    try:
        engine = sa.create_engine(
            url, pool_pre_ping=True, pool_timeout=TIMEOUT, hide_parameters=True
        )
    except ImportError:
        raise ConfigurationError(
            "PostgreSQL needs psycopg: pip install 'wsgi-jwt-middleware[postgres]'"
        ) from None
    except (ArgumentError, TypeError, ValueError):  # An option in the URL is at fault.
        raise ConfigurationError(_USAGE) from None
    sa.event.listen(engine, "do_connect", _connect_with_deadline)
    return engine


def _connect_with_deadline(
    dialect: Any, record: Any, args: Sequence[Any], options: Mapping[str, Any]
) -> Any:
    """Return a psycopg connection that gives up when the server or the network stops answering.

    The server's `statement_timeout` cannot do that. On a server that works it comes first.

    The connection prepares no statements on the server. PgBouncer in transaction mode gives each
    transaction another server connection, where a prepared statement is missing or exists already.
    """
    import psycopg

    class ConnectionWithDeadline(psycopg.Connection[Any]):
        def wait(self, gen: Generator[Any, Any, Any], *args: Any, **options: Any) -> Any:
            deadline = time.monotonic() + TIMEOUT + 0.5
            return super().wait(self._until(deadline, gen), *args, **options)

        def _until(
            self, deadline: float, gen: Generator[Any, Any, Any]
        ) -> Generator[Any, Any, Any]:
            try:
                ready = yield next(gen)
                while time.monotonic() < deadline:
                    ready = yield gen.send(ready)
            except StopIteration as done:
                return done.value
            # A late answer must not look like the answer to another statement.
            self.pgconn.finish()
            # Do not raise an error of psycopg: after a ping that fails so, SQLAlchemy would connect
            # and wait a second time.
            raise TimeoutError("the server has stopped answering")

    return ConnectionWithDeadline.connect(*args, **{**options, "prepare_threshold": None})
