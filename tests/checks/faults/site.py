"""A served app, its client, and a look behind it: four workers over one store."""

import http.client
import secrets
import sqlite3
import uuid
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import jwt
import sqlalchemy as sa

from jwt_middleware.stores import RedisLog, SQLStore
from jwt_middleware.stores.sql.schema import sessions, users
from jwt_middleware.trust.revocation import revocation_key
from tests.kit.answers import Answer, call
from tests.kit.inside import database_of, log_beside
from tests.kit.serving import gunicorn

WORKERS = 4
PASSWORD = "correct horse battery staple"
SYNC = ("--preload",)
THREADS = ("--preload", "-k", "gthread", "--threads", "8")
_HERE = Path(__file__).parent


class Killed(Exception):
    """The worker died while it had the request."""


class Site:
    """A client of the served app, and a store of its own on what the app keeps."""

    def __init__(self, address: str, folder: Path, store: SQLStore) -> None:
        self._address = address
        self.folder = folder
        self.store = store

    def call(self, path: str, fields: Any = None, *, token: str = "", kill_at: int = -1) -> Answer:
        """GET, or POST the fields as JSON, over a connection of its own. `Killed` when its worker
        died of it."""
        # An address of its own, so that the counts of a worker killed earlier change no operation.
        address = f"2001:db8:{secrets.randbelow(0x10000):x}::1"
        headers = {"Kill-At": str(kill_at), "Address": address}
        try:
            return call(self._address + path, fields, token=token, headers=headers)
        except (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError):
            raise Killed from None

    def sign_in(self, name: str, password: str = PASSWORD, **options: Any) -> Answer:
        """Sign in."""
        return self.call("/auth/token", {"username": name, "password": password}, **options)

    def refresh(self, refresh_token: str, **options: Any) -> Answer:
        """Refresh."""
        fields = {"grant_type": "refresh_token", "refresh_token": refresh_token}
        return self.call("/auth/token", fields, **options)

    def revoke(self, refresh_token: str, **options: Any) -> Answer:
        """Sign out."""
        return self.call("/auth/revoke", {"token": refresh_token}, **options)

    def change(self, method: str, *arguments: str, **options: Any) -> Answer:
        """Have a worker do what the operator's command does."""
        return self.call("/change", {"method": method, "arguments": arguments}, **options)

    def read(self, token: str) -> Answer:
        """Call a protected path."""
        return self.call("/api", token=token)

    def new_user(self) -> str:
        """The name of a user who was not there before."""
        name = uuid.uuid4().hex
        self.store.add_user(name, PASSWORD)
        return name

    def new_session(self, name: str | None = None) -> dict[str, Any]:
        """The tokens of somebody, or of somebody new, who has just signed in."""
        answer = self.sign_in(name or self.new_user())
        assert answer.status == 200, answer
        return dict(answer.body)

    def rows(self, query: sa.Select[Any]) -> Sequence[Any]:
        """What is in the database."""
        with database_of(self.store).transaction() as connection:
            return connection.execute(query).all()

    def is_kept(self, tokens: dict[str, Any]) -> bool:
        """Whether the session of these tokens is in the store."""
        return bool(self.rows(sa.select(sessions.c.sid).where(sessions.c.sid == sid_of(tokens))))

    def is_logged(self, tokens: dict[str, Any]) -> bool:
        """Whether the log says that the session of these tokens has ended."""
        return revocation_key("sid", "https://a.example", sid_of(tokens)) in self._logged()

    def check_consistency(self) -> None:
        """Raise AssertionError for a damaged file, a session without its user, or one that is kept
        and has ended."""
        path = self.store.path
        if path is not None:
            with closing(sqlite3.connect(path)) as connection:
                assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        versions = {
            str(row.id): row.version for row in self.rows(sa.select(users)) if not row.disabled
        }
        kept = self.rows(sa.select(sessions))
        assert all(versions.get(row.user_id) == row.user_version for row in kept), (
            "a session without its user"
        )
        if log_beside(self.store) is None:
            logged = self._logged()
            assert not [
                row for row in kept if revocation_key("sid", row.issuer, row.sid) in logged
            ], "half ended"

    def check_errors(self) -> None:
        """Raise AssertionError when a worker has met an exception that nobody caught."""
        errors = self.folder / "errors"
        assert not errors.exists() or "Traceback" not in errors.read_text(), errors.read_text()[
            -2000:
        ]

    def kills(self) -> Counter[str]:
        """How often a worker was killed at which kind of point."""
        kills = self.folder / "kills"
        return Counter(kills.read_text().splitlines() if kills.exists() else [])

    def _logged(self) -> set[str]:
        return {entry.key for entry in self.store.read_revocations(None).entries}


def worker_of(answer: Answer) -> int:
    """The process that answered."""
    return int(answer.headers["worker"])


def sid_of(tokens: dict[str, Any]) -> str:
    """The session that an access token belongs to."""
    return str(jwt.decode(tokens["token"], options={"verify_signature": False})["sid"])


@contextmanager
def served(
    folder: Path, database: str, log: str = "", *, options: Sequence[str] = SYNC, **env: str
) -> Iterator[Site]:
    """The app over a database, and a log elsewhere if there is one, in four workers; checked once
    more at the end."""
    env = {
        "DATABASE": database,
        "REDIS": log,
        **env,
    }
    options = (*options, "--workers", str(WORKERS), "-c", str(_HERE / "gunicorn_conf.py"))
    store = SQLStore(
        database, log=RedisLog(log) if log else None, password_method="scrypt:1024:1:1"
    )
    store.ping()
    with gunicorn("tests.checks.faults.served", *options, cwd=folder, env=env) as address:
        site = Site(address, folder, store)
        yield site
        site.check_consistency()
        site.check_errors()
    store.close()
