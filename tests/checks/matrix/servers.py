"""The servers that the matrix is run on, and what may be asked of them."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from tests.kit.serving import serving

SERVERS: dict[str, tuple[str, ...]] = {
    "gunicorn, sync": (),
    "gunicorn, gthread": (),
    "gunicorn, gevent": (),
    "waitress": (),
    "cheroot": (),
    "granian": (),
    # Its buffer holds all the headers of a request, and by default 4 KiB of them.
    "uwsgi": ("--master", "--buffer-size=32768"),
    "wsgiref": (),
}
"""Their options."""
_NO_TARGET = set(b" \r\n\t?#")


@dataclass(frozen=True)
class Server:
    """A running server. `port` is on 127.0.0.1."""

    name: str
    port: int


@contextmanager
def served(name: str, folder: Path) -> Iterator[Server]:
    """Serve all apps of the matrix."""
    target = "tests.checks.matrix.served:application"
    with serving(name, target, folder, *SERVERS[name]) as port:
        yield Server(name, port)


def targets(*paths: str) -> set[bytes]:
    """The request targets that may bring these as PATH_INFO: encoded, and as they are where a line
    can hold it."""
    raw = {path.encode("latin-1") for path in paths}
    return {quote(path, safe="/").encode() for path in raw} | {
        path for path in raw if path and not set(path) & _NO_TARGET
    }
