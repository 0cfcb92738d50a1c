"""The sessions in a database."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields

import sqlalchemy as sa

from ..base import MAX_SESSIONS, Session
from ..entries import MARGIN, session_entry
from .log import Log
from .schema import delete_some
from .schema import sessions as table

_FIELDS = [field.name for field in fields(Session)]
_COLUMNS = [table.c[name] for name in _FIELDS]
_BATCH = 1000  # rows in a statement, so that each of them ends in time


class SessionTable(Log):
    """A `SessionStore`. A session ends in one transaction: its entry is in the log before its row
    is gone. So a failure between the two, when the log is elsewhere, refuses the tokens of a
    session that is still there."""

    def add_session(self, session: Session) -> None:
        """Add a session. In the same step the user's oldest of that issuer end until `MAX_SESSIONS`
        are left."""
        over = self._now() - MARGIN
        is_over = sa.and_(
            table.c.expires_at < over, table.c.expires_at + table.c.token_lifetime < over
        )  # with tokens
        with self._transaction(write=True, synced=False) as connection:
            delete_some(connection, table, is_over)
            surplus = connection.scalars(_surplus(session)).all()
            connection.execute(table.insert().values(_row(session)))
            if surplus and self._log is None:
                self._require_own_log(connection)
                self._end(connection, table.c.name_hash.in_(surplus))
        if surplus and self._log is not None:
            with self._ending() as connection:
                self._end(connection, table.c.name_hash.in_(surplus))

    def find_session(self, name_hash: bytes) -> Session | None:
        """Return the session of that name, expired or not."""
        return self._find_session(table.c.name_hash == name_hash)

    def find_session_by_sid(self, sid: str, *, user_id: str, issuer: str) -> Session | None:
        """Return the session that an access token names by its `sid`, `sub` and `iss`, expired or
        not."""
        # The index on users leaves at most a few rows to look at.
        return self._find_session(
            sa.and_(table.c.user_id == user_id, table.c.sid == sid, table.c.issuer == issuer)
        )

    def _find_session(self, which: sa.ColumnElement[bool]) -> Session | None:
        with self._transaction() as connection:
            found = connection.execute(sa.select(*_COLUMNS).where(which)).first()
        return None if found is None else Session(**found._mapping)

    def replace_session(self, old: Session, new: Session) -> bool:
        """Replace `old` by `new` and return True, or False when its `secret_hash` is not `old`'s
        any more."""
        unchanged = sa.and_(
            table.c.name_hash == old.name_hash, table.c.secret_hash == old.secret_hash
        )
        with self._transaction(write=True, synced=False) as connection:
            return (
                connection.execute(table.update().where(unchanged).values(_row(new))).rowcount > 0
            )

    def end_session(self, session: Session) -> None:
        """Remove the session and revoke its access tokens, both or neither. Ending it again changes
        nothing."""
        with self._ending() as connection:
            self._end(connection, table.c.name_hash == session.name_hash)

    def end_sessions(self, user_id: str, *, issuer: str | None = None) -> None:
        """End all sessions that the user has now: those of one issuer, or of every one."""
        which = table.c.user_id == user_id
        if issuer is not None:
            which = sa.and_(which, table.c.issuer == issuer)
        with self._ending() as connection:
            self._end(connection, which)

    @contextmanager
    def _ending(self) -> Iterator[sa.Connection]:
        """A transaction in which sessions end. A log elsewhere is first asked whether it answers:
        waiting for it inside the transaction would hold the only lock of an SQLite file, and keep
        all refreshes waiting too."""
        if self._log is not None:
            self._log.ping()
        with self._transaction(write=True) as connection:
            if self._log is None:
                self._require_own_log(connection)
            yield connection

    def _end(self, connection: sa.Connection, which: sa.ColumnElement[bool]) -> None:
        # In the order of their names, so that two requests that end the sessions of one user do not
        # wait for each other. By their names, so that none goes that came after they were read.
        c = table.c
        rows = sa.select(c.name_hash, c.issuer, c.sid, c.token_lifetime, c.used_at).where(which)
        ended = connection.execute(rows.order_by(c.name_hash).with_for_update()).all()
        if not ended:
            return
        now = self._clock(connection)
        for first in range(0, len(ended), _BATCH):
            batch = ended[first : first + _BATCH]
            entries = [
                session_entry(row.issuer, row.sid, row.token_lifetime, row.used_at, now)
                for row in batch
            ]
            self._append(connection, entries)
            names = [row.name_hash for row in batch]
            connection.execute(table.delete().where(c.name_hash.in_(names)))


def _surplus(session: Session) -> sa.Select[tuple[bytes]]:
    """The names of the sessions for which there is no room beside a new one, the oldest; a thousand
    at most, so that a user who has more loses them over several logins."""
    mine = sa.and_(table.c.user_id == session.user_id, table.c.issuer == session.issuer)
    newest_first = sa.select(table.c.name_hash).where(mine).order_by(table.c.started_at.desc())
    return newest_first.offset(MAX_SESSIONS - 1).limit(_BATCH)


def _row(session: Session) -> dict[str, object]:
    return {name: getattr(session, name) for name in _FIELDS}
