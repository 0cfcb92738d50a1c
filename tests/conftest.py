"""Fixtures for the whole suite: stores, each test with tables of its own, and a log without
secrets. Fixtures with real engines are in `kit.engine_fixtures`."""

import gc
import logging
import os
import re
import shutil
from collections.abc import Callable, Generator, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis.strategies import none

from jwt_middleware.stores import MemoryStore, SQLStore
from jwt_middleware.stores.sql import engines
from tests.kit import parts, sharing, sqlite
from tests.kit.clock import AheadClock
from tests.kit.passwords import CHEAP, make_cheap
from tests.kit.waiting import PATIENCE, settle_fetches

if TYPE_CHECKING:
    from jwt_middleware.stores import RedisLog

_MEMORY = Path("/dev/shm")
"""A file system in memory, where Linux has it."""

_COLLECT_LESS = (50_000, 20, 20)
"""Thresholds of the garbage collector: a test makes few cycles and ends soon, and hardly anything
that is imported is garbage."""

_TAKES = {
    True: "quick: Python packages only; about 90 seconds with -n 4 on two quiet cores",
    False: "everything: browsers, servers, engines; about 20 minutes with -n 4 on two quiet cores",
}


def pytest_configure(config: pytest.Config) -> None:
    """Declare the markers and choose the speed before any test module is imported."""
    gc.set_threshold(*_COLLECT_LESS)
    config.addinivalue_line("markers", "quick: needs nothing but Python packages (set by conftest)")
    for name, does in parts.NEEDS.items():
        config.addinivalue_line("markers", f"{name}: {does}")
    parts.choose_speed(config)
    if not parts.is_quick():
        config.pluginmanager.import_plugin("tests.kit.engine_fixtures")
    sharing.choose_restarts(config)
    sharing.choose_order(config)
    if parts.is_quick() and memory_has_room():
        # Thousands of small databases would wait for the disk, twice as long as they compute.
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(_MEMORY))
    # A busy machine makes examples slowly; that is no fault of the code under test.
    slow = {"suppress_health_check": [HealthCheck.too_slow], "deadline": None}
    settings.register_profile("house", max_examples=parts.examples(100), **slow)
    settings.load_profile("house")


@given(none())
def _draw_first_example(_: None) -> None:
    """Let hypothesis make its random numbers now. It looks for what refers to them, and on Python
    3.14 it would not find an object that `pytest_collection_finish` has frozen."""


def memory_has_room() -> bool:
    """Whether the temporary folders of the quick suite, about 100 MB, fit into memory with ease."""
    try:
        return os.access(_MEMORY, os.W_OK) and shutil.disk_usage(_MEMORY).free > 2**31
    except OSError:
        return False


def pytest_report_header() -> str:
    """Say beforehand how long it takes."""
    return _TAKES[parts.is_quick()]


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Do not import for the quick suite what it takes no test from, nor what another worker
    imports."""
    if parts.has_no_quick_test(collection_path):
        return True
    return sharing.is_of_another(config, collection_path) or None


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> sharing.Shares | None:
    """Give each worker of the quick suite a share of the files."""
    return sharing.Shares(config, log) if sharing.has_shares(config) else None


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Understand what the workers send."""
    sharing.open_messages(node)


def pytest_collection(session: pytest.Session) -> None:
    """Let hypothesis begin while there are few objects. Rewrite each test module in one of the
    workers only."""
    _draw_first_example()
    sharing.import_share(session.config)


def pytest_sessionstart(session: pytest.Session) -> None:
    """Compile each statement for SQLite once, instead of once in each test. Let a worker send only
    what is shown."""
    sqlite.compile_statements_once()
    sharing.send_less(session.config)


def pytest_collection_finish() -> None:
    """Let the garbage collector pass over the tests and all that was imported for them. It would
    go through millions of objects again and again, and hardly any of them is garbage."""
    gc.freeze()


def pytest_sessionfinish() -> None:
    """Let pytest find what was never closed by one look at all objects. It looks five times."""
    gc.collect()
    gc.freeze()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark what needs an engine, and what needs nothing, and put all into order."""
    for item in items:
        parts.mark(item)
    sharing.spread(config, items)


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Skip a module whose package is not installed."""
    report = yield
    parts.excuse_module(report, collector.path)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Skip a test whose package is not installed."""
    report = yield
    if call.excinfo:
        parts.excuse_test(report, item, call.excinfo.value)
    return report


_PASSWORDS = (
    "analytical engine",
    "correct horse battery staple",
    "his new one",
    "looking-glass",
    "lovelace",
    "pässwörd",
    "wonderland",
)
_SECRET = re.compile(
    r"eyJ[\w-]+\.[\w-]+"  # a JWT, or the better part of one
    r"|(?<![\w-])[\w-]{64}(?![\w-])"  # a refresh token, or SHA-256 of something
    r"|jwtm_pat_\w+"  # a personal token
    rf"|{'|'.join(_PASSWORDS)}"
)


# What every record has beside its message: where, when and by which process it was made.
_OF_EVERY_RECORD = set(vars(logging.makeLogRecord({}))) - {"args", "exc_info"}


class LogWatch(logging.Handler):
    """Searches every record of the package for what a handler could tell of a token or a password
    of the tests."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self._leaks: list[str] = []
        self._clean: set[str] = set()  # of this test, as one record often comes a thousand times

    def emit(self, record: logging.LogRecord) -> None:
        """Keep the record, with its fields and its traceback, if there is a secret in it."""
        fields = {key: value for key, value in vars(record).items() if key not in _OF_EVERY_RECORD}
        told = f"{self.format(record)} {fields}"
        if told in self._clean:
            return
        if _SECRET.search(told):
            self._leaks.append(told)
        else:
            self._clean.add(told)

    def take_leaks(self) -> list[str]:
        """Return the records with a secret in them since the last time."""
        leaks, self._leaks = self._leaks, []
        self._clean.clear()
        return leaks


