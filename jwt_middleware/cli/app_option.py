"""The option `--app`: imports a WSGI app by name, in one way for every command."""

import ast
import importlib
import os
import sys
import traceback
from collections.abc import Sequence
from operator import attrgetter
from typing import Any

import click

from ..errors import ConfigurationError, JWTMiddlewareError
from ..inspection import find_middlewares
from ..middleware import JWTMiddleware


def load_app(context: click.Context, parameter: click.Parameter, name: str | None) -> Any:
    """Import the named app. The current folder is searched too. Raise `BadParameter` with one line
    if the import fails with any error."""
    if name is None:
        return None
    sys.path.insert(0, os.getcwd())
    module, _, attribute = name.partition(":")
    try:
        app = _found(importlib.import_module(module), attribute or "application")
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # a module may raise anything, and may call `sys.exit`
        raise click.BadParameter(f"cannot import an app from {name}: {_cause(error)}") from error
    if not callable(app):
        raise click.BadParameter(f"{name} must be a WSGI app, got {type(app).__name__}")
    return app


def _found(module: object, attribute: str) -> Any:
    """Return the attribute, or what an app factory returns: `app`, `site.app` or
    `create_app("production", debug=False)`, with literals as for gunicorn."""
    name, has_call, _ = attribute.partition("(")
    name = name.strip()
    try:
        found = attrgetter(name)(module)
    except AttributeError as error:
        raise ConfigurationError(f"it has no {name!r}; name the app, as in wsgi:app") from error
    if not has_call:
        return found
    call = ast.parse(attribute, mode="eval").body
    if not isinstance(call, ast.Call):
        raise ValueError("only a call can follow the name")
    options = {str(option.arg): ast.literal_eval(option.value) for option in call.keywords}
    return found(*map(ast.literal_eval, call.args), **options)


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


def _cause(error: BaseException) -> str:
    """Return the class of an error and where it was raised, with its message only if it cannot
    contain a secret.

    The message of an app's own error may quote a database URL or a key. Ours never do.
    """
    if isinstance(error, ModuleNotFoundError):
        return f"there is no module {error.name}"
    if isinstance(error, JWTMiddlewareError):
        return " ".join(str(error).split())
    if _is_of_environment(error):
        return f"the environment variable {error.args[0]} is not set"
    return type(error).__name__ + _place_of(error)


def _place_of(error: BaseException) -> str:
    """Return the file and line of the app at which an error was raised, if there is one."""
    if isinstance(error, SyntaxError) and error.filename:
        return f" ({os.path.basename(error.filename)}, line {error.lineno})"
    last = traceback.extract_tb(error.__traceback__)[-1]
    if last.filename.startswith("<") or last.filename == __file__:
        return ""
    return f" ({os.path.basename(last.filename)}, line {last.lineno})"


def _is_of_environment(error: BaseException) -> bool:
    """Return whether `os.environ` raised the error, whose key is then the name of a variable. The
    key of any other mapping may be a secret."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    getter = type(os.environ).__getitem__.__code__
    return isinstance(error, KeyError) and trace is not None and trace.tb_frame.f_code is getter
