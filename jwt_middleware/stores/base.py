"""What the login app asks of a store: `User` and the protocols."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from ..errors import JWTMiddlewareError


@dataclass(frozen=True, slots=True)
class User:
    """A user as a store knows it.

    `id` is the store's own, a number or a text; the `sub` of a token is its text. `scopes` are granted to every
    token of the user. `claims` are extra claims for those tokens, JSON-able; they may not replace registered ones.
    """

    id: int | str
    username: str
    scopes: tuple[str, ...] = ()
    claims: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class UserRecord(User):
    """A user as the bundled stores list it, with whether it is disabled: it keeps its name but cannot sign in."""

    disabled: bool = False


class UnknownUser(JWTMiddlewareError, LookupError):  # noqa: N818 named like the other errors
    """A bundled store was asked to change a user that it does not have."""


class UserStore(Protocol):
    """The two questions that an owner's own user table answers, passed as `LoginApp(users=...)`.

    Both raise `StoreUnavailable` when they cannot answer.
    """

    def authenticate(self, username: str, password: str) -> User | None:
        """Return the user whose name and password these are, or None, after the same time for a known name as for
        an unknown one (`check_password` gives that)."""

    def get(self, user_id: str) -> User | None:
        """Return the user with that id, given as text, or None when there is none or it may not sign in any more."""
