"""Python processes that begin after their imports.

An interpreter that starts and imports SQLAlchemy or Flask computes for a second, most tests that
need a process for a few milliseconds. So one process does the imports, and forks for each of them.
It is not the process of the test that forks: with the threads of pytest-xdist that is not safe.
"""

import atexit
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO

from tests.kit import ROOT
from tests.kit.forks import NUMBER
from tests.kit.waiting import PATIENCE

CORE = ("jwt_middleware",)
APPS = (
    *("click", "flask", "jwt_middleware.cli.root", "jwt_middleware.login"),
    *("jwt_middleware.stores.sql", "sqlalchemy.dialects.sqlite"),
)
"""What tests import before a process begins: what all of the package needs, or what apps, commands
and stores do. Neither loads redis-py nor prometheus-client."""


class Nursery:
    """A process that has imported modules, from which others fork, one at a time."""

    def __init__(self, modules: Sequence[str]) -> None:
        self._ours, theirs = socket.socketpair()
        with theirs:
            number = theirs.fileno()
            code = f"from tests.kit import forks; forks.serve({number}, {modules!r})"
            self._process = subprocess.Popen(
                [sys.executable, "-c", code], cwd=ROOT, stdin=subprocess.DEVNULL, pass_fds=[number]
            )
        atexit.register(self._end)

    def begin(
        self,
        script: str,
        arguments: Sequence[str],
        streams: Sequence[int],
        *,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
    ) -> None:
        """Begin what `python -c script arguments` would, with stdin, stdout and stderr."""
        request = {
            "script": script,
            "arguments": list(arguments),
            "cwd": str(cwd or Path.cwd()),
            "env": dict(os.environ if env is None else env),
        }
        with TemporaryFile("w") as file:
            json.dump(request, file)
            file.flush()
            socket.send_fds(self._ours, [b"!"], [file.fileno(), *streams])
        self._pid = self._read()

    def wait(self) -> int:
        """Wait for the process that began last, and return its exit code."""
        self._ours.settimeout(PATIENCE)
        try:
            return os.waitstatus_to_exitcode(self._read())
        except TimeoutError:
            os.kill(self._pid, signal.SIGKILL)
            self._ours.settimeout(None)
            self._read()
            raise
        finally:
            self._ours.settimeout(None)

    def _read(self) -> int:
        told = self._ours.recv(NUMBER.size)
        assert told, "the process that forks has ended"
        number: int = NUMBER.unpack(told)[0]
        return number

    def _end(self) -> None:
        self._ours.close()
        self._process.wait()


nursery = cache(Nursery)
"""The one that has imported these modules, which several tests use."""


def run(
    script: str,
    *arguments: str,
    after: tuple[str, ...],
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    given: str = "",
) -> "subprocess.CompletedProcess[str]":
    """Run what `python -c script arguments` would, `after` the import of modules, and return what
    came of it. Only modules whose import is not what the test is about belong into `after`. A test
    of what an interpreter does at its end starts a new one."""
    with TemporaryFile("w+") as stdin, TemporaryFile("w+") as out, TemporaryFile("w+") as err:
        stdin.write(given)
        stdin.seek(0)
        parent = nursery(after)
        streams = [stream.fileno() for stream in (stdin, out, err)]
        parent.begin(script, arguments, streams, cwd=cwd, env=env)
        code = parent.wait()
        return subprocess.CompletedProcess(
            [sys.executable, "-c", script, *arguments], code, _all_of(out), _all_of(err)
        )


def _all_of(file: IO[str]) -> str:
    file.seek(0)
    return file.read()
