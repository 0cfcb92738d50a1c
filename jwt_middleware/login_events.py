"""Passes the events of the login app to metrics and to the owner's listeners, in addition to the
audit log.

    from jwt_middleware.login_events import listen

    listen(lambda event: statsd.incr(f"login.{event}"))

A listener is called with one word of `LOGIN_EVENTS`, within the request and before the answer, so
it must be quick. Many threads may call it at once. It gets the events of all login apps in its
process, but not the user. The records of the audit log have such facts as fields (`login.audit`).

The login app does not import the core, and metrics do not import the login app. Both use this
module.
"""

import inspect
import logging
from collections.abc import Callable

from ._options import got, require
from .log_lines import foreign_value

__all__ = [
    "LOGIN_EVENTS",
    "announce",
    "listen",
]

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


_failed: dict[int, tuple[Callable[[str], object], object]] = {}
"""Listeners that have raised an error, by id. Each entry holds its listener, so that the id is not
reused."""


def listen(listener: Callable[[str], object]) -> None:
    """Call the listener with the name of every event of this process from now on.

    The return value is ignored. The first error of a listener is logged and changes nothing. A
    listener that cannot be called with an event raises `ConfigurationError`.
    """
    form = "listener must be a function that takes an event: listen(count)"
    require(callable(listener), f"{form}, got {got(listener)}")
    runs_later = (inspect.iscoroutinefunction, inspect.isgeneratorfunction)
    is_late = any(is_kind(listener) for is_kind in (*runs_later, inspect.isasyncgenfunction))
    require(not is_late, f"{form}, got the coroutine or generator function {got(listener)}")
    try:
        inspect.signature(listener).bind("login")
    except TypeError:
        require(False, f"{form}, got {got(listener)}, which takes other arguments")
    except ValueError:  # a builtin without a signature; a mismatch shows at the first call
        pass
    _listeners.append(listener)


def announce(event: str) -> None:
    """Call every listener. Log only the first error of each, so that a client that causes events
    cannot fill the log."""
    for listener in _listeners:
        try:
            listener(event)
        except Exception as error:
            _log_once(listener, error)


def _log_once(listener: Callable[[str], object], error: Exception) -> None:
    mine = object()
    _, marker = _failed.setdefault(id(listener), (listener, mine))  # atomic: one thread logs
    if marker is mine:
        # Log the class alone, since the message of a foreign error could quote a secret.
        name = foreign_value(getattr(listener, "__qualname__", "a listener"), 80)
        _log.error("%s raised %s (logged once)", name, type(error).__name__)
