"""`SQLStore`: the users, and all the rest beside them."""

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import TYPE_CHECKING, Any, cast

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from ..passwords import DEFAULT_METHOD
from ..users import Row, UserStoreBase
from .counters import CounterTable
from .names import best_match, is_named, name_key
from .schema import schema, sessions
from .schema import users as table
from .sessions import SessionTable

if TYPE_CHECKING:
    from ..redis import RedisLog


class SQLStore(SessionTable, CounterTable, UserStoreBase):
    """Users, sessions, revocations and counters in an SQLite file (`sqlite:///auth.db`) or in
    PostgreSQL (`postgresql://user:password@host/name`).

    The tables are made on first use, and a new SQLite file then, readable by its owner only;
    building does no I/O. A schema that a newer version made is a `ConfigurationError` on first use
    (`ping()` is one). Whatever else the database does or fails to do is `StoreUnavailable`, within
    about two seconds, with the driver's error as cause.

    An SQLAlchemy `Engine` may be passed instead of a URL; its pool, pragmas and connection timeouts
    stay as they are. The store may be used by many threads, and by processes forked after its use.
    `path` is the absolute path of the SQLite file that a URL named, else None. `password_method` is
    one of `werkzeug.security.generate_password_hash`.

    With `log` the revocations and counters are kept there. A session then ends in the log before it
    does here, so a failure between the two refuses its tokens and is a `StoreUnavailable`; to end
    it again finishes what was begun.
    """

    def __init__(
        self,
        url_or_engine: str | sa.URL | sa.Engine,
        *,
        log: "RedisLog | None" = None,
        password_method: str = DEFAULT_METHOD,
    ) -> None:
        UserStoreBase.__init__(self, password_method)
        SessionTable.__init__(self, url_or_engine, log)

    def ping(self) -> None:
        """Return if the database answers and has the schema, and the log answers;
        `StoreUnavailable` otherwise."""
        with self._transaction() as connection:
            connection.execute(sa.select(schema.c.version)).scalar_one()
            if self._log is None:
                self._require_own_log(connection)
        if self._log is not None:
            self._log.ping()

    def _find(self, username: str) -> Row | None:
        with self._transaction() as connection:
            return best_match(_rows(connection, is_named(table, username)), username)

    def _get(self, user_id: int) -> Row | None:
        with self._transaction() as connection:
            return next(iter(_rows(connection, table.c.id == user_id)), None)

    def _all(self) -> Sequence[Row]:
        with self._transaction() as connection:
            return _rows(connection, sa.true())

    def _insert(self, values: Mapping[str, Any]) -> Row | None:
        with self._transaction(write=True) as connection:
            try:
                key = name_key(values["username"])
                result = connection.execute(table.insert().values(**values, name_key=key))
            except IntegrityError:
                connection.rollback()
                return None
            return Row(id=cast(tuple[int], result.inserted_primary_key)[0], **values)

    def _update(
        self, username: str, values: Mapping[str, Any], *, ends_sessions: bool = False
    ) -> bool:
        more = {"version": table.c.version + 1} if ends_sessions else {}
        return self._write(username, table.update().values(**values, **more), ends_sessions)

    def _delete(self, username: str) -> bool:
        return self._write(username, table.delete(), True)

    def _write(self, username: str, statement: sa.Update | sa.Delete, ends_sessions: bool) -> bool:
        with self._ending() if ends_sessions else self._transaction(write=True) as connection:
            rows = _rows(connection, is_named(table, username), for_update=True)
            row = best_match(rows, username)
            if row is None:
                return False
            connection.execute(statement.where(table.c.id == row.id))
            if ends_sessions:
                self._end(connection, sessions.c.user_id == str(row.id))
            return True

    def _replace_hash(self, row: Row, password_hash: str) -> None:
        unchanged = sa.and_(table.c.id == row.id, table.c.password_hash == row.password_hash)
        with self._transaction(write=True) as connection:
            connection.execute(table.update().where(unchanged).values(password_hash=password_hash))


def _rows(
    connection: sa.Connection, condition: sa.ColumnElement[bool], *, for_update: bool = False
) -> list[Row]:
    """Return the users of a condition in the order of their names."""
    columns = [table.c[column.name] for column in fields(Row)]
    select = sa.select(*columns).where(condition).order_by(table.c.username)
    found = connection.execute(select.with_for_update() if for_update else select)
    return [Row(*values) for values in found]
