"""What some tests need beside Python packages of the extra `test`, and the two speeds.

A test says what it needs by a marker; one that needs nothing is `quick`. A run of `-m quick` is the
quick suite, which also has fewer examples of each property.
"""

import os
import re
import sys
from collections.abc import Iterable
from importlib import import_module
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
    return re.search(r"^pytestmark = \[?pytest\.mark\.needs_", module.read_text(), re.M) is not None


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
    if NEEDS.keys().isdisjoint(marker.name for marker in item.iter_markers()):
        item.add_marker("quick")


def part(module: str) -> Any:
    """Import a module of a package that may not be installed, or skip the test."""
    try:
        return import_module(module)
    except ModuleNotFoundError:
        skip(f"{module} is not installed")


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
