"""A database with the schema in it: transactions that end in time, its clock, and the rule for
forks."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from weakref import WeakSet, finalize

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from ...errors import ConfigurationError, StoreUnavailable
from . import engines, schema

_LOG = "revocation_log"  # the setting that says where the revocations are logged, if elsewhere
_LOG_IS_MISSING = (
    "log must be given, since the revocations of this database are logged in Redis; "
    "pass log=RedisLog(url), or --log URL to jwt-middleware"
)


class UnusableDatabase(ConfigurationError, StoreUnavailable):
    """The database cannot be used as configured. Only the first use can tell, which may be in a
    request: a login app then answers 503."""


class Database:
    """What `SQLStore` stands on; building does no I/O. `path` is the SQLite file that a URL named,
    else None."""

    def __init__(
        self, url_or_engine: str | sa.URL | sa.Engine, *, log_is_elsewhere: bool = False
    ) -> None:
        given = url_or_engine if isinstance(url_or_engine, sa.Engine) else None
        url = engines.checked_url(url_or_engine if given is None else given.url)
        is_sqlite = url.get_backend_name() == "sqlite"
        self.path = engines.path_of(url) if given is None and is_sqlite else None
        self._engine = given or (
            engines.sqlite(self.path) if self.path else engines.postgresql(url)
        )
        if given is None:
            finalize(self, self._engine.dispose)
        if not is_sqlite:  # whatever the owner's engine does by default
            self._engine = self._engine.execution_options(isolation_level="READ COMMITTED")
        self._file = self.path or engines.file_of(self._engine)
        self._is_ready = False
        self._log_is_elsewhere = log_is_elsewhere
        self._has_recorded_log = False
        self._process = os.getpid()
        _databases.add(self)

    def __repr__(self) -> str:
        return f"SQLStore({self._engine.url.set(query={}).render_as_string(hide_password=True)!r})"

    def _now(self) -> sa.ColumnElement[float]:
        """The database's clock, in seconds since the epoch.

        Expiry is never judged by a client's clock: one machine that is ahead would delete what
        all the others still need. SQLite has no clock but that of its one machine.
        """
        if self._engine.dialect.name == "sqlite":
            return sa.literal(time.time(), sa.Double)
        return sa.cast(sa.extract("epoch", sa.func.now()), sa.Double)

    @contextmanager
    def _transaction(self, *, write: bool = False, synced: bool = True) -> Iterator[sa.Connection]:
        """A transaction, which a crash of the process never undoes. One in our SQLite file that is
        not `synced` is a hundred times faster, and may be undone when the power fails within
        seconds: good for what a user can have again by signing in, not for what takes a right
        away."""
        pragmas = [f"synchronous = {'FULL' if synced else 'NORMAL'}"] if self.path else []
        self._leave_to_parent()
        try:
            if not self._is_ready:
                self._prepare()
            if write and self._log_is_elsewhere and not self._has_recorded_log:
                self._record_log()
            with engines.begin(self._engine, *pragmas, write=write) as connection:
                yield connection
        except (SQLAlchemyError, OSError, OverflowError, UnicodeError) as error:
            # The driver's own error as cause: SQLAlchemy's text quotes the statement with its
            # parameters.
            raise StoreUnavailable("the user database does not answer") from (
                getattr(error, "orig", None) or error
            )

    def _leave_to_parent(self) -> None:
        """After a fork, start with new connections: on a shared one each process would read the
        other's rows. Not every server that forks calls Python's hooks, so it is asked for each time
        (50 ns)."""
        if self._process != os.getpid():
            _inherited.append(self._engine.pool)  # never closed here: they are the parent's
            self._engine.dispose(close=False)
            self._process = os.getpid()

    def _prepare(self) -> None:
        if self._file:
            engines.create_file(self._file)
        with engines.begin(self._engine, write=False) as connection:
            version = schema.find_version(connection)
        if version is None or version < schema.VERSION:
            if self.path:
                engines.use_wal(self._engine)
            with engines.begin(self._engine, write=True) as connection:
                version = schema.create(connection)
        if version > schema.VERSION:
            raise UnusableDatabase(
                "a newer version of jwt_middleware made this database: update this one"
            )
        engines.warn_of_mode(self._engine)
        self._is_ready = True

    def _record_log(self) -> None:
        """Record that the revocations are not logged here, for stores built without `log`."""
        with engines.begin(self._engine, write=True) as connection:
            if _find_log(connection) is None:
                insert = engines.insert(self._engine, schema.settings)
                values = {"name": _LOG, "value": "redis"}
                connection.execute(insert.values(**values).on_conflict_do_nothing())
        self._has_recorded_log = True

    def _require_own_log(self, connection: sa.Connection) -> None:
        """Raise unless the revocations are logged in this database.

        In a log that nobody reads, a revocation is lost in silence.
        """
        if _find_log(connection) is not None:
            raise UnusableDatabase(_LOG_IS_MISSING)


def _find_log(connection: sa.Connection) -> str | None:
    """Return the recorded place of the revocation log, or None when it is the database itself."""
    table = schema.settings
    found = connection.execute(sa.select(table.c.value).where(table.c.name == _LOG))
    return found.scalar_one_or_none()


_databases: WeakSet[Database] = WeakSet()
_inherited: list[sa.Pool] = []


def _before_fork() -> None:
    """Close what is not in use: in the child of a process with an open file SQLite gets its locks
    wrong."""
    for database in list(_databases):
        if database._engine.dialect.name == "sqlite":
            database._engine.dispose()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before_fork)
