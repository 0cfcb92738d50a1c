"""Asks the store once when a gunicorn worker starts, so that the log says at once what is wrong.

The start never waits for the answer. Only gunicorn is recognized: a test, a command or a shell that
imports the app must not open connections.

With `--preload`, the app is built in the master, which then forks. A thread with a connection must
not exist during a fork. So the worker asks, after the fork.
"""

import logging
import os
import threading
import traceback
from collections.abc import Callable, Iterator

from ..errors import ConfigurationError, StoreUnavailable

_log = logging.getLogger("jwt_middleware.login")


def check_at_start(ping: Callable[[], None]) -> None:
    """Call `ping` in the background if gunicorn loads the app, and log one WARNING if it fails."""
    loaders = set(_callers())
    if not any(name.startswith("gunicorn.") for name in loaders):
        return
    if any(name.startswith("gunicorn.workers") for name in loaders):
        _start(ping)
    elif hasattr(os, "register_at_fork"):
        master = os.getpid()
        os.register_at_fork(after_in_child=lambda: _start_in_worker(ping, master))


def _callers() -> Iterator[str]:
    """Yield the names of the modules whose functions are running."""
    for frame, _ in traceback.walk_stack(None):
        yield str(frame.f_globals.get("__name__", ""))


def _start_in_worker(ping: Callable[[], None], master: int) -> None:
    """Start the check in a process that the master forked, and in none that a worker forks."""
    if os.getppid() == master:
        _start(ping)


def _start(ping: Callable[[], None]) -> None:
    try:
        threading.Thread(
            target=_check, args=(ping,), name="jwt-middleware-start-check", daemon=True
        ).start()
    except RuntimeError:  # No thread can be started. The first request will show it.
        return


def _check(ping: Callable[[], None]) -> None:
    try:
        ping()
    except StoreUnavailable as error:
        cause = error.in_full()
    except ConfigurationError as error:
        cause = str(error)
    except Exception as error:  # a store of the owner may raise anything
        cause = type(error).__name__
    else:
        return
    _log.warning("unavailable: the store does not answer at the start of this worker: %s", cause)
