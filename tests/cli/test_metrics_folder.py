"""A command leaves no file in the folder of the workers' metrics."""

import os
import sys
from pathlib import Path

import pytest

from jwt_middleware.cli.metrics_folder import own_metrics_folder
from tests.kit.forking import APPS, run

from .conftest import MAIN

_NAMES = ("PROMETHEUS_MULTIPROC_DIR", "prometheus_multiproc_dir")

_APP = """
import threading
from flask import Flask
from prometheus_client import CollectorRegistry, multiprocess
from jwt_middleware import JWTMiddleware, Key, KeySet, Provider, Rule
from jwt_middleware.metrics import PrometheusMetrics

registry = CollectorRegistry()
{collector}
provider = Provider(issuer="https://i.example", audience="a", keys=KeySet([Key.generate()]))
app = Flask(__name__)
metrics = PrometheusMetrics()
app.wsgi_app = JWTMiddleware(
    app.wsgi_app, providers=[provider], rules=[Rule("/api")], observers=[metrics]
)
metrics.login_events.labels("login").inc()
{thread}
"""
_COLLECTOR = "multiprocess.MultiProcessCollector(registry)"
_THREAD = "threading.Thread(target=threading.Event().wait).start()"


@pytest.mark.parametrize("name", _NAMES)
@pytest.mark.parametrize("collector", ["", _COLLECTOR], ids=["counters", "a collector"])
@pytest.mark.parametrize("thread", ["", _THREAD], ids=["no thread", "a thread that never ends"])
def test_a_command_leaves_no_metrics(
    name: str, collector: str, thread: str, tmp_path: Path
) -> None:
    """A command that imports an app with metrics works, and writes its counters neither into the
    folder of the workers nor beside it."""
    workers, temporary = tmp_path / "workers", tmp_path / "tmp"
    workers.mkdir()
    temporary.mkdir()
    (tmp_path / "site_of_mine.py").write_text(_APP.format(collector=collector, thread=thread))
    env = {name_: text for name_, text in os.environ.items() if name_ not in _NAMES}
    env |= {name: str(workers), "TMPDIR": str(temporary)}
    words = ("routes", "--app", "site_of_mine:app")
    done = run(MAIN, *words, after=APPS, cwd=tmp_path, env=env)
    assert done.returncode == 0, done.stderr
    assert [*workers.iterdir(), *temporary.iterdir()] == []


def test_without_the_variable_nothing_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The usual command makes no folder."""
    for name in _NAMES:
        monkeypatch.delenv(name, raising=False)
    before = dict(os.environ)
    with own_metrics_folder():
        assert dict(os.environ) == before


@pytest.mark.skipif(sys.platform == "win32", reason="Windows does not fork")
def test_a_worker_leaves_the_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A worker of the demo that ends does not take the folder away from the others."""
    monkeypatch.setenv(_NAMES[0], str(tmp_path))
    with own_metrics_folder():
        own = Path(os.environ[_NAMES[0]])
        monkeypatch.setattr(os, "getpid", lambda: -1)
    assert own.is_dir()
    assert own != tmp_path
    own.rmdir()
