"""Stores the sessions in a database."""

from collections.abc import Sequence
from dataclasses import fields

import sqlalchemy as sa

from ...trust.revocation import Revocation
from ..base import MAX_SESSIONS, Session
from ..revocations import MARGIN, id_text, session_entry, sessions_entry
from .database import Database, again_after_deadlock
from .dialects import is_mysql
from .revocations import SessionLog
from .schema import delete_some
from .schema import sessions as table

_FIELDS = [field.name for field in fields(Session)]
_COLUMNS = [table.c[name] for name in _FIELDS]
_BATCH = 1000
"""Rows in one statement, so that each statement ends within the timeout."""


class SessionTable:
    """A `SessionStore` over a table.

    A session ends in one transaction, which appends to the log before it deletes the row. So when
    the log is elsewhere, a failure between the two refuses the tokens of a session that still
    exists. The other order would lose the revocation.
    """

    def __init__(self, database: Database, log: SessionLog) -> None:
        self._database = database
        self._log = log

    def add_session(self, session: Session) -> None:
        """Add a session. Beyond `MAX_SESSIONS`, end the user's oldest sessions of that issuer."""
        surplus = self._insert(session)
        if surplus:  # A separate, synced transaction: a power failure must not undo a revocation.
            self._end(table.c.name_hash.in_(surplus))

    @again_after_deadlock
    def _insert(self, session: Session) -> Sequence[object]:
        """Insert a session. Return the names of those that must make room for it."""
        over = self._database.now() - MARGIN
        has_ended = table.c.expires_at < over
        have_its_tokens_expired = table.c.expires_at + table.c.token_lifetime < over
        with self._database.transaction(write=True, synced=False) as connection:
            delete_some(connection, table, sa.and_(has_ended, have_its_tokens_expired))
            # Select before the insert: on a machine whose clock is behind, the new session would
            # be the oldest.
            surplus = connection.scalars(_surplus(session)).all()
            connection.execute(table.insert().values(_row(session)))
        return surplus

    def find_session(self, name_hash: bytes) -> Session | None:
        """Return the session with this name hash, expired or not."""
        return self._find_session(table.c.name_hash == name_hash)

    def find_session_by_sid(self, sid: str, *, user_id: str, issuer: str) -> Session | None:
        """Return the session that an access token names by its `sid`, `sub` and `iss`, expired or
        not."""
        # No index on `sid`: the index on the user leaves only a few rows.
        return self._find_session(
            sa.and_(table.c.user_id == user_id, table.c.sid == sid, table.c.issuer == issuer)
        )

    def _find_session(self, which: sa.ColumnElement[bool]) -> Session | None:
        with self._database.transaction() as connection:
            found = connection.execute(sa.select(*_COLUMNS).where(which)).first()
        return None if found is None else Session(**found._mapping)

    @again_after_deadlock
    def replace_session(self, old: Session, new: Session) -> bool:
        """Replace `old` with `new` and return True. Return False, and change nothing, if the stored
        `secret_hash` is not that of `old`."""
        unchanged = sa.and_(
            table.c.name_hash == old.name_hash, table.c.secret_hash == old.secret_hash
        )
        with self._database.transaction(write=True, synced=False) as connection:
            return (
                connection.execute(table.update().where(unchanged).values(_row(new))).rowcount > 0
            )

    def end_session(self, session: Session) -> None:
        """Remove the session and revoke its access tokens, both or neither. Ending it again changes
        nothing."""
        self._end(table.c.name_hash == session.name_hash)

    def end_sessions(self, user_id: int | str, *, issuer: str | None = None) -> None:
        """End all current sessions of the user, of one issuer or of all issuers. Revoke the tokens
        too that an app minted for the user by hand."""
        user_id = id_text(user_id, "user_id", "end_sessions(1)")
        which = table.c.user_id == user_id
        if issuer is not None:
            which = sa.and_(which, table.c.issuer == issuer)
        self._end(which, [sessions_entry(issuer, user_id)])

    @again_after_deadlock
    def _end(self, which: sa.ColumnElement[bool], more: Sequence[Revocation] = ()) -> None:
        with self._log.ending() as connection:
            self.end(connection, which, more)

    def end(
        self,
        connection: sa.Connection,
        which: sa.ColumnElement[bool],
        more: Sequence[Revocation] = (),
    ) -> None:
        """End these sessions in a transaction that the log has opened with `ending`. Append `more`
        entries to the log in the same step."""
        # Lock in the order of the names: two requests that end the sessions of one user would
        # deadlock otherwise. Delete by name: a session that was added later must stay.
        c = table.c
        if is_mysql(connection):  # It must lock by the primary key, as those who delete do.
            which = c.name_hash.in_(connection.scalars(sa.select(c.name_hash).where(which)).all())
        rows = sa.select(c.name_hash, c.issuer, c.sid, c.token_lifetime, c.used_at).where(which)
        ended = connection.execute(rows.order_by(c.name_hash).with_for_update()).all()
        self._log.append(connection, more)
        if not ended:
            return
        now = self._log.now(connection)
        for first in range(0, len(ended), _BATCH):
            batch = ended[first : first + _BATCH]
            entries = [
                session_entry(row.issuer, row.sid, row.token_lifetime, row.used_at, now)
                for row in batch
            ]
            self._log.append(connection, entries)
            names = [row.name_hash for row in batch]
            connection.execute(table.delete().where(c.name_hash.in_(names)))


def _surplus(session: Session) -> sa.Select[tuple[bytes]]:
    """Select the names of the user's oldest sessions that must make room for a new one.

    Select a thousand at most. A user with more sessions loses them over several logins.
    """
    mine = sa.and_(table.c.user_id == session.user_id, table.c.issuer == session.issuer)
    newest_first = sa.select(table.c.name_hash).where(mine).order_by(table.c.started_at.desc())
    return newest_first.offset(MAX_SESSIONS - 1).limit(_BATCH)


def _row(session: Session) -> dict[str, object]:
    return {name: getattr(session, name) for name in _FIELDS}
