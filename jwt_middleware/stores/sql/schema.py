"""Defines the tables of `SQLStore`, and creates them on first use."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import mysql

from .dialects import MYSQL, is_mysql
from .names import add_name_keys

VERSION = 2
"""A table that is added does not change the version: an earlier release can go on using the
database, and does not see the table. `is_current` finds what is missing."""

_LOCK = (
    0x6A77745F6D696464  # "jwt_midd": the advisory lock under which the schema is made in PostgreSQL
)
_BATCH = 100

# With another collation, an update of the system's locales could break an index. "C" compares
# strings byte by byte.
_TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_LONG_TEXT = sa.Text().with_variant(mysql.MEDIUMTEXT(), *MYSQL)
_ID = sa.BigInteger().with_variant(sa.Integer, "sqlite")


class _Exact(sa.types.TypeDecorator[str]):
    """A string that is compared byte by byte.

    Each collation of MySQL and MariaDB that both have ignores blanks at the end, so there it is a
    VARBINARY in UTF-8, or a BLOB without a length.
    """

    impl = sa.Text
    cache_ok = True

    def __init__(self, size: int | None = None) -> None:
        super().__init__()
        self._size = size

    def load_dialect_impl(self, dialect: sa.Dialect) -> sa.types.TypeEngine[Any]:
        """Return the type of the column."""
        if dialect.name in MYSQL:
            stored = sa.VARBINARY(self._size) if self._size else mysql.MEDIUMBLOB()
            return dialect.type_descriptor(stored)
        return dialect.type_descriptor(_TEXT.dialect_impl(dialect))

    def process_bind_param(self, value: str | None, dialect: sa.Dialect) -> Any:
        """Return what the driver gets."""
        return value.encode() if value is not None and dialect.name in MYSQL else value

    def process_result_value(self, value: Any, dialect: sa.Dialect) -> str | None:
        """Return what the driver gave."""
        return value.decode() if isinstance(value, bytes) else value


def _binary(size: int) -> sa.types.TypeEngine[bytes]:
    return sa.LargeBinary().with_variant(sa.VARBINARY(size), *MYSQL)


_OPTIONS = {"engine": "InnoDB", "charset": "utf8mb4", "collate": "utf8mb4_bin"}
_IN_MYSQL: dict[str, Any] = {
    f"{name}_{key}": value for name in MYSQL for key, value in _OPTIONS.items()
}

metadata = sa.MetaData()
schema = sa.Table(
    "jwt_middleware_schema", metadata, sa.Column("version", sa.Integer, nullable=False), **_IN_MYSQL
)
users = sa.Table(
    "jwt_middleware_user",
    metadata,
    sa.Column("id", _ID, primary_key=True),
    sa.Column(
        "username",
        sa.String(255).with_variant(sa.String(255, collation="C"), "postgresql"),
        nullable=False,
        unique=True,
    ),
    sa.Column("password_hash", sa.Text, nullable=False),
    sa.Column("scopes", _LONG_TEXT, nullable=False),
    sa.Column("claims", _LONG_TEXT, nullable=False),
    sa.Column("disabled", sa.Boolean, nullable=False),
    sa.Column("version", sa.BigInteger, nullable=False),
    sa.Column("name_key", sa.String(64)),  # see `names`
    sqlite_autoincrement=True,  # without it SQLite gives the id of a removed user to the next one
    **_IN_MYSQL,
)
name_keys = sa.Index("ix_jwt_middleware_user_name_key", users.c.name_key, unique=True)
sessions = sa.Table(  # a column for each field of `Session`
    "jwt_middleware_session",
    metadata,
    sa.Column("name_hash", _binary(255), primary_key=True),
    sa.Column("sid", _Exact(), nullable=False),
    sa.Column("issuer", _Exact(), nullable=False),
    sa.Column("user_id", _Exact(2048), nullable=False, index=True),
    sa.Column("user_version", sa.BigInteger, nullable=False),
    sa.Column("token_lifetime", sa.BigInteger, nullable=False),
    sa.Column("started_at", sa.Double, nullable=False),
    sa.Column("used_at", sa.Double, nullable=False),
    sa.Column("expires_at", sa.Double, nullable=False, index=True),
    sa.Column("secret_hash", sa.LargeBinary, nullable=False),
    sa.Column("previous_hash", sa.LargeBinary),
    sa.Column("successor", sa.LargeBinary),
    # An earlier version needs these columns, and may share the database during an upgrade. This
    # version does not read them.
    sa.Column("older_hash", sa.LargeBinary),
    sa.Column("older_successor", sa.LargeBinary),
    **_IN_MYSQL,
)
revocations = sa.Table(
    "jwt_middleware_revocation",
    metadata,
    sa.Column("id", _ID, primary_key=True),
    sa.Column("key", _Exact(), nullable=False),
    sa.Column("expires_at", sa.Double, nullable=False, index=True),
    sqlite_autoincrement=True,  # An id is a position in the log and must never be used again.
    **_IN_MYSQL,
)
counters = sa.Table(
    "jwt_middleware_counter",
    metadata,
    sa.Column("key", _Exact(2048), primary_key=True),
    sa.Column("count", sa.BigInteger, nullable=False),
    sa.Column("expires_at", sa.Double, nullable=False, index=True),
    **_IN_MYSQL,
)
tokens = sa.Table(  # a column for each field of `TokenRow`
    "jwt_middleware_token",
    metadata,
    sa.Column(
        "id",
        sa.String(12).with_variant(sa.String(12, collation="C"), "postgresql"),
        primary_key=True,
    ),
    sa.Column("user_id", sa.BigInteger, nullable=False, index=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("scopes", _LONG_TEXT, nullable=False),
    sa.Column("secret_hash", sa.LargeBinary, nullable=False),
    sa.Column("created_at", sa.Double, nullable=False),
    sa.Column("expires_at", sa.Double, nullable=False, index=True),
    sa.Column("removed_at", sa.Double),
    **_IN_MYSQL,
)
settings = sa.Table(  # Options that every store on this database must obey.
    "jwt_middleware_setting",
    metadata,
    sa.Column("name", _Exact(255), primary_key=True),
    sa.Column("value", sa.Text, nullable=False),
    **_IN_MYSQL,
)


def find_version(connection: sa.Connection) -> int | None:
    """Return the version of the schema in the database, or None without one."""
    if not sa.inspect(connection).has_table(schema.name):
        return None
    # MySQL commits each CREATE TABLE by itself, so a killed process may leave an empty table.
    version = connection.execute(sa.select(schema.c.version)).scalar_one_or_none()
    return None if version is None else int(version)


def is_current(connection: sa.Connection, version: int | None) -> bool:
    """Return whether the tables of a database with this version need not be created or upgraded."""
    if version is None or version < VERSION:
        return False
    return version > VERSION or sa.inspect(connection).has_table(tokens.name)


def create(connection: sa.Connection) -> int:
    """Create the tables, or upgrade those of an older version, unless another process has just done
    so. Return the version of the schema."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_LOCK})")
    if not is_mysql(connection):
        return _create(connection)
    if connection.exec_driver_sql(f"SELECT GET_LOCK('{_LOCK}', 2)").scalar_one() != 1:
        raise OSError("another process is creating the tables")
    try:
        version = _create(connection)
        # The lock does not last until the end of the transaction, so commit before it is released.
        connection.exec_driver_sql("COMMIT")
    finally:
        connection.exec_driver_sql(f"SELECT RELEASE_LOCK('{_LOCK}')")
    return version


