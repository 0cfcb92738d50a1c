"""`jwt-middleware users`: lists and changes the users of an `SQLStore`."""

import sys
from itertools import chain
from typing import BinaryIO

import click

from ..stores.imports import ImportRefused
from .database_option import Log, database_option, log_option, open_store
from .user_lines import UserLines


@click.group()
def users() -> None:
    """List and change the users in a database.

    The database is an SQLite file (auth.db or sqlite:///auth.db) or a PostgreSQL database
    (postgresql://user:password@host/name). A URL may contain a password. Set it as
    JWT_MIDDLEWARE_DATABASE_URL, because other users of the machine can read the command line.

    \b
      export JWT_MIDDLEWARE_DATABASE_URL=sqlite:///auth.db
      jwt-middleware users add ann --scope read --scope write --create
      jwt-middleware users scopes ann read
      jwt-middleware users list
    """


def _ask_password(from_stdin: bool) -> str:
    if from_stdin:
        line = sys.stdin.buffer.readline().rstrip(b"\r\n")
        # The store refuses surrogates, so input that is not UTF-8 is refused like a bad password.
        return line.decode(errors="surrogateescape")
    if not sys.stdin.isatty():
        raise click.UsageError("there is no terminal to ask for the password: use --password-stdin")
    return str(click.prompt("Password", hide_input=True, confirmation_prompt="Repeat", err=True))


_from_stdin = click.option(
    "--password-stdin",
    "from_stdin",
    is_flag=True,
    help="Read the password from the first line of stdin instead of asking for it.",
)


@users.command("add")
@click.argument("name")
@click.option(
    "--scope",
    "scopes",
    metavar="SCOPE",
    multiple=True,
    help="A scope for the user's tokens. Repeat it for several.",
)
@database_option
@_from_stdin
@click.option("--create", is_flag=True, help="Create the SQLite file if it does not exist.")
def _add(name: str, scopes: tuple[str, ...], database: str, from_stdin: bool, create: bool) -> None:
    """Add the user NAME. The user can log in from now on."""
    store = open_store(database, adds_users=True, create=create)
    is_new = store.path is not None and not store.path.exists()
    user = store.add_user(name, _ask_password(from_stdin), scopes=scopes)
    if is_new:
        click.echo(f"Created {store.path}", err=True)
    click.echo(f"Added {user.username} with the id {user.id}", err=True)


@users.command("import")
@click.argument("file", type=click.File("rb"), metavar="FILE")
@database_option
@click.option("--create", is_flag=True, help="Create the SQLite file if it does not exist.")
def _import(file: BinaryIO, database: str, create: bool) -> None:
    """Add users of another program from a CSV file, all of them or none.

    FILE is UTF-8 with a line for each user: the name, the hash of its password, and its scopes
    separated by spaces (which may be left out). "-" is stdin. A first line "name,hash,scopes" is
    skipped. Quote a hash with commas, as Argon2 has them.

    Hashes of werkzeug, Django, bcrypt and Argon2 are accepted. Each is replaced by a hash of ours
    at the next login of its user.
    """
    store = open_store(database, adds_users=True, create=create)
    lines = UserLines(file)
    users = lines.users()
    first = next(users, None)
    if first is None:  # Make no tables for it.
        raise click.ClickException("nothing was imported: the file has no users")
    try:
        count = store.import_users(chain([first], users))
    except ImportRefused as refused:
        for line in lines.faults(refused.faults):
            click.echo(line, err=True)
        raise click.ClickException("nothing was imported: mend these lines first") from None
    click.echo(f"Imported {count} users", err=True)


@users.command("list")
@database_option
def _list(database: str) -> None:
    """Print the users, one per line.

    A line has four fields, separated by tabs: the id, the name, the scopes separated by spaces, and
    "disabled" or nothing.
    """
    for user in open_store(database).users():
        click.echo(
            "\t".join(
                (str(user.id), user.username, " ".join(user.scopes), "disabled" * user.disabled)
            )
        )


@users.command("passwd")
@click.argument("name")
@database_option
@log_option
@_from_stdin
def _passwd(name: str, database: str, log: Log | None, from_stdin: bool) -> None:
    """Set the password of the user NAME, and end all sessions of the user."""
    open_store(database, log=log).set_password(name, _ask_password(from_stdin))


@users.command("logout")
@click.argument("name")
@database_option
@log_option
def _logout(name: str, database: str, log: Log | None) -> None:
    """End all sessions of the user NAME at once. The user can log in again."""
    from ..stores.users import fold_name

    store = open_store(database, log=log)
    # Any spelling of the name is meant, as in the other commands; the exact one comes first.
    found = [user for user in store.users() if fold_name(user.username) == fold_name(name)]
    if not found:
        raise click.ClickException(f"there is no user named {name!r}")
    store.end_sessions(str(min(found, key=lambda user: user.username != name).id))


@users.command("scopes")
@click.argument("name")
@click.argument("scopes", metavar="[SCOPE]...", nargs=-1)
@database_option
def _scopes(name: str, scopes: tuple[str, ...], database: str) -> None:
    """Set the scopes of the user NAME.

    New tokens of the user have exactly these scopes. Give no SCOPE to remove all scopes.
    """
    open_store(database).set_scopes(name, scopes)


@users.command("disable")
@click.argument("name")
@database_option
@log_option
def _disable(name: str, database: str, log: Log | None) -> None:
    """Stop the user NAME from logging in, and end all sessions and personal tokens of the user. No
    other user can take the name."""
    open_store(database, log=log).disable_user(name)


@users.command("enable")
@click.argument("name")
@database_option
def _enable(name: str, database: str) -> None:
    """Let the user NAME log in again after "disable". Sessions that ended stay ended."""
    open_store(database).enable_user(name)


@users.command("remove")
@click.argument("name")
@database_option
@log_option
def _remove(name: str, database: str, log: Log | None) -> None:
    """Delete the user NAME, and end all sessions and personal tokens of the user. Another user can
    take the name."""
    open_store(database, log=log).remove_user(name)
