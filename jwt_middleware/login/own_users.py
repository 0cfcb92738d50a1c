"""Checks what the owner's user table returns, so that a mistake shows at the first call and not
when a token cannot be minted."""

import inspect
from collections.abc import Mapping

from .._options import require
from ..errors import StoreUnavailable
from ..stores.base import User

_FORM = "return User(row.id, row.name, version=version_of(row.password_hash))"


def check_methods(users: object) -> None:
    """Raise `ConfigurationError` if a method of the user table is a coroutine function."""
    for name in ("authenticate", "get"):
        require(
            not inspect.iscoroutinefunction(getattr(users, name)),
            f"users.{name} must be a plain function, got a coroutine function: a WSGI app cannot "
            "await, so leave out async",
        )


def checked_user(users: object, method: str, value: object) -> User | None:
    """Return what a method of the user table returned, a `User` or None.

    Raise `StoreUnavailable` for anything else, with a sentence that says what to return. It never
    shows the value, which may be a row with a password hash.
    """
    if value is None:
        return None
    if inspect.isawaitable(value):
        if inspect.iscoroutine(value):
            value.close()  # Python would warn that it was never awaited.
        raise _mistake(
            users, method, "must return a User or None, got a coroutine: leave out async"
        )
    if not isinstance(value, User):
        kind = type(value).__name__
        raise _mistake(users, method, f"must return a User or None, got {kind}: {_FORM}")
    fault = _fault(value)
    if fault is not None:
        mistake = _mistake(users, method, f"must return a User whose {fault}")
        raise StoreUnavailable(f"cannot mint a token for a user: {mistake}")
    return value


def _fault(user: User) -> str | None:
    if isinstance(user.id, bool) or not isinstance(user.id, (int, str)) or user.id == "":
        kind = type(user.id).__name__ if user.id != "" else "an empty string"
        return f"id is an integer or a string, got {kind}: User(str(row.id), ...)"
    version: object = user.version
    if type(version) is not int or not -(2**63) <= version < 2**63:
        return (
            f"version is a 64-bit integer, got {type(version).__name__}: "
            "version=version_of(row.password_hash)"
        )
    if not isinstance(user.scopes, (tuple, list)):
        return f"scopes are a tuple of strings, got {type(user.scopes).__name__}"
    if not isinstance(user.claims, Mapping):
        return f"claims are a dict, got {type(user.claims).__name__}"
    return None


def _mistake(users: object, method: str, what: str) -> StoreUnavailable:
    return StoreUnavailable(f"{type(users).__name__}.{method} {what}")
