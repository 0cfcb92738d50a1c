"""How the processes of one run share the work.

In the quick suite each worker collects a share of the test files and runs all of it. To collect
everything in each worker, as xdist has it, would take as long as a sixth of the tests. In a run of
everything some files take minutes, so a worker that is free takes the next file, and all workers
have to collect the same tests; there they share the rewriting of the assertions alone.
"""

import importlib
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from functools import cache
from itertools import zip_longest
from pathlib import Path
from typing import Any

import pytest
from xdist.scheduler import EachScheduling

from tests.kit import ROOT, parts

_LONG = {
    "acceptance/issuers/test_recipes.py": (4.4, 3.1),
    "acceptance/issuers/test_recipes_in_text.py": (0.8, 0.6),
    "acceptance/test_exact_and_star.py": (2.1, 0.0),
    "acceptance/test_issuers.py": (0.7, 2.2),
    "acceptance/test_kit.py": (1.2, 0.0),
    "acceptance/test_own_tokens.py": (2.7, 0.0),
    "acceptance/test_personal_tokens.py": (0.4, 4.0),
    "acceptance/test_presented.py": (1.2, 0.0),
    "acceptance/test_sessions.py": (2.7, 0.0),
    "acceptance/test_store_faults.py": (1.3, 0.6),
    "acceptance/test_view_refusals.py": (3.5, 0.0),
    "checks/corpus/test_corpus.py": (1.9, 0.0),
    "checks/faults/test_issuers.py": (1.8, 11.8),
    "checks/fuzz/test_environs.py": (2.0, 0.0),
    "checks/fuzz/test_fuzz.py": (1.1, 0.0),
    "cli/test_explain_and_routes.py": (1.2, 0.7),
    "cli/test_keys.py": (1.1, 0.0),
    "cli/test_token.py": (1.7, 0.0),
    "cli/test_users.py": (2.2, 0.8),
    "examples/test_features.py": (0.2, 1.0),
    "login/test_sessions.py": (1.0, 0.5),
    "login/test_throttle.py": (2.0, 0.3),
    "policy/test_rules.py": (1.7, 0.0),
    "settings/test_login_app.py": (0.7, 2.2),
    "site/test_commands.py": (1.6, 2.1),
    "site/test_pages.py": (1.0, 0.0),
    "stores/test_cluster_slot.py": (0.1, 1.1),
    "stores/test_conformance.py": (1.8, 0.0),
    "stores/test_diagnosis.py": (0.1, 2.0),
    "stores/test_imports.py": (1.5, 0.0),
    "stores/test_other_hashes.py": (1.9, 0.0),
    "stores/test_passwords.py": (3.4, 0.1),
    "stores/test_redis.py": (0.3, 1.0),
    "stores/test_sql.py": (0.5, 7.4),
    "test_architecture.py": (1.1, 0.0),
    "test_packages.py": (1.4, 1.2),
    "test_readme.py": (1.9, 0.0),
    "test_report_only.py": (0.8, 4.0),
    "testing/test_key_server.py": (0.6, 2.3),
    "testing/test_plugin.py": (1.9, 0.2),
    "testing/test_protection.py": (12.6, 0.0),
    "trust/test_discovery.py": (1.2, 7.3),
    "trust/test_fetch.py": (1.3, 3.6),
    "trust/test_interop.py": (1.1, 0.0),
    "trust/test_introspection.py": (0.9, 4.8),
    "trust/test_keys.py": (1.7, 0.0),
    "trust/test_proof.py": (1.1, 0.0),
    "trust/test_remote_keys.py": (4.3, 15.6),
    "trust/test_tenants.py": (0.8, 1.2),
    "trust/test_verifier.py": (1.1, 0.0),
    "wire/test_responses.py": (0.9, 1.5),
}
"""Seconds that the longest files of the quick suite compute and wait, in one process. A figure
that is wrong makes a run longer, and nothing else."""

_FOLDERS = {name: rank for rank, name in enumerate(("browser", "checks", "servers", "packaging"))}
"""The folders whose files take longest, in this order."""

