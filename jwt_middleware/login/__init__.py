"""The login app: users log in with username and password and get tokens for the middleware."""

from .._packages import require_package

try:
    from .throttle import Throttle
except (AttributeError, ImportError):
    require_package(
        "limits",
        "strategies",
        lack="limits is missing",
        install="wsgi-jwt-middleware[login]",
    )
    raise
from ..trust.key_folder import KeyFolder
from .app import LoginApp
from .back_channel import BackChannelLogout
from .minter import TokenMinter

__all__ = ["BackChannelLogout", "KeyFolder", "LoginApp", "Throttle", "TokenMinter"]
