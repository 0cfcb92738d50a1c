"""What some tests need beside Python packages of the extra `test`, and the two speeds.

A test says what it needs by a marker; one that needs nothing is `quick`. A run of `-m quick` is the
quick suite, which also has fewer examples of each property.
"""

import os
import re
import shutil
import sys
from collections.abc import Iterable
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NoReturn

import pytest

NEEDS = {
    "needs_browser": "drives Chromium, Firefox or WebKit",
    "needs_engines": "talks to a PostgreSQL or a Valkey, which it starts",
    "needs_frameworks": "runs apps of the frameworks that the extra `test-all` brings",
    "needs_servers": "starts WSGI servers, nginx or gevent",
    "needs_time": "takes five seconds or more by itself",
    "needs_tools": "runs type checkers, Node, a build, or a package index",
}
"""The markers, and what a test does that has one."""

_ENGINE_PARAMETERS = {"mariadb", "pgbouncer", "postgresql", "redis", "valkey", "split"}
_ENGINE_PARAMETERS |= {"cluster", "sentinel", "split_cluster"}
_ENGINE_FIXTURE = re.compile(
    rf"_?({'|'.join(sorted(_ENGINE_PARAMETERS))})_(of_its_own|server|store|tables|url)"
)
"""The names of fixtures with an engine, which a run of the quick suite does not load."""

_NO_MODULE = re.compile(r"No module named \\?'?(\w+)")
_MARKED = re.compile(r"^pytestmark = \[?pytest\.mark\.needs_", re.MULTILINE)

_speed = {"is_quick": False}


def choose_speed(config: pytest.Config) -> None:
    """Note which suite this run is."""
    _speed["is_quick"] = config.option.markexpr == "quick"


def is_quick() -> bool:
    """Whether this is a run of the quick suite."""
    return _speed["is_quick"]


def examples(count: int) -> int:
    """How many examples of a property to try: all in the whole suite, a tenth in the quick one."""
    return max(count // 10, 10) if is_quick() else count


def has_no_quick_test(module: Path) -> bool:
    """Whether this is a run of the quick suite, and the module marks all its tests as in need of
    something."""
    if not is_quick() or module.suffix != ".py":
        return False
    return _MARKED.search(module.read_text()) is not None


def has_engine(fixtures: Iterable[str], parameters: Iterable[object]) -> bool:
    """Whether a test with these fixtures and parameters starts an engine."""
    named = {value for value in parameters if isinstance(value, str)}
    return not named.isdisjoint(_ENGINE_PARAMETERS) or any(map(_ENGINE_FIXTURE.fullmatch, fixtures))


def mark(item: pytest.Item) -> None:
    """Mark a test that needs an engine or a browser by its fixtures or parameters, and one that
    needs nothing as quick."""
    values = getattr(item, "callspec", None) and item.callspec.params.values()  # type: ignore[attr-defined]
    fixtures = getattr(item, "fixturenames", ())
    if has_engine(fixtures, values or ()):
        item.add_marker("needs_engines")
    if "chromium" in fixtures:
        item.add_marker("needs_browser")
    if not _is_marked(item):
        item.add_marker("quick")


def _is_marked(item: pytest.Item) -> bool:
    return not NEEDS.keys().isdisjoint(marker.name for marker in item.iter_markers())


def excuse_test(report: pytest.TestReport, item: pytest.Item, error: BaseException) -> None:
    """Make a failure for want of a package a skip, if the test says that it needs something: its
    own import failed, or that of a process whose output the error shows."""
    if report.failed and _is_marked(item):
        stderr = getattr(error, "stderr", None) or ""
        shown = stderr.decode(errors="replace") if isinstance(stderr, bytes) else stderr
        _excuse(report, item.path, f"{error}\n{shown}")


def excuse_module(report: pytest.CollectReport, module: Path) -> None:
    """The same for a module that says so of all its tests, and cannot be imported."""
    if report.failed and module.suffix == ".py" and _MARKED.search(module.read_text()):
        _excuse(report, module, str(report.longrepr))


def _excuse(report: pytest.TestReport | pytest.CollectReport, file: Path, said: str) -> None:
    missing = [name for name in _NO_MODULE.findall(said) if not find_spec(name)]
    if missing and os.environ.get("CI") != "true":
        report.outcome = "skipped"
        report.longrepr = (str(file), 0, f"Skipped: {missing[0]} is not installed")


def part(module: str) -> Any:
    """Import a module of a package that may not be installed, or skip the test."""
    try:
        return import_module(module)
    except ModuleNotFoundError:
        skip(f"{module} is not installed")


def program(name: str) -> str:
    """The path of a program that is installed, or no test."""
    found = shutil.which(name) or shutil.which(name, path="/usr/sbin")
    return found or skip(f"{name} is not installed")


def skip(reason: str) -> NoReturn:
    """Skip the test, or the module that is being imported, for want of a part.

    With CI=true this fails instead: a build machine has every part. The quick suite may be
    installed without the parts of modules that it takes no test from. A check that is no test ends.
    """
    if "PYTEST_VERSION" not in os.environ:
        sys.exit(reason)
    is_running = "PYTEST_CURRENT_TEST" in os.environ
    if os.environ.get("CI") == "true" and (is_running or not is_quick()):
        pytest.fail(reason)
    pytest.skip(reason, allow_module_level=True)
