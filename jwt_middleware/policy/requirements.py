"""What a rule may ask of the caller: a requirement is any callable `(Identity | None) -> None` that
raises a `Refusal`.

It is given None when the request carries no token. `public` is the one requirement that keeps the
header unread.
"""

import re
from collections.abc import Callable
from functools import partial
from typing import Any

from ..errors import InsufficientScope, InvalidToken, MissingToken, Refusal, require
from ..identity import Identity

Requirement = Callable[[Identity | None], None]
"""Raises a `Refusal` unless the caller may pass."""

# RFC 6749 section 3.3
_SCOPE = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+")


def authenticated(identity: Identity | None) -> None:
    """A verified token is needed: `MissingToken` without one."""
    if identity is None:
        raise MissingToken


def optional(identity: Identity | None) -> None:
    """A request without a token passes, one with a bad token does not."""


def public(identity: Identity | None) -> None:
    """Every request passes, and the header is not read."""


def scope(*names: str) -> Requirement:
    """All of these scopes are needed (RFC 6749 section 3.3): `InsufficientScope` naming them."""
    are_scopes = _are_texts(names) and all(map(_SCOPE.fullmatch, names))
    require(are_scopes, "scope takes one or more names without spaces: scope('read', 'write')")
    return partial(_check_scopes, names)


def claim(name: str | tuple[str, ...], *values: Any) -> Requirement:
    """A claim must have one of the values, alone or in a list; without values it must be there and
    not null.

    A tuple is the path into nested claims: `claim(("realm_access", "roles"), "admin")`. Values are
    compared with their JSON type: 1 is not true. `InsufficientScope("claim_missing")`.
    """
    path = name if isinstance(name, tuple) else (name,)
    right_path = (
        "claim takes a name or the path to it as a tuple: claim(('realm_access', 'roles'), 'admin')"
    )
    require(_are_texts(path), right_path)
    are_scalars = all(isinstance(value, (str, int, float, bool)) for value in values)
    require(
        are_scalars, "claim is followed by the values that will do: claim('role', 'admin', 'owner')"
    )
    return partial(_check_claim, path, frozenset(map(_typed, values)))


def issued_by(*issuers: str) -> Requirement:
    """The token must come from one of these issuers: `InvalidToken("issuer")`."""
    require(
        _are_texts(issuers),
        "issued_by takes one or more issuers: issued_by('https://idp.example/')",
    )
    return partial(_check_issuer, frozenset(issuers))


def any_of(*requirements: Requirement) -> Requirement:
    """One of these must hold; when none does, the refusal is that of the first."""
    are_requirements = requirements and all(map(callable, requirements))
    require(are_requirements, "any_of takes requirements: any_of(scope('a'), scope('b'))")
    asks = public not in requirements and optional not in requirements
    require(asks, "any_of with public or optional asks for nothing: leave it out")
    return partial(_check_any, requirements)


def _are_texts(names: tuple[object, ...]) -> bool:
    return bool(names) and all(isinstance(name, str) and name for name in names)


def issuers_of(requirement: Requirement, issuers: frozenset[str]) -> frozenset[str]:
    """Those of the issuers that the requirement leaves. `ConfigurationError` for an `issued_by`
    that leaves none."""
    if isinstance(requirement, partial) and requirement.func is _check_issuer:
        left: frozenset[str] = issuers.intersection(*requirement.args)
        require(left, f"no provider has an issuer of issued_by{tuple(requirement.args[0])}")
        return left
    if isinstance(requirement, partial) and requirement.func is _check_any:
        return frozenset().union(
            *[issuers_of(alternative, issuers) for alternative in requirement.args[0]]
        )
    return issuers


def _caller(identity: Identity | None) -> Identity:
    if identity is None:
        raise MissingToken
    return identity


def _check_scopes(names: tuple[str, ...], identity: Identity | None) -> None:
    if not {*names} <= {*_caller(identity).scopes}:
        raise InsufficientScope(scope=names)


def _check_claim(
    path: tuple[str, ...], values: frozenset[tuple[type, Any]], identity: Identity | None
) -> None:
    value: Any = _caller(identity).claims
    for step in path:
        value = value.get(step) if isinstance(value, dict) else None
    found = {_typed(item) for item in (value if isinstance(value, list) else [value])}
    if value is None or (values and values.isdisjoint(found)):
        raise InsufficientScope("claim_missing")


def _check_issuer(issuers: frozenset[str], identity: Identity | None) -> None:
    if _caller(identity).issuer not in issuers:
        raise InvalidToken("issuer")


def _check_any(alternatives: tuple[Requirement, ...], identity: Identity | None) -> None:
    refusals: list[Refusal] = []
    for alternative in alternatives:
        try:
            return alternative(identity)
        except Refusal as refusal:
            refusals.append(refusal)
    raise refusals[0]


def _typed(value: Any) -> tuple[type, Any]:
    """A JSON value with its type: true is not 1, and no list or object is a value."""
    number = type(value) in (int, float)
    return (
        float if number else type(value),
        value if isinstance(value, (str, int, float, bool)) else None,
    )