def _create(connection: sa.Connection) -> int:
    version = find_version(connection)
    if version is None:
        metadata.create_all(connection)
        _create_missing_indexes(connection)
        connection.execute(schema.insert().values(version=VERSION))
        return VERSION
    if version < VERSION:
        _upgrade(connection)
        connection.execute(schema.update().values(version=VERSION))
    elif version == VERSION:
        metadata.create_all(connection)
    return max(version, VERSION)


def _upgrade(connection: sa.Connection) -> None:
    """Upgrade the tables of version 1. Version 2 added `settings` and the name keys of the
    users."""
    metadata.create_all(connection)
    add_name_keys(connection, users, name_keys)


def _create_missing_indexes(connection: sa.Connection) -> None:
    """Create what a process that was killed in MySQL has left out."""
    if is_mysql(connection):
        for table in metadata.sorted_tables:
            for index in table.indexes:
                index.create(connection, checkfirst=True)


def delete_some(
    connection: sa.Connection, table: sa.Table, condition: sa.ColumnElement[bool]
) -> None:
    """Delete up to a hundred rows that match. Skip rows that another transaction has locked."""
    (key,) = table.primary_key.columns
    some = sa.select(key).where(condition).limit(_BATCH)
    if not is_mysql(connection):
        free = some.with_for_update(skip_locked=True)
        connection.execute(table.delete().where(key.in_(free)))
    elif found := connection.scalars(some).all():
        # It refuses a LIMIT in a subquery, and must lock by the primary key, as all others do.
        mine = sa.and_(key.in_(found), condition)
        free = sa.select(key).where(mine).with_for_update(skip_locked=True)
        connection.execute(table.delete().where(key.in_(connection.scalars(free).all())))
