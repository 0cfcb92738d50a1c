"""Python scripts and lines of a shell, in processes of their own."""

import subprocess
import sys

from tests.kit import forking
from tests.kit.parts import program
from tests.kit.waiting import PATIENCE


def run(script: str, *, is_quiet: bool = False, after: tuple[str, ...] = ()) -> str:
    """Run a Python script in a process of its own and return what it prints. It must end well, and
    a quiet one writes nothing to stderr. The interpreter is a new one, or one that begins `after`
    imports."""
    if after:
        done = forking.run(script, after=after)
    else:
        done = subprocess.run(
            [sys.executable, "-c", script], capture_output=True, text=True, timeout=PATIENCE
        )
    assert done.returncode == 0, done.stderr
    assert not is_quiet or done.stderr == ""
    return done.stdout


def paste(lines: str) -> "subprocess.CompletedProcess[str]":
    """Run the lines of a page, which call a server by curl, in a shell of their own."""
    program("curl")
    return subprocess.run(
        [program("bash"), "-c", lines], capture_output=True, text=True, timeout=PATIENCE
    )
