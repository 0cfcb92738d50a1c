"""The options that name a database of users, and the Redis with its revocations."""

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from ..stores import SQLStore

database_option = click.option(
    "--database",
    metavar="URL",
    envvar="JWT_MIDDLEWARE_DATABASE_URL",
    show_envvar=True,
    required=True,
    help="The database of the users.",
)
log_option = click.option(
    "--log",
    metavar="URL",
    envvar="JWT_MIDDLEWARE_LOG_URL",
    show_envvar=True,
    help="The Redis or Valkey with the revocation log, if it is not in the database. The access "
    "tokens of an ended session must end too.",
)


def open_store(
    database: str, *, log: str | None = None, adds_users: bool = False, create: bool = False
) -> "SQLStore":
    """Return the store that the options name.

    Only a command that `adds_users` makes the tables in a database that has none. All others need
    users that are there already, and a slip in the URL must not change the database of another
    program. Without `create` an SQLite file must exist.
    """
    from .. import stores

    url = database if "://" in database else f"sqlite:///{database}"
    store = stores.SQLStore(url, log=stores.RedisLog(log) if log else None)
    if store.path and not store.path.exists():
        if create:
            return store
        raise click.ClickException(
            f"there is no file {store.path}: 'users add' and 'users import' make it with --create"
        )
    if not adds_users and not store.has_tables():
        raise click.ClickException(
            "the database has no table of users: 'users add' and 'users import' make it"
        )
    return store
