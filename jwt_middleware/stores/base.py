"""What the login app asks of a store: `User` and the protocols."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from ..errors import ConfigurationError, JWTMiddlewareError


@dataclass(frozen=True, slots=True)
class User:
    """A user as a store knows it.

    `id` is the store's own, a number or a text; the `sub` of a token is its text. `scopes` are
    granted to every token of the user. `claims` are extra claims for those tokens, JSON-able; they
    may not replace registered ones. `version` is an integer (64 bits) that changes with the
    password, such as `version_of(row.password_hash)`: a session started under another one ends.
    """

    id: int | str
    username: str
    scopes: tuple[str, ...] = ()
    claims: Mapping[str, Any] = field(default_factory=dict)
    version: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """A session in a store. Nothing in it lets a reader of the store use or make a token: see
    `login.sessions`.

    The hashes are SHA-256 (32 bytes) of parts of refresh tokens. `successor` (32 bytes) can only be
    read with the secret before it, whose hash is `previous_hash`. The session's access tokens carry
    `sid`; their `iss` is `issuer`, and none lived longer than `token_lifetime` seconds. Times are
    seconds since the epoch; `used_at` is that of the last rotation.
    """

    name_hash: bytes
    sid: str
    issuer: str
    user_id: str
    user_version: int
    token_lifetime: int
    started_at: float
    used_at: float
    expires_at: float
    secret_hash: bytes
    previous_hash: bytes | None = None
    successor: bytes | None = None


@dataclass(frozen=True, slots=True)
class UserRecord(User):
    """A user as the bundled stores list it, with whether it is disabled: it keeps its name but
    cannot sign in."""

    disabled: bool = False


class UnknownUser(JWTMiddlewareError, LookupError):
    """A bundled store was asked to change a user that it does not have."""


class NameTaken(ConfigurationError):
    """A bundled store was asked to add a user whose name another user has."""


class UserStore(Protocol):
    """The two questions that an owner's own user table answers, passed as `LoginApp(users=...)`.

    Both raise `StoreUnavailable` when they cannot answer.
    """

    def authenticate(self, username: str, password: str) -> User | None:
        """Return the user whose name and password these are, or None, at the same cost for a known
        name as for an unknown one: see `check_password`. It may be called by many threads."""

    def get(self, user_id: str) -> User | None:
        """Return the user with that id, given as text, or None when there is none or it may not
        sign in any more."""


MAX_SESSIONS = 100
"""How many sessions of one issuer a user has at most. So nobody fills a store by logging in, and
all of them end in one short transaction."""


class SessionStore(Protocol):
    """The sessions of the login apps, each of which has an issuer of its own.

    Each call is one transaction; all raise `StoreUnavailable` within two seconds.
    """

    def add_session(self, session: Session) -> None:
        """Add a session, and end the user's oldest of that issuer beyond `MAX_SESSIONS`."""

    def find_session(self, name_hash: bytes) -> Session | None:
        """Return the session of that name, expired or not."""

    def find_session_by_sid(self, sid: str, *, user_id: str, issuer: str) -> Session | None:
        """Return the session that an access token names by its `sid`, `sub` and `iss`, expired or
        not."""

    def replace_session(self, old: Session, new: Session) -> bool:
        """Replace `old` by `new` and return True, or False when its `secret_hash` is not `old`'s
        any more."""

    def end_session(self, session: Session) -> None:
        """Remove the session and revoke its access tokens, both or neither. Ending it again changes
        nothing."""

    def end_sessions(self, user_id: str, *, issuer: str | None = None) -> None:
        """End all sessions that the user has now: those of one issuer, or of every one."""

    def revoke(self, *, token_id: str, expires_at: float, issuer: str = "") -> None:
        """Revoke one access token until it has expired: that of the issuer, or of any when none is
        named."""

    def is_revoked(self, keys: Collection[str]) -> bool:
        """Return whether the log has one of these `revocation_keys`."""


class Counters(Protocol):
    """Counters that all workers of a store share. A count is forgotten `seconds` after its first
    increment."""

    def increment(self, key: str, seconds: int, amount: int = 1) -> int:
        """Add to a count, atomically, and return it. A negative amount takes away, never below
        zero."""

    def count(self, key: str) -> tuple[int, float]:
        """Return a count and when it is forgotten, in seconds since the epoch of the caller's
        clock; (0, now) if there is none."""


class Store(SessionStore, Counters, Protocol):
    """Everything the login app keeps but the users: sessions, revocations and counters."""

    def ping(self) -> None:
        """Return if the store answers, else raise `StoreUnavailable`."""
