"""Defines the stored values `User`, `Session` and `PersonalToken`, and the protocols of stores."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from ..errors import ConfigurationError, JWTMiddlewareError


@dataclass(frozen=True, slots=True)
class User:
    """A user in a store.

    - `id`: an integer or a string; as a string it is the `sub` of the user's tokens.
    - `scopes`: granted to every token of the user.
    - `claims`: extra claims for those tokens, which JSON can encode. They must not replace
      registered claims. `acr`, `amr`, `auth_time` and `cnf` tell of a login and not of a user, so
      no token gets them from here.
    - `version`: a 64-bit integer that changes with the password, such as
      `version_of(row.password_hash)`. A session that started under another version ends.
    """

    id: int | str
    username: str
    scopes: tuple[str, ...] = ()
    claims: Mapping[str, Any] = field(default_factory=dict)
    version: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """A session in a store. A reader of the store cannot use or make a token with it: see
    `login.sessions`.

    The hashes are SHA-256 (32 bytes) of parts of refresh tokens. `successor` (32 bytes) can only be
    unmasked with the secret before it, whose hash is `previous_hash`. The session's access tokens
    carry `sid`; their `iss` is `issuer`. None lives longer than `token_lifetime` seconds. Times are
    seconds since the epoch; `used_at` is the time of the last rotation.
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
    """A user as the bundled stores list it. A disabled user cannot log in, and no other user can
    take the name."""

    disabled: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonalToken:
    """A personal access token as a store lists it. Nobody can use or make a token with it.

    - `id`: the argument of `remove_token`, and the `jti` of the caller.
    - `name`: its owner's name for it.
    - `scopes`: the requested scopes. The token has those of them that its user has now.
    - `created_at` and `expires_at`: seconds since the epoch.
    """

    id: str
    name: str
    scopes: tuple[str, ...]
    created_at: float
    expires_at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenRecord:
    """The data of a personal token in a store, for checking it.

    `secret_hash` is the SHA-256 of its secret (32 bytes). `user` is None if the user was removed.
    """

    token: PersonalToken
    secret_hash: bytes = field(repr=False)
    is_removed: bool
    user: UserRecord | None


class UnknownToken(JWTMiddlewareError, LookupError):
    """The personal token to remove does not exist in a bundled store."""


class UnknownUser(JWTMiddlewareError, LookupError):
    """The user to change does not exist in a bundled store."""


class NameTaken(ConfigurationError):
    """The name of a user to add to a bundled store belongs to another user."""


class UserStore(Protocol):
    """The two methods of your own user table, passed as `LoginApp(users=...)`.

    Both must raise `StoreUnavailable` when they cannot answer.
    """

    def authenticate(self, username: str, password: str) -> User | None:
        """Return the user with this name and password, or None. Known and unknown names must take
        the same time: see `check_password`. Many threads may call this at once."""

    def get(self, user_id: str) -> User | None:
        """Return the user with this id, which is always a string. Return None for an unknown user,
        or for one who may no longer log in."""


MAX_SESSIONS = 100
"""Sessions that a user may have of one issuer. The limit stops a user from filling the store, and
lets all sessions end in one short transaction."""


class SessionStore(Protocol):
    """The sessions of the login apps. Each login app has its own issuer.

    Each call is one transaction, and raises `StoreUnavailable` within two seconds if the store does
    not answer.
    """

    def add_session(self, session: Session) -> None:
        """Add a session. Beyond `MAX_SESSIONS`, end the user's oldest sessions of that issuer."""

    def find_session(self, name_hash: bytes) -> Session | None:
        """Return the session with this name hash, expired or not."""

    def find_session_by_sid(self, sid: str, *, user_id: str, issuer: str) -> Session | None:
        """Return the session that an access token names by its `sid`, `sub` and `iss`, expired or
        not."""

    def replace_session(self, old: Session, new: Session) -> bool:
        """Replace `old` with `new` and return True. Return False, and change nothing, if the stored
        `secret_hash` is not that of `old`."""

    def end_session(self, session: Session) -> None:
        """Remove the session and revoke its access tokens, both or neither. Ending it again changes
        nothing."""

    def end_sessions(self, user_id: int | str, *, issuer: str | None = None) -> None:
        """End all current sessions of the user, of one issuer or of all issuers. Revoke the tokens
        too that an app minted for the user by hand."""

    def revoke(self, *, token_id: str, expires_at: float, issuer: str = "") -> None:
        """Revoke one access token until it has expired. Without an issuer, revoke this `jti` of
        every issuer."""

    def revoke_session(self, issuer: str, session_id: str, *, expires_at: float) -> None:
        """Revoke all tokens with this `sid` of an issuer, until the last of them has expired at
        `expires_at`, in seconds since the epoch."""

    def revoke_subject(
        self, issuer: str, subject: int | str, *, until: float | None = None
    ) -> None:
        """Revoke all tokens of a subject that were issued until now, or until a moment in seconds
        since the epoch: see `trust.cut_offs`. Its sessions go on, and get new tokens."""

    def is_revoked(self, keys: Collection[str]) -> bool:
        """Return whether the log has one of these `revocation_keys`."""

    def revoked_until(self, key: str) -> float:
        """Return when the last entry of the log with this key expires, in seconds since the epoch.
        Return 0 without one."""


class TokenStore(Protocol):
    """The personal access tokens of the users of a store, as `OpaqueTokens` needs them.

    Each call raises `StoreUnavailable` within two seconds if the store does not answer.
    """

    def token_key(self) -> bytes | None:
        """Return the key that authenticates the form of this store's tokens, or None before the
        first token."""

    def find_token(self, id: str) -> TokenRecord | None:
        """Return the data of the token with this id, even if it is expired or removed."""


class PersonalTokenStore(Protocol):
    """The personal access tokens of the users of a store, as these users manage them.

    `MemoryStore` and `SQLStore` have these methods, and document them.
    """

    def add_token(
        self, username: str, *, name: str, scopes: Sequence[str], expires_at: float
    ) -> str:
        """Store a new token of a user and return it."""

    def tokens(self, username: str) -> Sequence[PersonalToken]:
        """Return the tokens of a user, oldest first, including expired ones."""

    def remove_token(self, id: str) -> None:
        """End a token permanently. Raise `UnknownToken` if no token has this id."""


class Counters(Protocol):
    """Counters that all workers of a store share. A count expires `seconds` after its first
    increment."""

    def increment(self, key: str, seconds: int, amount: int = 1) -> int:
        """Add to a count atomically and return the new count. A negative amount subtracts, never
        below zero. A count that is back at zero may be forgotten at once."""

    def count(self, key: str) -> tuple[int, float]:
        """Return a count and the time when it expires, in seconds since the epoch by the caller's
        clock. Return (0, now) for an unknown key."""


class Store(SessionStore, Counters, Protocol):
    """Everything that the login app stores except the users: sessions, revocations and counters."""

    def ping(self) -> None:
        """Return if the store answers, else raise `StoreUnavailable`."""
