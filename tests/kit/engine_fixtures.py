"""Fixtures with real engines: servers that are started here, and stores in them. A plugin that
`conftest` loads for all runs but those of the quick suite, which uses no engine and would load the
drivers in each of its workers."""

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest
import redis
from redis.sentinel import Sentinel
from sqlalchemy import make_url

from jwt_middleware.stores import RedisLog, SQLStore
from jwt_middleware.stores.passwords import PasswordHasher
from jwt_middleware.stores.sql import schema
from tests.kit.engines import MariaDB, PgBouncer, PostgreSQL, SentinelTrio, Valkey, ValkeyCluster
from tests.kit.inside import database_of
from tests.kit.passwords import CHEAP


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[str]:
    """The URL of a PostgreSQL server: JWT_MIDDLEWARE_TEST_DATABASE_URL, or one started here."""
    if url := os.environ.get("JWT_MIDDLEWARE_TEST_DATABASE_URL"):
        yield url
        return
    server = PostgreSQL()
    yield server.url
    server.remove()


@contextmanager
def _new_schema(server: str) -> Iterator[str]:
    name = f"test_{uuid.uuid4().hex}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE SCHEMA {name}")
        url = make_url(server).update_query_dict({"options": f"-csearch_path={name}"})
        yield url.render_as_string(hide_password=False)
        connection.execute(f"DROP SCHEMA {name} CASCADE")


@pytest.fixture
def postgresql_url(postgresql_server: str) -> Iterator[str]:
    """The URL of a new and empty schema in PostgreSQL, which is as good as a database and made much
    faster."""
    with _new_schema(postgresql_server) as url:
        yield url


@pytest.fixture(scope="session")
def _postgresql_tables(postgresql_server: str) -> Iterator[SQLStore]:
    with _new_schema(postgresql_server) as url:
        store = SQLStore(url, password_method=CHEAP)
        yield store
        store.close()


