"""Checks who may read and write the files of a key folder."""

import os
import stat
from pathlib import Path

from .._options import require
from .key_turn import ACTIVE, NEXT

_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH


def check_modes(path: Path) -> None:
    """Raise `ConfigurationError` if others can write to the folder or to a file in it.

    They could add a key of their own and sign tokens for anybody. A file system that is mounted
    read-only, such as a Kubernetes secret, is safe with any mode.
    """
    if os.name != "posix" or os.statvfs(path).f_flag & os.ST_RDONLY:
        return
    for file in (path, path / ACTIVE, path / NEXT, *path.glob("*.pem")):
        try:
            mode = stat.S_IMODE(file.stat().st_mode)
        except FileNotFoundError:
            continue
        require(
            not mode & _OTHERS_WRITE,
            f"{file} must be writable by its owner only, got mode {mode:04o}",
        )


def mode_if_readable_by_others(file: Path) -> int | None:
    """Return the mode of a file if more users than its owner can read it, else None.

    A file of root may be readable by its group, which the app runs as (PostgreSQL has the same
    rule).
    """
    if os.name != "posix":
        return None
    status = file.stat()
    mode = stat.S_IMODE(status.st_mode)
    others = stat.S_IROTH if status.st_uid == 0 else stat.S_IROTH | stat.S_IRGRP
    return mode if mode & others else None
