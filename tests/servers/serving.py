"""A real gunicorn in a process of its own."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

_ROOT = Path(__file__).parents[2]


@contextmanager
def gunicorn(target: str, *options: str, cwd: Path, env: Mapping[str, str] | None = None) -> Iterator[str]:
    """Serve `module:application` from the folder `cwd` and yield the address, such as http://127.0.0.1:40001."""
    command = [sys.executable, "-m", "gunicorn", "--no-control-socket", "--bind", "127.0.0.1:0", *options, target]
    environ = {**os.environ, "PYTHONPATH": f"{_ROOT}", **(env or {})}
    with open(cwd / "gunicorn.log", "w+") as log:
        server = subprocess.Popen(command, cwd=cwd, env=environ, stdout=log, stderr=subprocess.PIPE, text=True)
        try:
            yield _address(server)
        finally:
            server.terminate()
            server.communicate(timeout=20)


def _address(server: subprocess.Popen[str]) -> str:
    printed = ""
    for line in server.stderr or ():
        printed += line
        if found := re.search(r"Listening at: (http://\S+)", line):
            return found[1]
    raise AssertionError(f"gunicorn did not start:\n{printed}")
