"""Logs the revocations of a database: in a table of the database, or in Redis."""

from collections.abc import Collection, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from typing import TYPE_CHECKING, Protocol

import sqlalchemy as sa

from ...errors import StoreUnavailable
from ...trust.cut_offs import subject_of
from ...trust.revocation import Revocation, RevocationLog, RevocationPage
from ..revocations import (
    PRUNE_AFTER,
    REPLACE_AFTER,
    foreign_session_entry,
    subject_entry,
    token_entry,
)
from .database import Database, UnusableDatabase, again_after_deadlock, find_setting
from .dialects import is_mysql
from .schema import delete_some, schema
from .schema import revocations as table

if TYPE_CHECKING:
    from ..redis import RedisLog

_LOCK = 0x6A77745F6C6F6721
"""The PostgreSQL advisory lock for appending to the log: "jwt_log!" in ASCII."""

_PAGE = 10_000
"""Rows in one transaction, so that it ends within the timeout."""

_SETTING = "revocation_log"
LOGGED_IN_REDIS = {_SETTING: "redis"}
"""The setting of a database whose revocations are logged in Redis."""


class SessionLog(RevocationLog, Protocol):
    """The revocation log of a session table."""

    def ping(self) -> None:
        """Return if revocations can be logged, else raise `StoreUnavailable`."""

    def revoke(self, *, token_id: str, expires_at: float, issuer: str = "") -> None:
        """Revoke one access token."""

    def revoke_session(self, issuer: str, session_id: str, *, expires_at: float) -> None:
        """Revoke all tokens with this `sid` of an issuer."""

    def revoke_subject(
        self, issuer: str, subject: int | str, *, until: float | None = None
    ) -> None:
        """Revoke all tokens of a subject that were issued until now, or until a moment."""

    def revoked_until(self, key: str) -> float:
        """Return when the last entry with this key expires, or 0 without one."""

    def is_revoked(self, keys: Collection[str]) -> bool:
        """Return whether the log has one of these `revocation_keys`."""

    def ending(self) -> AbstractContextManager[sa.Connection]:
        """Open a transaction of the database in which sessions end."""

    def now(self, connection: sa.Connection) -> float:
        """Return the clock by which the log deletes expired entries."""

    def append(self, connection: sa.Connection, entries: Sequence[Revocation]) -> None:
        """Append to the log, as the last thing in the transaction that may wait for another."""


