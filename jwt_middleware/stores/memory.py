"""`MemoryStore`: stores users, their tokens, sessions, revocations and counters in this process."""

import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import takewhile
from typing import Any

from ..trust.cut_offs import subject_of
from ..trust.revocation import Revocation, RevocationPage
from .base import MAX_SESSIONS, Session
from .imports import Import
from .memory_tokens import TokensInMemory
from .passwords import DEFAULT_METHOD
from .revocations import (
    MARGIN,
    PRUNE_AFTER,
    foreign_session_entry,
    id_text,
    session_entry,
    sessions_entry,
    subject_entry,
    token_entry,
)
from .users import Row, fold_name

_SWEEP_EVERY = 60
"""Seconds between two removals of expired entries: seldom enough to cost nothing."""


class MemoryStore(TokensInMemory):
    """Stores users, their tokens, sessions, revocations and counters as long as this object lives.

    Use it in tests, and for an app in one process. Many threads may use one store. After a fork
    each process has its own copy. `password_method` is a method of
    `werkzeug.security.generate_password_hash`; a test may choose a cheap one.
    """

    def __init__(self, *, password_method: str = DEFAULT_METHOD) -> None:
        super().__init__(password_method)
        self._rows: dict[str, Row] = {}
        self._last_id = 0
        self._imported_methods: set[str] = set()
        self._sessions: dict[bytes, Session] = {}
        self._names_of: dict[str, set[bytes]] = {}  # user id to the names of its sessions
        self._revocations: dict[int, Revocation] = {}
        self._last_revocation = 0
        self._counts: dict[str, tuple[int, float]] = {}
        self._swept_at = time.time()

    def ping(self) -> None:
        """Return at once: memory always answers."""

    def close(self) -> None:
        """Do nothing: memory needs no connections. The contents of the store stay."""

    def add_session(self, session: Session) -> None:
        """Add a session. Beyond `MAX_SESSIONS`, end the user's oldest sessions of that issuer."""
        with self._lock:
            self._sweep(time.time())
            others = self._sessions_of(session.user_id, session.issuer)
            others.sort(key=lambda other: other.started_at)
            self._end(others[: max(0, len(others) + 1 - MAX_SESSIONS)])
            self._sessions[session.name_hash] = session
            self._names_of.setdefault(session.user_id, set()).add(session.name_hash)

    def find_session(self, name_hash: bytes) -> Session | None:
        """Return the session with this name hash, expired or not."""
        return self._sessions.get(name_hash)

    def find_session_by_sid(self, sid: str, *, user_id: str, issuer: str) -> Session | None:
        """Return the session that an access token names by its `sid`, `sub` and `iss`, expired or
        not."""
        with self._lock:
            sessions = self._sessions_of(user_id, issuer)
        return next((session for session in sessions if session.sid == sid), None)

    def replace_session(self, old: Session, new: Session) -> bool:
        """Replace `old` with `new` and return True. Return False, and change nothing, if the stored
        `secret_hash` is not that of `old`."""
        with self._lock:
            current = self._sessions.get(old.name_hash)
            if current is None or current.secret_hash != old.secret_hash:
                return False
            self._sessions[old.name_hash] = new
            return True

    def end_session(self, session: Session) -> None:
        """Remove the session and revoke its access tokens, both or neither. Ending it again changes
        nothing."""
        with self._lock:
            current = self._sessions.get(session.name_hash)
            self._end([current] if current else [])

    def end_sessions(self, user_id: int | str, *, issuer: str | None = None) -> None:
        """End all current sessions of the user, of one issuer or of all issuers. Revoke the tokens
        too that an app minted for the user by hand."""
        user_id = id_text(user_id, "user_id", "end_sessions(1)")
        with self._lock:
            self._end_all(user_id, issuer)

    def revoke(self, *, token_id: str, expires_at: float, issuer: str = "") -> None:
        """Revoke one access token until it has expired. Without an issuer, revoke this `jti` of
        every issuer.

        A value that cannot be the `jti` or `exp` of a token raises `ConfigurationError`.
        """
        entry = token_entry(token_id, expires_at, issuer)
        with self._lock:
            self._append(entry)

    def revoke_session(self, issuer: str, session_id: str, *, expires_at: float) -> None:
        """Revoke all tokens with this `sid` of an issuer, until the last of them has expired at
        `expires_at`, in seconds since the epoch."""
        entry = foreign_session_entry(issuer, session_id, expires_at)
        with self._lock:
            self._append(entry)

    def revoke_subject(
        self, issuer: str, subject: int | str, *, until: float | None = None
    ) -> None:
        """Revoke all tokens of a subject that were issued until now, or until a moment in seconds
        since the epoch: see `trust.cut_offs`. Its sessions go on, and get new tokens."""
        entry = subject_entry(issuer, subject, until)
        with self._lock:
            self._append(entry)

    def is_revoked(self, keys: Collection[str]) -> bool:
        """Return whether the log has one of these `revocation_keys`."""
        with self._lock:
            return any(entry.key in keys for entry in self._revocations.values())

    def revoked_until(self, key: str) -> float:
        """Return when the last entry of the log with this key expires, in seconds since the epoch.
        Return 0 without one."""
        with self._lock:
            found = [one.expires_at for one in self._revocations.values() if one.key == key]
        return max(found, default=0)

    def read_revocations(self, cursor: object | None) -> RevocationPage:
        """Return the entries after the cursor. For None, or for a cursor that is no longer in the
        log, return all entries."""
        with self._lock:
            newest_first = reversed(self._revocations.items())
            newer = [entry for _, entry in takewhile(lambda item: item[0] != cursor, newest_first)]
            last = next(reversed(self._revocations), None)
            return RevocationPage(last, newer[::-1])

    def increment(self, key: str, seconds: int, amount: int = 1) -> int:
        """Add to a count atomically and return the new count. A negative amount subtracts, never
        below zero."""
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
        """Return a count and the time when it expires, in seconds since the epoch. Return (0, now)
        for an unknown key."""
        now = time.time()
        count, expires_at = self._counts.get(key, (0, now))
        return (count, expires_at) if expires_at > now else (0, now)

    def _find(self, username: str) -> Row | None:
        return self._rows.get(fold_name(username))

    def _get(self, user_id: int) -> Row | None:
        return next((row for row in self._rows.copy().values() if row.id == user_id), None)

    def _all(self) -> Sequence[Row]:
        return sorted(self._rows.copy().values(), key=lambda row: row.username)

    def _insert(self, values: Mapping[str, Any]) -> Row | None:
        with self._lock:
            key = fold_name(values["username"])
            if key in self._rows:
                return None
            self._last_id += 1
            self._rows[key] = row = Row(id=self._last_id, **values)
            return row

    def _import(self, task: Import) -> None:
        given = {number: row for batch in task.batches() for number, row in batch.items()}
        with self._lock:
            new: dict[str, Row] = {}
            for number, values in given.items():
                key = fold_name(values["username"])
                if key in self._rows or key in new:
                    task.report_taken(number, values["username"])
                else:
                    new[key] = Row(id=self._last_id + len(new) + 1, **values)
            task.finish()
            self._last_id += len(new)
            self._rows.update(new)
            self._imported_methods |= task.methods

    def _some_hashes(self) -> Iterable[str]:
        return sorted(self._imported_methods)

    def _update(
        self,
        username: str,
        values: Mapping[str, Any],
        *,
        ends_sessions: bool = False,
        ends_tokens: bool = False,
    ) -> bool:
        with self._lock:
            key = fold_name(username)
            row = self._rows.get(key)
            if row is None:
                return False
            version = row.version + 1 if ends_sessions else row.version
            self._rows[key] = replace(row, **values, version=version)
            if ends_sessions:
                self._end_all(str(row.id))
            if ends_tokens:
                self._end_tokens_of(row.id)
            return True

    def _delete(self, username: str) -> bool:
        with self._lock:
            row = self._rows.pop(fold_name(username), None)
            if row is not None:
                self._end_all(str(row.id))
                self._end_tokens_of(row.id)
            return row is not None

    def _replace_hash(self, row: Row, password_hash: str) -> None:
        with self._lock:
            key = fold_name(row.username)
            if self._rows.get(key) is row:
                self._rows[key] = replace(row, password_hash=password_hash)

    def _sessions_of(self, user_id: str, issuer: str | None = None) -> list[Session]:
        found = [self._sessions[name] for name in self._names_of.get(user_id, ())]
        return [session for session in found if issuer in (None, session.issuer)]

    def _end_all(self, user_id: str, issuer: str | None = None) -> None:
        self._end(self._sessions_of(user_id, issuer))
        self._append(sessions_entry(issuer, user_id))

    def _end(self, sessions: Iterable[Session]) -> None:
        for session in sessions:
            self._forget(session)
            entry = session_entry(
                session.issuer, session.sid, session.token_lifetime, session.used_at, time.time()
            )
            self._append(entry)

    def _forget(self, session: Session) -> None:
        """Remove a session, unless a sweep has just removed it."""
        self._sessions.pop(session.name_hash, None)
        names = self._names_of.get(session.user_id, set())
        names.discard(session.name_hash)
        if not names:
            self._names_of.pop(session.user_id, None)

    def _append(self, entry: Revocation) -> None:
        self._sweep(time.time())
        self._last_revocation += 1
        self._revocations[self._last_revocation] = entry

    def _sweep(self, now: float) -> None:
        """Remove expired entries once a minute.

        Revocations stay for another hour, because the clock of this machine may be ahead for a
        while. Of the cut-offs of one key the last is enough.
        """
        is_recent = self._swept_at <= now < self._swept_at + _SWEEP_EVERY
        if is_recent:
            return
        self._swept_at = now
        last = {entry.key: number for number, entry in self._revocations.items()}
        self._revocations = {
            number: entry
            for number, entry in self._revocations.items()
            if entry.expires_at + PRUNE_AFTER > now
            and (last[entry.key] == number or subject_of(entry.key) is None)
        }
        self._sweep_tokens(now)
        # A count of zero is that of attempts that were given back. A flood of them must not fill
        # the memory with the names that they were for.
        self._counts = {
            key: value for key, value in self._counts.items() if value[0] and value[1] > now
        }
        for session in list(self._sessions.values()):
            if session.expires_at + session.token_lifetime + MARGIN <= now:
                self._forget(session)
