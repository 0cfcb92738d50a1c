"""Stores whose server has stopped, as a machine that swaps or a debugger stops it: each request is
answered 503 in the time of one call, however many calls it makes and however many requests wait."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from signal import SIGCONT, SIGSTOP
from typing import Any

import pytest

from jwt_middleware.login import LoginApp, TokenMinter
from jwt_middleware.stores import RedisLog, SQLStore
from tests.kit.engines import MariaDB, PgBouncer, PostgreSQL, Valkey, ValkeyCluster
from tests.kit.passwords import CHEAP
from tests.kit.waiting import BOUND

from .conftest import PASSWORD

pytestmark = pytest.mark.needs_engines

ADA = {"username": "ada", "password": PASSWORD}
AT_ONCE = 40  # more than a pool has connections

Frozen = tuple[SQLStore, Any, tuple[str, ...]]
"""A store, the server to freeze, and the requests that need it."""


def in_postgresql(folder: Path) -> Iterator[Frozen]:
    """Everything in PostgreSQL."""
    server = PostgreSQL()
    yield SQLStore(server.url, password_method=CHEAP), server, ("login", "refresh", "revoke")
    server.remove()


def behind_pgbouncer(folder: Path) -> Iterator[Frozen]:
    """The pooler in front of it hangs."""
    server = PostgreSQL()
    pooler = PgBouncer(server.url)
    yield SQLStore(pooler.url, password_method=CHEAP), pooler, ("login", "refresh", "revoke")
    pooler.remove()
    server.remove()


def behind_a_pooler_that_works(folder: Path) -> Iterator[Frozen]:
    """PostgreSQL hangs, and the pooler in front of it answers."""
    server = PostgreSQL()
    pooler = PgBouncer(server.url)
    yield SQLStore(pooler.url, password_method=CHEAP), server, ("login", "refresh", "revoke")
    pooler.remove()
    server.remove()


def in_mariadb(folder: Path) -> Iterator[Frozen]:
    """Everything in MariaDB."""
    server = MariaDB()
    yield SQLStore(server.url, password_method=CHEAP), server, ("login", "refresh", "revoke")
    server.remove()


def beside_valkey(folder: Path) -> Iterator[Frozen]:
    """The log and the counters are in Valkey."""
    server = Valkey()
    log = RedisLog(server.url)
    url = f"sqlite:///{folder}/auth.db"
    yield SQLStore(url, log=log, password_method=CHEAP), server, ("login", "revoke")
    server.remove()


def beside_a_cluster(folder: Path) -> Iterator[Frozen]:
    """The log and the counters are in a cluster, all of which hangs."""
    server = ValkeyCluster(replicas=True)
    log = RedisLog(server.url)
    url = f"sqlite:///{folder}/auth.db"
    yield SQLStore(url, log=log, password_method=CHEAP), server, ("login", "revoke")
    server.remove()


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
def test_many_requests_at_once(frozen: Frozen, visit: Any, minter: TokenMinter) -> None:
    """Each request fails within the time of one call, and the next one after the server goes on is
    answered as ever."""
    store, server, needs = frozen
    app = LoginApp(store, minter)
    tokens = [visit(app).post_json("/token", ADA).json["refresh_token"] for _ in range(2)]
    bodies: dict[str, tuple[str, dict[str, str]]] = {
        "login": ("/token", ADA),
        "refresh": ("/token", {"grant_type": "refresh_token", "refresh_token": tokens[0]}),
        "revoke": ("/revoke", {"token": tokens[1]}),
    }

    def send(kind: str) -> tuple[str, int, float]:
        began = time.monotonic()
        path, body = bodies[kind]
        answer = visit(app).post_json(path, body, expect_errors=True)
        return kind, answer.status_int, time.monotonic() - began

    server.signal_all(SIGSTOP)
    with ThreadPoolExecutor(AT_ONCE) as threads:
        answers = list(threads.map(send, [kind for kind in needs for _ in range(AT_ONCE)][::-1]))
    server.signal_all(SIGCONT)
    assert {(kind, status) for kind, status, _ in answers} == {(kind, 503) for kind in needs}
    assert max(seconds for _, _, seconds in answers) < BOUND
    assert visit(app).post_json("/token", ADA, expect_errors=True).status_int == 200
    refreshed = visit(app).post_json("/token", bodies["refresh"][1])
    assert refreshed.status_int == 200
