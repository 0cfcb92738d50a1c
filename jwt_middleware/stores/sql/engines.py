"""Checks URLs, connects to SQLite, and opens transactions with a deadline.

`postgresql` and `mysql` connect to the servers.
"""

import os
import sqlite3
from collections.abc import Iterator
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

IS_BEGUN = "jwt_middleware_is_begun"
"""The entry of `Connection.info` that says that `postgresql` has begun the transaction."""

USAGE = (
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
            if not connection.info.get(IS_BEGUN):
                # Do not set this as an option of the connection, since the engine is the app's.
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
    require(isinstance(url, (str, sa.URL)), USAGE)
    try:
        made = sa.make_url(cast(str, url))
    except (ArgumentError, ValueError):
        raise ConfigurationError(USAGE) from None
    require(
        made.get_backend_name() in ("sqlite", "postgresql", "postgres", "mysql", "mariadb"), USAGE
    )
    require(
        "@" not in f"{made.host}{made.database if made.host else ''}",
        "url_or_engine must have '@' and '/' in its password written as %40 and %2F",
    )
    if made.get_backend_name() == "sqlite":
        require(not made.host, USAGE)
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
    require(url.get_driver_name() == "pysqlite", USAGE)
    require(not url.query and not path.startswith("file:"), USAGE)
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
