"""The login app: people sign in with name and password and get the tokens that the middleware accepts."""

from .app import LoginApp
from .key_folder import KeyFolder
from .minter import TokenMinter
from .throttle import Throttle

__all__ = ["KeyFolder", "LoginApp", "Throttle", "TokenMinter"]
