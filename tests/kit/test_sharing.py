"""The workers of the quick suite have all test files between them, and each file once."""

from collections.abc import Iterator
from contextlib import contextmanager
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
    options = SimpleNamespace(maxworkerrestart=None, loadscopereorder=True)
    made = SimpleNamespace(ArgsSource=sources, args_source=args, option=options)
    if number is not None:
        made.workerinput = worker
    return made


def choose(speed: str) -> None:
    """Let this be a run with these marks."""
    chosen: Any = SimpleNamespace(option=SimpleNamespace(markexpr=speed))
    parts.choose_speed(chosen)


@contextmanager
def chosen(speed: str) -> Iterator[None]:
    """Let this be such a run for a while."""
    before = "quick" if parts.is_quick() else ""
    choose(speed)
    yield
    choose(before)


@pytest.fixture
def quick() -> Iterator[None]:
    """This is a run of the quick suite."""
    with chosen("quick"):
        yield


@pytest.fixture
def everything() -> Iterator[None]:
    """This is a run of all tests."""
    with chosen(""):
        yield


class Item:
    """A test of a file, quick or not."""

    def __init__(self, name: str, *, is_quick: bool) -> None:
        self.path = Path(ROOT, "tests", name)
        self.name, self._is_quick = f"{name} {is_quick}", is_quick

    def get_closest_marker(self, name: str) -> object:
        """The mark, if it has that."""
        return name if self._is_quick and name == "quick" else None


@pytest.mark.usefixtures("everything")
def test_files_that_start_something_go_first_among_others() -> None:
    """Those of the longest folders before the rest, each with one that computes after it; the tests
    of a file stay together and in their order."""
    names = ["a/one.py", "a/two.py", "servers/x.py", "b/three.py", "browser/y.py", "b/four.py"]
    items: list[Any] = [Item(name, is_quick=name[0] in "ab") for name in names]
    items[1:1] = [Item("a/mixed.py", is_quick=True), Item("a/mixed.py", is_quick=False)]
    items[-2] = Item("browser/y.py", is_quick=False)
    sharing.spread(config(0), items)
    assert [item.name.split()[0] for item in items] == [
        "browser/y.py",
        "a/one.py",
        "servers/x.py",
        "a/two.py",
        "a/mixed.py",
        "a/mixed.py",
        "b/three.py",
        "b/four.py",
    ]
    assert [item.name.split()[1] for item in items[4:6]] == ["True", "False"]
    whole = config(None)
    sharing.choose_order(whole)
    assert whole.option.loadscopereorder is False


@pytest.mark.usefixtures("everything")
def test_named_files_stay_in_their_order() -> None:
    """Who names files gets them as they come."""
    items: list[Any] = [Item("a/one.py", is_quick=True), Item("servers/x.py", is_quick=False)]
    named = config(None, args="ARGS")
    sharing.spread(named, items)
    sharing.choose_order(named)
    assert [item.path.name for item in items] == ["one.py", "x.py"]
    assert named.option.loadscopereorder is True


@pytest.mark.parametrize("count", [1, 2, 3, 4, 7])
@pytest.mark.usefixtures("quick")
def test_each_file_has_one_worker(count: int) -> None:
    """Whatever their number, no file is left out and none is run twice."""
    of_quick = [file for file in FILES if not parts.has_no_quick_test(file)]
    for file in of_quick:
        mine = [n for n in range(count) if not sharing.is_of_another(config(n, count), file)]
        assert len(mine) == 1


FORKING = {
    "by itself": "site/test_commands.py",
    "by scripts": "stores/test_passwords.py",
    "by the conftest of its folder": "cli/test_token.py",
}


@pytest.mark.parametrize("name", FORKING.values(), ids=FORKING)
@pytest.mark.usefixtures("quick")
def test_few_workers_have_the_process_that_forks(name: str) -> None:
    """A third of the workers has all files that begin processes."""
    file = Path(ROOT, "tests", name)
    for count, few in ((2, 1), (6, 2), (7, 3)):
        owners = [n for n in range(count) if not sharing.is_of_another(config(n, count), file)]
        assert len(owners) == 1
        assert owners[0] < few


@pytest.mark.parametrize("name", ["trust/test_remote_keys.py", "checks/faults/test_issuers.py"])
@pytest.mark.usefixtures("quick")
def test_the_last_worker_waits_for_all(name: str) -> None:
    """The files that wait longest are in one share, so that they never wait in all at one time."""
    file = Path(ROOT, "tests", name)
    for count in (2, 4, 6):
        assert not sharing.is_of_another(config(count - 1, count), file)


