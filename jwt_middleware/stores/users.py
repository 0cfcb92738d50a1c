"""Checks, finds and changes the users of the bundled stores, independent of where the rows are
stored."""

import logging
import re
import reprlib
import unicodedata
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from .._options import require
from ..errors import StoreUnavailable
from .base import NameTaken, UnknownUser, User, UserRecord
from .imports import HashedUser, Import
from .passwords import DEFAULT_METHOD, PasswordHasher
from .user_fields import join_scopes, read_claims, write_claims

_log = logging.getLogger("jwt_middleware.login")

_MAX_NAME = 255
_ID = re.compile(r"[1-9][0-9]{0,18}")
_MAX_ID = 2**63 - 1


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
        scopes, claims = tuple(self.scopes.split()), read_claims(self.claims)
        return {
            "id": self.id,
            "username": self.username,
            "scopes": scopes,
            "claims": claims,
            "version": self.version,
        }


class UserStoreBase(ABC):
    """The methods of `MemoryStore` and `SQLStore` on users: name, password, scopes and claims.

    A name is 1 to 255 characters without control characters. It is stored and shown as entered.
    Other spellings find it too: case, width and surrounding blanks make no difference (NFKC and
    case folding). Ids are integers that are never used again.

    A value that cannot be stored raises `ConfigurationError`. An unknown name raises `UnknownUser`,
    a `LookupError`. A store that cannot answer raises `StoreUnavailable`.
    """

    def __init__(self, password_method: str = DEFAULT_METHOD) -> None:
        self._hasher = PasswordHasher(password_method)

    def replace_hasher(self, hasher: PasswordHasher) -> PasswordHasher:
        """Hash new passwords with another hasher from now on. Return the previous hasher."""
        before, self._hasher = self._hasher, hasher
        return before

    def authenticate(self, username: str, password: str) -> User | None:
        """Return the user with this name and password. Return None otherwise, and for a disabled
        user.

        Any value that a client sends may be passed. Known, unknown and disabled names take the same
        time. A correct password whose hash has another method than this store is hashed again.
        Raise `StoreUnavailable` if the store cannot answer, or at once if too many logins wait.
        """
        self._hasher.expect(self._some_hashes)
        row = self._find(username) if _is_name(username) else None
        if row is not None and row.disabled:
            # A correct password is never padded, so its time would show that it is correct.
            row = None
        is_correct = self._hasher.check(row.password_hash if row else None, password)
        if row is None or not is_correct:
            return None
        if self._hasher.needs_rehash(row.password_hash):
            # The password was correct, so the login succeeds; the next one tries again.
            with suppress(StoreUnavailable):
                self._replace_hash(row, self._hasher.rehash(password))
        return row.user()

    def get(self, user_id: str) -> User | None:
        """Return the user with this id, an integer as a string. Return None for any other value,
        and for a disabled user."""
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

        Raise `NameTaken`, a `ConfigurationError`, if the name is taken. Raise `ConfigurationError`
        if an argument cannot be stored.
        """
        require(
            _is_name(username),
            f"username must be 1 to {_MAX_NAME} characters, without control characters and not "
            f"only blanks, got {reprlib.repr(username)}",
        )
        values = {
            "username": username,
            "password_hash": self._hasher.hash(password),
            "scopes": join_scopes(scopes),
            "claims": write_claims(claims),
            "disabled": False,
            "version": 0,
        }
        row = self._insert(values)
        if row is None:
            raise NameTaken(f"there is a user named {username!r} already")
        return row.user()

    def import_users(self, users: Iterable[HashedUser]) -> int:
        """Store users of another program with the hashes of their passwords. Return their number.

        All are stored, or none: `ImportRefused`, a `ConfigurationError`, says of each user that
        cannot be stored why. The users are read one after the other, so that there may be many. A
        hash is replaced at the next login of its user. Any hash is accepted that `check_password`
        checks.
        """
        task = Import(users, _is_name)
        self._import(task)
        return task.count

    def set_password(self, username: str, password: str) -> None:
        """Replace a user's password and end its sessions."""
        self._change(username, ends_sessions=True, password_hash=self._hasher.hash(password))

    def set_scopes(self, username: str, scopes: Sequence[str]) -> None:
        """Replace a user's scopes."""
        self._change(username, scopes=join_scopes(scopes))

    def disable_user(self, username: str) -> None:
        """Refuse a user's logins and end its sessions and personal tokens. Its name and id stay
        taken. Disabling it again only ends its sessions."""
        self._change(username, ends_sessions=True, ends_tokens=True, disabled=True)

    def enable_user(self, username: str) -> None:
        """Accept a disabled user's logins again. Its ended sessions and personal tokens stay ended.
        A user that is not disabled stays as it is."""
        self._change(username, disabled=False)

    def remove_user(self, username: str) -> None:
        """Delete a user and end its sessions and personal tokens. Another user, with another id,
        may take the name."""
        _require_found(_is_name(username) and self._delete(username), username)

    def users(self) -> list[UserRecord]:
        """Return all users, also the disabled ones, ordered by name (by code point)."""
        return [row.record() for row in self._all()]

    def _change(
        self,
        username: str,
        *,
        ends_sessions: bool = False,
        ends_tokens: bool = False,
        **values: object,
    ) -> None:
        is_found = _is_name(username) and self._update(
            username, values, ends_sessions=ends_sessions, ends_tokens=ends_tokens
        )
        _require_found(is_found, username)

    def _row_of(self, username: str) -> Row:
        """Return the row of a user, or raise `UnknownUser`."""
        row = self._find(username) if _is_name(username) else None
        if row is None:
            raise _unknown(username)
        return row

    @abstractmethod
    def ping(self) -> None:
        """Return if the store answers, else raise `StoreUnavailable`."""

    def _some_hashes(self) -> Iterable[str]:
        """Return stored hashes, or methods of such, that another `password_method` or another
        program may have made."""
        return ()

    @abstractmethod
    def _find(self, username: str) -> Row | None: ...

    @abstractmethod
    def _get(self, user_id: int) -> Row | None: ...

    @abstractmethod
    def _all(self) -> Sequence[Row]:
        """Return all rows, ordered by name (by code point)."""

    @abstractmethod
    def _insert(self, values: Mapping[str, Any]) -> Row | None:
        """Return the new row, or None if the name is taken. `values` has all fields except `id`."""

    @abstractmethod
    def _import(self, task: Import) -> None:
        """Insert all users of the task and remember their methods, or raise `ImportRefused`."""

    @abstractmethod
    def _update(
        self,
        username: str,
        values: Mapping[str, Any],
        *,
        ends_sessions: bool = False,
        ends_tokens: bool = False,
    ) -> bool:
        """Return whether the row exists. With `ends_sessions`, end its sessions and increase its
        version in the same step. With `ends_tokens`, end its personal tokens too."""

    @abstractmethod
    def _delete(self, username: str) -> bool:
        """Return whether the row existed. End its sessions and personal tokens in the same
        step."""

    @abstractmethod
    def _replace_hash(self, row: Row, password_hash: str) -> None:
        """Replace the hash only if the stored one is still that of the row. A concurrent change of
        the password must not be undone."""


def warn_without_version(users: object, user: User) -> None:
    """Log a WARNING, once for each class of user table, if `version` is never set.

    Call it after each login. Without a version, a changed password does not end the sessions that
    were started with the old one.
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
        raise _unknown(username)


def _unknown(username: object) -> UnknownUser:
    return UnknownUser(f"there is no user named {username!r}")


def fold_name(username: str) -> str:
    """Return one form for all spellings of a name. The bundled stores compare names by it."""
    text = unicodedata.normalize("NFKC", username).casefold()
    return unicodedata.normalize("NFKC", text).strip()


def _is_name(username: object) -> bool:
    if not isinstance(username, str) or not 0 < len(username) <= _MAX_NAME:
        return False
    if any(unicodedata.category(character) in ("Cc", "Cs") for character in username):
        return False
    return fold_name(username) != ""
