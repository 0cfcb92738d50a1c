"""Inserts the users of an import in one transaction."""

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from ...errors import StoreUnavailable
from ..imports import Import
from .database import find_setting
from .names import name_key
from .schema import settings
from .schema import users as table

_METHODS = "imported_methods"
"""The setting that has the methods of imported hashes, separated by spaces."""

_MAX_METHODS = 100


def insert_all(connection: sa.Connection, task: Import) -> None:
    """Insert all users, or raise `ImportRefused`. The caller then undoes the transaction."""
    for batch in task.batches():
        fresh = _without_taken(connection, task, batch)
        if fresh:
            try:
                connection.execute(table.insert(), fresh)
            except IntegrityError as error:
                raise StoreUnavailable(
                    "another process added one of the names meanwhile, and nothing was imported: "
                    "run the import again"
                ) from error.orig
    task.finish()
    _record_methods(connection, task.methods)


def imported_methods(connection: sa.Connection) -> list[str]:
    """Return the methods of all hashes that were ever imported."""
    return (find_setting(connection, _METHODS) or "").split()


def _without_taken(
    connection: sa.Connection, task: Import, batch: Mapping[int, Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """Return the rows with their name keys. Report those whose names the table or an earlier row
    has."""
    keys = {number: name_key(row["username"]) for number, row in batch.items()}
    names = [row["username"] for row in batch.values()]
    is_taken = sa.or_(table.c.name_key.in_(keys.values()), table.c.username.in_(names))
    found = connection.execute(sa.select(table.c.name_key, table.c.username).where(is_taken)).all()
    taken = {one for row in found for one in row}
    fresh = []
    for number, row in batch.items():
        if keys[number] in taken or row["username"] in taken:
            task.report_taken(number, row["username"])
        else:
            taken.add(keys[number])
            fresh.append({**row, "name_key": keys[number]})
    return fresh


def _record_methods(connection: sa.Connection, methods: set[str]) -> None:
    known = imported_methods(connection)
    value = " ".join(sorted(methods.union(known))[:_MAX_METHODS])
    if not known and methods:
        connection.execute(settings.insert().values(name=_METHODS, value=value))
    elif methods - set(known):
        update = settings.update().where(settings.c.name == _METHODS)
        connection.execute(update.values(value=value))
