"""`jwt-middleware keys`: makes keys that sign tokens, and rotates the keys of a folder."""

import os
import secrets
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import click

from .._options import require
from ..trust import key_folder, key_turn
from ..trust.keys import ALGORITHMS, Key

Command = TypeVar("Command", bound=Callable[..., Any])

_TAKES_ID = {"ignore_unknown_options": True}
"""An id may start with a dash: every 64th thumbprint does, and `publish` takes any key. A mistyped
option is then one argument too many, and still an error."""


def _folder_option(*, required: bool = True) -> Callable[[Command], Command]:
    return click.option(
        "--folder",
        type=click.Path(path_type=Path),
        metavar="DIR",
        required=required,
        help="The folder that KeyFolder reads.",
    )


@click.group()
def keys() -> None:
    """Make keys that sign tokens, and rotate the keys of a folder.

    \b
      export SECRET="$(jwt-middleware keys new)"
      jwt-middleware keys new --algorithm ES256 --out key.pem

    The keys of a folder can be rotated while the app runs, without a logout. First publish a new
    key, then let it sign, then retire the old key.

    \b
      jwt-middleware keys new --algorithm ES256 --folder keys
      jwt-middleware keys activate ID --folder keys
      jwt-middleware keys retire OLD_ID --folder keys
    """


@keys.command("new")
@click.option(
    "--algorithm",
    type=click.Choice(ALGORITHMS),
    default="HS256",
    show_default=True,
    help="HS...: a secret, for one app that signs and verifies. The others: a private key; "
    "give its public key to apps that only verify.",
)
@click.option(
    "--out", type=click.Path(path_type=Path), metavar="FILE", help="A file that does not exist yet."
)
@_folder_option(required=False)
def _new(algorithm: str, out: Path | None, folder: Path | None) -> None:
    """Print a random secret, or write a private key into a file that only you can read.

    Without --out, a private key goes to ID.ALGORITHM.pem and a secret to stdout. For a private key
    the command prints the path and the id, separated by a tab. The id is the "kid" of its tokens. A
    key in a --folder is published at once. The first key in a folder also signs at once.
    """
    is_secret = algorithm.startswith("HS")
    require(
        not folder or not (out or is_secret),
        "--folder must be used without --out and with the algorithm of a private key",
    )
    if is_secret:
        _new_secret(algorithm, out)
        return
    key = _named_well(algorithm)
    if folder:
        path = key_folder.publish(folder, key)
    else:
        path = out or Path(f"{key.id}.{algorithm}.pem")
        _write(path, key.to_pem())
    click.echo(f"{path.absolute()}\t{key.id}")


@keys.command("list")
@_folder_option()
def _list(folder: Path) -> None:
    """Show the keys of a folder, one per line.

    A line has the id, the algorithm and the time of publication, separated by tabs. The line of the
    signing key also has the time since which it signs, and that of the next one the time from which
    it signs.
    """
    active = key_turn.active_id(folder)
    turn = key_turn.next_turn(folder)
    for file in sorted(folder.glob("*.pem"), key=lambda file: file.stat().st_mtime):
        kid, _, algorithm = file.stem.rpartition(".")
        signs = f"signs since {_utc(key_turn.activated_at(folder))}" if kid == active else ""
        if turn is not None and not turn.is_due and kid == turn.kid:
            signs = f"signs from {_utc(turn.starts_at)}"
        click.echo(f"{kid}\t{algorithm}\tpublished {_utc(file.stat().st_mtime)}\t{signs}".rstrip())


@keys.command("activate", context_settings=_TAKES_ID)
@click.argument("kid", metavar="ID")
@_folder_option()
@click.option(
    "--now",
    is_flag=True,
    help="Sign from now on. Other services may refuse its tokens until they fetch the keys again.",
)
def _activate(kid: str, folder: Path, now: bool) -> None:
    """Let a key of a folder sign.

    The command returns at once. The key signs as soon as every service that caches the published
    keys has had time to fetch it, ten minutes after "keys new". Every worker sees that by its
    clock. With several machines, copy the folder right after the command.

    Until that time, "activate" with the id of the key that signs takes it back.
    """
    if now:
        key_folder.activate(folder, kid)
        return
    moment = key_folder.activate_in_time(folder, kid)
    if moment > time.time():
        click.echo(
            f"{kid} signs from {_utc(moment)} on: until then, other services may still cache the "
            "keys without it",
            err=True,
        )
    else:
        click.echo(f"{kid} signs since {_utc(moment)}", err=True)


@keys.command("retire", context_settings=_TAKES_ID)
@click.argument("kid", metavar="ID")
@_folder_option()
@click.option(
    "--lifetime",
    type=click.IntRange(1),
    default=900,
    show_default=True,
    help="The lifetime of the tokens, in seconds.",
)
def _retire(kid: str, folder: Path, lifetime: int) -> None:
    """Remove a key from a folder. The command refuses while a token of the key may be valid."""
    key_folder.retire(folder, kid, lifetime)


def _new_secret(algorithm: str, out: Path | None) -> None:
    # The secret must have at least as many bytes as the hash: RFC 7518 section 3.2.
    secret = secrets.token_urlsafe(int(algorithm[2:]) // 8)
    if out is None:
        click.echo(secret)
    else:
        _write(out, secret.encode())
        click.echo(out.absolute())


def _named_well(algorithm: str) -> Key:
    """Return a new key whose id does not start with a dash, so that it is not read as an option."""
    while str((key := Key.generate(algorithm)).id).startswith("-"):
        pass
    return key


def _utc(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _write(path: Path, content: bytes) -> None:
    """Write a new file with mode 0600. Raise `FileExistsError` instead of overwriting a key."""
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
