"""A database with the schema in it: transactions that end in time, its clock, and the rule for
forks."""

import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from weakref import WeakSet, finalize

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from ...errors import ConfigurationError, StoreUnavailable
from . import engines, files, schema


class UnusableDatabase(ConfigurationError, StoreUnavailable):
    """The database cannot be used as configured. Only the first use can tell, which may be in a
    request: a login app then answers 503."""


class Database:
    """An SQLite file or a PostgreSQL, by URL or by an engine of the owner's. Building does no I/O.

    `path` is the absolute path of the SQLite file that a URL names, else None. `settings` are
    recorded in the database before the first write, for every other store that uses it.
    """

    def __init__(
        self, url_or_engine: str | sa.URL | sa.Engine, *, settings: Mapping[str, str]
    ) -> None:
        given = url_or_engine if isinstance(url_or_engine, sa.Engine) else None
        url = engines.checked_url(url_or_engine if given is None else given.url)
        is_sqlite = url.get_backend_name() == "sqlite"
        self.path = engines.path_of(url) if given is None and is_sqlite else None
        if given is not None:
            self.engine = given
        else:
            self.engine = engines.sqlite(self.path) if self.path else engines.postgresql(url)
            finalize(self, self.engine.dispose)
        if not is_sqlite:  # whatever the owner's engine does by default
            self.engine = self.engine.execution_options(isolation_level="READ COMMITTED")
        self._is_ours = given is None
        self._file = self.path or files.file_of(self.engine)
        self._is_ready = False
        self._unrecorded = dict(settings)
        self._process = os.getpid()
        _databases.add(self)

    @property
    def name(self) -> str:
        """The URL without its password and options."""
        return self.engine.url.set(query={}).render_as_string(hide_password=True)

    def close(self) -> None:
        """Close the connections that are not in use. An owner's engine keeps its own. A later call
        opens new ones."""
        self._leave_to_parent()
        if self._is_ours:
            self.engine.dispose()

    def now(self) -> sa.ColumnElement[float]:
        """Return the database's clock, in seconds since the epoch.

        Expiry is never judged by a client's clock: one machine that is ahead would delete what all
        the others still need. SQLite has no clock but that of its one machine.
        """
        if self.engine.dialect.name == "sqlite":
            return sa.literal(time.time(), sa.Double)
        return sa.cast(sa.extract("epoch", sa.func.now()), sa.Double)

    @contextmanager
    def transaction(self, *, write: bool = False, synced: bool = True) -> Iterator[sa.Connection]:
        """Open a transaction. A crash of the process never undoes one that has ended.

        One that is not `synced` is a hundred times faster in an SQLite file of ours, and may be
        undone if the power fails within seconds. Use that only where a user can get back what is
        lost by logging in, never where a right is taken away.

        `StoreUnavailable` for all that the database fails to do.
        """
        pragmas = [f"synchronous = {'FULL' if synced else 'NORMAL'}"] if self.path else []
        self._leave_to_parent()
        try:
            if not self._is_ready:
                self._prepare()
            if write and self._unrecorded:
                self._record_settings()
            with engines.begin(self.engine, *pragmas, write=write) as connection:
                yield connection
        except (SQLAlchemyError, OSError, OverflowError, UnicodeError) as error:
            # The driver's own error is the cause: SQLAlchemy's text quotes the statement with its
            # parameters.
            raise StoreUnavailable("the user database does not answer") from (
                getattr(error, "orig", None) or error
            )

    def record_settings(self) -> None:
        """Record the settings now, unless that was done."""
        if self._unrecorded:
            with self.transaction(write=True):
                pass

    def _leave_to_parent(self) -> None:
        """Start with new connections after a fork.

        On a shared connection each process would read the other's rows. Not every server that forks
        calls Python's hooks, so every call looks (50 ns).
        """
        if self._process != os.getpid():
            _inherited.append(self.engine.pool)  # never closed here: it is the parent's
            self.engine.dispose(close=False)
            self._process = os.getpid()

    def _prepare(self) -> None:
        if self._file:
            files.create_file(self._file)
        with engines.begin(self.engine, write=False) as connection:
            version = schema.find_version(connection)
        if version is None or version < schema.VERSION:
            if self.path:
                files.use_wal(self.engine, engines.TIMEOUT)
            with engines.begin(self.engine, write=True) as connection:
                version = schema.create(connection)
        if version > schema.VERSION:
            raise UnusableDatabase(
                "a newer version of jwt_middleware made this database: update this one"
            )
        files.warn_of_mode(self.engine)
        self._is_ready = True

    def _record_settings(self) -> None:
        """Record the settings, in a transaction of their own: the first write may be undone."""
        with engines.begin(self.engine, write=True) as connection:
            for name, value in self._unrecorded.items():
                if find_setting(connection, name) is None:
                    insert = engines.insert(self.engine, schema.settings)
                    insert = insert.values(name=name, value=value)
                    connection.execute(insert.on_conflict_do_nothing())
        self._unrecorded = {}


def find_setting(connection: sa.Connection, name: str) -> str | None:
    """Return a setting that a store recorded in the database, or None."""
    table = schema.settings
    found = connection.execute(sa.select(table.c.value).where(table.c.name == name))
    return found.scalar_one_or_none()


_databases: WeakSet[Database] = WeakSet()
_inherited: list[sa.Pool] = []


def _before_fork() -> None:
    """Close what is not in use: SQLite gets its locks wrong in the child of a process with an open
    file."""
    for database in list(_databases):
        if database.engine.dialect.name == "sqlite":
            database.engine.dispose()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before_fork)