class Worker:
    """The worker's half of xdist."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, Any]] = []

    def sendevent(self, name: str, **values: Any) -> None:
        """Send a message."""
        self.sent.append((name, values))


def sent_by(verbose: int, args: str = "TESTPATHS") -> Worker:
    """The worker of a run, after it was told to send less."""
    worker, run = Worker(), config(0, args=args)
    run.option.verbose = verbose
    run.pluginmanager = SimpleNamespace(get_plugins=lambda: [object(), worker])
    sharing.send_less(run)
    return worker


def report(when: str, outcome: str = "passed", duration: float = 0.001, **more: Any) -> Any:
    """What a worker sends of one phase of a test."""
    values = {"when": when, "outcome": outcome, "duration": duration, "keywords": {"test_x": 1}}
    return {**values, "sections": [], "user_properties": [], **more}


def received(sent: list[tuple[str, Any]]) -> list[tuple[str, Any]]:
    """The events that xdist gets out of the messages of a worker, which leave as they are."""
    taken: list[tuple[str, Any]] = []
    node = SimpleNamespace(process_from_remote=taken.append)
    sharing.open_messages(node)
    for message in sent:
        process: Any = node.process_from_remote
        process(message)
    return taken


@pytest.mark.usefixtures("quick")
def test_a_worker_sends_what_is_shown() -> None:
    """That a test passed, and whatever else failed, was skipped, took long or wrote something; and
    what the scheduler needs."""
    worker = sent_by(0)
    shown = [
        report("call"),
        report("setup", "skipped"),
        report("setup", "failed"),
        report("teardown", "failed"),
        report("setup", duration=0.01),
        report("teardown", sections=[("Captured stdout teardown", "x")]),
        report("teardown", user_properties=[("name", "value")]),
    ]
    for data in (report("setup"), *shown, report("teardown")):
        worker.sendevent("testreport", data=data)
    for name in ("logstart", "logfinish", "runtest_protocol_complete"):
        worker.sendevent(name, item_index=1)
    *reports, over, complete = received(worker.sent)
    assert [values["data"] for _, values in reports] == shown
    assert (over[0], complete[0]) == ("logfinish", "runtest_protocol_complete")


@pytest.mark.parametrize("speed", ["quick", ""])
def test_a_test_that_passed_is_one_message(speed: str) -> None:
    """In each whole run. It is sent when the test is over, and none is held for another test."""
    with chosen(speed):
        worker = sent_by(0)
    for _ in range(2):
        worker.sendevent("testreport", data=report("call"))
        worker.sendevent("logfinish", nodeid="x")
        worker.sendevent("runtest_protocol_complete", item_index=1)
    assert len(worker.sent) == 2


@pytest.mark.usefixtures("quick")
def test_a_failure_is_sent_at_once() -> None:
    """The worker may be lost while it goes on."""
    worker = sent_by(0)
    worker.sendevent("testreport", data=report("setup", duration=0.01))
    worker.sendevent("testreport", data=report("call", "failed"))
    assert [values["data"]["outcome"] for _, values in received(worker.sent)] == [
        "passed",
        "failed",
    ]


def test_other_messages_are_not_changed() -> None:
    """Those of a worker that sends all, and the mark of the end, which is no tuple."""
    end: Any = object()
    sent = [("workerready", {"workerinfo": {}}), end]
    assert received(sent) == sent


@pytest.mark.parametrize(("verbose", "args"), [(1, "TESTPATHS"), (0, "ARGS")])
@pytest.mark.usefixtures("quick")
def test_other_runs_send_all(verbose: int, args: str) -> None:
    """A verbose run shows each start, and one of named files is short."""
    worker = sent_by(verbose, args)
    worker.sendevent("logstart", nodeid="x")
    assert worker.sent == [("logstart", {"nodeid": "x"})]


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
def test_a_repetition_of_what_failed_has_no_shares() -> None:
    """A worker without a failure in its share would run all of it."""
    repeated = config(0)
    repeated.option.lf = True
    assert not any(sharing.is_of_another(repeated, file) for file in FILES)


@pytest.mark.parametrize("speed", ["quick", ""])
def test_a_lost_worker_ends_the_run(speed: str) -> None:
    """Another one would collect a share of its own and not the lost one; in a run of everything
    xdist may wait for ever."""
    whole = config(None)
    with chosen(speed):
        sharing.choose_restarts(whole)
    assert whole.option.maxworkerrestart == "0"
