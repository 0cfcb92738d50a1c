"""The sessions in a database."""

from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa

from ..base import Session
from ..entries import MARGIN, session_entry
from .log import Log
from .schema import delete_some
from .schema import sessions as table


class SessionTable(Log):
    """A `SessionStore`. A session ends in one transaction: its entry is in the log before its row
    is gone, so what fails between the two, when the log is elsewhere, refuses the tokens of a
    session that is still there."""

    def add_session(self, session: Session) -> None:
        """Keep a new session."""
        over = self._now() - MARGIN
        is_over = sa.and_(
            table.c.expires_at < over, table.c.expires_at + table.c.token_lifetime < over
        )  # with tokens
        with self._transaction(write=True, synced=False) as connection:
            delete_some(connection, table, is_over)
            connection.execute(table.insert().values(_row(session)))

    def find_session(self, name_hash: bytes) -> Session | None:
        """Return the session of that name, expired or not."""
        with self._transaction() as connection:
            found = connection.execute(
                sa.select(table).where(table.c.name_hash == name_hash)
            ).one_or_none()
        return None if found is None else Session(**found._mapping)

    def replace_session(self, old: Session, new: Session) -> bool:
        """Keep `new` in place of `old` and return True, or False when its `secret_hash` is not
        `old`'s any more."""
        unchanged = sa.and_(
            table.c.name_hash == old.name_hash, table.c.secret_hash == old.secret_hash
        )
        with self._transaction(write=True, synced=False) as connection:
            return (
                connection.execute(table.update().where(unchanged).values(_row(new))).rowcount > 0
            )

    def end_session(self, session: Session) -> None:
        """Forget the session and revoke its access tokens, both or neither. Ending it again changes
        nothing."""
        with self._ending() as connection:
            self._end(connection, table.c.name_hash == session.name_hash)

    def end_sessions(self, user_id: str) -> None:
        """End all sessions of the user that there are now."""
        with self._ending() as connection:
            self._end(connection, table.c.user_id == user_id)

    @contextmanager
    def _ending(self) -> Iterator[sa.Connection]:
        """A transaction in which sessions end. A log elsewhere is asked first whether it answers:
        who waits for one that does not would have the only lock of an SQLite file, and keep all
        refreshes waiting too."""
        if self._log is not None:
            self._log.ping()
        with self._transaction(write=True) as connection:
            if self._log is None:
                self._require_own_log(connection)
            yield connection

    def _end(self, connection: sa.Connection, which: sa.ColumnElement[bool]) -> None:
        # In the order of their names, so that two who end the sessions of one user do not wait for
        # each other.
        rows = sa.select(table).where(which).order_by(table.c.name_hash).with_for_update()
        ended = [Session(**row._mapping) for row in connection.execute(rows)]
        if ended:
            now = self._clock(connection)
            self._append(connection, [session_entry(session, now) for session in ended])
            these = [{"ended": session.name_hash} for session in ended]
            connection.execute(
                table.delete().where(table.c.name_hash == sa.bindparam("ended")), these
            )


def _row(session: Session) -> dict[str, object]:
    return {column.name: getattr(session, column.name) for column in table.columns}
