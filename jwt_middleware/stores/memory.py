"""`MemoryStore`: all that a login app keeps, in this process, for tests and for one process."""

import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import takewhile
from typing import Any

from ..trust.revocation import Revocation, RevocationPage
from .base import Session
from .entries import MARGIN, PRUNE_AFTER, session_entry, token_entry
from .passwords import DEFAULT_METHOD
from .users import Row, UserTable

_SWEEP_EVERY = 60  # seconds


class MemoryStore(UserTable):
    """Users, sessions, revocations and counters that live as long as this object.

    Thread-safe; forked processes each go on with a copy of their own. `password_method` is one of
    `werkzeug.security.generate_password_hash`; a test may choose a cheap one.
    """

    def __init__(self, *, password_method: str = DEFAULT_METHOD) -> None:
        super().__init__(password_method)
        self._rows: dict[str, Row] = {}
        self._last_id = 0
        self._sessions: dict[bytes, Session] = {}
        self._revocations: dict[int, Revocation] = {}
        self._last_revocation = 0
        self._counts: dict[str, tuple[int, float]] = {}
        self._swept_at = time.time()
        self._lock = threading.Lock()

    def ping(self) -> None:
        """Return at once: memory answers."""

    def add_session(self, session: Session) -> None:
        """Keep a new session."""
        with self._lock:
            self._sweep(time.time())
            self._sessions[session.name_hash] = session

    def find_session(self, name_hash: bytes) -> Session | None:
        """Return the session of that name, expired or not."""
        return self._sessions.get(name_hash)

    def replace_session(self, old: Session, new: Session) -> bool:
        """Keep `new` in place of `old` and return True, or False when its `secret_hash` is not
        `old`'s any more."""
        with self._lock:
            kept = self._sessions.get(old.name_hash)
            if kept is None or kept.secret_hash != old.secret_hash:
                return False
            self._sessions[old.name_hash] = new
            return True

    def end_session(self, session: Session) -> None:
        """Forget the session and revoke its access tokens, both or neither. Ending it again changes
        nothing."""
        with self._lock:
            kept = self._sessions.get(session.name_hash)
            self._end([kept] if kept else [])

    def end_sessions(self, user_id: str) -> None:
        """End all sessions of the user that there are now."""
        with self._lock:
            self._end_all(user_id)

    def revoke(self, *, token_id: str, expires_at: float, issuer: str = "") -> None:
        """Revoke one access token until it has expired: that of the issuer, or of any when none is
        named.

        `ConfigurationError` for what cannot be the `jti` or `exp` of a token.
        """
        entry = token_entry(token_id, expires_at, issuer)
        with self._lock:
            self._append(entry)

    def read_revocations(self, cursor: object | None) -> RevocationPage:
        """Return the entries after the cursor; all of them for None or a cursor that the log does
        not know any more."""
        with self._lock:
            newest_first = reversed(self._revocations.items())
            newer = [entry for _, entry in takewhile(lambda item: item[0] != cursor, newest_first)]
            last = next(reversed(self._revocations), None)
            return RevocationPage(last, newer[::-1], complete=cursor not in self._revocations)

    def increment(self, key: str, seconds: int, amount: int = 1) -> int:
        """Add to a count, atomically, and return it. A negative amount takes away, never below
        zero."""
        with self._lock:
            now = time.time()
            self._sweep(now)
            count, expires_at = self._counts.get(key, (0, now))
            if expires_at <= now:
                if amount <= 0:
                    return 0
                count, expires_at = 0, now + seconds
            self._counts[key] = (max(0, count + amount), expires_at)
            return self._counts[key][0]

    def count(self, key: str) -> tuple[int, float]:
        """Return a count and when it is forgotten, in seconds since the epoch; (0, now) where there
        is none."""
        now = time.time()
        count, expires_at = self._counts.get(key, (0, now))
        return (count, expires_at) if expires_at > now else (0, now)

    def _find(self, username: str) -> Row | None:
        return self._rows.get(username)

    def _get(self, user_id: int) -> Row | None:
        return next((row for row in self._rows.copy().values() if row.id == user_id), None)

    def _all(self) -> Sequence[Row]:
        return sorted(self._rows.copy().values(), key=lambda row: row.username)

    def _insert(self, values: Mapping[str, Any]) -> Row | None:
        with self._lock:
            if values["username"] in self._rows:
                return None
            self._last_id += 1
            self._rows[values["username"]] = row = Row(id=self._last_id, **values)
            return row

    def _update(
        self, username: str, values: Mapping[str, Any], *, ends_sessions: bool = False
    ) -> bool:
        with self._lock:
            row = self._rows.get(username)
            if row is None:
                return False
            self._rows[username] = replace(row, **values, version=row.version + ends_sessions)
            if ends_sessions:
                self._end_all(str(row.id))
            return True

    def _delete(self, username: str) -> bool:
        with self._lock:
            row = self._rows.pop(username, None)
            if row is not None:
                self._end_all(str(row.id))
            return row is not None

    def _replace_hash(self, row: Row, password_hash: str) -> None:
        with self._lock:
            if self._rows.get(row.username) is row:
                self._rows[row.username] = replace(row, password_hash=password_hash)

    def _end_all(self, user_id: str) -> None:
        self._end([session for session in self._sessions.values() if session.user_id == user_id])

    def _end(self, sessions: Iterable[Session]) -> None:
        for session in sessions:
            self._sessions.pop(
                session.name_hash, None
            )  # which the sweep of another's entry may have done
            self._append(session_entry(session, time.time()))

    def _append(self, entry: Revocation) -> None:
        self._sweep(time.time())
        self._last_revocation += 1
        self._revocations[self._last_revocation] = entry

    def _sweep(self, now: float) -> None:
        """Forget what has expired, now and then."""
        if now < self._swept_at + _SWEEP_EVERY:
            return
        self._swept_at = now
        self._revocations = {
            place: entry
            for place, entry in self._revocations.items()
            if entry.expires_at + PRUNE_AFTER > now
        }
        self._counts = {key: kept for key, kept in self._counts.items() if kept[1] > now}
        self._sessions = {
            name: kept
            for name, kept in self._sessions.items()
            if kept.expires_at + kept.token_lifetime + MARGIN > now
        }
