"""Says which key of a folder signs, now and later.

    active         the id of the key that signs
    next           the id of the key that signs next, a space, and when, in seconds since the epoch

From that moment on, every process signs with the next key, each by its own clock. A clock that is
some seconds late or early costs nobody a request, because all keys of the folder verify all the
time. Processes only read the folder. The next command turns `next` into `active`.
"""

import os
import re
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from .._options import require

ACTIVE, NEXT = "active", "next"

_TURN = re.compile(r"(.+) ([0-9]{1,12})\n?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Turn:
    """The key that signs next, and when it starts, in seconds since the epoch."""

    kid: str
    starts_at: float

    @property
    def is_due(self) -> bool:
        """Whether the moment has come, by the clock of this machine."""
        return time.time() >= self.starts_at


def next_turn(path: Path) -> Turn | None:
    """Return what `next` says, or None without it."""
    try:
        text = (path / NEXT).read_text()
    except FileNotFoundError:
        return None
    found = _TURN.fullmatch(text)
    require(found, f"{path / NEXT} must have the id of a key, a space and a time in seconds")
    return Turn(found[1], int(found[2])) if found else None


def active_id(path: Path) -> str:
    """Return the id of the key that signs now."""
    turn = next_turn(path)
    return turn.kid if turn is not None and turn.is_due else (path / ACTIVE).read_text()


def activated_at(path: Path) -> float:
    """Return when the signing key was activated, in seconds since the epoch. No other key has
    signed since."""
    turn = next_turn(path)
    is_due = turn is not None and turn.is_due
    return turn.starts_at if turn is not None and is_due else (path / ACTIVE).stat().st_mtime


def sign_now(path: Path, kid: str) -> None:
    """Let a key sign from now on, and forget which was to sign next."""
    write_file(path / ACTIVE, kid.encode())
    (path / NEXT).unlink(missing_ok=True)


def stay(path: Path) -> None:
    """Let the key that signs go on, and forget which was to sign next."""
    (path / NEXT).unlink(missing_ok=True)


def sign_from(path: Path, kid: str, moment: float) -> None:
    """Let a key sign from a moment on."""
    settle(path)
    write_file(path / NEXT, f"{kid} {moment:.0f}\n".encode())


def settle(path: Path) -> None:
    """Turn a `next` whose moment has come into `active`. Nothing changes for a reader."""
    turn = next_turn(path)
    if turn is not None and turn.is_due:
        # In this order: a reader in between finds the same key by either file.
        write_file(path / ACTIVE, turn.kid.encode(), turn.starts_at)
        (path / NEXT).unlink(missing_ok=True)


def write_file(file: Path, content: bytes, changed_at: float | None = None) -> None:
    """Write a file that only its owner may read. It appears complete."""
    handle, name = tempfile.mkstemp(dir=file.parent, prefix=".")
    try:
        with open(handle, "wb") as new:
            new.write(content)
            new.flush()
            os.fsync(handle)
        if changed_at is not None:
            os.utime(name, (changed_at, changed_at))
        os.replace(name, file)
    except BaseException:
        with suppress(OSError):
            os.unlink(name)
        raise
