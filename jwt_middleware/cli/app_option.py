"""The option `--app`: imports a WSGI app by name, in one way for every command."""

import importlib
import os
import sys
from collections.abc import Sequence
from operator import attrgetter
from typing import Any

import click

from ..inspection import find_middlewares
from ..middleware import JWTMiddleware


def load_app(context: click.Context, parameter: click.Parameter, name: str | None) -> Any:
    """Import the named app. The current folder is searched too. `BadParameter` with one line for
    one that cannot be imported, whatever its module raises."""
    if name is None:
        return None
    sys.path.insert(0, os.getcwd())
    module, _, attribute = name.partition(":")
    try:
        app = attrgetter(attribute or "application")(importlib.import_module(module))
    except KeyboardInterrupt:
        raise
    except (ImportError, AttributeError, TypeError, ValueError) as error:
        raise click.BadParameter(f"cannot import an app from {name}: {_line(error)}") from error
    except BaseException as error:  # a module may raise anything, and may call `sys.exit`
        what = f"{type(error).__name__}: {_line(error)}"
        raise click.BadParameter(f"cannot import an app from {name}: {what}") from error
    if not callable(app):
        raise click.BadParameter(f"{name} must be a WSGI app, got {type(app).__name__}")
    return app


def load_middlewares(
    context: click.Context, parameter: click.Parameter, name: str | None
) -> Sequence[JWTMiddleware]:
    """Import the named app and return the middlewares in it, at least one."""
    app = load_app(context, parameter, name)
    if app is None:
        return ()
    if not (found := tuple(find_middlewares(app))):
        raise click.BadParameter(f"there is no JWTMiddleware in {name}")
    return found


def _line(error: BaseException) -> str:
    return " ".join(ascii(str(error))[1:-1].replace("\\n", " ").split())
