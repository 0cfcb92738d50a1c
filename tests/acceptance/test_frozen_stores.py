"""Stores whose server has stopped, as a machine that swaps or a debugger stops it: each request is
answered 503 in the time of one call, however many calls it makes and however many requests wait."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from signal import SIGCONT, SIGSTOP
from typing import Any

import pytest

from jwt_middleware.errors import StoreUnavailable
from jwt_middleware.login import LoginApp, TokenMinter
from jwt_middleware.stores import RedisLog, SQLStore
from tests.kit.engines import MariaDB, PgBouncer, PostgreSQL, Valkey, ValkeyCluster
from tests.kit.passwords import CHEAP
from tests.kit.waiting import wait_for

from .conftest import PASSWORD

pytestmark = pytest.mark.needs_engines

ADA = {"username": "ada", "password": PASSWORD}
ALL = ("login", "refresh", "revoke")
AT_ONCE = 20  # more than a pool has connections

Frozen = tuple[SQLStore, Any, tuple[str, ...]]
"""A store, the server to freeze, and the requests that need it."""


def store_at(url: str) -> SQLStore:
    """A store with everything in one database."""
    return SQLStore(url, password_method=CHEAP)


def in_postgresql(folder: Path) -> Iterator[Frozen]:
    """Everything in PostgreSQL."""
    server = PostgreSQL()
    yield store_at(server.url), server, ALL
    server.remove()


def behind_pgbouncer(folder: Path) -> Iterator[Frozen]:
    """The pooler in front of it hangs."""
    server = PostgreSQL()
    pooler = PgBouncer(server.url)
    yield store_at(pooler.url), pooler, ALL
    pooler.remove()
    server.remove()


def behind_a_pooler_that_works(folder: Path) -> Iterator[Frozen]:
    """PostgreSQL hangs, and the pooler in front of it answers."""
    server = PostgreSQL()
    pooler = PgBouncer(server.url)
    yield store_at(pooler.url), server, ALL
    pooler.remove()
    server.remove()


def in_mariadb(folder: Path) -> Iterator[Frozen]:
    """Everything in MariaDB."""
    server = MariaDB()
    yield store_at(server.url), server, ALL
    server.remove()


def beside(server: Valkey | ValkeyCluster, folder: Path) -> Iterator[Frozen]:
    """The log and the counters are in another store."""
    log = RedisLog(server.url)
    url = f"sqlite:///{folder}/auth.db"
    yield SQLStore(url, log=log, password_method=CHEAP), server, ("login", "revoke")
    server.remove()


def beside_valkey(folder: Path) -> Iterator[Frozen]:
    """The log and the counters are in Valkey."""
    yield from beside(Valkey(), folder)


def beside_a_cluster(folder: Path) -> Iterator[Frozen]:
    """The log and the counters are in a cluster, all of which hangs."""
    yield from beside(ValkeyCluster(replicas=True), folder)


STORES = {
    "PostgreSQL": in_postgresql,
    "PgBouncer": behind_pgbouncer,
    "PostgreSQL behind PgBouncer": behind_a_pooler_that_works,
    "MariaDB": in_mariadb,
    "Valkey": beside_valkey,
    "Cluster": beside_a_cluster,
}


@pytest.fixture
def frozen(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Frozen]:
    """A store over a server of its own, with ada in it. It goes on at the end."""
    made = request.param(tmp_path)
    store, server, needs = next(made)
    store.add_user("ada", PASSWORD)
    yield store, server, needs
    server.signal_all(SIGCONT)
    store.close()
    next(made, None)


@pytest.mark.parametrize("frozen", STORES.values(), ids=STORES, indirect=True)
def test_a_request_waits_once(
    frozen: Frozen, visit: Any, minter: TokenMinter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A request to a frozen store is answered 503 in the time of one call to it, alone and beside
    many others. When the server goes on, requests are answered as ever."""
    store, server, needs = frozen
    app = LoginApp(store, minter)
    tokens = [visit(app).post_json("/token", ADA).json["refresh_token"] for _ in range(2)]
    bodies: dict[str, tuple[str, dict[str, str]]] = {
        "login": ("/token", ADA),
        "refresh": ("/token", {"grant_type": "refresh_token", "refresh_token": tokens[0]}),
        "revoke": ("/revoke", {"token": tokens[1]}),
    }

    def is_answered(path: str, body: dict[str, str]) -> bool:
        return bool(visit(app).post_json(path, body, expect_errors=True).status_int == 200)

    def send(kind: str) -> None:
        path, body = bodies[kind]
        visit(app).post_json(path, body, status=503)

    authenticate = store.authenticate

    def freeze(*arguments: str) -> Any:
        server.signal_all(SIGSTOP)
        return authenticate(*arguments)

    with monkeypatch.context() as patched:  # It freezes after the attempt was counted.
        patched.setattr(store, "authenticate", freeze)
        causes = failures_of(store, patched)
        send("login")
        assert waits(causes) == 1, causes
    causes = failures_of(store, monkeypatch)
    for kind in needs:
        causes.clear()
        send(kind)
        assert waits(causes) == 1, causes
    with ThreadPoolExecutor(AT_ONCE) as threads:
        list(threads.map(send, [kind for kind in needs for _ in range(AT_ONCE)]))
    server.signal_all(SIGCONT)
    for kind in ("login", "refresh"):  # PgBouncer waits before it connects to a server again
        wait_for(lambda kind=kind: is_answered(*bodies[kind]))


def failures_of(store: SQLStore, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The causes of all failed calls from here on. The clock of a busy machine cannot tell one wait
    from two."""
    causes: list[str] = []

    def noting(call: Callable[..., Any]) -> Callable[..., Any]:
        def noted(*arguments: Any, **options: Any) -> Any:
            try:
                return call(*arguments, **options)
            except StoreUnavailable as error:
                causes.append(error.cause)
                raise

        return noted

    for name in dir(type(store)):
        if not name.startswith("_") and callable(getattr(type(store), name)):
            monkeypatch.setattr(store, name, noting(getattr(store, name)))
    return causes


def waits(causes: list[str]) -> int:
    """How many of the calls that failed have asked the store."""
    return len([cause for cause in causes if "waited in vain" not in cause])