@pytest.fixture(scope="session")
def _pgbouncer_tables(postgresql_server: str) -> Iterator[SQLStore]:
    name = f"test_{uuid.uuid4().hex}"
    with psycopg.connect(postgresql_server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
        database = make_url(postgresql_server).set(database=name)
        pooler = PgBouncer(database.render_as_string(hide_password=False))
        store = SQLStore(pooler.url, password_method=CHEAP)
        yield store
        store.close()
        pooler.remove()
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(scope="session")
def mariadb_server() -> Iterator[MariaDB]:
    """A MariaDB, started here."""
    server = MariaDB()
    yield server
    server.remove()


@pytest.fixture
def mariadb_of_its_own() -> Iterator[MariaDB]:
    """A MariaDB for one test, which may kill it."""
    server = MariaDB()
    yield server
    server.remove()


@pytest.fixture
def mariadb_url(mariadb_server: MariaDB) -> Iterator[str]:
    """The URL of a new and empty database in MariaDB."""
    name = f"test_{uuid.uuid4().hex}"
    mariadb_server.execute(f"CREATE DATABASE {name}")
    yield mariadb_server.url_of(name)
    mariadb_server.execute(f"DROP DATABASE {name}")


@pytest.fixture(scope="session")
def _mariadb_tables(mariadb_server: MariaDB) -> Iterator[SQLStore]:
    store = SQLStore(mariadb_server.url, password_method=CHEAP)
    yield store
    store.close()


@pytest.fixture
def mariadb_store(_mariadb_tables: SQLStore) -> Iterator[SQLStore]:
    """A store in MariaDB with nothing in it."""
    yield _mariadb_tables
    _emptied(_mariadb_tables)


@pytest.fixture
def postgresql_of_its_own() -> Iterator[PostgreSQL]:
    """A PostgreSQL for one test, which may kill it."""
    server = PostgreSQL()
    yield server
    server.remove()


@pytest.fixture
def valkey_of_its_own() -> Iterator[Valkey]:
    """A Valkey for one test, which may kill it."""
    server = Valkey()
    yield server
    server.remove()


@pytest.fixture
def cluster_of_its_own() -> Iterator[ValkeyCluster]:
    """A cluster with replicas for one test, which may kill some of it."""
    cluster = ValkeyCluster(replicas=True)
    yield cluster
    cluster.remove()


@pytest.fixture
def sentinel_of_its_own() -> Iterator[SentinelTrio]:
    """A primary, a replica and three sentinels for one test, which may kill the primary."""
    trio = SentinelTrio()
    yield trio
    trio.remove()


@pytest.fixture(scope="session")
def redis_server() -> Iterator[str]:
    """The URL of a Redis or Valkey server: JWT_MIDDLEWARE_TEST_REDIS_URL, or one started here."""
    if url := os.environ.get("JWT_MIDDLEWARE_TEST_REDIS_URL"):
        yield url
        return
    server = Valkey()
    yield server.url
    server.remove()


@pytest.fixture
def redis_url(redis_server: str) -> Iterator[str]:
    """The URL of a Redis or Valkey database with nothing of ours in it. What the test adds is
    removed, whatever its prefix."""
    with redis.Redis.from_url(redis_server) as client:
        before = set(client.scan_iter())
        yield redis_server
        if added := set(client.scan_iter()) - before:
            client.delete(*added)


def _emptied(store: SQLStore) -> None:
    store.replace_hasher(PasswordHasher(CHEAP))  # one that has not learned of the users' hashes
    tables = [
        f"jwt_middleware_{table}" for table in ("user", "token", "session", "revocation", "counter")
    ]
    with database_of(store).transaction(write=True) as connection:
        if connection.dialect.name == "mysql":
            for table in tables:
                connection.exec_driver_sql(f"TRUNCATE {table}")
        else:
            connection.exec_driver_sql(f"TRUNCATE {', '.join(tables)} RESTART IDENTITY")
        is_learned = schema.settings.c.name == "imported_methods"
        connection.execute(schema.settings.delete().where(is_learned))


@pytest.fixture
def postgresql_store(_postgresql_tables: SQLStore) -> Iterator[SQLStore]:
    """A store in PostgreSQL with nothing in it."""
    yield _postgresql_tables
    _emptied(_postgresql_tables)


@pytest.fixture
def pgbouncer_store(_pgbouncer_tables: SQLStore) -> Iterator[SQLStore]:
    """A store in PostgreSQL behind PgBouncer in transaction mode, with nothing in it."""
    yield _pgbouncer_tables
    _emptied(_pgbouncer_tables)


@pytest.fixture
def valkey_store(redis_url: str) -> Iterator[RedisLog]:
    """A log and counters in a Redis or Valkey with nothing of ours in it."""
    log = RedisLog(redis_url)
    yield log
    log.close()


@pytest.fixture(scope="session")
def cluster_server() -> Iterator[ValkeyCluster]:
    """A cluster of Valkeys, started here."""
    cluster = ValkeyCluster()
    yield cluster
    cluster.remove()


@pytest.fixture
def cluster_store(cluster_server: ValkeyCluster) -> Iterator[RedisLog]:
    """A log and counters in a cluster with nothing of ours in it, by its URL."""
    log = RedisLog(cluster_server.url)
    yield log
    log.close()
    primary = cluster_server.primary_of("{jwt_middleware}:feed")
    with redis.Redis.from_url(primary.url) as client:
        client.flushall()


@pytest.fixture(scope="session")
def sentinel_server() -> Iterator[SentinelTrio]:
    """A primary and a replica with three sentinels, started here."""
    trio = SentinelTrio()
    yield trio
    trio.remove()


@pytest.fixture
def sentinel_store(sentinel_server: SentinelTrio) -> Iterator[RedisLog]:
    """A log and counters in a Valkey that sentinels name, with nothing of ours in it."""
    with Sentinel(sentinel_server.addresses).master_for("jwt") as client:
        yield RedisLog(client)
        client.flushall()


@pytest.fixture
def split_store(sqlite_url: str, valkey_store: RedisLog) -> Iterator[SQLStore]:
    """A store in a new SQLite file, with its log and counters in Valkey."""
    store = SQLStore(sqlite_url, log=valkey_store, password_method=CHEAP)
    yield store
    store.close()


@pytest.fixture
def split_cluster_store(sqlite_url: str, cluster_store: RedisLog) -> Iterator[SQLStore]:
    """A store in a new SQLite file, with its log and counters in a cluster."""
    store = SQLStore(sqlite_url, log=cluster_store, password_method=CHEAP)
    yield store
    store.close()
