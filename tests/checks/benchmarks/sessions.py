"""Print what sign-in, refresh and logout cost: `python -m tests.checks.benchmarks sessions
[ROWS]`, about twenty minutes.

Ratios travel between machines, rates and times do not. ROWS is how many users, sessions and
revocations the great store has, a million unless told; with 0 only
the engines are measured, in about eight minutes.
"""

import gc
import os
import random
import statistics
import tempfile
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from werkzeug.security import check_password_hash, generate_password_hash

from jwt_middleware import JWTMiddleware, RevocationList, Rule
from jwt_middleware.login import LoginApp, TokenMinter
from jwt_middleware.stores import MemoryStore, SQLStore
from jwt_middleware.stores.passwords import DEFAULT_METHOD
from jwt_middleware.trust.revocation import revocation_key
from tests.checks.benchmarks import great_store
from tests.checks.benchmarks.great_store import (
    ISSUER,
    NO_HASH,
    PASSWORD,
    insert,
    p99,
    row,
    sessions_of,
    sql,
)
from tests.checks.faults.site import SYNC, WORKERS, Site, served, worker_of
from tests.kit.checking import followed, tell
from tests.kit.engines import MariaDB, PostgreSQL, Valkey, ValkeyCluster
from tests.kit.serving import gunicorn

_LOGIN_WORKERS = 2
_LOGINS = 50
_CALLS = 2000  # few, so that what else the machine does spoils few rounds


def minter() -> TokenMinter:
    """A minter with a secret."""
    return TokenMinter.from_secret(
        "the secret of the benchmark, long enough", issuer=ISSUER, audience="a"
    )


# Sign-in against the bare hash, by the same workers.


