"""The app that the faults are made in: `gunicorn faults.served`.

With FAULTS=1 a request that carries `Kill-At: n` kills its worker at the n-th of the points that it
passes: before and after each statement and commit, and each command to Redis. An answer tells in
`Points` how many it has passed.
"""

import json
import logging
import os
import signal
import threading
from collections.abc import Callable, Iterable
from typing import Any

import sqlalchemy as sa

from jwt_middleware import Identity, JWTMiddleware, RevocationList, Rule
from jwt_middleware.errors import StoreUnavailable
from jwt_middleware.login import LoginApp, TokenMinter
from jwt_middleware.login.throttle import Throttle
from jwt_middleware.stores import RedisLog, SQLStore
from tests.kit.inside import client_of, database_of, log_beside


class Fuse(threading.local):
    """What is left of the way to the point at which this thread's request kills the worker."""

    passed = 0
    deadly = -1

    def passes(self, point: str) -> None:
        """Count a point; at the deadly one write its name into the file `kills` and end."""
        if self.passed == self.deadly:
            with open("kills", "a") as kills:
                kills.write(point + "\n")
            os.kill(os.getpid(), signal.SIGKILL)
        self.passed += 1

    def around(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """The function with a point before and one after it."""

        def wrapped(*args: Any, **options: Any) -> Any:
            self.passes(f"before {name}")
            result = function(*args, **options)
            self.passes(f"after {name}")
            return result

        return wrapped


fuse = Fuse()


def lay(store: SQLStore) -> None:
    """Put the fuse into a store's engine, and into the client of its log."""
    engine = database_of(store).engine
    sa.event.listen(engine, "before_cursor_execute", lambda *_: fuse.passes("before statement"))
    sa.event.listen(engine, "after_cursor_execute", lambda *_: fuse.passes("after statement"))
    engine.dialect.do_commit = fuse.around("commit", engine.dialect.do_commit)  # type: ignore[method-assign]
    if log_beside(store) is not None:
        client = client_of(log_beside(store))
        client.execute_command = fuse.around("command", client.execute_command)
        pipeline = client.pipeline

        def fused(*args: Any, **options: Any) -> Any:
            made = pipeline(*args, **options)
            made.execute = fuse.around("pipeline", made.execute)
            return made

        client.pipeline = fused


def protected(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    """Who is calling."""
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps(Identity.from_environ(environ).subject).encode()]


def change(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    """`{"method": ..., "arguments": [...]}`: what the operator's command does, done in a worker."""
    fields = json.load(environ["wsgi.input"])
    try:
        getattr(store, fields["method"])(*fields["arguments"])
        status = "200 OK"
    except StoreUnavailable:
        status = "503 Service Unavailable"
    start_response(status, [("Content-Type", "application/json")])
    return [b"{}"]


def application(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    """All of it; each answer tells the worker's process and the points passed."""
    fuse.passed, fuse.deadly = 0, int(environ.get("HTTP_KILL_AT", -1))
    environ["REMOTE_ADDR"] = environ.get("HTTP_ADDRESS", environ["REMOTE_ADDR"])

    def start(status: str, headers: list[tuple[str, str]], *error: Any) -> Any:
        return start_response(
            status, [*headers, ("Worker", str(os.getpid())), ("Points", str(fuse.passed))], *error
        )

    app = change if environ["PATH_INFO"] == "/change" else site
    return app(environ, start)


# SQLAlchemy logs a traceback when a connection that is given back is found dead. It is caught: the
# pool makes a new connection.
logging.getLogger("sqlalchemy.pool").setLevel(logging.CRITICAL)
log = RedisLog(os.environ["REDIS"]) if os.environ.get("REDIS") else None
store = SQLStore(os.environ["DATABASE"], log=log, password_method="scrypt:1024:1:1")
# Before the fork, so that a worker's first request passes the points that every other one does: the
# tables are there, the costs of the hashes in them are known, and so is the place of the log.
store.ping()
store.authenticate("nobody", "anything")
database_of(store).record_settings()
if os.environ.get("FAULTS") == "1":
    lay(store)
minter = TokenMinter.from_secret(
    "the secret of the served app, long enough", issuer="https://a.example", audience="a"
)
revocations = RevocationList(store, max_outage=float(os.environ.get("MAX_OUTAGE", 120)))
guarded = JWTMiddleware(
    protected, providers=[minter.provider], revocations=revocations, rules=[Rule("/api")]
)
boundless = Throttle(  # it counts, but who is killed gives nothing back
    per_name_and_address="1000000/minute", per_name="1000000/hour", per_address="1000000/minute"
)
grace = float(os.environ.get("REUSE_GRACE", 30))
site = LoginApp(store, minter, throttle=boundless, reuse_grace=grace).wrap(guarded, prefix="/auth")
