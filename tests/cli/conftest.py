"""The command, run in an empty folder."""

import os
import pty
import select
import subprocess
import sys
from collections.abc import Callable, Mapping
from inspect import signature
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from click.testing import CliRunner

from jwt_middleware.cli.root import root
from jwt_middleware.stores import SQLStore
from tests.kit import forking
from tests.kit.forking import APPS
from tests.kit.passwords import CHEAP
from tests.kit.waiting import PATIENCE

COMMAND = [sys.executable, "-c", "from jwt_middleware.cli import main; main()"]
"""The command as a process of its own, whether the package is installed or only on the path."""

MAIN = COMMAND[2]
"""The same as a script, for `forking.run`."""

# A build in the background has Ctrl-C ignored.
_LOG_IN = (
    "import os, signal; signal.signal(signal.SIGINT, signal.default_int_handler)"
    "; os.login_tty(os.dup(0))"
)


class Done(NamedTuple):
    """What a command came to."""

    code: int
    out: str
    err: str

    @property
    def good(self) -> bool:
        return self.code == 0


Command = Callable[..., Done]

# Before 8.2 click's runner has to be told to keep stderr apart.
_APART: Any = {"mix_stderr": False} if "mix_stderr" in signature(CliRunner).parameters else {}


@pytest.fixture(autouse=True)
def cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    """Passwords at a low cost in this process; in one of its own the command has the cost it really
    has."""
    monkeypatch.setitem(SQLStore.__init__.__kwdefaults__, "password_method", CHEAP)


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Command:
    """Run the command in an empty folder, with the password `given` on stdin or to be asked for."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("JWT_MIDDLEWARE_DATABASE_URL", raising=False)

    def run(
        *arguments: str,
        given: str | bytes | None = None,
        ask: bool = False,
        environ: Mapping[str, str] | None = None,
    ) -> Done:
        more = (
            ["--password-stdin"]
            if given is not None and arguments[1] in ("add", "passwd") and not ask
            else []
        )
        result = CliRunner(**_APART).invoke(
            root, [*arguments, *more], input=given, env=environ, prog_name="jwt-middleware"
        )
        if not isinstance(result.exception, (SystemExit, type(None))):
            raise result.exception
        return Done(result.exit_code, result.stdout, result.stderr)

    return run


def on_a_terminal(
    folder: Path, *arguments: str, answers: list[str], is_new: bool = False
) -> tuple[int, str]:
    """Run the command with a terminal, type an answer at each prompt; return the exit code and what
    was shown. It begins after its imports, or in a new interpreter."""
    terminal, its_end = pty.openpty()
    # Not `pty.fork`: a process with threads, as pytest-xdist has, must not fork without an exec.
    begin = _begin_new if is_new else _begin_after_imports
    wait = begin(folder, arguments, its_end)
    os.close(its_end)
    shown = ""
    for answer in answers:
        while not shown.endswith(": "):
            assert select.select([terminal], [], [], PATIENCE)[0], shown
            shown += os.read(terminal, 1000).decode()
        os.write(terminal, answer.encode())
        shown += "..."
    try:
        while more := os.read(terminal, 1000):
            shown += more.decode()
    except OSError:  # how Linux says that the terminal was closed
        pass
    os.close(terminal)
    return wait(), shown


def _begin_new(folder: Path, arguments: tuple[str, ...], terminal: int) -> Callable[[], int]:
    process = subprocess.Popen(
        [*COMMAND[:2], f"{_LOG_IN}; {MAIN}", *arguments],
        cwd=folder,
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
    )
    return lambda: process.wait(PATIENCE)


def _begin_after_imports(
    folder: Path, arguments: tuple[str, ...], terminal: int
) -> Callable[[], int]:
    parent = forking.nursery(APPS)
    parent.begin(f"{_LOG_IN}; {MAIN}", arguments, [terminal] * 3, cwd=folder)
    return parent.wait
