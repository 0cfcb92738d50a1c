"""The log of revocations in a database, or the one in Redis that stands in for it."""

from collections.abc import Collection, Iterator, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

import sqlalchemy as sa

from ...errors import StoreUnavailable, require
from ...trust.revocation import Revocation, RevocationPage
from ..entries import PRUNE_AFTER, token_entry
from .database import Database
from .schema import delete_some
from .schema import revocations as table

if TYPE_CHECKING:
    from ..redis import RedisLog

_LOCK = 0x6A77745F6C6F6721  # "jwt_log!": the advisory lock under which the log grows in PostgreSQL
_PAGE = 10_000  # rows in a transaction, so that it ends in time


class Log(Database):
    """A `RevocationLog`. Its cursor is the last entry read, which must still be there: after a
    restored backup, say, its id may belong to another entry, and then all is read again."""

    def __init__(self, url_or_engine: str | sa.URL | sa.Engine, log: "RedisLog | None") -> None:
        super().__init__(url_or_engine, log_is_elsewhere=log is not None)
        require(
            log is None or hasattr(log, "read_revocations"),
            "log is a RedisLog: SQLStore(url, log=RedisLog('redis://host'))",
        )
        self._log = log

    def read_revocations(self, cursor: object | None) -> RevocationPage:
        """Return the entries after the cursor; all of them for None or a cursor that the log does
        not know any more."""
        if self._log is not None:
            return self._log.read_revocations(cursor)
        with self._transaction() as connection:
            self._require_own_log(connection)
            last = connection.execute(
                sa.select(table.c.id, table.c.key).order_by(table.c.id.desc()).limit(1)
            ).first()
            after = _place(connection, cursor)
        if last is None:
            return RevocationPage(None, (), complete=True)
        return RevocationPage(
            tuple(last), self._between(after or 0, last.id), complete=after is None
        )

    def revoke(self, *, token_id: str, expires_at: float, issuer: str = "") -> None:
        """Revoke one access token until it has expired: that of the issuer, or of any when none is
        named.

        `ConfigurationError` for what cannot be the `jti` or `exp` of a token.
        """
        entry = token_entry(token_id, expires_at, issuer)
        if self._log is not None:
            self._log.append([entry])
            if not self._has_recorded_log:
                # The token is revoked whether or not the database answers; a later write records.
                with suppress(StoreUnavailable), self._transaction(write=True):
                    pass
            return
        with self._transaction(write=True) as connection:
            self._require_own_log(connection)
            self._append(connection, [entry])

    def is_revoked(self, keys: Collection[str]) -> bool:
        """Return whether the log has one of these `revocation_keys`."""
        if self._log is not None:
            return self._log.is_revoked(keys)
        with self._transaction() as connection:  # without an index: 50 ms for a million entries
            self._require_own_log(connection)
            found = connection.execute(sa.select(table.c.id).where(table.c.key.in_(keys)).limit(1))
            return found.first() is not None

    def _append(self, connection: sa.Connection, entries: Sequence[Revocation]) -> None:
        """Append to the log, as the last thing of the transaction that may wait for another."""
        if not entries:
            return
        if self._log is not None:
            self._log.append(entries)
            return
        if (
            connection.dialect.name == "postgresql"
        ):  # held to the commit, so ids become visible in their order
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_LOCK})")
        delete_some(connection, table, table.c.expires_at <= self._now() - PRUNE_AFTER)
        connection.execute(table.insert(), [entry._asdict() for entry in entries])

    def _clock(self, connection: sa.Connection) -> float:
        """Return the time by which the log prunes: that of the engine which keeps it."""
        if self._log is not None:
            return self._log.now()
        return float(connection.execute(sa.select(self._now())).scalar_one())

    def _between(self, after: int, last: int) -> Iterator[Revocation]:
        rows = sa.select(table).where(table.c.id <= last).order_by(table.c.id).limit(_PAGE)
        while after < last:
            with self._transaction() as connection:
                found = connection.execute(rows.where(table.c.id > after)).all()
            yield from (Revocation(key, expires_at) for _, key, expires_at in found)
            after = found[-1].id if len(found) == _PAGE else last


def _place(connection: sa.Connection, cursor: object | None) -> int | None:
    """Return the id of the cursor's entry, or None when that entry is not there any more."""
    if not isinstance(cursor, tuple):
        return None
    its_id, its_key = cursor
    found = connection.execute(
        sa.select(table.c.id).where(table.c.id == its_id, table.c.key == its_key)
    )
    return found.scalar_one_or_none()
