"""What a rule may ask of the caller: a requirement is any callable `(Identity | None) -> None` that raises a `Refusal`.

It is given None when the request carries no token. `public` is the one requirement that keeps the header unread.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .errors import InsufficientScope, InvalidToken, MissingToken, Refusal, require
from .identity import Identity

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
    are_scopes = names and all(isinstance(name, str) and _SCOPE.fullmatch(name) for name in names)
    require(are_scopes, "scope takes one or more names without spaces: scope('read', 'write')")
    return _Scope(names)


def claim(name: str | tuple[str, ...], *values: Any) -> Requirement:
    """A claim must have one of the values, alone or in a list; without values it must be there and not null.

    A tuple is the path into nested claims: `claim(("realm_access", "roles"), "admin")`. Values are compared with
    their JSON type: 1 is not true. `InsufficientScope("claim_missing")`.
    """
    path = name if isinstance(name, tuple) else (name,)
    right_path = "claim takes a name or the path to it as a tuple: claim(('realm_access', 'roles'), 'admin')"
    require(path and all(isinstance(step, str) and step for step in path), right_path)
    are_scalars = all(isinstance(value, (str, int, float, bool)) for value in values)
    require(are_scalars, "claim is followed by the values that will do: claim('role', 'admin', 'owner')")
    return _Claim(path, frozenset(map(_typed, values)))


def issued_by(*issuers: str) -> Requirement:
    """The token must come from one of these issuers: `InvalidToken("issuer")`."""
    are_issuers = issuers and all(isinstance(issuer, str) and issuer for issuer in issuers)
    require(are_issuers, "issued_by takes one or more issuers: issued_by('https://idp.example/')")
    return _IssuedBy(frozenset(issuers))


def any_of(*requirements: Requirement) -> Requirement:
    """One of these must hold; when none does, the refusal is that of the first."""
    are_requirements = requirements and all(map(callable, requirements))
    require(are_requirements, "any_of takes requirements: any_of(scope('a'), scope('b'))")
    asks_nothing = public in requirements or optional in requirements
    require(not asks_nothing, "any_of with public or optional asks for nothing: leave it out")
    return _AnyOf(requirements)


def issuers_of(requirement: Requirement, issuers: frozenset[str]) -> frozenset[str]:
    """Those of the issuers that the requirement leaves. `ConfigurationError` for an `issued_by` that leaves none."""
    if isinstance(requirement, _IssuedBy):
        require(requirement.issuers & issuers, f"no provider has an issuer of issued_by{tuple(requirement.issuers)}")
        return requirement.issuers & issuers
    if isinstance(requirement, _AnyOf):
        return frozenset().union(*[issuers_of(alternative, issuers) for alternative in requirement.alternatives])
    return issuers


@dataclass(frozen=True, slots=True)
class _Scope:
    names: tuple[str, ...]

    def __call__(self, identity: Identity | None) -> None:
        if identity is None:
            raise MissingToken
        for name in self.names:
            if name not in identity.scopes:
                raise InsufficientScope(scope=self.names)


@dataclass(frozen=True, slots=True)
class _Claim:
    path: tuple[str, ...]
    values: frozenset[tuple[type, Any]]

    def __call__(self, identity: Identity | None) -> None:
        if identity is None:
            raise MissingToken
        value: Any = identity.claims
        for step in self.path:
            value = value.get(step) if isinstance(value, dict) else None
        found = {_typed(item) for item in (value if isinstance(value, list) else [value])}
        if value is None or (self.values and self.values.isdisjoint(found)):
            raise InsufficientScope("claim_missing")


@dataclass(frozen=True, slots=True)
class _IssuedBy:
    issuers: frozenset[str]

    def __call__(self, identity: Identity | None) -> None:
        if identity is None:
            raise MissingToken
        if identity.issuer not in self.issuers:
            raise InvalidToken("issuer")


@dataclass(frozen=True, slots=True)
class _AnyOf:
    alternatives: tuple[Requirement, ...]

    def __call__(self, identity: Identity | None) -> None:
        refusals: list[Refusal] = []
        for alternative in self.alternatives:
            try:
                return alternative(identity)
            except Refusal as refusal:
                refusals.append(refusal)
        raise refusals[0]


def _typed(value: Any) -> tuple[type, Any]:
    """A JSON value with its type: true is not 1, and no list or object is a value."""
    number = type(value) in (int, float)
    return (float if number else type(value), value if isinstance(value, (str, int, float, bool)) else None)