_USUAL = (0.25, 0.0)  # of any other file

_TOGETHER = "together"  # the name of a message with several events

_SHORT = 0.005  # seconds: by default `--durations` lists no shorter setup or teardown


def has_shares(config: pytest.Config) -> bool:
    """Whether this is a run of the whole quick suite, in which each worker has files of its own."""
    return parts.is_quick() and _is_whole(config)


def choose_restarts(config: pytest.Config) -> None:
    """End a whole run when a worker is lost. Another one could not know a lost share, and in a run
    of everything xdist runs the test that ended it once more in each worker, or waits for ever."""
    if _is_whole(config) and hasattr(config.option, "maxworkerrestart"):
        config.option.maxworkerrestart = "0"


def is_everything(config: pytest.Config) -> bool:
    """Whether this is a run of all tests."""
    return not parts.is_quick() and _is_whole(config)


def _is_whole(config: pytest.Config) -> bool:
    is_repeat = getattr(config.option, "lf", False)  # it knows nothing of shares
    return config.args_source is config.ArgsSource.TESTPATHS and not is_repeat


def choose_order(config: pytest.Config) -> None:
    """Have the workers of a run of everything take the files in the order of `spread`. By default
    the files with most tests go first. Those with browsers and servers have few, and would come
    last, with a worker or two to wait for them."""
    if is_everything(config) and hasattr(config.option, "loadscopereorder"):
        config.option.loadscopereorder = False


