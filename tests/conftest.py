"""Fixtures for the whole suite: real engines, each test with tables of its own, and a log without
secrets."""

import gc
import logging
import os
import re
import shutil
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import psycopg
import pytest
import redis
from hypothesis import HealthCheck, settings
from redis.sentinel import Sentinel
from sqlalchemy import make_url

from jwt_middleware.stores import MemoryStore, RedisLog, SQLStore
from jwt_middleware.stores.passwords import PasswordHasher
from jwt_middleware.stores.sql import engines, schema
from tests.kit import parts, sharing, sqlite
from tests.kit.clock import AheadClock
from tests.kit.engines import MariaDB, PgBouncer, PostgreSQL, SentinelTrio, Valkey, ValkeyCluster
from tests.kit.inside import database_of
from tests.kit.passwords import CHEAP, make_cheap
from tests.kit.waiting import PATIENCE

_MEMORY = Path("/dev/shm")
"""A file system in memory, where Linux has it."""

_COLLECT_LESS = (50_000, 20, 20)
"""Thresholds of the garbage collector: a test makes few cycles and ends soon."""

_TAKES = {
    True: "quick: Python packages only; about 2 minutes with -n 6 on two quiet cores",
    False: "everything: browsers, servers, engines; about 20 minutes with -n 4 on two quiet cores",
}


def pytest_configure(config: pytest.Config) -> None:
    """Declare the markers and choose the speed before any test module is imported."""
    config.addinivalue_line("markers", "quick: needs nothing but Python packages (set by conftest)")
    for name, does in parts.NEEDS.items():
        config.addinivalue_line("markers", f"{name}: {does}")
    parts.choose_speed(config)
    sharing.choose_restarts(config)
    sharing.choose_order(config)
    if parts.is_quick() and memory_has_room():
        # Thousands of small databases would wait for the disk, twice as long as they compute.
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(_MEMORY))
    # A busy machine makes examples slowly; that is no fault of the code under test.
    slow = {"suppress_health_check": [HealthCheck.too_slow], "deadline": None}
    settings.register_profile("house", max_examples=parts.examples(100), **slow)
    settings.load_profile("house")


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


def pytest_collection(session: pytest.Session) -> None:
    """Rewrite each test module in one of the workers only."""
    sharing.import_share(session.config)


def pytest_sessionstart() -> None:
    """Compile each statement for SQLite once, instead of once in each test."""
    sqlite.compile_statements_once()


def pytest_collection_finish() -> None:
    """Let the garbage collector pass over the tests and all that was imported for them. It would
    go through millions of objects again and again, and none of them is garbage."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_COLLECT_LESS)


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
    """Fails a test of which a secret got into the log."""
    yield _log_watch
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
    keeps no record of it to show."""
    log = logging.getLogger("jwt_middleware")
    log.propagate = False
    yield
    log.propagate = True


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
def memory_store() -> MemoryStore:
    """A store in memory."""
    return MemoryStore(password_method=CHEAP)


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


def _store_of(request: pytest.FixtureRequest) -> Any:
    """The store of a parameter; to make the tables anew is left to the tests of `sqlite_store`."""
    name = "sqlite_copy" if request.param == "sqlite" else request.param
    return request.getfixturevalue(f"{name}_store")


@pytest.fixture(params=["memory", "sqlite", "postgresql", "pgbouncer", "mariadb"])
def store(request: pytest.FixtureRequest) -> MemoryStore | SQLStore:
    """A new store on each engine that keeps users."""
    return _store_of(request)


@pytest.fixture
def split_cluster_store(sqlite_url: str, cluster_store: RedisLog) -> Iterator[SQLStore]:
    """A store in a new SQLite file, with its log and counters in a cluster."""
    store = SQLStore(sqlite_url, log=cluster_store, password_method=CHEAP)
    yield store
    store.close()


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
def log(request: pytest.FixtureRequest) -> MemoryStore | SQLStore | RedisLog:
    """A new store on each engine that keeps a log and counters."""
    return _store_of(request)
