"""What gunicorn's log says at the start about a store that does not answer."""

import re
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.kit.answers import call
from tests.kit.serving import free_port, gunicorn
from tests.kit.waiting import wait_for

pytestmark = pytest.mark.needs_servers

_APP = """
import os
from jwt_middleware.login import LoginApp, TokenMinter
from jwt_middleware.stores import SQLStore

def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"hello"]

store = SQLStore(os.environ["DATABASE"])
minter = TokenMinter.from_secret("s" * 32, issuer="https://example.com", audience="example-api")
application = LoginApp(store, minter).wrap(app, prefix="/auth")
"""
_SAID = "unavailable: the store does not answer at the start of this worker: "
WAYS = {
    "sync": (),
    "gthread": ("-k", "gthread", "--threads", "2"),
    "gevent": ("-k", "gevent"),
    "preloaded": ("--preload",),
    "two workers": ("--workers", "2"),
    "two preloaded": ("--workers", "2", "--preload"),
}


def lines(folder: Path) -> list[str]:
    """What was said about the store until now."""
    return [line for line in (folder / "gunicorn.log").read_text().splitlines() if _SAID in line]


@pytest.mark.parametrize("options", WAYS.values(), ids=WAYS)
def test_a_store_that_does_not_answer(options: tuple[str, ...], tmp_path: Path) -> None:
    """Each worker says it once, with the cause and without the password, and serves at once what
    needs no store."""
    (tmp_path / "served.py").write_text(_APP)
    url = f"postgresql://ann:hunter2@127.0.0.1:{free_port()}/auth"
    number = 2 if "--workers" in options else 1
    with gunicorn("served", *options, cwd=tmp_path, env={"DATABASE": url}) as address:
        assert call(address + "/hello").status == 200
        wait_for(lambda: len(lines(tmp_path)) >= number)
        call(address + "/auth/health")
        assert len(lines(tmp_path)) == number
        assert "connection failed" in lines(tmp_path)[0]
        assert "OperationalError while connecting" in lines(tmp_path)[0]
    log = (tmp_path / "gunicorn.log").read_text()
    assert "hunter2" not in log
    assert "Traceback" not in log


@pytest.mark.parametrize("options", [(), ("--preload",)], ids=["each by itself", "preloaded"])
def test_the_start_does_not_wait(options: tuple[str, ...], tmp_path: Path) -> None:
    """A server that takes the connection and never answers does not delay the first request."""
    (tmp_path / "served.py").write_text(_APP)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        place = f"127.0.0.1:{silent.getsockname()[1]}"
        # The store gives up after five minutes, so an answer before that did not wait for it.
        env = {"DATABASE": f"postgresql://ann:hunter2@{place}/auth?connect_timeout=300"}
        with gunicorn("served", *options, cwd=tmp_path, env=env) as address:
            assert call(address + "/hello").status == 200
            assert not lines(tmp_path)


@pytest.mark.parametrize("options", [(), ("--preload",)], ids=["each by itself", "preloaded"])
def test_a_store_that_answers(options: tuple[str, ...], tmp_path: Path) -> None:
    """Nothing is said."""
    (tmp_path / "served.py").write_text(_APP)
    env = {"DATABASE": f"sqlite:///{tmp_path}/auth.db"}
    with gunicorn("served", *options, cwd=tmp_path, env=env) as address:
        wait_for(lambda: (tmp_path / "auth.db").exists())
        assert call(address + "/auth/health").status == 200
        assert not lines(tmp_path)


def test_an_import_elsewhere(tmp_path: Path) -> None:
    """A shell, a test or a command that imports the app opens no connection."""
    (tmp_path / "served.py").write_text(_APP)
    script = "import served, threading, time; time.sleep(0.3); print(threading.active_count())"
    env = {"DATABASE": f"sqlite:///{tmp_path}/auth.db", "PYTHONPATH": ":".join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, env=env, capture_output=True, text=True
    )
    assert (done.stdout, done.stderr) == ("1\n", "")
    assert not re.findall("auth.db", " ".join(file.name for file in tmp_path.iterdir()))


def test_a_process_that_a_worker_forks(tmp_path: Path) -> None:
    """Only workers say it: a process of the app's own, such as a pool's, is silent."""
    fork = """
import sys, time
def forked():
    if not os.fork():
        time.sleep(0.5)
        os._exit(0)
    os.wait()
inner = application
def application(environ, start_response):
    if environ["PATH_INFO"] == "/fork":
        forked()
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [b"done"]
    return inner(environ, start_response)
"""
    (tmp_path / "served.py").write_text(_APP + fork)
    url = f"postgresql://ann:hunter2@127.0.0.1:{free_port()}/auth"
    with gunicorn("served", "--preload", cwd=tmp_path, env={"DATABASE": url}) as address:
        wait_for(lambda: lines(tmp_path))
        assert call(address + "/fork").status == 200
        time.sleep(0.2)
        assert len(lines(tmp_path)) == 1