def spread(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Put the files of tests that start something first, the longest folders before the others, and
    after each of them a file that only computes: so that not all workers wait at one time, and none
    at the end."""
    if not is_everything(config):
        return
    files: dict[Path, list[pytest.Item]] = {}
    for item in items:
        files.setdefault(item.path, []).append(item)
    starting = [file for file in files if not all(map(_is_quick, files[file]))]
    computing = [file for file in files if file not in starting]
    starting.sort(key=lambda file: _FOLDERS.get(file.relative_to(ROOT).parts[1], len(_FOLDERS)))
    items[:] = [item for file in _in_turn(starting, computing) for item in files[file]]


def _is_quick(item: pytest.Item) -> bool:
    return item.get_closest_marker("quick") is not None


def _in_turn(some: list[Path], others: list[Path]) -> Iterable[Path]:
    for pair in zip_longest(some, others):
        yield from filter(None, pair)


def is_of_another(config: pytest.Config, module: Path) -> bool:
    """Whether a test module is in the share of another worker of the quick suite."""
    worker = getattr(config, "workerinput", None)
    if worker is None or not has_shares(config) or not module.match("test_*.py"):
        return False
    number = int(worker["workerid"].removeprefix("gw"))
    return _owners(worker["workercount"])[module] != number


class Shares(EachScheduling):
    """Has each worker run all that it collected, which is its share."""

    def schedule(self) -> None:
        """Start the workers. The progress is shown of all shares together."""
        session: Any = self.config.pluginmanager.getplugin("session")
        session.testscollected = sum(map(len, self.node2collection.values()))
        super().schedule()


def send_less(config: pytest.Config) -> None:
    """Have a worker of a whole run send only what is shown of a test, in one message.

    xdist sends six messages a test. Three of them show nothing: that it starts, and that its setup
    and its teardown passed. 5,000 empty tests take 9.5 CPU seconds with them and 6.9 without. Each
    of the other three wakes threads of the main process: one instead saves a tenth of the suite.
    """
    if not _is_whole(config) or config.option.verbose > 0:
        return
    for plugin in config.pluginmanager.get_plugins():
        # This is the worker's half of xdist, which has no name. Only a worker has it.
        if send := getattr(plugin, "sendevent", None):
            plugin.sendevent = _Outbox(send).put


class _Outbox:
    """Holds what passed until the test is over."""

    def __init__(self, send: Callable[..., object]) -> None:
        self._send = send
        self._held: list[tuple[str, dict[str, Any]]] = []

    def put(self, event: str, **values: Any) -> None:
        """Send an event of xdist, now or with those that follow."""
        report = values.get("data", {})
        if event == "logstart" or (event == "testreport" and _shows_nothing(report)):
            return
        is_held = event == "logfinish"
        if event == "testreport" and report["outcome"] == "passed":
            report["keywords"] = {}  # the names and marks, which only a failure may show
            is_held = True
        self._held.append((event, values))
        if not is_held:
            held, self._held = self._held, []
            self._send(_TOGETHER, events=held)


def open_messages(node: Any) -> None:
    """Have xdist take each event out of the messages of a worker (`send_less`)."""
    take = node.process_from_remote

    def process(message: Any) -> None:
        name, values = message if isinstance(message, tuple) else ("", {})
        for event in values["events"] if name == _TOGETHER else (message,):
            take(event)

    node.process_from_remote = process


def _shows_nothing(report: Mapping[str, Any]) -> bool:
    is_around = report["when"] != "call" and report["outcome"] == "passed"
    is_empty = not report["sections"] and not report["user_properties"]
    return is_around and is_empty and report["duration"] < _SHORT


def import_share(config: pytest.Config) -> None:
    """Import a part of the test modules, another one in each worker of a run of everything.

    In a fresh clone pytest rewrites the assertions of each module, which takes ten times as long as
    the import. Workers go through the modules in one order, so each of them would rewrite each
    module, at the same time. After this they find most modules rewritten by the others.
    """
    worker = getattr(config, "workerinput", None)
    if worker is None or not is_everything(config):
        return
    number, count = int(worker["workerid"].removeprefix("gw")), worker["workercount"]
    outcomes = (pytest.skip.Exception, pytest.fail.Exception)
    for module in _modules()[number::count]:
        # The collection imports it again, and reports why that fails.
        with suppress(Exception, *outcomes):
            importlib.import_module(_name_of(module))


def _name_of(module: Path) -> str:
    return ".".join(module.relative_to(ROOT).with_suffix("").parts)


@cache
def _owners(count: int) -> dict[Path, int]:
    """Return the number of the worker that has each test module.

    Those that wait more than they compute go to the last worker, until it has its share: so the
    others always have something to compute, and never wait all at one time. Those that begin
    processes go to a third of the workers: each of these needs the process from which the others
    are forked. The longest go first, each to the worker with least to do.
    """
    seconds = {module: _seconds(module, count) for module in _modules()}
    share = sum(seconds.values()) / count
    forking = {module for module in seconds if _forks(module)}
    waiting = {module for module in seconds if _waits(module)} - forking
    busy = [0.0] * count
    owners = {}
    order = [(one not in waiting, one not in forking, -seconds[one], one) for one in seconds]
    for *_, module in sorted(order):
        if module in waiting and busy[-1] + seconds[module] <= share:
            owner = count - 1
        else:
            choice = busy[: -(-count // 3)] if module in forking else busy
            owner = choice.index(min(choice))
        owners[module] = owner
        busy[owner] += seconds[module]
    return owners


def _seconds(module: Path, count: int) -> float:
    """Return how long a test module takes while as many workers compute."""
    computes, waits = _times(module)
    return computes * max(1.0, (count - 1) / (os.cpu_count() or 1)) + waits


def _waits(module: Path) -> bool:
    computes, waits = _times(module)
    return waits > computes


def _times(module: Path) -> tuple[float, float]:
    return _LONG.get(module.relative_to(Path(ROOT, "tests")).as_posix(), _USUAL)


def _forks(module: Path) -> bool:
    """Return whether a test module, or the conftest of its folder, uses `kit.forking`."""
    return any(
        re.search(r"^from tests\.kit.*\b(forking|scripts)\b", file.read_text(), re.M)
        for file in (module, module.with_name("conftest.py"))
        if file.exists()
    )


@cache
def _modules() -> list[Path]:
    return sorted(_found())


def _found() -> Iterator[Path]:
    for module in Path(ROOT, "tests").rglob("test_*.py"):
        if not parts.has_no_quick_test(module):
            yield module
