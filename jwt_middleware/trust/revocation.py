"""`RevocationList`: this process's view of a store's log of revoked tokens, sessions and subjects.

Requests do not read the store. When half of `max_staleness` has passed, a thread reads the new
entries in the background. A request waits only if the view is older than `max_staleness`, for one
bounded read. The old view is used only if that read *fails*, for at most `max_outage`. After that,
the answer is 503.
"""

import logging
import math
import os
import threading
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol

from .._options import check_seconds, require
from ..errors import InvalidToken, StoreUnavailable, Unavailable
from ..identity import Identity
from .cut_offs import cut_off_keys, is_cut_off, subject_of

_log = logging.getLogger("jwt_middleware")

_RETRY = 1  # seconds after a failed read in which requests do not wait for another read
_READ_TIMEOUT = 5
"""Seconds after which a read by another request counts as failed, since a log answers within
two."""

_PRUNE_EVERY = 60  # seconds
_PRUNE_AFTER = 3600
"""Seconds for which the view remembers an expired revocation. A verifier with leeway accepts the
token after its expiry, and the clock of this machine may be wrong."""


@dataclass(frozen=True, slots=True)
class Revocation:
    """An entry of a revocation log: a `revocation_key` and the expiry of the last token with it, in
    seconds since the epoch."""

    key: str
    expires_at: float


@dataclass(frozen=True, slots=True, eq=False)
class RevocationPage:
    """The answer of a log: entries, and the cursor for the next read.

    A reader does not forget entries that are missing from a page. So a log that lost its data does
    not make revoked tokens valid again.
    """

    cursor: object
    entries: Iterable[Revocation]


class RevocationLog(Protocol):
    """A revocation log in a store. Entries become visible in the order of their cursors, and a
    cursor is never reused."""

    def read_revocations(self, cursor: object | None) -> RevocationPage:
        """Return the entries after the cursor. Return all entries for None or for a cursor that the
        log does not know any more.

        Raise `StoreUnavailable`, within two seconds, if the log cannot be read.
        """


def revocation_keys(issuer: str, token_id: str | None, session_id: str | None) -> tuple[str, ...]:
    """Return the keys that may revoke a token: its `jti` for this issuer, its `jti` for any issuer,
    and its `sid`."""
    by_session = () if session_id is None else (f"sid\n{issuer}\n{session_id}",)
    if token_id is None:
        return by_session
    return f"jti\n{issuer}\n{token_id}", f"jti\n\n{token_id}", *by_session


def revocation_key(kind: str, issuer: str, id_: str) -> str:
    """Return the key of a token (`kind` is `jti`) or session (`sid`) of an issuer.

    An issuer does not contain control characters, so no two triples have the same key.
    """
    return f"{kind}\n{issuer}\n{id_}"


