"""`SQLStore`: stores users, their tokens, sessions, revocations and counters in one database."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import fields
from typing import TYPE_CHECKING, Any, cast

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from ..._options import require
from ...trust.revocation import RevocationPage
from ..base import Counters, Session, TokenRecord
from ..imports import Import
from ..passwords import DEFAULT_METHOD
from ..revocations import sessions_entry
from ..tokens import TokenRow, TokenStoreBase
from ..users import Row
from .counters import CounterTable
from .database import Database, again_after_deadlock
from .imports import imported_methods, insert_all
from .names import best_match, is_named, name_key
from .revocations import LOGGED_IN_REDIS, LogInRedis, SessionLog, SQLRevocationLog, is_log
from .schema import schema, sessions
from .schema import users as table
from .sessions import SessionTable
from .tokens import TokenTable

if TYPE_CHECKING:
    from ..redis import RedisLog

_SAMPLE = 1000
"""Hashes that show which methods the table has: about 3 ms."""


class SQLStore(TokenStoreBase):
    """Stores users, their tokens, sessions, revocations and counters in an SQLite file
    (`sqlite:///auth.db`), in PostgreSQL (`postgresql://user:password@host/name`), or
    in MySQL 8 or MariaDB 10.6 (`mysql://user:password@host/name`).

    Building does no I/O. The first use creates the tables. It also creates a new SQLite file, which
    only its owner may read. An SQLAlchemy `Engine` may be passed instead of a URL; its pool,
    pragmas and connection timeouts are not changed. Behind PgBouncer in transaction mode, create it
    with `connect_args={"prepare_threshold": None}`, as the store does for a URL. Many threads may
    use one store, and so may processes that are forked later. `path` is the absolute path of the
    SQLite file that a URL names, else None. `password_method` is a method of
    `werkzeug.security.generate_password_hash`. An engine of MySQL needs its own `connect_timeout`,
    `read_timeout` and `innodb_lock_wait_timeout`.

    Every failure of the database raises `StoreUnavailable` within about two seconds, with the
    driver's error as its cause. The clock of the database decides what has expired.

    With `log` the revocations and counters are in that Redis. A session then ends in the log before
    it ends in the database. So a failure between the two raises `StoreUnavailable`, but the
    session's tokens are refused; ending the session again completes it.

    The first write records in the database that its log is in Redis. From then on a store without
    `log` cannot end sessions or revoke tokens there, and a `RevocationList` over it answers 503. To
    return to a log in the database, stop every process that uses Redis. Then delete the row
    `revocation_log` of the table `jwt_middleware_setting`.

    A `ConfigurationError` on first use (such as `ping()`) means that `log` must be given, or that a
    newer version created the tables.
    """

    def __init__(
        self,
        url_or_engine: str | sa.URL | sa.Engine,
        *,
        log: "RedisLog | None" = None,
        password_method: str = DEFAULT_METHOD,
    ) -> None:
        super().__init__(password_method)
        require(
            log is None or is_log(log),
            f"log must be a RedisLog, got {type(log).__name__}: "
            "SQLStore(url, log=RedisLog('redis://host'))",
        )
        settings = {} if log is None else LOGGED_IN_REDIS
        self._database = Database(url_or_engine, settings=settings)
        self.path = self._database.path
        self._external_log = log
        self._log: SessionLog
        self._counters: Counters
        if log is None:
            self._log = SQLRevocationLog(self._database)
            self._counters = CounterTable(self._database)
        else:
            self._log = LogInRedis(self._database, log)
            self._counters = log
        self._sessions = SessionTable(self._database, self._log)
        self._tokens = TokenTable(self._database, self._log)

    def __repr__(self) -> str:
        return f"SQLStore({self._database.name!r})"

    def ping(self) -> None:
        """Return if the database has the schema and the log answers, else raise
        `StoreUnavailable`."""
        with self._database.transaction() as connection:
            connection.execute(sa.select(schema.c.version)).scalar_one()
        self._log.ping()

    def has_tables(self) -> bool:
        """Return whether the database has the tables of a store. Unlike every other call, create
        nothing: a command that only reads can ask first."""
        return self._database.has_tables()

    def close(self) -> None:
        """Close the connections to the database and to the log, except those of an engine or a
        client that was passed in.

        May be called again. A later use of the store opens new connections.
        """
        self._database.close()
        if self._external_log is not None:
            self._external_log.close()

    def add_session(self, session: Session) -> None:
        """Add a session. Beyond `MAX_SESSIONS`, end the user's oldest sessions of that issuer."""
        self._sessions.add_session(session)

    def find_session(self, name_hash: bytes) -> Session | None:
        """Return the session with this name hash, expired or not."""
        return self._sessions.find_session(name_hash)

    def find_session_by_sid(self, sid: str, *, user_id: str, issuer: str) -> Session | None:
        """Return the session that an access token names by its `sid`, `sub` and `iss`, expired or
        not."""
        return self._sessions.find_session_by_sid(sid, user_id=user_id, issuer=issuer)

    def replace_session(self, old: Session, new: Session) -> bool:
        """Replace `old` with `new` and return True. Return False, and change nothing, if the stored
        `secret_hash` is not that of `old`."""
        return self._sessions.replace_session(old, new)

    def end_session(self, session: Session) -> None:
        """Remove the session and revoke its access tokens, both or neither. Ending it again changes
        nothing."""
        self._sessions.end_session(session)

    def end_sessions(self, user_id: int | str, *, issuer: str | None = None) -> None:
        """End all current sessions of the user, of one issuer or of all issuers. Revoke the tokens
        too that an app minted for the user by hand."""
        self._sessions.end_sessions(user_id, issuer=issuer)

    def revoke(self, *, token_id: str, expires_at: float, issuer: str = "") -> None:
        """Revoke one access token until it has expired. Without an issuer, revoke this `jti` of
        every issuer.

        A value that cannot be the `jti` or `exp` of a token raises `ConfigurationError`.
        """
        self._log.revoke(token_id=token_id, expires_at=expires_at, issuer=issuer)

    def revoke_session(self, issuer: str, session_id: str, *, expires_at: float) -> None:
        """Revoke all tokens with this `sid` of an issuer, until the last of them has expired at
        `expires_at`, in seconds since the epoch."""
        self._log.revoke_session(issuer, session_id, expires_at=expires_at)

    def revoke_subject(
        self, issuer: str, subject: int | str, *, until: float | None = None
    ) -> None:
        """Revoke all tokens of a subject that were issued until now, or until a moment in seconds
        since the epoch: see `trust.cut_offs`. Its sessions go on, and get new tokens."""
        self._log.revoke_subject(issuer, subject, until=until)

    def revoked_until(self, key: str) -> float:
        """Return when the last entry of the log with this key expires, in seconds since the epoch.
        Return 0 without one."""
        return self._log.revoked_until(key)

    def is_revoked(self, keys: Collection[str]) -> bool:
        """Return whether the log has one of these `revocation_keys`."""
        return self._log.is_revoked(keys)

    def read_revocations(self, cursor: object | None) -> RevocationPage:
        """Return the entries after the cursor. For None, or for a cursor that is no longer in the
        log, return all entries."""
        return self._log.read_revocations(cursor)

    def increment(self, key: str, seconds: int, amount: int = 1) -> int:
        """Add to a count atomically and return the new count. A negative amount subtracts, never
        below zero."""
        return self._counters.increment(key, seconds, amount)

    def count(self, key: str) -> tuple[int, float]:
        """Return a count and the time when it expires, in seconds since the epoch by the caller's
        clock. Return (0, now) for an unknown key."""
        return self._counters.count(key)

    def token_key(self) -> bytes | None:
        """Return the key that authenticates the form of this store's tokens, or None before the
        first token."""
        return self._tokens.key()

    def find_token(self, id: str) -> TokenRecord | None:
        """Return the data of the token with this id, even if it is expired or removed."""
        return self._tokens.find(id)

    def _need_token_key(self) -> bytes:
        return self._tokens.need_key()

    def _insert_token(self, row: TokenRow) -> bool:
        return self._tokens.insert(row)

    def _tokens_of(self, user_id: int) -> Sequence[TokenRow]:
        return self._tokens.of_user(user_id)

    def _end_token(self, id: str) -> bool:
        return self._tokens.end_one(id)

    def _some_hashes(self) -> Sequence[str]:
        # The oldest users have the oldest hashes. The sample bounds the time of the first login.
        # Imported users may be anywhere, so their methods are recorded.
        oldest = sa.select(table.c.password_hash).order_by(table.c.id).limit(_SAMPLE)
        with self._database.transaction() as connection:
            return [*connection.scalars(oldest), *imported_methods(connection)]

    def _find(self, username: str) -> Row | None:
        with self._database.transaction() as connection:
            return best_match(_rows(connection, is_named(table, username)), username)

    def _get(self, user_id: int) -> Row | None:
        with self._database.transaction() as connection:
            return next(iter(_rows(connection, table.c.id == user_id)), None)

    def _all(self) -> Sequence[Row]:
        with self._database.transaction() as connection:
            return _rows(connection, sa.true())

    @again_after_deadlock
    def _insert(self, values: Mapping[str, Any]) -> Row | None:
        with self._database.transaction(write=True) as connection:
            try:
                key = name_key(values["username"])
                result = connection.execute(table.insert().values(**values, name_key=key))
            except IntegrityError:
                connection.rollback()
                return None
            return Row(id=cast(tuple[int], result.inserted_primary_key)[0], **values)

    def _import(self, task: Import) -> None:
        with self._database.transaction(write=True) as connection:
            insert_all(connection, task)

    def _update(
        self,
        username: str,
        values: Mapping[str, Any],
        *,
        ends_sessions: bool = False,
        ends_tokens: bool = False,
    ) -> bool:
        more = {"version": table.c.version + 1} if ends_sessions else {}
        statement = table.update().values(**values, **more)
        return self._write(username, statement, ends_sessions, ends_tokens)

    def _delete(self, username: str) -> bool:
        return self._write(username, table.delete(), True, True)

    @again_after_deadlock
    def _write(
        self,
        username: str,
        statement: sa.Update | sa.Delete,
        ends_sessions: bool,
        ends_tokens: bool,
    ) -> bool:
        transaction = (
            self._log.ending() if ends_sessions else self._database.transaction(write=True)
        )
        with transaction as connection:
            found = best_match(_rows(connection, is_named(table, username)), username)
            # Lock by the primary key: MySQL locks each index by itself, so that two transactions
            # that find the row by different ones could wait for each other.
            is_it = table.c.id == (found.id if found else 0)
            row = next(iter(_rows(connection, is_it, for_update=True)), None)
            if row is None:
                return False
            connection.execute(statement.where(table.c.id == row.id))
            entries = self._tokens.end(connection, row.id) if ends_tokens else []
            if ends_sessions:
                entries.append(sessions_entry(None, str(row.id)))
                self._sessions.end(connection, sessions.c.user_id == str(row.id), entries)
            return True

    @again_after_deadlock
    def _replace_hash(self, row: Row, password_hash: str) -> None:
        unchanged = sa.and_(table.c.id == row.id, table.c.password_hash == row.password_hash)
        with self._database.transaction(write=True) as connection:
            connection.execute(table.update().where(unchanged).values(password_hash=password_hash))


def _rows(
    connection: sa.Connection, condition: sa.ColumnElement[bool], *, for_update: bool = False
) -> list[Row]:
    """Return the users that match a condition, ordered by name."""
    columns = [table.c[column.name] for column in fields(Row)]
    select = sa.select(*columns).where(condition).order_by(table.c.username)
    found = connection.execute(select.with_for_update() if for_update else select)
    return [Row(*values) for values in found]
