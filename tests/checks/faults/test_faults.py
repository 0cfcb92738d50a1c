"""The faults in short; `python -m tests.checks.faults` has them at length."""

import sqlite3
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, closing
from pathlib import Path
from signal import SIGCONT, SIGSTOP

import pytest

from jwt_middleware.errors import StoreUnavailable
from jwt_middleware.login.sessions import Sessions
from jwt_middleware.stores import RedisLog, SQLStore
from tests.kit.engines import PostgreSQL, Valkey
from tests.kit.passwords import CHEAP

from .disk import fill, small_disk
from .kills import OPERATIONS, Witness, kill_at_points
from .outages import Server, go_through
from .races import refresh_at_once, reuse_after_grace
from .site import PASSWORD, THREADS, Site, served

pytestmark = [pytest.mark.needs_servers, pytest.mark.needs_engines]

STORES = ("sqlite", "postgresql", "split")
Serve = Callable[..., AbstractContextManager[Site]]


@pytest.fixture(scope="module")
def postgresql() -> Iterator[PostgreSQL]:
    """A PostgreSQL of our own, since it will be killed."""
    server = PostgreSQL()
    yield server
    server.remove()


@pytest.fixture(scope="module")
def valkey() -> Iterator[Valkey]:
    """A Valkey of our own."""
    server = Valkey()
    yield server
    server.remove()


@pytest.fixture(params=STORES)
def serve(request: pytest.FixtureRequest, tmp_path: Path) -> Serve:
    """Serves the app over each kind of store."""
    database, log = f"sqlite:///{tmp_path}/auth.db", ""
    if request.param == "postgresql":
        database = request.getfixturevalue("postgresql").url
    if request.param == "split":
        log = request.getfixturevalue("valkey").url
    return lambda **options: served(tmp_path, database, log, **options)


@pytest.mark.parametrize("serve", ["sqlite", "postgresql"], indirect=True)
def test_many_at_once(serve: Serve) -> None:
    """Fifty refreshes of one token are one generation; a token used again ends the session in every
    worker in 2 s."""
    with serve(options=THREADS, REUSE_GRACE="5") as site:
        # A busy machine may let one worker take all of them.
        assert any(refresh_at_once(site) > 1 for _ in range(10))
        assert reuse_after_grace(site, 5) < 2


def test_workers_are_killed(serve: Serve) -> None:
    """Before and after every seventh statement or commit: no session is lost or resurrected,
    nothing is half done."""
    with serve(FAULTS="1") as site:
        witness = Witness(site)
        kills = [
            kill_at_points(site, witness, name, first=first, step=7)
            for first, name in enumerate(OPERATIONS)
        ]
        witness.swear()
        assert sum(kills) == site.kills().total()
        assert min(kills) >= 2


def test_the_engines_are_away(tmp_path: Path) -> None:
    """503 while PostgreSQL or Valkey is killed or frozen, tokens served for max_outage, and nothing
    is lost after."""
    with ThreadPoolExecutor(2) as both:  # side by side, since most of it is waiting
        list(both.map(go_through_all, (PostgreSQL, Valkey), (tmp_path, tmp_path)))


def go_through_all(engine: type[Server], folder: Path) -> None:
    """Both outages of one engine, which ends with this thread (`--pdeathsig`) and so is this
    thread's own."""
    server = engine()
    folder = folder / engine.__name__
    folder.mkdir()
    needs, database, log = ("login", "revoke"), f"sqlite:///{folder}/auth.db", server.url
    if engine is PostgreSQL:
        needs, database, log = (*needs, "refresh"), server.url, ""
    try:
        with served(folder, database, log, options=THREADS, MAX_OUTAGE="2.5") as site:
            for how in ("killed", "frozen"):
                go_through(site, server, how, needs, 2.5)
    finally:
        server.remove()


def test_who_waits_for_the_log_holds_no_lock(valkey: Valkey, tmp_path: Path) -> None:
    """What cannot be ended while Valkey is frozen keeps nobody else from writing into the SQLite
    file."""
    store = SQLStore(
        f"sqlite:///{tmp_path}/auth.db", log=RedisLog(valkey.url), password_method=CHEAP
    )
    user = store.add_user("ada", PASSWORD)
    issuing = {
        "reuse_grace": 10,
        "idle_timeout": 60,
        "session_lifetime": 60,
        "issuer": "https://a.example",
    }
    _, session = Sessions(store, **issuing).start(user, 900)
    endings = {
        "end_session": lambda: store.end_session(session),
        "end_sessions": lambda: store.end_sessions("1"),
        "revoke": lambda: store.revoke(token_id="t", expires_at=time.time()),
        "disable_user": lambda: store.disable_user("ada"),
    }
    valkey.signal_all(SIGSTOP)
    try:
        with (
            ThreadPoolExecutor() as threads,
            closing(sqlite3.connect(store.path, timeout=0)) as other,
        ):
            waiting = {name: threads.submit(ending) for name, ending in endings.items()}
            while not all(each.done() for each in waiting.values()):
                other.execute("BEGIN IMMEDIATE")  # fails at once where another one writes
                other.rollback()
    finally:
        valkey.signal_all(SIGCONT)
    assert {name: type(each.exception()) for name, each in waiting.items()} == dict.fromkeys(
        endings, StoreUnavailable
    )
    assert store.find_session(session.name_hash) == session


def test_the_disk_is_full(tmp_path: Path) -> None:
    """503 and an intact file while there is no room; when there is, all is well."""
    disk = tmp_path / "disk"
    disk.mkdir()
    with small_disk(disk) as is_mounted, served(tmp_path, f"sqlite:///{disk}/auth.db") as site:
        assert fill(site, disk, is_mounted) > 0
