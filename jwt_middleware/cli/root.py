"""The root command: collects all commands and turns expected errors into one line on stderr."""

import importlib.util
import io
import sys
from typing import Any

import click

from .. import __version__
from ..errors import JWTMiddlewareError, StoreUnavailable
from .explain import explain
from .keys import keys
from .routes import routes
from .token import token
from .tokens import tokens
from .users import users


class _Root(click.Group):
    """Turns each error of this package into one line on stderr and exit code 1."""

    def invoke(self, ctx: click.Context) -> Any:
        # A username that the terminal cannot encode must not end the command: escape it.
        if isinstance(sys.stdout, io.TextIOWrapper):
            sys.stdout.reconfigure(errors="backslashreplace")
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            raise  # click exits without a message.
        except OSError as error:
            raise click.ClickException(f"{error.filename or 'output'}: {error.strerror}") from error
        except StoreUnavailable as error:
            # A driver's message may quote a URL with its password.
            raise click.ClickException(" ".join(error.in_full().split())) from error
        except (JWTMiddlewareError, ImportError) as error:
            reasons = [error, error.__cause__] if error.__cause__ else [error]
            raise click.ClickException(
                ": ".join(" ".join(str(reason).split()) for reason in reasons)
            ) from error


@click.group("jwt-middleware", cls=_Root)
@click.version_option(__version__, message="%(prog)s %(version)s")
def root() -> None:
    """Make keys, manage the users of the login app and their tokens, inspect tokens, and show the
    protected routes.

    \b
      jwt-middleware keys new
      jwt-middleware users add ann --database auth.db --create
      jwt-middleware tokens add ann --name ci --database auth.db
      jwt-middleware token inspect < token
      jwt-middleware routes --app myapp:application
      jwt-middleware explain --app myapp:application GET /api/me < token
    """


root.add_command(explain)
root.add_command(keys)
root.add_command(routes)
root.add_command(token)
root.add_command(tokens)
root.add_command(users)
if importlib.util.find_spec("jwt_middleware.cli.demo"):
    root.add_command(importlib.import_module("jwt_middleware.cli.demo").demo)
