"""`RevocationList`: this process's view of a log of revoked tokens and sessions kept in a store.

A logout costs no store read per request: the view is read on from where it ended, in the background when half of
`max_staleness` has passed. Only a view older than that makes a request wait, for one bounded read; only when that
read has *failed* is the old view used, for at most `max_outage`; after that the answer is 503.
"""

import logging
import math
import os
import threading
import time
from collections.abc import Iterable
from typing import NamedTuple, Protocol

from .errors import InvalidToken, StoreUnavailable, Unavailable, require

_log = logging.getLogger("jwt_middleware")

_SLOT = 60
"""Seconds of expiry that are forgotten together."""

_RETRY = 1
"""Seconds after a failed read in which nobody waits for another."""


class Revocation(NamedTuple):
    """One entry of a log: a `revocation_key`, kept until `expires_at` (seconds since the epoch)."""

    key: str
    expires_at: float


class RevocationPage(NamedTuple):
    """What a log answers: entries, and the cursor to ask with next.

    With `complete` these are all the entries there are: whatever was known before is dropped.
    """

    cursor: object
    entries: Iterable[Revocation]
    complete: bool


class RevocationLog(Protocol):
    """A log in a store. Its entries become visible in the order of its cursors, which are never used again."""

    def read_revocations(self, cursor: object | None) -> RevocationPage:
        """Return the entries after the cursor; all of them for None or a cursor that the log does not know any more.

        Raises `StoreUnavailable`, within two seconds.
        """


def revocation_keys(issuer: str, token_id: str | None, session_id: str | None) -> tuple[str, ...]:
    """Return the keys under which a token may have been revoked: by its `jti` and by its `sid`, as its issuer's."""
    named = (("jti", token_id), ("sid", session_id))
    return tuple("\0".join((kind, issuer, id_)) for kind, id_ in named if id_ is not None)


class RevocationList:
    """The revoked tokens and sessions of a log, as known here; `max_staleness` and `max_outage` are seconds.

    `max_staleness=0` reads at every request. `max_outage=None` goes on with what is known for ever.
    """

    def __init__(self, log: RevocationLog, *, max_staleness: float = 1, max_outage: float | None = 120) -> None:
        require(
            hasattr(log, "read_revocations"), "RevocationList takes a store that keeps a log: RevocationList(store)"
        )
        require(max_staleness >= 0, "max_staleness is a number of seconds, 0 to read at every request")
        require(max_outage is None or max_outage >= 0, "max_outage is a number of seconds, or None")
        self._log = log
        self._max_staleness = max_staleness
        self._max_outage = float("inf") if max_outage is None else max_outage
        self._view = _View()
        self._read_at = self._retry_at = self._refresh_at = -math.inf
        self._start_in_this_process()

    def check(self, keys: tuple[str, ...]) -> None:
        """Return if none of the keys is revoked. `InvalidToken("revoked")`, or `Unavailable` when none can say."""
        if time.monotonic() >= self._refresh_at:
            self._refresh()
        revoked = self._view.expires_at
        for key in keys:
            if key in revoked:
                raise InvalidToken("revoked")

    def _start_in_this_process(self) -> None:
        self._pid = os.getpid()
        self._reading = threading.Lock()

    def _refresh(self) -> None:
        if self._pid != os.getpid():  # the lock may have been copied while a thread of the parent held it
            self._start_in_this_process()
        now = time.monotonic()
        oldest = now - self._max_staleness
        if self._read_at > oldest:
            self._read_in_background(now)
            return
        with self._reading:
            if self._read_at <= oldest and now >= self._retry_at:
                self._read()
        if not now - self._read_at <= max(self._max_outage, self._max_staleness):
            raise Unavailable("revocations_unavailable")

    def _read_in_background(self, now: float) -> None:
        if now < self._retry_at or not self._reading.acquire(blocking=False):
            return
        try:
            threading.Thread(target=self._read_and_release, name="jwt-middleware-revocations", daemon=True).start()
        except RuntimeError:  # no thread to be had: a later request reads
            self._reading.release()

    def _read_and_release(self) -> None:
        try:
            self._read()
        finally:
            self._reading.release()

    def _read(self) -> None:
        started = time.monotonic()
        try:
            page = self._log.read_revocations(self._view.cursor)
        except StoreUnavailable as error:
            self._retry_at = time.monotonic() + _RETRY
            _log.warning("the log of revocations cannot be read: %s", error)
            return
        if page.complete:
            self._view = _View()
        self._view.add(page)
        self._read_at = started
        self._refresh_at = started + self._max_staleness / 2


class _View:
    """What is revoked: key to expiry, with the keys of each minute of expiry together, so that pruning is cheap."""

    def __init__(self) -> None:
        self.cursor: object | None = None
        self.expires_at: dict[str, float] = {}
        self._slots: dict[int, list[str]] = {}

    def add(self, page: RevocationPage) -> None:
        for key, expires_at in page.entries:
            if expires_at > self.expires_at.get(key, 0):
                self.expires_at[key] = expires_at
                self._slots.setdefault(int(expires_at // _SLOT), []).append(key)
        self.cursor = page.cursor
        self._prune(time.time())

    def _prune(self, now: float) -> None:
        for slot in [slot for slot in self._slots if (slot + 1) * _SLOT <= now]:
            for key in self._slots.pop(slot):
                if self.expires_at[key] <= now:
                    del self.expires_at[key]
