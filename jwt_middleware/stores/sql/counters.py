"""Stores the counters in a database."""

import time

import sqlalchemy as sa

from .database import Database, again_after_deadlock
from .dialects import upsert
from .schema import counters as table
from .schema import delete_some


class CounterTable:
    """Implements `Counters` over a table of the database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @again_after_deadlock
    def increment(self, key: str, seconds: int, amount: int = 1) -> int:
        """Add to a count atomically and return the new count. A negative amount subtracts, never
        below zero."""
        now = self._database.now()
        with self._database.transaction(write=True, synced=False) as connection:
            if amount > 0:
                connection.execute(self._added(key, seconds, amount, now))
            else:
                connection.execute(_taken(key, amount, now))
            count, _ = _find(connection, key, now)
            if count == 0:
                # Attempts that end in a 503 are given back. A flood of them must not fill the table
                # with the names that they were for.
                is_zero = sa.and_(table.c.key == key, table.c.count == 0)
                connection.execute(table.delete().where(is_zero))
            elif count == amount:  # A new row: remove expired ones so that the table stays small.
                delete_some(connection, table, table.c.expires_at <= now)
            return count

    def count(self, key: str) -> tuple[int, float]:
        """Return a count and the time when it expires, in seconds since the epoch by the caller's
        clock. Return (0, now) for an unknown key."""
        with self._database.transaction() as connection:
            count, seconds_left = _find(connection, key, self._database.now())
        return count, time.time() + seconds_left

    def _added(
        self, key: str, seconds: int, amount: int, now: sa.ColumnElement[float]
    ) -> sa.Insert:
        is_over = table.c.expires_at <= now
        changed = {
            "count": sa.case((is_over, amount), else_=table.c.count + amount),
            "expires_at": sa.case((is_over, now + seconds), else_=table.c.expires_at),
        }
        values = {"key": key, "count": amount, "expires_at": now + seconds}
        return upsert(self._database.engine, table, values, changed)


def _taken(key: str, amount: int, now: sa.ColumnElement[float]) -> sa.Update:
    left = sa.case((table.c.count > -amount, table.c.count + amount), else_=0)
    return table.update().where(table.c.key == key, table.c.expires_at > now).values(count=left)


def _find(connection: sa.Connection, key: str, now: sa.ColumnElement[float]) -> tuple[int, float]:
    """Return a count and the seconds until it expires. Return (0, 0) for an unknown key."""
    rows = sa.select(table.c.count, table.c.expires_at - now).where(
        table.c.key == key, table.c.expires_at > now
    )
    found = connection.execute(rows).one_or_none()
    count, seconds_left = (0, 0) if found is None else found
    return count, seconds_left
