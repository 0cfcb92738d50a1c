"""Real servers, each in a process of its own: how they are started, waited for and ended."""

import os
import random
import re
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, closing, contextmanager, suppress
from pathlib import Path

from tests.kit import ROOT
from tests.kit.answers import exchange
from tests.kit.parts import program
from tests.kit.waiting import PATIENCE, wait_for

_GUNICORN = "-m gunicorn --no-control-socket --bind=127.0.0.1:{port} {target} --worker-class="
_PYTHON = "import sys; from {module} import application; port = int(sys.argv[1]); "
_UWSGI = [
    "-c",
    "import sys, pyuwsgi; pyuwsgi.run(sys.argv[1:])",
    *["--http-socket=127.0.0.1:{port}", "--module", "{target}", "--need-app", "--die-on-term"],
]
SERVERS = {
    "gunicorn, sync": f"{_GUNICORN}sync".split(),
    "gunicorn, gthread": f"{_GUNICORN}gthread".split(),
    "gunicorn, gevent": f"{_GUNICORN}gevent".split(),
    "waitress": ["-m", "waitress", "--listen=127.0.0.1:{port}", "{target}"],
    "cheroot": ["-m", "cheroot", "--bind=127.0.0.1:{port}", "{target}"],
    "granian": [
        "-m",
        "granian",
        "--interface=wsgi",
        "--host=127.0.0.1",
        "--port={port}",
        "{target}",
    ],
    "gevent": [
        "-c",
        (
            f"{_PYTHON}from gevent.pywsgi import WSGIServer; "
            "WSGIServer(('127.0.0.1', port), application).serve_forever()"
        ),
        "{port}",
    ],
    "uwsgi": _UWSGI,
    "werkzeug": [
        "-c",
        (
            f"{_PYTHON}from werkzeug.serving import run_simple; "
            "run_simple('127.0.0.1', port, application)"
        ),
        "{port}",
    ],
    "wsgiref": [
        "-c",
        (
            f"{_PYTHON}from wsgiref.simple_server import make_server; "
            "make_server('127.0.0.1', port, application).serve_forever()"
        ),
        "{port}",
    ],
}
"""The arguments of Python for each server, with `{target}`, `{module}` and `{port}` to fill in."""

_NGINX = """
daemon off; worker_processes 1; pid {folder}/nginx.pid; error_log {folder}/error.log; {user}
events {{}}
http {{
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi; include {folder}/site.conf;
}}
"""


def free_ports(count: int) -> list[int]:
    """Different ports that nobody listens on just now.

    They lie below the ports that the system hands out by itself, so that a connection of another
    test cannot take one before the server does.
    """
    found: set[int] = set()
    while len(found) < count:
        with suppress(OSError), closing(socket.socket()) as listener:
            listener.bind(("127.0.0.1", port := random.randint(15_000, 32_000)))
            found.add(port)
    return list(found)


def free_port() -> int:
    """A port that nobody listens on just now."""
    return free_ports(1)[0]


def end(process: "subprocess.Popen[bytes]") -> None:
    """Ask a process to end, and end it when it does not."""
    process.terminate()
    try:
        process.wait(PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


@contextmanager
def started(
    command: Sequence[str | Path],
    log: Path,
    is_up: Callable[[], object],
    *,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
) -> Iterator[object]:
    """Run a server until the end of the block; the context is what `is_up` comes to once it is
    true. What the server prints goes to the log: a pipe that nobody empties would stop it."""
    environ = {**os.environ, "PYTHONPATH": str(ROOT), **(env or {})}
    with log.open("wb") as out:
        process = subprocess.Popen(command, cwd=cwd, env=environ, stdout=out, stderr=out)

    def look() -> object:
        assert process.poll() is None, f"{command} ended:\n{log.read_text()}"
        return is_up()

    try:
        yield wait_for(look, say=log.read_text)
    finally:
        end(process)


@contextmanager
def serving(name: str, target: str, folder: Path, *options: str) -> Iterator[int]:
    """Serve `module:application` by one of `SERVERS`; the context is the port."""
    port = free_port()
    fill = {"port": port, "target": target, "module": target.partition(":")[0]}
    words = [word.format(**fill) for word in _with(SERVERS[name], options)]
    log = folder / f"{name}.log"
    with started(
        [sys.executable, *words], log, lambda: exchange(port, b"/up").status == 200, cwd=folder
    ):
        yield port


def _with(command: list[str], options: Sequence[str]) -> list[str]:
    """Put options where every server takes them: before the target."""
    return [*command[:-1], *options, command[-1]]


def gunicorn(
    target: str,
    *options: str,
    cwd: Path,
    env: Mapping[str, str] | None = None,
    python: Path | str = sys.executable,
) -> AbstractContextManager[str]:
    """Serve `module:application` from the folder `cwd` by a Python that has gunicorn; the context
    is the address, such as http://127.0.0.1:40001."""
    words = ["-m", "gunicorn", "--no-control-socket", "--bind", "127.0.0.1:0"]
    return running([str(python), *words, *options, target], cwd=cwd, env=env)


@contextmanager
def running(
    command: list[str], *, cwd: Path, env: Mapping[str, str] | None = None
) -> Iterator[str]:
    """Run a command that starts gunicorn or Flask's own server, and yield the address."""
    log = cwd / "gunicorn.log"

    def address() -> str:
        found = re.search(r"(?:Listening at:|Running on) (http://\S+)", log.read_text())
        return found[1] if found else ""

    with started(command, log, address, cwd=cwd, env=env) as found:
        yield str(found)


@contextmanager
def nginx(folder: Path, site: str) -> Iterator[None]:
    """Run nginx with what stands in its `http` block."""
    user = "user root;" if os.geteuid() == 0 else ""
    (folder / "site.conf").write_text(site)
    (folder / "nginx.conf").write_text(_NGINX.format(folder=folder, user=user))
    words = ["-p", folder, "-c", folder / "nginx.conf", "-e", folder / "error.log"]
    with started([program("nginx"), *words], folder / "nginx.log", (folder / "nginx.pid").exists):
        yield