class RevocationList:
    """The revoked tokens and sessions of a store's log, and the subjects whose tokens are revoked
    up to a moment, as known in this process.

    - `max_staleness`: seconds until a revocation takes effect at the latest; 0 reads the log at
      every request.
    - `max_outage`: seconds after the last successful read for which the view is used while the log
      cannot be read. None means forever. After that, requests are refused with 503.
    """

    def __init__(
        self, log: RevocationLog, *, max_staleness: float = 1, max_outage: float | None = 120
    ) -> None:
        can_read = callable(getattr(log, "read_revocations", None))
        require(
            can_read and not isinstance(log, type),
            f"log must be a store with a revocation log, got {type(log).__name__}: "
            "RevocationList(store)",
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
        self.cut_off_subjects: set[str] = set()
        """The subjects for which `check_subject` must be called. Few callers are among them."""
        self._failures = 0
        self._pruned_at = -math.inf  # by the wall clock, in seconds since the epoch
        self._read_at = self._retry_at = self._refresh_at = -math.inf
        # One for each process, since a fork may copy a lock that is held, but copies no threads.
        self._reading: dict[int, threading.Lock] = {}
        self._pools: dict[int, ThreadPoolExecutor] = {}

    @property
    def age(self) -> float | None:
        """Seconds since the log was last read; None before the first time."""
        return None if self._read_at == -math.inf else time.monotonic() - self._read_at

    @property
    def size(self) -> int:
        """How many entries are known: revoked tokens and sessions, and subjects cut off."""
        return len(self._revoked)

    @property
    def failures(self) -> int:
        """The number of failed reads of the log in this process."""
        return self._failures

    def check(self, keys: tuple[str, ...]) -> None:
        """Raise `InvalidToken("revoked")` if one of the keys is revoked.

        Raise `Unavailable` if the view is too old to decide.
        """
        if time.monotonic() >= self._refresh_at:
            self._refresh()
        if not self._revoked.keys().isdisjoint(keys):
            raise InvalidToken("revoked")

    def check_subject(self, caller: Identity) -> None:
        """Return if no cut-off of the subject revokes the caller's token. Call `check` before.

        Raise `InvalidToken("revoked")` if one does.
        """
        for key in cut_off_keys(caller):
            expires_at = self._revoked.get(key)
            if expires_at is not None and is_cut_off(caller, expires_at):
                raise InvalidToken("revoked")

    def _refresh(self) -> None:
        reading = self._reading.setdefault(os.getpid(), threading.Lock())
        now = time.monotonic()
        oldest = now - self._max_staleness
        if self._read_at > oldest:
            self._read_in_background(now, reading)
            return
        # While reads fail, one request reads and the others go on with the old view.
        is_failing = self._retry_at > self._read_at
        if reading.acquire(timeout=0 if is_failing else _READ_TIMEOUT):
            self._read_and_release(now, oldest, reading)
        # A view that was never read is infinitely old: `inf < inf` is false.
        is_usable = now - self._read_at < self._longest_outage
        if self._read_at < oldest and not is_usable:
            raise Unavailable("revocations_unavailable")

    def _read_in_background(self, now: float, reading: threading.Lock) -> None:
        if now < self._retry_at or not reading.acquire(blocking=False):
            return
        # The pool's thread waits for the next read. A new thread for each read would cost a busy
        # worker 0.7 % of its requests.
        pool = self._pools.setdefault(
            os.getpid(), ThreadPoolExecutor(1, "jwt-middleware-revocations")
        )
        try:
            pool.submit(self._read_and_release, now, now, reading)
        except RuntimeError:  # no thread can be started, so a later request reads
            del self._pools[os.getpid()]  # this pool may have queued the read
            reading.release()

    def _read_and_release(self, now: float, oldest: float, reading: threading.Lock) -> None:
        try:
            was_read_meanwhile = self._read_at > oldest or now < self._retry_at
            if not was_read_meanwhile:
                started = time.monotonic()
                self._forget_cursor_if_set_back()
                self._add(self.log.read_revocations(self._cursor))
                self._read_at, self._refresh_at = started, started + self._max_staleness / 2
        except Exception as error:  # an owner's log may raise anything
            self._retry_at = time.monotonic() + _RETRY
            self._failures += 1  # without a lock, since only one reader runs at a time
            # Log only our own messages and class names, since a driver's message may hold a
            # password.
            cause = type(error).__name__
            if isinstance(error, StoreUnavailable):
                cause = f"{error} ({error.cause})" if error.__cause__ else str(error)
            _log.warning("the revocation log cannot be read: %s", cause)
        finally:
            reading.release()

    def _add(self, page: RevocationPage) -> None:
        for entry in page.entries:
            self._revoked[entry.key] = max(entry.expires_at, self._revoked.get(entry.key, 0))
            if (subject := subject_of(entry.key)) is not None:
                self.cut_off_subjects.add(subject)
        self._cursor = page.cursor
        now = time.time()
        if now >= self._pruned_at + _PRUNE_EVERY:
            self._pruned_at = now
            oldest = now - _PRUNE_AFTER
            # Build a new dictionary, since requests read the old one meanwhile.
            self._revoked = {
                key: expires_at for key, expires_at in self._revoked.items() if expires_at > oldest
            }
            subjects = {subject_of(key) for key in self._revoked}
            self.cut_off_subjects.intersection_update(subjects)

    def _forget_cursor_if_set_back(self) -> None:
        """Read the whole log again after the wall clock was set back.

        While the clock was ahead, the view may have dropped revocations whose tokens have not
        expired now.
        """
        if time.time() < self._pruned_at:
            self._pruned_at = -math.inf
            self._cursor = None
