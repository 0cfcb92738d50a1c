"""The users of the bundled stores: how they are checked, hashed and found, wherever their rows are
stored."""

import json
import logging
import re
import reprlib
import unicodedata
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from .._options import require, tuple_of
from ..errors import ConfigurationError, StoreUnavailable
from .base import NameTaken, UnknownUser, User, UserRecord
from .passwords import DEFAULT_METHOD, PasswordHasher

_log = logging.getLogger("jwt_middleware.login")

_MAX_NAME = 255
_ID = re.compile(r"[1-9][0-9]{0,18}")
_MAX_ID = 2**63 - 1
_SCOPE_TOKEN = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+")  # RFC 6749 section 3.3: scope-token


@dataclass(frozen=True, slots=True)
class Row:
    """A stored user: `scopes` are separated by spaces, `claims` are JSON."""

    id: int
    username: str
    password_hash: str = field(repr=False)
    scopes: str
    claims: str
    disabled: bool
    version: int

    def user(self) -> User:
        """Return the user for callers; its claims are a fresh dict."""
        return User(**self._visible())

    def record(self) -> UserRecord:
        """Return the user as `users()` lists it."""
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


class UserStoreBase(ABC):
    """The methods of `MemoryStore` and `SQLStore` on users: name, password, scopes and claims.

    A name is 1 to 255 characters without control characters. It is stored and shown as entered, and
    found in other spellings: blanks around it, case and width make no difference (NFKC and case
    folding). Ids are numbers that are never used again. What cannot be stored is a
    `ConfigurationError`; a name that is not there is `UnknownUser`, a `LookupError`; a store that
    cannot answer is `StoreUnavailable`.
    """

    def __init__(self, password_method: str = DEFAULT_METHOD) -> None:
        self._hasher = PasswordHasher(password_method)

    def replace_hasher(self, hasher: PasswordHasher) -> PasswordHasher:
        """Hash new passwords by another hasher from now on; return the one before."""
        before, self._hasher = self._hasher, hasher
        return before

    def authenticate(self, username: str, password: str) -> User | None:
        """Return the user with this name and password; None otherwise, and for a disabled user.

        Any value that a client sends may be passed. A known and an unknown name cost the same. A
        hash whose method is not that of this store is replaced when its password was correct.
        `StoreUnavailable` if the store cannot answer, or at once if too many logins are waiting.
        """
        row = self._find(username) if _is_name(username) else None
        is_correct = self._hasher.check(row.password_hash if row else None, password)
        if row is None or not is_correct or row.disabled:
            return None
        if self._hasher.needs_rehash(row.password_hash):
            # The password was correct, so the login succeeds; the next one tries again.
            with suppress(StoreUnavailable):
                self._replace_hash(row, self._hasher.rehash(password))
        return row.user()

    def get(self, user_id: str) -> User | None:
        """Return the user with this id, a number as a string. None for any other value, and for a
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
        """Store a new user and return it. `claims` are extra claims for its tokens.

        `NameTaken`, a `ConfigurationError`, when the name is taken. `ConfigurationError` when one
        of the four cannot be stored.
        """
        require(
            _is_name(username),
            f"username must be 1 to {_MAX_NAME} characters, not only blanks and no control "
            f"character among them, got {reprlib.repr(username)}",
        )
        values = {
            "username": username,
            "password_hash": self._hasher.hash(password),
            "scopes": _join(scopes),
            "claims": _write_claims(claims),
            "disabled": False,
            "version": 0,
        }
        row = self._insert(values)
        if row is None:
            raise NameTaken(f"there is a user named {username!r} already")
        return row.user()

    def set_password(self, username: str, password: str) -> None:
        """Replace a user's password and end its sessions."""
        self._change(username, ends_sessions=True, password_hash=self._hasher.hash(password))

    def set_scopes(self, username: str, scopes: Sequence[str]) -> None:
        """Replace a user's scopes."""
        self._change(username, scopes=_join(scopes))

    def disable_user(self, username: str) -> None:
        """Refuse a user's logins and end its sessions. It keeps its name and id. Disabling it again
        changes nothing but ends its sessions."""
        self._change(username, ends_sessions=True, disabled=True)

    def remove_user(self, username: str) -> None:
        """Delete a user and end its sessions. The name may be used again, by another user with
        another id."""
        _require_found(_is_name(username) and self._delete(username), username)

    def users(self) -> list[UserRecord]:
        """Return all users, also the disabled ones, ordered by name (by code point)."""
        return [row.record() for row in self._all()]

    def _change(self, username: str, *, ends_sessions: bool = False, **values: object) -> None:
        is_found = _is_name(username) and self._update(
            username, values, ends_sessions=ends_sessions
        )
        _require_found(is_found, username)

    @abstractmethod
    def ping(self) -> None:
        """Return if the store answers; `StoreUnavailable` otherwise."""

    @abstractmethod
    def _find(self, username: str) -> Row | None: ...

    @abstractmethod
    def _get(self, user_id: int) -> Row | None: ...

    @abstractmethod
    def _all(self) -> Sequence[Row]:
        """Return all rows, ordered by name (by code point)."""

    @abstractmethod
    def _insert(self, values: Mapping[str, Any]) -> Row | None:
        """Return the new row, or None when the name is taken. `values` are all fields but `id`."""

    @abstractmethod
    def _update(
        self, username: str, values: Mapping[str, Any], *, ends_sessions: bool = False
    ) -> bool:
        """Return whether there is such a row. With `ends_sessions`, its sessions end in the same
        step and its version goes up."""

    @abstractmethod
    def _delete(self, username: str) -> bool:
        """Return whether there was such a row. Its sessions end in the same step."""

    @abstractmethod
    def _replace_hash(self, row: Row, password_hash: str) -> None:
        """Replace the hash only if it is still that of the row: a password set in the meantime
        stays."""


