"""Force all faults at length and print one table: `python -m tests.checks.faults`, twenty minutes.
`--only issuers` prints the rows of proxies, CA files, http hosts, tenants and introspection, which
need no store; `--only stores` the others; a word, such as MariaDB, the rows that have it."""

import logging
import statistics
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import sqlalchemy as sa

from tests.checks.faults import issuers
from tests.checks.faults.disk import fill, small_disk
from tests.checks.faults.kills import OPERATIONS, Witness, kill_at_points
from tests.checks.faults.outages import Server, fail_over, go_through
from tests.checks.faults.races import AT_ONCE, refresh_at_once, reuse_after_grace
from tests.checks.faults.site import SYNC, THREADS, Site, served
from tests.kit.checking import parser, sum_up
from tests.kit.engines import MariaDB, PgBouncer, PostgreSQL, Valkey, ValkeyCluster

_WORKERS = {"sync": SYNC, "gthread": THREADS}
_ALONE = ("SQLite", "PostgreSQL", "PgBouncer", "MariaDB")
_BESIDE = ("SQLite + Valkey", "PostgreSQL + Valkey", "SQLite + Redis Cluster")
_STORES = _ALONE + _BESIDE
_RACED = (*_ALONE, "SQLite + Valkey", "SQLite + Redis Cluster")
_GRACE, _MAX_OUTAGE = 3, 8
_ROUNDS = 20


