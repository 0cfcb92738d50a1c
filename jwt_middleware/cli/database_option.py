"""The options that name a database of users, and the Redis with its revocations."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from ..stores import RedisLog, SQLStore

database_option = click.option(
    "--database",
    metavar="URL",
    envvar="JWT_MIDDLEWARE_DATABASE_URL",
    show_envvar=True,
    required=True,
    help="The database of the users.",
)
_log_url_option = click.option(
    "--log",
    metavar="URL",
    envvar="JWT_MIDDLEWARE_LOG_URL",
    show_envvar=True,
    help="The Redis or Valkey with the revocation log, if it is not in the database. The access "
    "tokens of an ended session must end too.",
)


_log_prefix_option = click.option(
    "--log-prefix",
    metavar="PREFIX",
    envvar="JWT_MIDDLEWARE_LOG_PREFIX",
    show_envvar=True,
    help="What the keys of the app in that Redis or Valkey begin with, if it is not the default.",
)


@dataclass(frozen=True, slots=True)
class Log:
    """The Redis or Valkey that the options name."""

    url: str
    prefix: str | None

    def open(self) -> "RedisLog":
        """Return the log, without connecting to it."""
        from .. import stores

        return stores.RedisLog(self.url, **({"prefix": self.prefix} if self.prefix else {}))


def log_option(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options of the log, and the parameter `log`, a `Log` or None."""

    @_log_url_option
    @_log_prefix_option
    @wraps(command)
    def with_log(*, log: str | None, log_prefix: str | None, **options: Any) -> None:
        if log_prefix and not log:
            raise click.UsageError("--log-prefix needs --log")
        command(**options, log=Log(log, log_prefix) if log else None)

    return with_log


def open_store(
    database: str, *, log: Log | None = None, adds_users: bool = False, create: bool = False
) -> "SQLStore":
    """Return the store that the options name.

    Only a command that `adds_users` makes the tables in a database that has none. All others need
    users that are there already, and a slip in the URL must not change the database of another
    program. Without `create` an SQLite file must exist.
    """
    from .. import stores

    url = database if "://" in database else f"sqlite:///{database}"
    store = stores.SQLStore(url, log=log.open() if log else None)
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
