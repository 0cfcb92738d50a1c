"""Says how each database inserts a row that may exist already. SQLAlchemy has one form for each."""

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import mysql, postgresql, sqlite

MYSQL = ("mysql", "mariadb")
"""SQLAlchemy's names for the databases that speak MySQL's protocol."""


_MYSQL_DEADLOCK = 1213  # ER_LOCK_DEADLOCK


def is_mysql(bind: sa.Engine | sa.Connection) -> bool:
    """Return whether the database is MySQL or MariaDB."""
    return bind.dialect.name in MYSQL


def is_deadlock(error: BaseException) -> bool:
    """Return whether a driver's error says that the server has undone the transaction, so that
    another one could go on. The same transaction may succeed if it is made again."""
    if getattr(error, "sqlstate", None) in ("40P01", "40001"):  # PostgreSQL, by psycopg
        return True
    return error.args[:1] == (_MYSQL_DEADLOCK,)


def insert_if_missing(engine: sa.Engine, table: sa.Table, values: Mapping[str, Any]) -> sa.Insert:
    """Return a statement that inserts a row, and does nothing if its key exists."""
    if is_mysql(engine):
        (key,) = table.primary_key.columns
        # Not IGNORE, which would also turn errors of the values into warnings.
        added = mysql.insert(table).values(values)
        return added.on_duplicate_key_update({key.name: key})
    return _insert(engine, table, values).on_conflict_do_nothing()


def upsert(
    engine: sa.Engine, table: sa.Table, values: Mapping[str, Any], changed: Mapping[str, Any]
) -> sa.Insert:
    """Return a statement that inserts a row, or changes the row with its key.

    MySQL assigns the columns in the order of `changed`, and a later expression reads the new value
    of an earlier column. So an expression may only read columns that come at its own place or
    later.
    """
    if is_mysql(engine):
        return mysql.insert(table).values(values).on_duplicate_key_update(list(changed.items()))
    (key,) = table.primary_key.columns
    added = _insert(engine, table, values)
    return added.on_conflict_do_update(index_elements=[key], set_=dict(changed))


def _insert(
    engine: sa.Engine, table: sa.Table, values: Mapping[str, Any]
) -> sqlite.Insert | postgresql.Insert:
    is_sqlite = engine.dialect.name == "sqlite"
    made = sqlite.insert(table) if is_sqlite else postgresql.insert(table)
    return made.values(values)
