"""Real servers, each in a process of its own, and raw requests to them."""

import json
import os
import socket
import subprocess
import sys
import time
from contextlib import closing
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

from tests.kit import ROOT

_START_SECONDS = 30
_NO_TARGET = set(b" \r\n\t?#")

_WSGIREF = """
import sys
from wsgiref.simple_server import make_server
from tests.checks.matrix.served import application
make_server("127.0.0.1", int(sys.argv[1]), application).serve_forever()
"""
_TARGET = "tests.checks.matrix.served:application"
_GUNICORN = [
    "-m",
    "gunicorn",
    "--no-control-socket",
    "--workers=1",
    "--bind=127.0.0.1:{port}",
    _TARGET,
]
_UWSGI = [
    "--http-socket=127.0.0.1:{port}",
    "--module",
    _TARGET,
    "--master",
    "--need-app",
    "--die-on-term",
]

SERVERS = {
    "gunicorn, sync": [*_GUNICORN, "--worker-class=sync"],
    "gunicorn, gthread": [*_GUNICORN, "--worker-class=gthread"],
    "gunicorn, gevent": [*_GUNICORN, "--worker-class=gevent"],
    "waitress": ["-m", "waitress", "--listen=127.0.0.1:{port}", _TARGET],
    "cheroot": ["-m", "cheroot", "--bind=127.0.0.1:{port}", _TARGET],
    "granian": ["-m", "granian", "--interface=wsgi", "--host=127.0.0.1", "--port={port}", _TARGET],
    # Its buffer holds all the headers of a request, and by default 4 KiB of them.
    "uwsgi": [
        "-c",
        "import sys, pyuwsgi; pyuwsgi.run(sys.argv[1:])",
        *_UWSGI,
        "--buffer-size=32768",
    ],
    "wsgiref": ["-c", _WSGIREF, "{port}"],
}
"""The arguments of Python for each."""


class Server:
    """A running server. `port` is on 127.0.0.1."""

    def __init__(self, name: str, folder: Path) -> None:
        self.name = name
        self.port = free_port()
        self._log = folder / f"{name}.log"
        command = [sys.executable, *(word.format(port=self.port) for word in SERVERS[name])]
        environ = {**os.environ, "PYTHONPATH": str(ROOT)}
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                command, cwd=folder, env=environ, stdout=log, stderr=log
            )

    def wait(self) -> None:
        """Return when the server answers."""
        deadline = time.monotonic() + _START_SECONDS
        while exchange(self.port, b"/").status != 200:
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(
                    f"{self.name} does not start:\n{self._log.read_text()[-2000:]}"
                )
            time.sleep(0.05)

    def stop(self) -> None:
        """End the server."""
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(10)


class Answer(NamedTuple):
    """Status, 0 where the connection ended without an answer; headers with lower-case names;
    body."""

    status: int
    headers: dict[str, str] = {}  # noqa: RUF012
    body: bytes = b""

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def free_port() -> int:
    """A port that nobody listens on just now."""
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        port: int = listener.getsockname()[1]
        return port


def exchange(
    port: int, target: bytes, *lines: bytes, method: bytes = b"GET", body: bytes = b""
) -> Answer:
    """Send a request line and header lines as they are, and return the answer."""
    lines = (b"Host: localhost", b"Connection: close", *lines)
    if body:
        lines = (*lines, b"Content-Length: %d" % len(body))
    try:
        with closing(socket.create_connection(("127.0.0.1", port), timeout=20)) as connection:
            connection.sendall(
                b"\r\n".join([method + b" " + target + b" HTTP/1.1", *lines, b"", body])
            )
            with closing(
                HTTPResponse(connection, method=method.decode("latin-1").upper())
            ) as response:
                response.begin()
                headers = {name.lower(): value for name, value in response.getheaders()}
                return Answer(response.status, headers, response.read())
    except (OSError, HTTPException):
        return Answer(0)


def targets(*paths: str) -> set[bytes]:
    """The request targets that may bring these as PATH_INFO: encoded, and as they are where a line
    can hold it."""
    raw = {path.encode("latin-1") for path in paths}
    return {quote(path, safe="/").encode() for path in raw} | {
        path for path in raw if path and not set(path) & _NO_TARGET
    }
