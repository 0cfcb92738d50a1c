"""Force all faults at length and print one table: `python -m tests.checks.faults`, nine minutes.
`--only issuers` prints the rows of proxies, CA files, http hosts, tenants and introspection, which
need no store; `--only stores` the others."""

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
from tests.checks.faults.outages import go_through
from tests.checks.faults.races import AT_ONCE, refresh_at_once, reuse_after_grace
from tests.checks.faults.site import SYNC, THREADS, Site, served
from tests.kit.checking import parser, sum_up
from tests.kit.engines import PostgreSQL, Valkey

_WORKERS = {"sync": SYNC, "gthread": THREADS}
_STORES = ("SQLite", "PostgreSQL", "SQLite + Valkey", "PostgreSQL + Valkey")
_GRACE, _MAX_OUTAGE = 3, 8
_ROUNDS = 20


class Bench:
    """The two servers, and an app over any store."""

    def __init__(self) -> None:
        self.rows = self.failures = 0

    def start(self) -> None:
        """Start the servers."""
        self.postgresql, self.valkey = PostgreSQL(), Valkey()

    def stop(self) -> None:
        """Remove the servers."""
        self.postgresql.remove()
        self.valkey.remove()

    @contextmanager
    def site(self, store: str, workers: str = "sync", **env: object) -> Iterator[Site]:
        """The app over a store of that name."""
        with tempfile.TemporaryDirectory() as folder:
            database = f"sqlite:///{folder}/auth.db"
            if "PostgreSQL" in store:
                database = self._new_database()
            log = self.valkey.url if "Valkey" in store else ""
            texts = {name: str(value) for name, value in env.items()}
            with served(Path(folder), database, log, options=_WORKERS[workers], **texts) as site:
                yield site

    def _new_database(self) -> str:
        """Return the URL of an empty database: a database belongs to one log for good."""
        name = f"row_{self.rows}"
        engine = sa.create_engine(self.postgresql.url, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(sa.text(f"CREATE DATABASE {name}"))
        engine.dispose()
        url = sa.make_url(self.postgresql.url).set(database=name)
        return url.render_as_string(hide_password=False)

    def row(self, fault: str, store: str, run: Callable[[], str]) -> None:
        """Print a row of the table: what came of it, or what is wrong."""
        self.rows += 1
        print(f"row {self.rows}: {fault}, {store}", file=sys.stderr, flush=True)
        try:
            result = run()
        except AssertionError as error:
            self.failures += 1
            result = f"FAILED: {str(error)[:300]!r}"
        print(f"| {fault} | {store} | {result} |", flush=True)


def kills(bench: Bench, store: str, workers: str) -> str:
    """Every point of every operation."""
    with bench.site(store, workers, FAULTS=1) as site:
        witness = Witness(site)
        counts = {name: kill_at_points(site, witness, name) for name in OPERATIONS}
        witness.swear()
        where = site.kills()
    for point in [name.removeprefix("before ") for name in where if name.startswith("before ")]:
        assert where[f"before {point}"] == where[f"after {point}"], where  # so none was left out
    return (
        f"{sum(counts.values())} kills ({_listed(counts)}; {_listed(where)}): none lost, "
        f"none resurrected"
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
    server = bench.valkey if engine == "Valkey" else bench.postgresql
    needs = ("login", "revoke") if engine == "Valkey" else ("login", "refresh", "revoke")
    with bench.site(store, "gthread", MAX_OUTAGE=_MAX_OUTAGE) as site:
        found = go_through(site, server, how, needs, _MAX_OUTAGE)
    return (
        f"{found.refused} x 503 (slowest {found.slowest_refusal:.2f} s); tokens served "
        f"for {_MAX_OUTAGE} s "
        f"(slowest {found.slowest_read:.2f} s), then 503; last 503 {found.recovery:.2f} s "
        f"after the return; "
        "no duplicate, no loss"
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


def main() -> int:
    """Print the table; return how many rows are wrong."""
    options = parser("faults", __doc__)
    options.add_argument("--only", choices=("issuers", "stores"))
    only = options.parse_args().only
    bench = Bench()
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
        for store in _STORES[:3]:
            bench.row(
                f"{AT_ONCE} refreshes of one token, {workers}",
                store,
                partial(race, bench, store, workers),
            )
    for workers in _WORKERS:
        for store in _STORES[:3]:
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
    for store in _STORES[1:]:
        engine = store.rpartition(" ")[2]
        for how in ("killed", "frozen", "frozen, then killed"):
            bench.row(
                f"{engine} {how} under load", store, partial(outage, bench, store, engine, how)
            )
    for how in ("no space", "no growth"):
        bench.row(f"disk full ({how})", "SQLite", partial(full_disk, how))
    bench.stop()


if __name__ == "__main__":
    sys.exit(main())
