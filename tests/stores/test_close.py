"""`close()` of every bundled store: what it closes, what it leaves, and what comes after."""

import time
from collections.abc import Iterator
from typing import Any

import pytest
import redis
import sqlalchemy as sa

from jwt_middleware.stores import MemoryStore, RedisLog, SQLStore
from tests.kit.clock import stopped
from tests.kit.inside import client_of, counts_of, database_of, log_beside
from tests.kit.passwords import CHEAP

from .conftest import entries_of, new_session

Store = Any  # MemoryStore | SQLStore | RedisLog


@pytest.fixture(params=["memory", "sqlite", "postgresql", "split", "valkey", "cluster"])
def any_store(request: pytest.FixtureRequest) -> Store:
    """Every kind of store."""
    return request.getfixturevalue(f"{request.param}_store")


def test_close_may_be_called_at_any_time(any_store: Store) -> None:
    """Before the first use, twice, and after it; what the store holds stays."""
    any_store.close()
    any_store.close()
    any_store.revoke(token_id="a", expires_at=4e9)
    any_store.close()
    any_store.close()
    assert list(entries_of(any_store)) == ["jti\n\na"]


def test_a_closed_store_opens_again(any_store: Store) -> None:
    """A later call works as the first one did: it opens new connections."""
    for n in range(1, 4):
        assert any_store.increment("k", 60) == n
        any_store.close()
    any_store.ping()


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest) -> str:
    """The URL of a new database on either engine."""
    return request.getfixturevalue(f"{request.param}_url")


@pytest.fixture
def engine(url: str) -> Iterator[sa.Engine]:
    """An engine as an owner might make it."""
    engine = sa.create_engine(url.replace("postgresql:", "postgresql+psycopg:"))
    yield engine
    engine.dispose()


def test_our_connections_are_closed(url: str) -> None:
    """A store that was given a URL leaves no connection open."""
    store = SQLStore(url, password_method=CHEAP)
    store.add_session(new_session())
    pool = database_of(store).engine.pool
    assert pool.checkedin() > 0  # type: ignore[attr-defined]
    store.close()
    assert pool.checkedin() == 0  # type: ignore[attr-defined]


def test_an_engine_of_the_owners_stays_open(engine: sa.Engine) -> None:
    """The pool of an engine that was passed is its owner's to close."""
    store = SQLStore(engine, password_method=CHEAP)
    store.ping()
    pooled = engine.pool.checkedin()  # type: ignore[attr-defined]
    store.close()
    assert engine.pool.checkedin() == pooled > 0  # type: ignore[attr-defined]


def test_the_log_of_a_store_is_closed_with_it(split_store: SQLStore, redis_url: str) -> None:
    """The connections that a `RedisLog` made go; those of an owner's client stay."""
    split_store.revoke(token_id="a", expires_at=4e9)
    split_store.close()
    ours = client_of(log_beside(split_store)).connection_pool  # type: ignore[union-attr]
    # inside: redis-py has no public name for idle connections
    assert not any(connection.is_connected for connection in ours._available_connections)
    with redis.Redis.from_url(redis_url) as client:
        log = RedisLog(client)
        log.ping()
        log.close()
        kept = client.connection_pool._available_connections
        assert [connection.is_connected for connection in kept] == [True]


def test_memory_is_swept_after_a_clock_was_set_back() -> None:
    """A clock that was a year ahead for a while does not keep memory from being swept for a
    year."""
    store = MemoryStore(password_method=CHEAP)
    with stopped("time", time.time() + 365 * 86_400):
        store.increment("then", 60)
    store.increment("short", 1)
    with stopped("time", time.time() + 61):
        store.increment("new", 60)
        assert "short" not in counts_of(store)


def test_memory_stays() -> None:
    """A `MemoryStore` has nothing to close, and loses nothing."""
    store = MemoryStore(password_method=CHEAP)
    ann = store.add_user("ann", "wonderland")
    store.close()
    assert store.authenticate("ann", "wonderland") == ann
