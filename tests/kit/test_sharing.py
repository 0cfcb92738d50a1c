"""The workers of the quick suite have all test files between them, and each file once."""

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.kit import ROOT, parts, sharing

FILES = sorted(Path(ROOT, "tests").rglob("test_*.py"))


def config(number: int | None, count: int = 4, args: str = "TESTPATHS") -> Any:
    """The configuration of a worker, or of a run without any."""
    sources = SimpleNamespace(ARGS="ARGS", TESTPATHS="TESTPATHS")
    worker = {"workerid": f"gw{number}", "workercount": count}
    options = SimpleNamespace(maxworkerrestart=None)
    made = SimpleNamespace(ArgsSource=sources, args_source=args, option=options)
    if number is not None:
        made.workerinput = worker
    return made


def choose(speed: str) -> None:
    """Let this be a run with these marks."""
    chosen: Any = SimpleNamespace(option=SimpleNamespace(markexpr=speed))
    parts.choose_speed(chosen)


@pytest.fixture
def quick() -> Iterator[None]:
    """This is a run of the quick suite."""
    before = "quick" if parts.is_quick() else ""
    choose("quick")
    yield
    choose(before)


@pytest.mark.parametrize("count", [1, 2, 3, 4, 7])
@pytest.mark.usefixtures("quick")
def test_each_file_has_one_worker(count: int) -> None:
    """Whatever their number, no file is left out and none is run twice."""
    of_quick = [file for file in FILES if not parts.has_no_quick_test(file)]
    for file in of_quick:
        mine = [n for n in range(count) if not sharing.is_of_another(config(n, count), file)]
        assert len(mine) == 1


@pytest.mark.usefixtures("quick")
def test_other_runs_have_no_shares() -> None:
    """A run of named files, or one without workers, collects what it is asked for. Files that are
    not tests, such as a conftest, are everybody's."""
    assert not any(sharing.is_of_another(config(0, 4, "ARGS"), file) for file in FILES)
    assert not any(sharing.is_of_another(config(None), file) for file in FILES)
    assert not sharing.is_of_another(config(0), Path(ROOT, "tests/conftest.py"))
    named = config(None, args="ARGS")
    sharing.choose_restarts(named)
    assert named.option.maxworkerrestart is None


@pytest.mark.usefixtures("quick")
def test_a_lost_worker_ends_the_run() -> None:
    """Another one would collect a share of its own and not the lost one."""
    whole = config(None)
    sharing.choose_restarts(whole)
    assert whole.option.maxworkerrestart == "0"