def login_application() -> Any:
    """What the workers of the first benchmark load: sign-in, and at /bare the hash alone."""
    hashed = generate_password_hash(PASSWORD, DEFAULT_METHOD)
    login = LoginApp(SQLStore(os.environ["DATABASE"]), minter())

    def bare(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        environ["wsgi.input"].read()
        assert check_password_hash(hashed, PASSWORD)
        start_response("200 OK", [("Content-Type", "application/json")])
        return [b"{}"]

    return login.wrap(bare, prefix="/auth")


def login_rate(name: str, url: str) -> float:
    """Two workers and two clients, each of whom asks for the one and the other in turn; return the
    ratio."""
    with _folder() as folder:
        database = url or f"sqlite:///{folder}/auth.db"
        store = SQLStore(database)
        store.add_user("ada", PASSWORD)
        env = {"DATABASE": database}
        target = "tests.checks.benchmarks.sessions:login_application()"
        options = ("--preload", "--workers", str(_LOGIN_WORKERS))
        with gunicorn(target, *options, cwd=folder, env=env) as address:
            site = Site(address, folder, store)
            with ThreadPoolExecutor(_LOGIN_WORKERS) as clients:
                pairs = [
                    pair for each in clients.map(_in_turn, [site] * _LOGIN_WORKERS) for pair in each
                ]
        store.remove_user("ada")
        store.close()
    login, bare = (statistics.median(times) for times in zip(*pairs, strict=True))
    rates = (
        f"{_LOGIN_WORKERS / login:.2f} / {_LOGIN_WORKERS / bare:.2f} a second, "
        f"{_LOGIN_WORKERS} workers"
    )
    row(
        f"login rate / bare check_password_hash rate, {name}",
        f"{bare / login:.3f} ({rates}, {len(pairs)} of each)",
    )
    return bare / login


def _in_turn(site: Site) -> list[tuple[float, float]]:
    return [(_seconds(site, "/auth/token"), _seconds(site, "/bare")) for _ in range(_LOGINS)]


def _seconds(site: Site, path: str) -> float:
    started = time.perf_counter()
    assert site.call(path, {"username": "ada", "password": PASSWORD}).status == 200
    return time.perf_counter() - started


# Refreshes.


def refresh_rates(urls: dict[str, str], logs: dict[str, str]) -> None:
    """Each store, called in this process, and through four workers by eight clients."""
    with _folder() as folder:
        here = {"SQLite": f"sqlite:///{folder}/here.db"} | {
            name: urls[name] for name in urls if urls[name]
        }
        stores: dict[str, Any] = {"memory": MemoryStore(password_method=NO_HASH)}
        stores |= {name: sql(url) for name, url in here.items()}
        for name, store in followed("stores in process", stores.items()):
            row(f"refreshes a second, in one process, {name}", f"{_refreshes_here(store):.0f}")
    for name, database, log in followed("stores behind workers", [*_places(urls, logs)]):
        with _folder() as folder, served(folder, database or _file(folder), log) as site:
            row(
                f"refreshes a second, {WORKERS} workers, {name}",
                f"{_refreshes_there(site):.0f}",
            )


def _places(urls: dict[str, str], logs: dict[str, str]) -> Iterator[tuple[str, str, str]]:
    """Each database alone, and an SQLite file beside each log."""
    for name, url in urls.items():
        yield name, url, ""
    for name, url in logs.items():
        yield f"SQLite + {name}", "", url


def _file(folder: Path) -> str:
    return f"sqlite:///{folder}/auth.db"


def _refreshes_here(store: Any, seconds: float = 3) -> float:
    name = os.urandom(8).hex()
    user = store.add_user(name, PASSWORD)
    mint, sessions = minter(), sessions_of(store)
    token, _ = sessions.start(user, mint.lifetime)
    started, count = time.perf_counter(), 0
    while time.perf_counter() < started + seconds:
        token, session = sessions.rotate(token, mint.lifetime)
        mint.mint(str(store.get(session.user_id).id), session=session.sid)
        count += 1
    return count / (time.perf_counter() - started)


def _refreshes_there(site: Site, seconds: float = 4, clients: int = 8) -> float:
    tokens = [site.new_session()["refresh_token"] for _ in range(clients)]
    end = time.perf_counter() + seconds

    def refresh(token: str) -> int:
        count = 0
        while time.perf_counter() < end:
            token = site.refresh(token).body["refresh_token"]
            count += 1
        return count

    with ThreadPoolExecutor(clients) as threads:
        return sum(threads.map(refresh, tokens)) / seconds


# Revocations.


def protected_request(folder: Path, most: int) -> float:
    """Time a guarded request, in process, over logs of three lengths in turn; return the ratio of
    the longest to none."""
    counts = (0, 10_000, most)
    calls = [_guard(folder / f"{count}.db", count) for count in counts]
    rounds = [
        [_microseconds(call) for call in calls] for _ in followed("rounds of a request", range(300))
    ]
    none, *more = ([each[place] for each in rounds] for place in range(len(counts)))
    row("protected request, no revocations", f"{statistics.median(none):.2f} us")
    for count, times in zip(counts[1:], more, strict=True):
        ratio = statistics.median(one / other for one, other in zip(times, none, strict=True))
        row(
            f"protected request with {count} revocations, ratio",
            f"{ratio:.3f} ({statistics.median(times):.2f} us)",
        )
    return ratio


def _guard(path: Path, count: int) -> Callable[[], Any]:
    store = sql(f"sqlite:///{path}")
    store.ping()
    expires_at = time.time() + 3600
    entries = (
        (revocation_key("sid", ISSUER, f"{number:022d}"), expires_at) for number in range(count)
    )
    insert(path, "jwt_middleware_revocation", ("key", "expires_at"), entries)
    mint = minter()
    revocations = RevocationList(store)
    guarded = JWTMiddleware(
        lambda *_: [], providers=[mint.provider], rules=[Rule("/api")], revocations=revocations
    )
    authorization = f"Bearer {mint.mint('1', session='s')}"
    environ = {"PATH_INFO": "/api", "REQUEST_METHOD": "GET", "HTTP_AUTHORIZATION": authorization}
    started = time.perf_counter()
    assert guarded.decide(environ).answer is None
    if count:
        row(
            f"first request of a process, {count} revocations to read",
            f"{time.perf_counter() - started:.2f} s",
        )
    return lambda: guarded.decide(environ)


def _microseconds(call: Callable[[], Any]) -> float:
    call()
    started = time.perf_counter()
    for _ in range(_CALLS):
        call()
    return (time.perf_counter() - started) / _CALLS * 1e6


def memory_of_a_revocation(folder: Path, count: int) -> None:
    """What a process keeps for each, all that a read needs included and given back."""
    store = sql(f"sqlite:///{folder}/{count}.db")
    revocations = RevocationList(store)
    gc.collect()
    tracemalloc.start()
    revocations.check(())
    gc.collect()
    kept, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    row(
        f"memory of a revocation ({count} of them)",
        f"{kept / count:.0f} bytes (while reading {most / count:.0f})",
    )


def revoke_to_refusal(name: str, database: str, log: str, rounds: int = 40) -> float:
    """From the answer to a logout to each worker's first refusal, while clients call without a
    pause; return the longest, in seconds."""
    with _folder() as folder, served(folder, database or _file(folder), log, options=SYNC) as site:
        turns = followed(f"logouts, {name}", range(rounds))
        times = sorted(taken for _ in turns for taken in _refusals(site))
    value = f"p50 {statistics.median(times):.2f} s, p99 {p99(times):.2f} s, most {times[-1]:.2f} s"
    row(f"from revoke to refusal, each of 4 workers, {name}", f"{value} ({len(times)} measured)")
    return times[-1]


def _refusals(site: Site) -> Iterable[float]:
    tokens = site.new_session()
    refused: dict[int, float] = {}

    def call() -> None:
        while len(refused) < WORKERS:
            answer = site.read(tokens["token"])
            if answer.status == 401:
                refused.setdefault(worker_of(answer), time.perf_counter())

    callers = [threading.Thread(target=call) for _ in range(4)]
    for caller in callers:
        caller.start()
    time.sleep(random.uniform(1, 1.5))
    site.revoke(tokens["refresh_token"])
    ended = time.perf_counter()
    for caller in callers:
        caller.join()
    return [max(0.0, at - ended) for at in refused.values()]


@contextmanager
def _folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)


def main(count: int = 1_000_000) -> str:
    """Print the table, or with 0 rows what needs no great store; return the worst of it."""
    tell("| what | measured |\n|---|---|")
    servers = {"PostgreSQL": PostgreSQL(), "MariaDB": MariaDB()}
    groups = {"Valkey": Valkey(), "Valkey cluster": ValkeyCluster(replicas=True)}
    urls = {"SQLite": ""} | {name: server.url for name, server in servers.items()}
    logins = [login_rate(name, url) for name, url in followed("databases", urls.items())]
    refresh_rates(urls, {name: group.url for name, group in groups.items()})
    # A database whose log is elsewhere has no log of its own, so each engine is measured alone.
    places = _places(urls, {name: group.url for name, group in groups.items()})
    waits = [revoke_to_refusal(*place) for place in places]
    for server in (*servers.values(), *groups.values()):
        server.remove()
    came = (
        f"a login at {min(logins):.3f} of a bare hash's rate or more, "
        f"{max(waits):.2f} s from revoke to refusal at most"
    )
    if not count:
        return came
    with _folder() as folder:
        ratio = protected_request(folder, count)
        memory_of_a_revocation(folder, count)
        great_store.measure(folder, count)
    return f"{came}, a request beside {count} revocations at {ratio:.3f} of one beside none"
