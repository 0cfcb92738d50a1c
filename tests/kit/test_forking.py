"""A process that begins after imports does what `python -c` does."""

from pathlib import Path

import pytest

from tests.kit import forking

AFTER = ("decimal",)

_LATE = """
import sys, threading, time
late = lambda: (time.sleep(0.05), print("late", file=sys.stderr))
threading.Thread(target=late).start()
"""
_LAST = """
import sys
class Last:
    def __del__(self):
        sys.stderr.write("gone")
last = Last()
last.itself = last
"""
ENDINGS = {
    "it is over": ("", 0, ""),
    "a code": ("import sys; sys.exit(300)", 44, ""),
    "a sentence": ("import sys; sys.exit('no')", 1, "no\n"),
    "an error": ("1 / 0", 1, "ZeroDivisionError: division by zero\n"),
    "a signal": ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", -9, ""),
    "a thread": (_LATE, 0, "late\n"),
    "a last act": ("import atexit, sys; atexit.register(sys.stderr.write, 'end')", 0, "end"),
    "an object": (_LAST, 0, "gone"),
}


@pytest.mark.parametrize(("script", "code", "told"), ENDINGS.values(), ids=ENDINGS)
def test_its_end(script: str, code: int, told: str) -> None:
    """It ends with the code and the last words that a new interpreter has."""
    done = forking.run(script, after=AFTER)
    assert (done.returncode, done.stdout) == (code, "")
    assert done.stderr.endswith(told)
    assert bool(done.stderr) is bool(told)


def test_what_it_is_given(tmp_path: Path) -> None:
    """It has the arguments, stdin, folder and environment, and modules of that folder; nothing of
    it is left for the next."""
    (tmp_path / "mine.py").write_text("number = 5")
    script = "import mine, os, sys; print(mine.number, sys.argv, input(), os.getcwd(), *os.environ)"
    for turn in ("first", "second"):
        done = forking.run(script, turn, after=AFTER, cwd=tmp_path, env={"A": "x"}, given="ha\n")
        assert done.stderr == ""
        assert done.stdout.rstrip() == f"5 ['-c', '{turn}'] ha {tmp_path} A"


def test_what_it_has_imported() -> None:
    """The modules are there, and nothing of the package that a test did not name."""
    script = "import sys; print('decimal' in sys.modules, 'jwt_middleware' in sys.modules)"
    assert forking.run(script, after=AFTER).stdout == "True False\n"
