"""Defines the tables of `SQLStore`, and creates them on first use."""

import sqlalchemy as sa

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
_ID = sa.BigInteger().with_variant(sa.Integer, "sqlite")

metadata = sa.MetaData()
schema = sa.Table(
    "jwt_middleware_schema", metadata, sa.Column("version", sa.Integer, nullable=False)
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
    sa.Column("scopes", sa.Text, nullable=False),
    sa.Column("claims", sa.Text, nullable=False),
    sa.Column("disabled", sa.Boolean, nullable=False),
    sa.Column("version", sa.BigInteger, nullable=False),
    sa.Column("name_key", sa.String(64)),  # see `names`
    sqlite_autoincrement=True,  # without it SQLite gives the id of a removed user to the next one
)
name_keys = sa.Index("ix_jwt_middleware_user_name_key", users.c.name_key, unique=True)
sessions = sa.Table(  # a column for each field of `Session`
    "jwt_middleware_session",
    metadata,
    sa.Column("name_hash", sa.LargeBinary, primary_key=True),
    sa.Column("sid", sa.Text, nullable=False),
    sa.Column("issuer", sa.Text, nullable=False),
    sa.Column("user_id", _TEXT, nullable=False, index=True),
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
)
revocations = sa.Table(
    "jwt_middleware_revocation",
    metadata,
    sa.Column("id", _ID, primary_key=True),
    sa.Column("key", sa.Text, nullable=False),
    sa.Column("expires_at", sa.Double, nullable=False, index=True),
    sqlite_autoincrement=True,  # An id is a position in the log and must never be used again.
)
counters = sa.Table(
    "jwt_middleware_counter",
    metadata,
    sa.Column("key", _TEXT, primary_key=True),
    sa.Column("count", sa.BigInteger, nullable=False),
    sa.Column("expires_at", sa.Double, nullable=False, index=True),
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
    sa.Column("scopes", sa.Text, nullable=False),
    sa.Column("secret_hash", sa.LargeBinary, nullable=False),
    sa.Column("created_at", sa.Double, nullable=False),
    sa.Column("expires_at", sa.Double, nullable=False, index=True),
    sa.Column("removed_at", sa.Double),
)
settings = sa.Table(  # Options that every store on this database must obey.
    "jwt_middleware_setting",
    metadata,
    sa.Column("name", _TEXT, primary_key=True),
    sa.Column("value", sa.Text, nullable=False),
)


def find_version(connection: sa.Connection) -> int | None:
    """Return the version of the schema in the database, or None without one."""
    if not sa.inspect(connection).has_table(schema.name):
        return None
    return int(connection.execute(sa.select(schema.c.version)).scalar_one())


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
    version = find_version(connection)
    if version is None:
        metadata.create_all(connection)
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


def delete_some(
    connection: sa.Connection, table: sa.Table, condition: sa.ColumnElement[bool]
) -> None:
    """Delete up to a hundred rows that match. Skip rows that another transaction has locked."""
    (key,) = table.primary_key.columns
    some = sa.select(key).where(condition).limit(_BATCH).with_for_update(skip_locked=True)
    connection.execute(table.delete().where(key.in_(some)))
