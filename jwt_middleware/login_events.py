"""Passes the events of the login app to metrics, in addition to the audit log.

The login app does not import the core, and metrics do not import the login app. Both use this
module.
"""

import logging
from collections.abc import Callable

from .log_lines import foreign_value

_log = logging.getLogger("jwt_middleware.login")

LOGIN_EVENTS = (
    "login",
    "failure",
    "throttle",
    "refresh",
    "logout",
    "changed",
    "outdated",
    "reuse",
    "foreign",
    "unavailable",
)
"""The closed set of events; `login.audit` explains each."""

_listeners: list[Callable[[str], object]] = []


def listen(listener: Callable[[str], object]) -> None:
    """Call the listener with the name of every event of this process from now on."""
    _listeners.append(listener)


def announce(event: str) -> None:
    """Call every listener. An error in a listener is logged and changes nothing."""
    for listener in _listeners:
        try:
            listener(event)
        except Exception as error:
            name = foreign_value(getattr(listener, "__qualname__", "a listener"), 80)
            _log.error("%s raised %s", name, type(error).__name__)
