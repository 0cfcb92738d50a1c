"""The counters in a database, or those in Redis that stand in for them."""

import time

import sqlalchemy as sa

from . import engines
from .log import Log
from .schema import counters as table
from .schema import delete_some


class CounterTable(Log):
    """The `Counters`."""

    def increment(self, key: str, seconds: int, amount: int = 1) -> int:
        """Add to a count, atomically, and return it. A negative amount takes away, never below
        zero."""
        if self._log is not None:
            return self._log.increment(key, seconds, amount)
        now = self._now()
        with self._transaction(write=True, synced=False) as connection:
            if amount > 0:
                connection.execute(self._added(key, seconds, amount, now))
            else:
                connection.execute(_taken(key, amount, now))
            count, _ = _find(connection, key, now)
            if count == amount:  # a new row, so room for it
                delete_some(connection, table, table.c.expires_at <= now)
            return count

    def count(self, key: str) -> tuple[int, float]:
        """Return a count and when it is forgotten, in seconds since the epoch of the caller's
        clock; (0, now) where there is none."""
        if self._log is not None:
            return self._log.count(key)
        with self._transaction() as connection:
            count, seconds_left = _find(connection, key, self._now())
        return count, time.time() + seconds_left

    def _added(
        self, key: str, seconds: int, amount: int, now: sa.ColumnElement[float]
    ) -> sa.Insert:
        insert = engines.insert(self._engine, table)
        is_over = table.c.expires_at <= now
        changed = {
            "count": sa.case((is_over, amount), else_=table.c.count + amount),
            "expires_at": sa.case((is_over, now + seconds), else_=table.c.expires_at),
        }
        insert = insert.values(key=key, count=amount, expires_at=now + seconds)
        added: sa.Insert = insert.on_conflict_do_update(index_elements=[table.c.key], set_=changed)
        return added


def _taken(key: str, amount: int, now: sa.ColumnElement[float]) -> sa.Update:
    left = sa.case((table.c.count > -amount, table.c.count + amount), else_=0)
    return table.update().where(table.c.key == key, table.c.expires_at > now).values(count=left)


def _find(connection: sa.Connection, key: str, now: sa.ColumnElement[float]) -> tuple[int, float]:
    """Return a count and the seconds until it is forgotten, (0, 0) where there is none."""
    rows = sa.select(table.c.count, table.c.expires_at - now).where(
        table.c.key == key, table.c.expires_at > now
    )
    found = connection.execute(rows).one_or_none()
    count, seconds_left = (0, 0) if found is None else found
    return count, seconds_left
