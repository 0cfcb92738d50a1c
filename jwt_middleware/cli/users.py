"""`jwt-middleware users`: the users of an `SQLStore`."""

import sys
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from ..stores import SQLStore


@click.group()
def users() -> None:
    """List and change the users in a database.

    The database is a file (auth.db or sqlite:///auth.db) or a PostgreSQL
    (postgresql://user:password@host/name). As a URL may hold a password, better set it as
    JWT_MIDDLEWARE_DATABASE_URL than write it on the command line.

    \b
      export JWT_MIDDLEWARE_DATABASE_URL=sqlite:///auth.db
      jwt-middleware users add ann --scope read --scope write --create
      jwt-middleware users scopes ann read
      jwt-middleware users list
    """


def _store(database: str, *, log: str | None = None, create: bool = False) -> "SQLStore":
    from .. import stores

    url = database if "://" in database else f"sqlite:///{database}"
    store = stores.SQLStore(url, log=stores.RedisLog(log) if log else None)
    if store.path and not store.path.exists() and not create:
        raise click.ClickException(
            f"there is no file {store.path}: 'users add' makes it with --create"
        )
    return store


def _ask_password(from_stdin: bool) -> str:
    if from_stdin:
        line = sys.stdin.buffer.readline().rstrip(b"\r\n")
        return line.decode(
            errors="surrogateescape"
        )  # what is not UTF-8 is refused like any bad password
    if not sys.stdin.isatty():
        raise click.UsageError("there is no terminal to ask for the password: use --password-stdin")
    return str(click.prompt("Password", hide_input=True, confirmation_prompt="Once more", err=True))


_database = click.option(
    "--database",
    metavar="URL",
    envvar="JWT_MIDDLEWARE_DATABASE_URL",
    show_envvar=True,
    required=True,
    help="Where the users are.",
)
_log = click.option(
    "--log",
    metavar="URL",
    envvar="JWT_MIDDLEWARE_LOG_URL",
    show_envvar=True,
    help="Where revocations are logged, if in a Redis or Valkey: "
    "its sessions end, and their tokens must too.",
)
_from_stdin = click.option(
    "--password-stdin",
    "from_stdin",
    is_flag=True,
    help="Read the password from stdin, one line, instead of asking.",
)


@users.command("add")
@click.argument("name")
@click.option(
    "--scope",
    "scopes",
    metavar="SCOPE",
    multiple=True,
    help="A scope for its tokens; repeat for more.",
)
@_database
@_from_stdin
@click.option("--create", is_flag=True, help="Make the SQLite file if it is not there.")
def _add(name: str, scopes: tuple[str, ...], database: str, from_stdin: bool, create: bool) -> None:
    """Add the user NAME, who can sign in from now on."""
    store = _store(database, create=create)
    is_new = store.path is not None and not store.path.exists()
    user = store.add_user(name, _ask_password(from_stdin), scopes=scopes)
    if is_new:
        click.echo(f"Made {store.path}", err=True)
    click.echo(f"Added {user.username} with the id {user.id}", err=True)


@users.command("list")
@_database
def _list(database: str) -> None:
    """Print the users, a line each.

    A line is the id, the name, the scopes with spaces between, and "disabled" or nothing, with tabs
    between.
    """
    for user in _store(database).users():
        click.echo(
            "\t".join(
                (str(user.id), user.username, " ".join(user.scopes), "disabled" * user.disabled)
            )
        )


@users.command("passwd")
@click.argument("name")
@_database
@_log
@_from_stdin
def _passwd(name: str, database: str, log: str | None, from_stdin: bool) -> None:
    """Set the password of the user NAME, and sign it out everywhere."""
    _store(database, log=log).set_password(name, _ask_password(from_stdin))


@users.command("logout")
@click.argument("name")
@_database
@_log
def _logout(name: str, database: str, log: str | None) -> None:
    """Sign the user NAME out everywhere, at once; it can sign in again."""
    store = _store(database, log=log)
    known = {user.username: user.id for user in store.users()}
    if name not in known:
        raise click.ClickException(f"there is no user named {name!r}")
    store.end_sessions(str(known[name]))


@users.command("scopes")
@click.argument("name")
@click.argument("scopes", metavar="[SCOPE]...", nargs=-1)
@_database
def _scopes(name: str, scopes: tuple[str, ...], database: str) -> None:
    """Set the scopes of the user NAME.

    Each SCOPE named is given to its tokens from now on, and no other; name none to take all away.
    """
    _store(database).set_scopes(name, scopes)


@users.command("disable")
@click.argument("name")
@_database
@_log
def _disable(name: str, database: str, log: str | None) -> None:
    """Let the user NAME sign in no more, and sign it out everywhere. The name stays taken."""
    _store(database, log=log).disable_user(name)


@users.command("remove")
@click.argument("name")
@_database
@_log
def _remove(name: str, database: str, log: str | None) -> None:
    """Forget the user NAME, and sign it out everywhere. The name may be used again, by another
    user."""
    _store(database, log=log).remove_user(name)