@pytest.fixture(scope="session")
def _log_watch() -> Iterator[LogWatch]:
    log, watch = logging.getLogger("jwt_middleware"), LogWatch()
    log.setLevel(logging.DEBUG)
    log.addHandler(watch)
    yield watch
    log.removeHandler(watch)
    log.setLevel(logging.NOTSET)


@pytest.fixture(autouse=True)
def log_watch(_log_watch: LogWatch) -> Iterator[LogWatch]:
    """Fails a test of which a secret got into the log. What a test has begun to fetch ends before
    the next one, which would find its line in the log."""
    yield _log_watch
    settle_fetches()
    assert not _log_watch.take_leaks()


@pytest.fixture
def collect_garbage() -> Iterator[Callable[[], object]]:
    """Collects what the test itself has dropped. `gc.collect()` alone would look at all objects of
    the whole run, for half a second. The objects of the test stay in the youngest generation, since
    nothing else collects until it ends."""
    gc.disable()
    yield partial(gc.collect, 0)
    gc.enable()


@pytest.fixture
def ahead(monkeypatch: pytest.MonkeyPatch) -> AheadClock:
    """Moves the clock on, where a test would otherwise sleep until a view of the revocations is too
    old."""
    clock = AheadClock()
    monkeypatch.setattr("time.monotonic", clock)
    return clock


@pytest.fixture
def unrecorded() -> Iterator[None]:
    """Where refusals come by the thousand and are meant, the log is watched as ever, but pytest
    keeps no record of it to show. It adds handlers of its own to a logger that does not
    propagate, and none to one without a parent."""
    log = logging.getLogger("jwt_middleware")
    parent, log.parent = log.parent, None
    yield
    log.parent = parent


@pytest.fixture
def cheap_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hashes of passwords take no time, also those of stores that are made without a method."""
    make_cheap(monkeypatch)


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stores that are made from now on wait for long, where many wait for one another on a machine
    that may be busy."""
    monkeypatch.setattr(engines, "TIMEOUT", PATIENCE)


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """The URL of an SQLite file that does not exist yet."""
    return f"sqlite:///{tmp_path}/auth.db"


@pytest.fixture
def sqlite_store(sqlite_url: str) -> Iterator[SQLStore]:
    """A store in a new SQLite file."""
    store = SQLStore(sqlite_url, password_method=CHEAP)
    yield store
    store.close()


@pytest.fixture(scope="session")
def sqlite_tables(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An SQLite file with the tables and nothing in them, of which tests make copies."""
    return sqlite.make_tables(tmp_path_factory.mktemp("tables") / "auth.db")


@pytest.fixture
def sqlite_copy_store(sqlite_tables: Path, tmp_path: Path) -> Iterator[SQLStore]:
    """A store with nothing in it, in an SQLite file that has the tables."""
    url = sqlite.copy_tables(sqlite_tables, tmp_path / "auth.db")
    store = SQLStore(url, password_method=CHEAP)
    yield store
    store.close()


@pytest.fixture
def memory_store() -> MemoryStore:
    """A store in memory."""
    return MemoryStore(password_method=CHEAP)


def _store_of(request: pytest.FixtureRequest) -> Any:
    """The store of a parameter; to make the tables anew is left to the tests of `sqlite_store`."""
    name = "sqlite_copy" if request.param == "sqlite" else request.param
    return request.getfixturevalue(f"{name}_store")


@pytest.fixture(params=["memory", "sqlite", "postgresql", "pgbouncer", "mariadb"])
def store(request: pytest.FixtureRequest) -> MemoryStore | SQLStore:
    """A new store on each engine that keeps users."""
    return _store_of(request)


_SESSION_STORES = [
    "memory",
    "sqlite",
    "postgresql",
    "pgbouncer",
    "mariadb",
    "split",
    "split_cluster",
]


@pytest.fixture(params=_SESSION_STORES)
def session_store(request: pytest.FixtureRequest) -> MemoryStore | SQLStore:
    """A new store on each engine that keeps sessions, one of them with the log and counters
    elsewhere."""
    return _store_of(request)


_LOGS = ["memory", "sqlite", "postgresql", "pgbouncer", "mariadb", "valkey", "cluster", "sentinel"]


@pytest.fixture(params=_LOGS)
def log(request: pytest.FixtureRequest) -> "MemoryStore | SQLStore | RedisLog":
    """A new store on each engine that keeps a log and counters."""
    return _store_of(request)