def warn_without_version(users: object, user: User) -> None:
    """Log a WARNING if a user table of the owner's never sets `version`; once for each kind of
    table.

    Call it when somebody has logged in: without a version a new password ends no session.
    """
    if getattr(user, "version", 0) == 0 and not isinstance(users, UserStoreBase):
        _warn_without_version(type(users).__qualname__)


@cache
def _warn_without_version(table: str) -> None:
    _log.warning(
        "users=%s returned a User without a version, so a password change does not end sessions: "
        "pass User(..., version=version_of(row.password_hash)); "
        "version_of is in jwt_middleware.stores",
        table,
    )


def _require_found(is_found: bool, username: str) -> None:
    if not is_found:
        raise UnknownUser(f"there is no user named {username!r}")


def fold_name(username: str) -> str:
    """Return what all spellings of a name have in common, by which the bundled stores compare."""
    text = unicodedata.normalize("NFKC", username).casefold()
    return unicodedata.normalize("NFKC", text).strip()


def _is_name(username: object) -> bool:
    if not isinstance(username, str) or not 0 < len(username) <= _MAX_NAME:
        return False
    if any(unicodedata.category(character) in ("Cc", "Cs") for character in username):
        return False
    return fold_name(username) != ""


def _join(scopes: Sequence[str]) -> str:
    names = tuple_of(
        str,
        scopes,
        "scopes must be a list or tuple of strings, such as scopes=('read', 'write'), "
        f"got {reprlib.repr(scopes)}",
    )
    for name in names:
        require(
            _SCOPE_TOKEN.fullmatch(name),
            'each of scopes must be printable ASCII without spaces, " and \\ (RFC 6749 section '
            f"3.3), got {reprlib.repr(name)}",
        )
    return " ".join(dict.fromkeys(names))


def _write_claims(claims: Mapping[str, Any] | None) -> str:
    given = {} if claims is None else claims
    try:
        text = json.dumps(given, allow_nan=False)
        # JSON changes a tuple in it, or a number that is a key.
        comes_back_equal = isinstance(given, dict) and json.loads(text) == given
    except (RecursionError, TypeError, ValueError):
        comes_back_equal = False
    if not comes_back_equal:
        raise ConfigurationError(
            "claims must be a dict that JSON gives back unchanged, such as "
            f"claims={{'department': 'sales'}}, got {type(claims).__name__}"
        )
    return text


def _read_claims(text: str) -> dict[str, Any]:
    try:
        claims = json.loads(text)
    except (RecursionError, TypeError, ValueError):
        claims = None
    if not isinstance(claims, dict):
        raise StoreUnavailable("the claims of a user are damaged")
    return claims
