"""Creates SQLite files, checks their modes, and turns on their write-ahead log."""

import logging
import os
import stat
import threading
import time
from contextlib import suppress
from pathlib import Path
from urllib.parse import unquote, urlsplit

import sqlalchemy as sa
from sqlalchemy.exc import OperationalError

_log = logging.getLogger("jwt_middleware")


def file_of(engine: sa.Engine) -> Path | None:
    """Return the absolute path of the SQLite file that an engine would create, else None."""
    name = engine.url.database
    if engine.dialect.name != "sqlite" or not name:
        return None
    is_uri = name.startswith("file:") and "uri" in engine.url.query
    if not is_uri:
        return Path(os.path.abspath(name))
    if engine.url.query.get("mode", "rwc") != "rwc" or "immutable" in engine.url.query:
        return None
    return Path(os.path.abspath(unquote(urlsplit(name).path)))


def create_file(path: Path) -> None:
    """Create the file with mode 0600 unless it exists.

    SQLite gives the -wal and -shm files beside it the same mode. An existing file must not be
    opened here: closing it would release the locks that other threads hold on it
    (sqlite.org/howtocorrupt.html, section 2.2).
    """
    with _creating, suppress(FileExistsError):
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))


def warn_of_mode(engine: sa.Engine) -> None:
    """Log a WARNING, once for each file, if other accounts may read or write an SQLite file.

    The file contains password hashes. An existing file is not changed.
    """
    if engine.dialect.name != "sqlite" or os.name == "nt":
        return
    with engine.connect() as connection:
        files = connection.exec_driver_sql("PRAGMA database_list").all()
    main = next((str(file) for _, name, file in files if name == "main" and file), None)
    if main is None:
        return
    for path in (main, f"{main}-wal", f"{main}-shm", f"{main}-journal"):
        with suppress(FileNotFoundError):
            mode = stat.S_IMODE(os.stat(path).st_mode)
            if mode & 0o077 and path not in _warned_of:
                _warned_of.add(path)
                _log.warning(
                    "other accounts of this machine may read or write %s (mode %04o), "
                    "which contains password hashes: set it to 0600",
                    path,
                    mode,
                )


def use_wal(engine: sa.Engine, timeout: float) -> None:
    """Turn on the write-ahead log, so that readers need not wait for a writer.

    SQLite fails at once if the file is locked, so try again here for up to `timeout` seconds.
    """
    deadline = time.monotonic() + timeout
    while True:
        try:
            with engine.connect() as connection:
                connection.exec_driver_sql("PRAGMA journal_mode = WAL")
            return
        except OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.01)


_warned_of: set[str] = set()
_creating = threading.Lock()


def _after_fork() -> None:
    global _creating
    _creating = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
