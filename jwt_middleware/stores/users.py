"""The users of the bundled stores: what is checked, hashed and answered, whatever keeps the
rows."""

import json
import logging
import re
import unicodedata
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from ..errors import ConfigurationError, StoreUnavailable, require, tuple_of
from .base import NameTaken, UnknownUser, User, UserRecord
from .passwords import DEFAULT_METHOD, PasswordHasher

_log = logging.getLogger("jwt_middleware.login")

_MAX_NAME = 255
_ID = re.compile(r"[1-9][0-9]{0,18}")
_MAX_ID = 2**63 - 1
_SCOPE = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+")  # RFC 6749 section 3.3: scope-token


@dataclass(frozen=True, slots=True)
class Row:
    """A user as it is kept: `scopes` with spaces between, `claims` as JSON."""

    id: int
    username: str
    password_hash: str = field(repr=False)
    scopes: str
    claims: str
    disabled: bool
    version: int

    def user(self) -> User:
        """The user that callers see; its claims are a fresh dict."""
        return User(**self._visible())

    def record(self) -> UserRecord:
        """The user as `users()` lists it."""
        return UserRecord(**self._visible(), disabled=self.disabled)

    def _visible(self) -> dict[str, Any]:
        scopes, claims = tuple(self.scopes.split()), _read_claims(self.claims)
        return {
            "id": self.id,
            "username": self.username,
            "scopes": scopes,
            "claims": claims,
            "version": self.version,
        }


class UserTable(ABC):
    """Users with a name, a password, scopes and claims; the methods of `MemoryStore` and `SQLStore`
    on them.

    A name is 1 to 255 characters without control characters, and is compared exactly. Ids are
    numbers that are never used again. What cannot be kept is a `ConfigurationError`; a name that is
    not there is `UnknownUser`, a `LookupError`; a store that cannot answer is `StoreUnavailable`.
    """

    def __init__(self, password_method: str = DEFAULT_METHOD) -> None:
        self._hasher = PasswordHasher(password_method)

    def authenticate(self, username: str, password: str) -> User | None:
        """Return the user whose name and password these are. None otherwise, and for a disabled
        user.

        Whatever a client sends may be passed. The time is that of one hash, whether the name is
        known or not. A hash whose method or parameters are not those of this store any more is
        replaced by the way.
        """
        row = self._find(username) if _is_name(username) else None
        if (
            not self._hasher.check(row.password_hash if row else None, password)
            or row is None
            or row.disabled
        ):
            return None
        if self._hasher.needs_rehash(row.password_hash):
            with suppress(
                StoreUnavailable
            ):  # the password was right all the same; the next login tries again
                self._replace_hash(row, self._hasher.rehash(password))
        return row.user()

    def get(self, user_id: str) -> User | None:
        """Return the user with that id, the text of a number. None for any other text and for a
        disabled user."""
        if not isinstance(user_id, str) or not _ID.fullmatch(user_id) or int(user_id) > _MAX_ID:
            return None
        row = self._get(int(user_id))
        return None if row is None or row.disabled else row.user()

    def add_user(
        self,
        username: str,
        password: str,
        *,
        scopes: Sequence[str] = (),
        claims: Mapping[str, Any] | None = None,
    ) -> User:
        """Keep a new user and return it. `claims` are JSON-able extra claims for its tokens.

        `NameTaken`, a `ConfigurationError`, when the name is taken. `ConfigurationError` when one
        of the four is not what can be kept.
        """
        require(
            _is_name(username),
            f"a user name is 1 to {_MAX_NAME} characters, none of them a control character",
        )
        kept = {
            "scopes": _join(scopes),
            "claims": _write_claims(claims),
            "disabled": False,
            "version": 0,
        }
        row = self._insert(
            {"username": username, "password_hash": self._hasher.hash(password), **kept}
        )
        if row is None:
            raise NameTaken(f"there is a user named {username!r} already")
        return row.user()

    def set_password(self, username: str, password: str) -> None:
        """Give a user another password, and end its sessions."""
        self._change(username, ends_sessions=True, password_hash=self._hasher.hash(password))

    def set_scopes(self, username: str, scopes: Sequence[str]) -> None:
        """Give a user these scopes instead of those it has."""
        self._change(username, scopes=_join(scopes))

    def disable_user(self, username: str) -> None:
        """Let a user sign in no more, and end its sessions. It keeps its name and id, and can be
        disabled again."""
        self._change(username, ends_sessions=True, disabled=True)

    def remove_user(self, username: str) -> None:
        """Forget a user, and end its sessions. The name may be used again, for another user with
        another id."""
        _require_known(_is_name(username) and self._delete(username), username)

    def users(self) -> list[UserRecord]:
        """Return all users in the order of their names, by code point; a `UserRecord` says which
        are disabled."""
        return [row.record() for row in self._all()]

    def _change(self, username: str, *, ends_sessions: bool = False, **values: object) -> None:
        known = _is_name(username) and self._update(username, values, ends_sessions=ends_sessions)
        _require_known(known, username)

    @abstractmethod
    def ping(self) -> None:
        """Return if the store answers; `StoreUnavailable` otherwise."""

    @abstractmethod
    def _find(self, username: str) -> Row | None: ...

    @abstractmethod
    def _get(self, user_id: int) -> Row | None: ...

    @abstractmethod
    def _all(self) -> Sequence[Row]:
        """All rows, in the order of the code points of the names."""

    @abstractmethod
    def _insert(self, values: Mapping[str, Any]) -> Row | None:
        """The new row, or None when the name is taken. `values` are all the fields but `id`."""

    @abstractmethod
    def _update(
        self, username: str, values: Mapping[str, Any], *, ends_sessions: bool = False
    ) -> bool:
        """Whether there is such a row. With `ends_sessions` they end in the same step and the
        version goes up."""

    @abstractmethod
    def _delete(self, username: str) -> bool:
        """Whether there was such a row; its sessions end in the same step."""

    @abstractmethod
    def _replace_hash(self, row: Row, password_hash: str) -> None:
        """Only if the row still has the hash it had: a password set in the meantime stays."""