class Bench:
    """The servers, and an app over any store."""

    def __init__(self, word: str) -> None:
        self._word = word
        self.rows = self.failures = 0

    def start(self) -> None:
        """Start the servers."""
        self.postgresql, self.valkey, self.mariadb = PostgreSQL(), Valkey(), MariaDB()
        self.pgbouncer = PgBouncer(self.postgresql.url)
        self.cluster = ValkeyCluster(replicas=True)
        self.servers: dict[str, Server] = {
            "PostgreSQL": self.postgresql,
            "PgBouncer": self.pgbouncer,
            "MariaDB": self.mariadb,
            "Valkey": self.valkey,
            "Redis Cluster": self.cluster,
        }

    def stop(self) -> None:
        """Remove the servers."""
        for server in reversed(self.servers.values()):
            server.remove()

    @contextmanager
    def site(self, store: str, workers: str = "sync", **env: object) -> Iterator[Site]:
        """The app over a store of that name."""
        with tempfile.TemporaryDirectory() as folder:
            where, _, log = store.partition(" + ")
            database = f"sqlite:///{folder}/auth.db" if where == "SQLite" else self._database(where)
            log_url = self.servers[log].url if log else ""
            texts = {name: str(value) for name, value in env.items()}
            options = _WORKERS[workers]
            with served(Path(folder), database, log_url, options=options, **texts) as site:
                yield site

    def _database(self, where: str) -> str:
        """Return the URL of an empty database: a database belongs to one log for good."""
        name = f"row_{self.rows}"
        if where == "MariaDB":
            self.mariadb.execute(f"CREATE DATABASE {name}")
            return self.mariadb.url_of(name)
        engine = sa.create_engine(self.postgresql.url, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(sa.text(f"CREATE DATABASE {name}"))
        engine.dispose()
        url = sa.make_url(self.servers[where].url).set(database=name)
        return url.render_as_string(hide_password=False)

    def row(self, fault: str, store: str, run: Callable[[], str]) -> None:
        """Print a row of the table: what came of it, or what is wrong."""
        if self._word not in f"{fault}, {store}":
            return
        self.rows += 1
        print(f"row {self.rows}: {fault}, {store}", file=sys.stderr, flush=True)
        try:
            result = run()
        except Exception as error:  # the other rows still count
            self.failures += 1
            kind = "" if isinstance(error, AssertionError) else f"{type(error).__name__}: "
            result = f"FAILED: {kind}{str(error)[:300]!r}"
        print(f"| {fault} | {store} | {result} |", flush=True)


def kills(bench: Bench, store: str, workers: str) -> str:
    """Every point of every operation."""
    with bench.site(store, workers, FAULTS=1) as site:
        witness = Witness(site)
        counts = {name: kill_at_points(site, witness, name) for name in OPERATIONS}
        witness.swear()
        where = site.kills()
    # None was left out: a point before is followed by one after. The kinds are not compared one by
    # one, since a worker that has just started passes more statements, and any worker may answer.
    before, after = (_of_moment(where, moment) for moment in ("before ", "after "))
    assert before.keys() == after.keys(), where
    assert before.total() == after.total(), where
    return (
        f"{sum(counts.values())} kills ({_listed(counts)}; {_listed(where)}): none lost, "
        f"none resurrected"
    )


def _of_moment(where: Counter[str], moment: str) -> Counter[str]:
    """How often a worker was killed at each kind of point, before it or after it."""
    return Counter(
        {name.removeprefix(moment): n for name, n in where.items() if name.startswith(moment)}
    )


def race(bench: Bench, store: str, workers: str) -> str:
    """Fifty refreshes of one token."""
    with bench.site(store, workers) as site:
        took_part = [refresh_at_once(site) for _ in range(_ROUNDS)]
    return (
        f"{_ROUNDS} x {AT_ONCE}: one generation, {AT_ONCE} equal refresh tokens; "
        f"{max(took_part)} workers took part"
    )


def reuse(bench: Bench, store: str, workers: str) -> str:
    """How soon every worker refuses."""
    with bench.site(store, workers, REUSE_GRACE=_GRACE) as site:
        took = [reuse_after_grace(site, _GRACE) for _ in range(10)]
    assert max(took) <= 2, took
    return (
        f"all four workers refuse after {statistics.median(took):.2f} s (median of 10), "
        f"{max(took):.2f} s (most)"
    )


def outage(bench: Bench, store: str, engine: str, how: str) -> str:
    """An engine away under load."""
    with bench.site(store, "gthread", MAX_OUTAGE=_MAX_OUTAGE) as site:
        found = go_through(site, bench.servers[engine], how, _needs(engine), _MAX_OUTAGE)
    return (
        f"{found.refused} x 503 (slowest {found.slowest_refusal:.2f} s); tokens served "
        f"for {_MAX_OUTAGE} s "
        f"(slowest {found.slowest_read:.2f} s), then 503; last 503 {found.recovery:.2f} s "
        f"after the return; "
        "no duplicate, no loss"
    )


def _needs(engine: str) -> tuple[str, ...]:
    """What is answered 503 without an engine."""
    return (
        ("login", "revoke")
        if engine in ("Valkey", "Redis Cluster")
        else ("login", "refresh", "revoke")
    )


def failover(bench: Bench, store: str, how: str) -> str:
    """The primary with our keys away under load, until its replica takes over."""
    with bench.site(store, "gthread", MAX_OUTAGE=_MAX_OUTAGE) as site:
        found = fail_over(site, bench.cluster, how)
    return (
        f"{found.refused} x 503 of login and revoke (slowest {found.slowest_refusal:.2f} s), "
        f"no other; tokens served throughout (slowest {found.slowest_read:.2f} s); last 503 "
        f"{found.recovery:.2f} s after the fault; no duplicate, no loss"
    )


def full_disk(how: str) -> str:
    """No room under an SQLite file."""
    with tempfile.TemporaryDirectory() as folder:
        disk = Path(folder, "disk")
        disk.mkdir()
        with small_disk(disk) if how == "no space" else _nothing() as is_mounted:
            if how == "no space" and not is_mounted:
                return "skipped: nothing can be mounted here"
            with served(Path(folder), f"sqlite:///{disk}/auth.db") as site:
                refused = fill(site, disk, is_mounted)
    return (
        f"{refused} x 503, tokens served, file intact (integrity_check), all well when "
        f"there is room again"
    )


@contextmanager
def _nothing() -> Iterator[bool]:
    yield False


def _listed(counts: Counter[str] | dict[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in counts.items())


def _outages(bench: Bench) -> None:
    """Print the rows of the engines that go away."""
    for store in _STORES[1:]:
        engine = store.rpartition(" + ")[2]
        for how in ("killed", "frozen", "frozen, then killed"):
            bench.row(
                f"{engine} {how} under load", store, partial(outage, bench, store, engine, how)
            )
    for how in ("killed", "frozen"):
        store = "SQLite + Redis Cluster"
        bench.row(f"primary {how} under load", store, partial(failover, bench, store, how))


def main() -> int:
    """Print the table; return how many rows are wrong."""
    options = parser("faults", __doc__)
    options.add_argument("--only", choices=("issuers", "stores"))
    options.add_argument("word", nargs="?", default="")
    chosen = options.parse_args()
    only = chosen.only
    bench = Bench(chosen.word)
    print("| fault | store | what came of it |\n|---|---|---|")
    if only != "stores":
        of_issuers(bench)
    if only != "issuers":
        of_stores(bench)
    sum_up(f"{bench.rows} rows, {bench.failures} failed")
    return bench.failures


def of_issuers(bench: Bench) -> None:
    """The rows of what lies between an app and its issuers."""
    logging.getLogger("jwt_middleware").addHandler(logging.NullHandler())  # the faults are meant
    for name in issuers.ROWS:
        bench.row(name, "none", partial(issuers.row, name))


def of_stores(bench: Bench) -> None:
    """The rows of workers and stores."""
    bench.start()
    for workers in _WORKERS:
        for store in _RACED:
            bench.row(
                f"{AT_ONCE} refreshes of one token, {workers}",
                store,
                partial(race, bench, store, workers),
            )
    for workers in _WORKERS:
        for store in _RACED:
            bench.row(
                f"reuse after the grace, {workers}", store, partial(reuse, bench, store, workers)
            )
    for workers in _WORKERS:
        for store in _STORES:
            bench.row(
                f"worker killed at each point, {workers}",
                store,
                partial(kills, bench, store, workers),
            )
    _outages(bench)
    for how in ("no space", "no growth"):
        bench.row(f"disk full ({how})", "SQLite", partial(full_disk, how))
    bench.stop()


if __name__ == "__main__":
    sys.exit(main())
