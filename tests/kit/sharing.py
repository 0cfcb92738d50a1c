"""How the processes of one run share the work of importing the tests."""

import importlib
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.kit import ROOT, parts


def import_share(config: pytest.Config) -> None:
    """Import a part of the test modules, another one in each worker of a run of everything.

    In a fresh clone pytest rewrites the assertions of each module, which takes ten times as long as
    the import. Workers go through the modules in one order, so each of them would rewrite each
    module, at the same time. After this they find most modules rewritten by the others.
    """
    worker = getattr(config, "workerinput", None)
    if worker is None or config.args_source is not config.ArgsSource.TESTPATHS:
        return
    number, count = int(worker["workerid"].removeprefix("gw")), worker["workercount"]
    outcomes = (pytest.skip.Exception, pytest.fail.Exception)
    for name in list(_modules())[number::count]:
        # The collection imports it again, and reports why that fails.
        with suppress(Exception, *outcomes):
            importlib.import_module(name)


def _modules() -> Iterator[str]:
    for file in sorted(Path(ROOT, "tests").rglob("test_*.py")):
        if not parts.has_no_quick_test(file):
            yield ".".join(file.relative_to(ROOT).with_suffix("").parts)
