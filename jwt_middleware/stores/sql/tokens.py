"""Stores the personal access tokens in a database."""

import secrets
import time
from collections.abc import Sequence
from dataclasses import fields

import sqlalchemy as sa

from ...trust.revocation import Revocation
from ..base import TokenRecord
from ..revocations import token_entry
from ..tokens import KEEP_EXPIRED, MAX_TOKENS, TokenRow
from ..users import Row
from .database import Database, again_after_deadlock, find_setting
from .dialects import insert_if_missing
from .revocations import SessionLog
from .schema import delete_some, settings, users
from .schema import tokens as table

_KEY = "token_key"
"""The setting that holds the key of the tags, in hexadecimal digits."""

_COLUMNS = [table.c[field.name] for field in fields(TokenRow)]
_USER_COLUMNS = [users.c[field.name].label(f"user_{field.name}") for field in fields(Row)]


class TokenTable:
    """The tokens of the users of a database. A token ends in one transaction, which appends to the
    log, as a session does."""

    def __init__(self, database: Database, log: SessionLog) -> None:
        self._database = database
        self._log = log

    def key(self) -> bytes | None:
        """Return the key of the tags, or None before the first token."""
        with self._database.transaction() as connection:
            value = find_setting(connection, _KEY)
        return None if value is None else bytes.fromhex(value)

    def need_key(self) -> bytes:
        """Return the key of the tags, and create it if it is missing."""
        key = self.key()
        while key is None:
            values = {"name": _KEY, "value": secrets.token_hex(32)}
            insert = insert_if_missing(self._database.engine, settings, values)
            with self._database.transaction(write=True) as connection:
                # Another process may have created it first. Use that key.
                connection.execute(insert)
            key = self.key()
        return key

    def find(self, token_id: str) -> TokenRecord | None:
        """Return the data of a token, with its user, in one statement."""
        joined = table.outerjoin(users, users.c.id == table.c.user_id)
        select = sa.select(*_COLUMNS, *_USER_COLUMNS).select_from(joined)
        with self._database.transaction() as connection:
            found = connection.execute(select.where(table.c.id == token_id)).first()
        if found is None:
            return None
        values, of_user = found[: len(_COLUMNS)], found[len(_COLUMNS) :]
        return TokenRow(*values).record(None if of_user[0] is None else Row(*of_user))

    @again_after_deadlock
    def insert(self, row: TokenRow) -> bool:
        """Insert a token. Return False, and change nothing, if its user is gone, disabled or has
        `MAX_TOKENS`."""
        is_enabled = sa.and_(users.c.id == row.user_id, users.c.disabled.is_(False))
        with self._database.transaction(write=True) as connection:
            # Lock the user, so that two requests cannot both make the last token. Lock it before
            # any token, as those who end the tokens of a user do: in the other order, the two
            # would wait for each other.
            user = connection.execute(sa.select(users.c.id).where(is_enabled).with_for_update())
            if user.first() is None:
                return False
            delete_some(connection, table, table.c.expires_at < self._database.now() - KEEP_EXPIRED)
            count = sa.select(sa.func.count()).select_from(table).where(_is_of(row.user_id))
            if connection.execute(count).scalar_one() >= MAX_TOKENS:
                return False
            values = {field.name: getattr(row, field.name) for field in fields(TokenRow)}
            connection.execute(table.insert().values(values))
            return True

    def of_user(self, user_id: int) -> Sequence[TokenRow]:
        """Return the tokens of a user that were not removed, oldest first."""
        select = sa.select(*_COLUMNS).where(_is_of(user_id))
        with self._database.transaction() as connection:
            found = connection.execute(select.order_by(table.c.created_at, table.c.id)).all()
        return [TokenRow(*values) for values in found]

    @again_after_deadlock
    def end_one(self, token_id: str) -> bool:
        """Revoke a token, and return whether it exists."""
        is_it = table.c.id == token_id
        with self._log.ending() as connection:
            found = connection.execute(sa.select(table.c.id).where(is_it)).first()
            self._log.append(connection, _end(connection, is_it))
        return found is not None

    def end(self, connection: sa.Connection, user_id: int) -> list[Revocation]:
        """End the tokens of a user in a transaction that the log has opened with `ending`. Return
        the entries to append to the log."""
        return _end(connection, table.c.user_id == user_id)


def _is_of(user_id: int) -> sa.ColumnElement[bool]:
    return sa.and_(table.c.user_id == user_id, table.c.removed_at.is_(None))


def _end(connection: sa.Connection, which: sa.ColumnElement[bool]) -> list[Revocation]:
    which = sa.and_(which, table.c.removed_at.is_(None))
    # Lock in the order of the ids: two requests that end the same tokens would deadlock otherwise.
    select = sa.select(table.c.id, table.c.expires_at).where(which).order_by(table.c.id)
    ended = connection.execute(select.with_for_update()).all()
    if ended:
        ids = [row.id for row in ended]
        update = table.update().where(table.c.id.in_(ids)).values(removed_at=time.time())
        connection.execute(update)
    return [token_entry(row.id, row.expires_at, "") for row in ended]
