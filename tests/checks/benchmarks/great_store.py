"""An SQLite file with very many rows: its size, and the slowest of a hundred calls."""

import hashlib
import os
import random
import sqlite3
import statistics
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from itertools import pairwise
from pathlib import Path
from typing import Any

from werkzeug.security import generate_password_hash

from jwt_middleware.login.sessions import Sessions
from jwt_middleware.stores import SQLStore
from tests.kit.checking import followed, tell

ISSUER = "https://a.example"
PASSWORD = "correct horse battery staple"
NO_HASH = "pbkdf2:sha256:1"  # some microseconds: a login without its hash


def row(name: str, value: str) -> None:
    """Print a row of the table."""
    tell(f"| {name} | {value} |")


def p99(times: Sequence[float]) -> float:
    """The 99th percentile."""
    return statistics.quantiles(times, n=100)[98]


def sql(url: str) -> SQLStore:
    """A store whose hashes cost nothing."""
    return SQLStore(url, password_method=NO_HASH)


def sessions_of(store: Any) -> Sessions:
    """The sessions of a store as the login app makes them."""
    return Sessions(
        store, reuse_grace=10, idle_timeout=604_800, session_lifetime=2_592_000, issuer=ISSUER
    )


def measure(folder: Path, count: int) -> None:
    """The size of the file, and the slowest of a hundred calls, beside a store of a thousand."""
    measured = {
        rows: _times(folder / f"great-{rows}.db", rows)
        for rows in followed("stores", (1000, count))
    }
    for name in measured[count]:
        small, great = measured[1000][name], measured[count][name]
        value = f"p50 {statistics.median(great):.2f} ms, p99 {p99(great):.2f} ms"
        row(f"{name}, {count} users and sessions", f"{value}; with 1000: p99 {p99(small):.2f} ms")


def _times(path: Path, count: int, calls: int = 4000) -> dict[str, list[float]]:
    store = sql(f"sqlite:///{path}")
    store.ping()
    _fill(path, count)
    sessions = sessions_of(store)
    chosen = random.Random(1).sample(range(count), min(count, calls))

    def timed(call: Callable[[int], Any]) -> list[float]:
        marks = [time.perf_counter()]
        for number in chosen:
            assert call(number)
            marks.append(time.perf_counter())
        return [(after - before) * 1000 for before, after in pairwise(marks)]

    return {
        "authenticate without its hash": timed(
            lambda number: store.authenticate(f"user{number:08}", PASSWORD)
        ),
        "rotate": timed(lambda number: sessions.rotate(_token(number), 900)),
    }


def _fill(path: Path, count: int) -> None:
    hashed, now = generate_password_hash(PASSWORD, NO_HASH), time.time()
    names = ("username", "password_hash", "scopes", "claims", "disabled", "version")
    before = path.stat().st_size
    insert(
        path,
        "jwt_middleware_user",
        names,
        ((f"user{i:08}", hashed, "read", "{}", 0, 0) for i in range(count)),
    )
    between = path.stat().st_size
    names = ("name_hash", "sid", "issuer", "user_id", "user_version", "token_lifetime")
    names += ("started_at", "used_at", "expires_at", "secret_hash", "previous_hash", "successor")
    again = [os.urandom(32)] * 2
    rows = (
        (
            _hash(_name(i)),
            f"{i:022}",
            ISSUER,
            str(i + 1),
            0,
            900,
            now,
            now,
            now + 604_800 + i / 10,
            _hash(_secret(i)),
        )
        for i in range(count)
    )
    insert(path, "jwt_middleware_session", names, ((*each, *again) for each in rows))
    after = path.stat().st_size
    if count > 1000:
        users, sessions = (between - before) / count, (after - between) / count
        row(
            f"SQLite file, {count} users and sessions",
            f"{after / 1e6:.0f} MB ({users:.0f} and {sessions:.0f} bytes each)",
        )


def insert(path: Path, table: str, names: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Put rows into a table, past the store."""
    marks = ", ".join("?" * len(names))
    with closing(sqlite3.connect(path)) as connection:
        with connection:
            connection.executemany(
                f"INSERT INTO {table} ({', '.join(names)}) VALUES ({marks})", rows
            )
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _hash(part: bytes) -> bytes:
    return hashlib.sha256(part).digest()


def _name(number: int) -> bytes:
    return number.to_bytes(16)


def _secret(number: int) -> bytes:
    return number.to_bytes(32)


def _token(number: int) -> str:
    return urlsafe_b64encode(_name(number) + _secret(number)).decode()
