"""Announces the events of the login app to listeners: to metrics, and to functions of the owner's.

    from jwt_middleware.login_events import listen

    listen(lambda event: statsd.incr(f"login.{event}"))

A listener is called with one word of `LOGIN_EVENTS`, within the request and before it is answered,
so it must be quick. Many threads may call it at once. It hears of all login apps of its process.
It is not told who logged in: the records of the audit log have such facts as fields
(`login.audit`).

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
    "wrong_key",
    "loop",
    "token_added",
    "token_removed",
    "provider_logout",
    "provider_refused",
    "unavailable",
)
"""The closed set of events; `login.audit` explains each."""

_listeners: list[Callable[[str], object]] = []


_failed: dict[int, tuple[Callable[[str], object], object]] = {}
"""Listeners that have raised, by their ids, which are not used again while the object is here."""


def listen(listener: Callable[[str], object]) -> None:
    """Call the listener with the name of every event of this process from now on.

    Its return value is ignored. One that raises is logged once and changes nothing. A listener that
    cannot be called with an event raises `ConfigurationError`.
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
    except ValueError:  # a builtin without a signature: whether it fits shows when it is called
        pass
    _listeners.append(listener)


def announce(event: str) -> None:
    """Tell every listener. One that raises is logged, once: a client that causes events must not be
    able to fill the log."""
    for listener in _listeners:
        try:
            listener(event)
        except Exception as error:
            _log_once(listener, error)


def _log_once(listener: Callable[[str], object], error: Exception) -> None:
    mine = object()
    _, marker = _failed.setdefault(id(listener), (listener, mine))  # atomic: one thread logs
    if marker is mine:
        # The class alone: the text of a foreign error could quote a secret.
        name = foreign_value(getattr(listener, "__qualname__", "a listener"), 80)
        _log.error("%s raised %s (logged once)", name, type(error).__name__)
