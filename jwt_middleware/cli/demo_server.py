"""Starts gunicorn from Python for the demo."""

import socket
from collections.abc import Callable
from typing import Any

from gunicorn.app.base import BaseApplication


def serve(make_application: Callable[[], Any], listener: socket.socket, **settings: Any) -> None:
    """Serve the app on the listening socket with two workers until a signal ends it. Pass
    `settings` to gunicorn."""
    when_ready = settings.pop("when_ready")
    _Server(
        make_application,
        {
            "bind": f"fd://{listener.fileno()}",
            "workers": 2,
            "loglevel": "warning",
            "accesslog": "-",
            "forwarder_headers": "",  # gunicorn's default lets a local client set SCRIPT_NAME
            "control_socket_disable": True,
            "when_ready": lambda arbiter: when_ready(),
        }
        | settings,
    ).run()


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
