"""`RevocationList`: this process's view of a log of revoked tokens and sessions kept in a store.

A logout costs no store read per request: the view is read on from where it ended, in the background
when half of `max_staleness` has passed. Only a view older than that makes a request wait, for one
bounded read; only when that read has *failed* is the old view used, for at most `max_outage`; after
that the answer is 503.
"""

import logging
import math
import os
import threading
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple, Protocol

from .._options import check_seconds
from ..errors import InvalidToken, StoreUnavailable, Unavailable, require

_log = logging.getLogger("jwt_middleware")

_RETRY = 1  # second after a failed read in which nobody waits for another
_PATIENCE = (
    5  # seconds after which a read by another request counts as failed: a log answers within two
)


class Revocation(NamedTuple):
    """One entry of a log: a `revocation_key`, kept until `expires_at` (seconds since the epoch)."""

    key: str
    expires_at: float


class RevocationPage(NamedTuple):
    """What a log answers: entries, and the cursor to ask with next; with `complete` these are all
    that it has.

    What was known before stays known in any case: a log that was flushed makes no revoked token
    good again.
    """

    cursor: object
    entries: Iterable[Revocation]
    complete: bool


class RevocationLog(Protocol):
    """A log in a store. Its entries become visible in the order of its cursors, which are never
    used again."""

    def read_revocations(self, cursor: object | None) -> RevocationPage:
        """Return the entries after the cursor; all of them for None or a cursor that the log does
        not know any more.

        Raises `StoreUnavailable`, within two seconds.
        """


def revocation_keys(issuer: str, token_id: str | None, session_id: str | None) -> tuple[str, ...]:
    """Return the keys under which a token may have been revoked: its `jti`, as anybody's too, and
    its `sid`."""
    by_token = () if token_id is None else (f"jti\n{issuer}\n{token_id}", f"jti\n\n{token_id}")
    return by_token if session_id is None else (*by_token, f"sid\n{issuer}\n{session_id}")


def revocation_key(kind: str, issuer: str, id_: str) -> str:
    """The key of a revoked token (`jti`) or session (`sid`) of an issuer, which has no control
    characters."""
    return f"{kind}\n{issuer}\n{id_}"


class RevocationList:
    """The revoked tokens and sessions of a log, as known here; `max_staleness` and `max_outage` are
    seconds.

    `max_staleness=0` reads at every request. `max_outage=None` goes on with what is known for ever.
    """

    def __init__(
        self, log: RevocationLog, *, max_staleness: float = 1, max_outage: float | None = 120
    ) -> None:
        require(
            hasattr(log, "read_revocations"),
            "RevocationList takes a store with a log: RevocationList(store)",
        )
        check_seconds("max_staleness", max_staleness)
        if max_outage is not None:
            check_seconds("max_outage", max_outage)
        self.log = log
        self._max_staleness = max_staleness
        self.max_outage = max_outage
        self._longest_outage = math.inf if max_outage is None else max_outage
        self._cursor: object | None = None
        self._revoked: dict[str, float] = {}  # key to expiry
        self._pruned_in = 0.0  # the minute since the epoch
        self._read_at = self._retry_at = self._refresh_at = -math.inf
        # By process: a fork may copy a lock that a thread holds, and copies no thread.
        self._reading: dict[int, threading.Lock] = {}
        self._pools: dict[int, ThreadPoolExecutor] = {}

    def check(self, keys: tuple[str, ...]) -> None:
        """Return if none of the keys is revoked. `InvalidToken("revoked")`, or `Unavailable` when
        none can say."""
        if time.monotonic() >= self._refresh_at:
            self._refresh()
        if not self._revoked.keys().isdisjoint(keys):
            raise InvalidToken("revoked")

    def _refresh(self) -> None:
        reading = self._reading.setdefault(os.getpid(), threading.Lock())
        now = time.monotonic()
        oldest = now - self._max_staleness
        if self._read_at > oldest:
            self._read_in_background(now, reading)
            return
        is_failing = (
            self._retry_at > self._read_at
        )  # then one request reads, the others go on with the old view
        if reading.acquire(timeout=0 if is_failing else _PATIENCE):
            self._read_and_release(now, oldest, reading)
        if (
            self._read_at < oldest and not now - self._read_at < self._longest_outage
        ):  # never read: infinitely old
            raise Unavailable("revocations_unavailable")

    def _read_in_background(self, now: float, reading: threading.Lock) -> None:
        if now < self._retry_at or not reading.acquire(blocking=False):
            return
        # The pool's thread waits for the next read: to start one for each costs a busy worker 0.7 %
        # of its requests.
        pool = self._pools.setdefault(
            os.getpid(), ThreadPoolExecutor(1, "jwt-middleware-revocations")
        )
        try:
            pool.submit(self._read_and_release, now, now, reading)
        except RuntimeError:  # no thread to be had: a later request reads
            del self._pools[os.getpid()]  # the pool may have kept the read
            reading.release()

    def _read_and_release(self, now: float, oldest: float, reading: threading.Lock) -> None:
        try:
            if (
                self._read_at <= oldest and now >= self._retry_at
            ):  # nobody else has read or failed meanwhile
                started = time.monotonic()
                self._add(self.log.read_revocations(self._cursor))
                self._read_at, self._refresh_at = started, started + self._max_staleness / 2
        except (
            Exception
        ) as error:  # whatever a log of the owner's raises: what cannot be read is not known
            self._retry_at = time.monotonic() + _RETRY
            told = (
                error if isinstance(error, StoreUnavailable) else type(error).__name__
            )  # never a foreign text
            _log.warning("the log of revocations cannot be read: %s", told)
        finally:
            reading.release()

    def _add(self, page: RevocationPage) -> None:
        for key, expires_at in page.entries:
            self._revoked[key] = max(expires_at, self._revoked.get(key, 0))
        self._cursor = page.cursor
        now = time.time()
        if (
            now // 60 != self._pruned_in
        ):  # into a new dictionary: requests read the old one meanwhile
            self._pruned_in = now // 60
            self._revoked = {
                key: expires_at for key, expires_at in self._revoked.items() if expires_at > now
            }