def warn_without_version(users: object, user: User) -> None:
    """Log a WARNING if a user table of the owner's never sets `version`; once for each kind of
    table.

    Call it when somebody has logged in: without a version a new password ends no session.
    """
    if getattr(user, "version", 0) == 0 and not isinstance(users, UserTable):
        _warn_without_version(type(users).__qualname__)


@cache
def _warn_without_version(table: str) -> None:
    _log.warning(
        "users=%s returned a User without a version, so a password change does not end sessions: "
        "pass User(..., version=version_of(row.password_hash)); "
        "version_of is in jwt_middleware.stores",
        table,
    )


def _require_known(known: bool, username: str) -> None:
    if not known:
        raise UnknownUser(f"there is no user named {username!r}")


def _is_name(username: object) -> bool:
    return (
        isinstance(username, str)
        and 0 < len(username) <= _MAX_NAME
        and not any(unicodedata.category(character) in ("Cc", "Cs") for character in username)
    )


def _join(scopes: Sequence[str]) -> str:
    names = tuple_of(str, scopes, "scopes is a list or tuple of names: scopes=('read', 'write')")
    require(
        all(map(_SCOPE.fullmatch, names)),
        'a scope is printable ASCII without spaces, " and \\ (RFC 6749, 3.3)',
    )
    return " ".join(dict.fromkeys(names))


def _write_claims(claims: Mapping[str, Any] | None) -> str:
    kept = {} if claims is None else claims
    try:
        text = json.dumps(kept, allow_nan=False)
        if (
            isinstance(kept, dict) and json.loads(text) == kept
        ):  # not so for a tuple in it, or a number as a key
            return text
    except (RecursionError, TypeError, ValueError):
        pass
    raise ConfigurationError("claims is a dict that JSON can keep: claims={'department': 'sales'}")


def _read_claims(text: str) -> dict[str, Any]:
    try:
        claims = json.loads(text)
    except (RecursionError, TypeError, ValueError):
        claims = None
    if not isinstance(claims, dict):
        raise StoreUnavailable("the claims of a user are damaged")
    return claims
