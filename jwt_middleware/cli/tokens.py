"""`jwt-middleware tokens`: makes, lists and removes the personal access tokens of users."""

import time
from datetime import UTC, datetime

import click

from .database_option import Log, database_option, log_option, open_store

_DAY = 86_400  # seconds


@click.group()
def tokens() -> None:
    """Make, list and remove personal access tokens, for machines and for clients that log in with
    Basic.

    A token is accepted if the middleware has OpaqueTokens among its providers. The database is that
    of 'jwt-middleware users'.

    \b
      export JWT_MIDDLEWARE_DATABASE_URL=sqlite:///auth.db
      jwt-middleware tokens add ann --name "build server" --scope read --days 90
      jwt-middleware tokens list ann
      jwt-middleware tokens remove ID
    """


@tokens.command("add")
@click.argument("username")
@click.option("--name", required=True, help="What the token is for, as lists show it.")
@click.option(
    "--scope",
    "scopes",
    metavar="SCOPE",
    multiple=True,
    help="A scope of the token, which counts while the user has it. Repeat it for several.",
)
@click.option(
    "--days",
    type=click.IntRange(1, 3650),
    default=90,
    show_default=True,
    help="Days after which the token expires.",
)
@database_option
def _add(username: str, name: str, scopes: tuple[str, ...], days: int, database: str) -> None:
    """Make a token for the user USERNAME, and print it.

    The token is the only line on stdout. It cannot be shown again, since the database only has its
    hash.
    """
    store = open_store(database)
    expires_at = time.time() + days * _DAY
    token = store.add_token(username, name=name, scopes=scopes, expires_at=expires_at)
    click.echo(f"It expires on {_date(expires_at)}. It cannot be shown again.", err=True)
    click.echo(token)


@tokens.command("list")
@click.argument("username")
@database_option
def _list(username: str, database: str) -> None:
    """Print the tokens of the user USERNAME, one per line, oldest first.

    A line has six fields, separated by tabs: the id, the name, the scopes separated by spaces, the
    date of creation, the date of expiry (both in UTC), and "expired" or nothing.
    """
    for token in open_store(database).tokens(username):
        is_expired = token.expires_at <= time.time()
        fields = [token.id, token.name, " ".join(token.scopes)]
        fields += [_date(token.created_at), _date(token.expires_at), "expired" * is_expired]
        click.echo("\t".join(fields))


@tokens.command("remove")
@click.argument("token_id", metavar="ID")
@database_option
@log_option
def _remove(token_id: str, database: str, log: Log | None) -> None:
    """Remove the token with this ID permanently. Workers refuse it within a second.

    The ID is the first field of 'tokens list'. In the token it is the 12 characters after
    "jwtm_pat_".
    """
    open_store(database, log=log).remove_token(token_id)


def _date(moment: float) -> str:
    return f"{datetime.fromtimestamp(moment, UTC):%Y-%m-%d}"
