"""`jwt-middleware demo`: runs a guarded Flask app with its login app under gunicorn, to try with a
browser and curl."""

import os
import secrets
import socket
from contextlib import suppress
from pathlib import Path

import click

_USER = "demo"
_ACCESS_LOG = '%(h)s %({REMOTE_USER}e)s "%(r)s" %(s)s %({jwt_middleware.reason}e)s'

_WELCOME = """\
The page        {address}/auth/login
log in as       {user}   password  {password}
stored in       {folder}

Three lines to paste into another shell:

curl -i {address}/api/me
TOKEN=$(curl -s {address}/auth/token -d username={user} -d password={password} | cut -d '"' -f 4)
curl -i {address}/api/me -H "Authorization: Bearer $TOKEN"

Press Ctrl-C to end the demo."""


@click.command()
@click.option(
    "--bind",
    default="127.0.0.1:8000",
    show_default=True,
    metavar="HOST:PORT",
    help="Where to listen.",
)
@click.option(
    "--folder",
    default="jwt-middleware-demo",
    show_default=True,
    type=click.Path(path_type=Path),
    help="The folder of the secret and the database. The next run uses them again.",
)
@click.option(
    "--database",
    metavar="URL",
    help="Use this database instead, such as postgresql://localhost/demo.",
)
@click.option(
    "--preload", is_flag=True, help="Load the app before gunicorn's two workers are forked."
)
def demo(bind: str, folder: Path, database: str | None, preload: bool) -> None:
    """Run a small Flask app behind the middleware, with the login app, under gunicorn.

    The command prints the address of the sign-in page, a user with a new password, and three curl
    lines. The lines call the app without a token, get a token, and call the app with it.
    """
    try:
        from .demo_app import make_application
        from .demo_server import serve
    except ImportError as error:
        raise click.ClickException(
            f"{error.name} is missing: pip install 'wsgi-jwt-middleware[demo]'"
        ) from error
    listener = _listen(bind)
    secret = _secret(folder)
    url = database or f"sqlite:///{folder.absolute() / 'auth.db'}"
    password = secrets.token_urlsafe(12)
    _set_password(url, password)
    host, port = listener.getsockname()[:2]
    address = f"http://{f'[{host}]' if ':' in host else host}:{port}"
    welcome = _WELCOME.format(
        address=address, user=_USER, password=password, folder=folder.absolute()
    )
    serve(
        lambda: make_application(url, secret, issuer=address),
        listener,
        preload=preload,
        access_log_format=_ACCESS_LOG,
        when_ready=lambda: click.echo(welcome),
    )


def _listen(bind: str) -> socket.socket:
    host, _, port = bind.rpartition(":")
    if not host or not port.isdecimal() or int(port) > 65535:
        raise click.BadParameter(
            f"must be HOST:PORT, such as 127.0.0.1:8000, got {bind!r}", param_hint="--bind"
        )
    host = host.strip("[]")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, int(port)), family=family)
    except OSError as error:
        raise click.ClickException(
            f"cannot listen on {bind}: {os.strerror(error.errno) if error.errno else error}; "
            "--bind names another"
        ) from error


def _secret(folder: Path) -> str:
    """Return the secret in the folder. Create it with mode 0600 on the first run."""
    file = folder / "secret"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with suppress(FileExistsError), open(file, "x", opener=_private) as new:
        new.write(secrets.token_urlsafe(32))
    return file.read_text()


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, mode=0o600)


def _set_password(url: str, password: str) -> None:
    from ..stores import SQLStore

    store = SQLStore(url)
    if any(user.username == _USER for user in store.users()):
        store.set_password(_USER, password)
    else:
        store.add_user(_USER, password)
