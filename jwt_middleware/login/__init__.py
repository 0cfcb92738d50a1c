"""The login app: people sign in with name and password and get the tokens that the middleware
accepts."""

try:
    from .throttle import Throttle
except ModuleNotFoundError as _error:
    raise ImportError(
        f"{_error.name} is missing: pip install 'wsgi-jwt-middleware[login]'"
    ) from _error
from ..trust.key_folder import KeyFolder
from .app import LoginApp
from .minter import TokenMinter

__all__ = ["KeyFolder", "LoginApp", "Throttle", "TokenMinter"]
