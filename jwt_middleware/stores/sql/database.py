"""Opens transactions in a database that has the schema. Every call has a deadline, and a fork is
safe."""

import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import ParamSpec, TypeVar
from weakref import WeakSet, finalize

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from ...errors import ConfigurationError, StoreUnavailable
from ..patience import waiting
from . import engines, files, mysql, postgresql, schema
from .diagnosis import CONNECTING, PREPARING, USING, describe
from .dialects import insert_if_missing, is_deadlock, is_mysql

P = ParamSpec("P")
T = TypeVar("T")

_PAUSE = 0.01
"""Seconds for which a call that lost a deadlock lets the other one go on."""


class UnusableDatabase(ConfigurationError, StoreUnavailable):
    """The database cannot be used as configured. Only the first use shows that, and it may be a
    request: a login app then answers 503."""


class _Deadlock(StoreUnavailable):
    """The server has undone the transaction, since it and another one waited for each other."""


def again_after_deadlock(call: Callable[P, T]) -> Callable[P, T]:
    """Decorate a function that makes one transaction: make it again after a deadlock.

    Our calls lock rows in one order. But MySQL also locks the gap beside a row that it inserts or
    has deleted, and an app may lock our tables too.
    """

    @wraps(call)
    def call_again(*arguments: P.args, **options: P.kwargs) -> T:
        last = time.monotonic() + engines.TIMEOUT / 2  # and the last attempt may wait for a lock
        while True:
            try:
                return call(*arguments, **options)
            except _Deadlock:
                if time.monotonic() > last:
                    raise
                time.sleep(_PAUSE)

    return call_again


