"""A real gunicorn in a process of its own, and how to call it."""

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from tests.kit import ROOT

_PATIENCE = 20  # seconds, to start, to answer and to stop


def gunicorn(
    target: str, *options: str, cwd: Path, env: Mapping[str, str] | None = None
) -> AbstractContextManager[str]:
    """Serve `module:application` from the folder `cwd`; the context is the address, such as
    http://127.0.0.1:40001."""
    command = [
        sys.executable,
        "-m",
        "gunicorn",
        "--no-control-socket",
        "--bind",
        "127.0.0.1:0",
        *options,
        target,
    ]
    return running(command, cwd=cwd, env=env)


@contextmanager
def running(
    command: list[str], *, cwd: Path, env: Mapping[str, str] | None = None
) -> Iterator[str]:
    """Run a command that starts gunicorn, and yield the address."""
    environ = {**os.environ, "PYTHONPATH": f"{ROOT}", **(env or {})}
    said = cwd / "gunicorn.log"  # no pipe: one that nobody empties would stop the server
    with open(said, "w") as log:
        server = subprocess.Popen(command, cwd=cwd, env=environ, stdout=log, stderr=log)
    try:
        yield _address(server, said)
    finally:
        server.terminate()
        try:
            server.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def call(url: str, fields: object = None, *, token: str = "") -> tuple[int, bytes]:
    """Send a GET, or a POST of the fields as JSON; return status and body."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    headers |= {"Content-Type": "application/json"} if fields else {}
    data = json.dumps(fields).encode() if fields else None
    try:
        with urlopen(Request(url, data, headers), timeout=_PATIENCE) as answer:
            return answer.status, answer.read()
    except HTTPError as error:
        with error:
            return error.code, error.read()


def _address(server: subprocess.Popen[bytes], said: Path) -> str:
    deadline = time.monotonic() + _PATIENCE
    while server.poll() is None and time.monotonic() < deadline:
        if found := re.search(r"Listening at: (http://\S+)", said.read_text()):
            return found[1]
        time.sleep(0.02)
    raise AssertionError(f"gunicorn did not start:\n{said.read_text()}")
