"""Starts gunicorn from Python for the demo.

The demo goes on when nobody reads its output any more, such as in `jwt-middleware demo | head`.
Python would otherwise print a traceback for each request.
"""

import logging
import os
import socket
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Any, TextIO

from gunicorn.app.base import BaseApplication
from gunicorn.glogging import Logger


def serve(make_application: Callable[[], Any], listener: socket.socket, **settings: Any) -> None:
    """Serve the app on the listening socket with two workers until a signal ends it. Pass
    `settings` to gunicorn."""
    when_ready = settings.pop("when_ready")

    def say_so(arbiter: object) -> None:
        try:
            when_ready()
            sys.stdout.flush()
        except BrokenPipeError:
            discard(sys.stdout)

    _Server(
        make_application,
        {
            "bind": f"fd://{listener.fileno()}",
            "workers": 2,
            "loglevel": "warning",
            "accesslog": "-",
            "forwarder_headers": "",  # gunicorn's default lets a local client set SCRIPT_NAME
            "control_socket_disable": True,
            "when_ready": say_so,
            "logger_class": _Logger,
        }
        | settings,
    ).run()


def discard(stream: TextIO) -> None:
    """Discard all that is written to the stream from now on, also by Python when it ends."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, stream.fileno())
    os.close(null)


class _Unread:
    """A stream that goes on without its reader."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> None:
        """Write, or discard what nobody can read."""
        try:
            self._stream.write(text)
        except BrokenPipeError:
            discard(self._stream)

    def flush(self) -> None:
        """Flush, or discard what nobody can read."""
        try:
            self._stream.flush()
        except BrokenPipeError:
            discard(self._stream)


class _Logger(Logger):
    def setup(self, cfg: Any) -> None:
        """Set gunicorn's loggers up, and let their streams outlive their readers."""
        super().setup(cfg)
        for handler in (*self.access_log.handlers, *self.error_log.handlers):
            if isinstance(handler, logging.StreamHandler):
                with suppress(BrokenPipeError):
                    handler.setStream(_Unread(handler.stream))


class _Server(BaseApplication):
    def __init__(self, make_application: Callable[[], Any], settings: dict[str, Any]) -> None:
        self._make_application = make_application
        self._settings = settings
        super().__init__()

    def load_config(self) -> None:
        for name, value in self._settings.items():
            if name in self.cfg.settings:  # Older releases of gunicorn lack some settings.
                self.cfg.set(name, value)

    def load(self) -> Any:
        return self._make_application()
