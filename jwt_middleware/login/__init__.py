"""The login app: people sign in with name and password and get the tokens that the middleware accepts."""

from .app import LoginApp
from .minter import TokenMinter

__all__ = ["LoginApp", "TokenMinter"]