class Database:
    """An SQLite file, or a database of PostgreSQL, MySQL or MariaDB, given by URL or by an engine
    of the app. Building does no I/O.

    `path` is the absolute path of the SQLite file that a URL names, else None. `settings` are
    recorded in the database before the first write. Every other store on the database obeys them.
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
            self.engine = _engine_for(url, self.path)
            finalize(self, self.engine.dispose)
        if given is not None and not is_sqlite:
            # The app's engine may have another isolation level.
            self.engine = self.engine.execution_options(isolation_level="READ COMMITTED")
        self._is_ours = given is None
        self._file = self.path or files.file_of(self.engine)
        self._is_ready = False
        self._unrecorded = dict(settings)
        self._process = os.getpid()
        _databases.add(self)

    @property
    def name(self) -> str:
        """The URL without password and options."""
        return self.engine.url.set(query={}).render_as_string(hide_password=True)

    def close(self) -> None:
        """Close the connections that are not in use, except those of an engine of the app. A later
        call opens new ones."""
        self._leave_to_parent()
        if self._is_ours:
            self.engine.dispose()

    def now(self) -> sa.ColumnElement[float]:
        """Return the database's clock, in seconds since the epoch.

        A client's clock never decides what has expired: a machine that is ahead would delete rows
        that the others still need. SQLite uses the clock of its one machine.
        """
        if self.engine.dialect.name == "sqlite":
            return sa.literal(time.time(), sa.Double)
        if is_mysql(self.engine):  # UNIX_TIMESTAMP(NOW()) is ambiguous in an hour of each autumn.
            since = sa.text("MICROSECOND"), sa.text("'1970-01-01'"), sa.func.utc_timestamp(6)
            return sa.cast(sa.func.timestampdiff(*since), sa.Double) * sa.literal(1e-6, sa.Double)
        return sa.cast(sa.extract("epoch", sa.func.now()), sa.Double)

    @contextmanager
    def transaction(self, *, write: bool = False, synced: bool = True) -> Iterator[sa.Connection]:
        """Open a transaction. A crash of the process never undoes a committed transaction.

        In our own SQLite file, a transaction that is not `synced` is a hundred times faster, but a
        power failure within seconds may undo it. Use that only if the user can repair the loss by
        logging in. Never use it to take away a right.

        Every failure of the database raises `StoreUnavailable`.
        """
        pragmas = [f"synchronous = {'FULL' if synced else 'NORMAL'}"] if self.path else []
        self._leave_to_parent()
        with waiting(engines.TIMEOUT), self._transaction(pragmas, write) as connection:
            yield connection

    def has_tables(self) -> bool:
        """Return whether the database has our tables, of any version. Never create them."""
        with waiting(engines.TIMEOUT), self._transaction((), False, prepare=False) as connection:
            return schema.find_version(connection) is not None

    @contextmanager
    def _transaction(
        self, pragmas: Sequence[str], write: bool, *, prepare: bool = True
    ) -> Iterator[sa.Connection]:
        doing = PREPARING
        try:
            if prepare and not self._is_ready:
                self._prepare()
            if write and self._unrecorded:
                self._record_settings()
            doing = CONNECTING
            with engines.begin(self.engine, *pragmas, write=write) as connection:
                doing = USING if prepare else PREPARING
                yield connection
        except (SQLAlchemyError, OSError, OverflowError, UnicodeError) as error:
            # SQLAlchemy's message quotes the statement with its parameters: chain the driver's own
            # error instead.
            detail = describe(error, doing)
            cause = getattr(error, "orig", None) or error
            kind = _Deadlock if is_deadlock(cause) else StoreUnavailable
            raise kind("the user database does not answer", detail=detail) from cause

    def record_settings(self) -> None:
        """Record the settings now, unless they are recorded already."""
        if self._unrecorded:
            with self.transaction(write=True):
                pass

    def _leave_to_parent(self) -> None:
        """Start with new connections after a fork.

        On a shared connection each process would read the other's rows. Some servers fork without
        calling Python's hooks, so every call compares the process id (50 ns).
        """
        if self._process != os.getpid():
            _inherited.append(self.engine.pool)  # The parent uses it: never close it.
            self.engine.dispose(close=False)
            self._process = os.getpid()

    def _prepare(self) -> None:
        if self._file:
            files.create_file(self._file)
        with engines.begin(self.engine, write=False) as connection:
            version = schema.find_version(connection)
            is_current = schema.is_current(connection, version)
        if not is_current:
            if self.path:
                files.use_wal(self.engine, engines.TIMEOUT)
            with engines.begin(self.engine, write=True) as connection:
                version = schema.create(connection)
        if version is not None and version > schema.VERSION:
            raise UnusableDatabase(
                "a newer version of jwt_middleware created this database: update the package "
                f"(its schema is {version}, this release knows {schema.VERSION})"
            )
        files.warn_of_mode(self.engine)
        self._is_ready = True

    def _record_settings(self) -> None:
        """Record the settings in a separate transaction, because the first write may be undone."""
        with engines.begin(self.engine, write=True) as connection:
            for name, value in self._unrecorded.items():
                if find_setting(connection, name) is None:
                    values = {"name": name, "value": value}
                    connection.execute(insert_if_missing(self.engine, schema.settings, values))
        self._unrecorded = {}


def _engine_for(url: sa.URL, path: Path | None) -> sa.Engine:
    if path:
        return engines.sqlite(path)
    is_postgresql = url.get_backend_name() == "postgresql"
    return postgresql.engine_for(url) if is_postgresql else mysql.engine_for(url, engines.TIMEOUT)


def find_setting(connection: sa.Connection, name: str) -> str | None:
    """Return a setting that a store recorded in the database, or None."""
    table = schema.settings
    found = connection.execute(sa.select(table.c.value).where(table.c.name == name))
    return found.scalar_one_or_none()


_databases: WeakSet[Database] = WeakSet()
_inherited: list[sa.Pool] = []


def _before_fork() -> None:
    """Close the connections that are not in use. An SQLite file that is open during a fork has
    broken locks in the child."""
    for database in list(_databases):
        if database.engine.dialect.name == "sqlite":
            database.engine.dispose()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before_fork)
