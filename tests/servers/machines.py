"""A machine of a deployment: gunicorn and nginx with the configurations in `examples/`, and clients
of it."""

import itertools
import re
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple, Self
from urllib.parse import urlsplit

from jwt_middleware import Key
from jwt_middleware.login import KeyFolder, TokenMinter
from jwt_middleware.stores import SQLStore
from jwt_middleware.trust import key_folder
from tests.kit import ROOT, answers, serving
from tests.kit.answers import Answer
from tests.kit.parts import program
from tests.kit.serving import gunicorn
from tests.kit.waiting import PATIENCE, wait_for

EXAMPLES = ROOT / "examples"
PASSWORD = "analytical engine"
_CLIENTS = 4


def sign_in(address: str, password: str = PASSWORD, *, name: str = "ada", **how: Any) -> Answer:
    """Sign in, as ada unless told."""
    return answers.sign_in(address, name, password, **how)


class Machine(NamedTuple):
    """A running gunicorn with its folder. `address` is that of its last `--bind` to a port."""

    address: str
    folder: Path

    @property
    def log(self) -> str:
        """What it has said until now."""
        return (self.folder / "gunicorn.log").read_text()

    @property
    def master(self) -> int:
        """The process that takes the signals."""
        return int((self.folder / "pid").read_text())

    @property
    def minter(self) -> TokenMinter:
        """What mints tokens as the served app does."""
        return TokenMinter(
            KeyFolder(self.folder / "keys"), issuer="https://example.com", audience="example-api"
        )

    def token(self, size: int) -> str:
        """A good token that is as long as one can be within this size: three bytes make four
        characters."""
        padding = (size - len(self.minter.mint("1", claims={"padding": ""}))) * 3 // 4
        tokens = (
            self.minter.mint("1", claims={"padding": "x" * (padding - less)}) for less in range(9)
        )
        return next(token for token in tokens if size - 4 < len(token) <= size)

    def says(self, pattern: str) -> None:
        """Return once a line of the log matches."""
        line = re.compile(pattern, re.MULTILINE)
        wait_for(lambda: line.search(self.log), say=lambda: f"{pattern} in\n{self.log[-3000:]}")


@contextmanager
def machine(
    folder: Path, database: str, *options: str, target: str = "tests.servers.deployed", **env: str
) -> Iterator[Machine]:
    """Serve over a database with the example's configuration, from a folder that has keys."""
    env = {
        "DATABASE_URL": database,
        "WEB_CONCURRENCY": "2",
        **env,
    }
    options = ("-c", str(EXAMPLES / "gunicorn.conf.py"), "--pid", str(folder / "pid"), *options)
    with gunicorn(target, *options, cwd=folder, env=env) as addresses:
        yield Machine(re.findall(r"http://[^,]+", addresses)[-1], folder)


def prepare(folder: Path, database: str = "") -> str:
    """Put keys into the folder and ada into the database, by default one in the folder; return its
    URL."""
    database = database or f"sqlite:///{folder}/auth.db"
    key_folder.publish(folder / "keys", Key.generate())
    store = SQLStore(database, password_method="scrypt:1024:1:1")
    store.add_user("ada", PASSWORD)
    store.close()
    return database


@contextmanager
def nginx(folder: Path) -> Iterator[tuple[str, ssl.SSLContext]]:
    """Run nginx with the example before the socket of this folder; yield its address and what
    trusts it there."""
    tls = _certify(folder)
    address, site = _site(folder)
    with serving.nginx(folder, site):
        yield f"https://{address}", tls


def _site(folder: Path) -> tuple[str, str]:
    """The address, and the example with places of this folder."""
    address = f"127.0.0.1:{serving.free_port()}"
    site = (EXAMPLES / "nginx.conf").read_text()
    there = {
        "listen 443": f"listen {address}",
        "/run/example/": f"{folder}/",
        "/var/log/nginx/": f"{folder}/",
    }
    there |= {
        f"/etc/ssl/example/{name}": f"{folder}/{name}" for name in ("fullchain.pem", "key.pem")
    }
    for old, new in there.items():
        assert site.count(old) == 1
        site = site.replace(old, new)
    return address, site


def _certify(folder: Path) -> ssl.SSLContext:
    """Make a certificate for 127.0.0.1, and return what trusts it."""
    form = [
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-nodes",
        "-subj",
        "/CN=test",
    ]
    files = [
        "-addext",
        "subjectAltName=IP:127.0.0.1",
        "-keyout",
        folder / "key.pem",
        "-out",
        folder / "fullchain.pem",
    ]
    subprocess.run([program("openssl"), "req", *form, *files], check=True, capture_output=True)
    return ssl.create_default_context(cafile=str(folder / "fullchain.pem"))


class Load:
    """Clients that call without a pause, each time over a new connection, until they are told to
    stop.

    `answers` has every request once, for nothing is sent again: empty for a whole 200, else what
    came instead.
    """

    def __init__(self, address: str, token: str) -> None:
        self.tokens = [token]
        self.answers: list[bytes] = []
        self._place = (urlsplit(address).hostname, urlsplit(address).port)
        self._stopped = threading.Event()
        self._threads = [threading.Thread(target=self._run) for _ in range(_CLIENTS)]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        for thread in self._threads:
            thread.join()

    def _run(self) -> None:
        for count in itertools.takewhile(lambda _: not self._stopped.is_set(), itertools.count()):
            answer = self._ask(self.tokens[count % len(self.tokens)])
            is_good = answer.startswith(b"HTTP/1.1 200 ") and answer.endswith(b"}")
            self.answers.append(b"" if is_good else answer or b"nothing")

    def _ask(self, token: str) -> bytes:
        head = (
            f"GET /api HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer "
            f"{token}\r\n\r\n"
        )
        try:
            with socket.create_connection(self._place, timeout=PATIENCE) as connection:
                connection.sendall(head.encode())
                return b"".join(iter(lambda: connection.recv(65536), b""))
        except OSError as error:
            return repr(error).encode()