class SQLRevocationLog:
    """The log in a table of the database. The transaction that ends a session also appends its
    entry.

    A cursor is the id and key of the last entry that was read. In a restored backup, for example,
    the id may belong to another entry. Then the reader reads all entries again.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def ping(self) -> None:
        """Return if this database logs its own revocations, else raise `StoreUnavailable`."""
        with self._database.transaction() as connection:
            _require_log_here(connection)

    def read_revocations(self, cursor: object | None) -> RevocationPage:
        """Return the entries after the cursor. For None, or for a cursor that is no longer in the
        log, return all entries."""
        with self._database.transaction() as connection:
            _require_log_here(connection)
            newest_first = sa.select(table.c.id, table.c.key).order_by(table.c.id.desc())
            last = connection.execute(newest_first.limit(1)).first()
            after = _id_at(connection, cursor)
        if last is None:
            return RevocationPage(None, ())
        return RevocationPage(tuple(last), self._entries_between(after or 0, last.id))

    @again_after_deadlock
    def revoke(self, *, token_id: str, expires_at: float, issuer: str = "") -> None:
        """Revoke one access token until it has expired. Without an issuer, revoke this `jti` of
        every issuer."""
        entry = token_entry(token_id, expires_at, issuer)
        with self.ending() as connection:
            self.append(connection, [entry])

    def is_revoked(self, keys: Collection[str]) -> bool:
        """Return whether the log has one of these `revocation_keys`."""
        found = sa.select(table.c.id).where(table.c.key.in_(keys)).limit(1)
        with self._database.transaction() as connection:
            _require_log_here(connection)
            # No index on the key: a scan takes 50 ms for a million entries.
            return connection.execute(found).first() is not None

    @again_after_deadlock
    def revoke_session(self, issuer: str, session_id: str, *, expires_at: float) -> None:
        """Revoke all tokens with this `sid` of an issuer."""
        entry = foreign_session_entry(issuer, session_id, expires_at)
        with self.ending() as connection:
            self.append(connection, [entry])

    @again_after_deadlock
    def revoke_subject(
        self, issuer: str, subject: int | str, *, until: float | None = None
    ) -> None:
        """Revoke all tokens of a subject that were issued until now, or until a moment."""
        entry = subject_entry(issuer, subject, until)
        with self.ending() as connection:
            self.append(connection, [entry])

    def revoked_until(self, key: str) -> float:
        """Return when the last entry with this key expires, or 0 without one."""
        latest = sa.select(sa.func.max(table.c.expires_at)).where(table.c.key == key)
        with self._database.transaction() as connection:
            _require_log_here(connection)
            return float(connection.execute(latest).scalar_one() or 0)

    @contextmanager
    def ending(self) -> Iterator[sa.Connection]:
        """Open a transaction of the database in which sessions end."""
        with self._database.transaction(write=True) as connection:
            if is_mysql(connection):
                # Its row locks follow the index that finds the rows, so two transactions that end
                # the same sessions could wait for each other: let one pass after the other.
                _lock_log(connection)
            _require_log_here(connection)
            yield connection

    def now(self, connection: sa.Connection) -> float:
        """Return the clock of the database."""
        return float(connection.execute(sa.select(self._database.now())).scalar_one())

    def append(self, connection: sa.Connection, entries: Sequence[Revocation]) -> None:
        """Append to the log, as the last thing in the transaction that may wait for another."""
        if not entries:
            return
        for entry in entries:
            if subject_of(entry.key) is not None:
                is_earlier = table.c.expires_at < entry.expires_at - REPLACE_AFTER
                delete_some(connection, table, sa.and_(table.c.key == entry.key, is_earlier))
        if connection.dialect.name == "postgresql":
            # A reader would skip an id that becomes visible late. Hold the lock until the commit so
            # that ids become visible in order.
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_LOCK})")
        delete_some(connection, table, table.c.expires_at <= self._database.now() - PRUNE_AFTER)
        rows = [{"key": entry.key, "expires_at": entry.expires_at} for entry in entries]
        connection.execute(table.insert(), rows)

    def _entries_between(self, after: int, last: int) -> Iterator[Revocation]:
        rows = sa.select(table).where(table.c.id <= last).order_by(table.c.id).limit(_PAGE)
        while after < last:
            with self._database.transaction() as connection:
                found = connection.execute(rows.where(table.c.id > after)).all()
            yield from (Revocation(key, expires_at) for _, key, expires_at in found)
            after = found[-1].id if len(found) == _PAGE else last


class LogInRedis:
    """A `RedisLog` in place of the table.

    A session ends in the log before it ends in the database. So a failure between the two refuses
    the tokens of a session that still exists.
    """

    def __init__(self, database: Database, log: "RedisLog") -> None:
        self._database = database
        self._log = log
        self.ping = log.ping
        self.read_revocations = log.read_revocations
        self.is_revoked = log.is_revoked
        self.revoked_until = log.revoked_until

    def revoke(self, *, token_id: str, expires_at: float, issuer: str = "") -> None:
        """Revoke one access token until it has expired. Without an issuer, revoke this `jti` of
        every issuer."""
        self._log.revoke(token_id=token_id, expires_at=expires_at, issuer=issuer)
        self._record_settings()

    def revoke_session(self, issuer: str, session_id: str, *, expires_at: float) -> None:
        """Revoke all tokens with this `sid` of an issuer."""
        self._log.revoke_session(issuer, session_id, expires_at=expires_at)
        self._record_settings()

    def revoke_subject(
        self, issuer: str, subject: int | str, *, until: float | None = None
    ) -> None:
        """Revoke all tokens of a subject that were issued until now, or until a moment."""
        self._log.revoke_subject(issuer, subject, until=until)
        self._record_settings()

    def _record_settings(self) -> None:
        # The revocation has taken effect even if the database does not answer. A later write
        # records the settings.
        with suppress(StoreUnavailable):
            self._database.record_settings()

    @contextmanager
    def ending(self) -> Iterator[sa.Connection]:
        """Open a transaction of the database in which sessions end.

        Check first that the log answers. Waiting for it inside the transaction would hold the only
        lock of an SQLite file, and block all refreshes too.
        """
        self._log.ping()
        with self._database.transaction(write=True) as connection:
            yield connection

    def now(self, connection: sa.Connection) -> float:
        """Return the clock of the Redis server."""
        return self._log.now()

    def append(self, connection: sa.Connection, entries: Sequence[Revocation]) -> None:
        """Append to the log at once, before the transaction ends."""
        if entries:
            self._log.append(entries)


def is_log(log: object) -> bool:
    """Return whether the value is a `RedisLog`, without loading redis-py to compare."""
    needed = ("append", "now", "read_revocations", "increment")
    return not isinstance(log, type) and all(callable(getattr(log, name, None)) for name in needed)


def _lock_log(connection: sa.Connection) -> None:
    """Lock the log of MySQL until the end of the transaction, so that ids become visible in order.

    Its advisory locks end before the commit, so lock a row that nothing else locks.
    """
    connection.execute(sa.select(schema.c.version).with_for_update())


def _require_log_here(connection: sa.Connection) -> None:
    """Raise `UnusableDatabase` unless this database logs its own revocations.

    A revocation in a log that nobody reads would be lost silently.
    """
    if find_setting(connection, _SETTING) is not None:
        raise UnusableDatabase(
            "log must be given, because the revocations of this database are logged in Redis; "
            "pass log=RedisLog(url), or --log URL to jwt-middleware"
        )


def _id_at(connection: sa.Connection, cursor: object | None) -> int | None:
    """Return the id of the cursor's entry, or None if that entry no longer exists."""
    if not isinstance(cursor, tuple):
        return None
    entry_id, key = cursor
    found = connection.execute(
        sa.select(table.c.id).where(table.c.id == entry_id, table.c.key == key)
    )
    return found.scalar_one_or_none()
