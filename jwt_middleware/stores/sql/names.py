"""Makes the keys by which a database finds a username in any spelling.

A key is a digest of the folded name, so that the collation of the database has no influence. The
column is unique and may be NULL. A database from before the keys may contain names that collide:
the oldest of those users gets the key. The others are still found by their exact names.
"""

import hashlib
from collections.abc import Iterable

import sqlalchemy as sa

from ..users import Row, fold_name

_BATCH = 1000


def name_key(username: str) -> str:
    """Return the key of all spellings of a name."""
    return hashlib.sha256(fold_name(username).encode()).hexdigest()


def is_named(table: sa.Table, username: str) -> sa.ColumnElement[bool]:
    """Return the condition for the users with this name or with another spelling of it."""
    return sa.or_(table.c.username == username, table.c.name_key == name_key(username))


def best_match(rows: Iterable[Row], username: str) -> Row | None:
    """Return the user with exactly this name, else the user with another spelling of it."""
    found = sorted(rows, key=lambda row: row.username != username)
    return found[0] if found else None


def add_name_keys(connection: sa.Connection, table: sa.Table, index: sa.Index) -> None:
    """Give the users of a database of version 1 their keys."""
    existing = sa.inspect(connection)
    if not any(column["name"] == "name_key" for column in existing.get_columns(table.name)):
        connection.exec_driver_sql(f"ALTER TABLE {table.name} ADD COLUMN name_key VARCHAR(64)")
    _fill(connection, table)
    if not any(found["name"] == index.name for found in existing.get_indexes(table.name)):
        index.create(connection)


def _fill(connection: sa.Connection, table: sa.Table) -> None:
    keyed = sa.select(table.c.name_key).where(table.c.name_key.is_not(None))
    taken = set(connection.execute(keyed).scalars())
    names = sa.select(table.c.id, table.c.username).where(table.c.name_key.is_(None))
    missing = []
    for user_id, username in connection.execute(names.order_by(table.c.id)).all():
        key = name_key(username)
        if key not in taken:
            taken.add(key)
            missing.append({"which": user_id, "key": key})
    update = table.update().where(table.c.id == sa.bindparam("which"))
    for start in range(0, len(missing), _BATCH):
        batch = missing[start : start + _BATCH]
        connection.execute(update.values(name_key=sa.bindparam("key")), batch)
