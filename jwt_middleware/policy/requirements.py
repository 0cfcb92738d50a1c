"""What a rule may ask of the caller.

A requirement is any callable `(Identity) -> bool | None`. It agrees by returning None or True, and
says no by returning False or by raising a `Refusal`. Any other answer is a fault of the
requirement, and refuses the request. A requirement is never asked without an `Identity`.
"""

import inspect
import logging
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .._options import is_text, require
from ..errors import (
    ConfigurationError,
    Forbidden,
    InsufficientScope,
    InvalidToken,
    Refusal,
    Unavailable,
    is_answerable,
)
from ..identity import Identity

Requirement = Callable[[Identity], bool | None]
"""Returns None or True to agree. Returns False or raises a `Refusal` to refuse the caller."""

_log = logging.getLogger("jwt_middleware")

# RFC 6749 section 3.3
_SCOPE = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+")


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class _Marker:
    """A requirement that asks nothing of a caller: it says what becomes of a request without
    one."""

    name: str

    def __call__(self, identity: Identity) -> None:
        """Agree."""

    def __repr__(self) -> str:
        return self.name

    @property
    def __name__(self) -> str:
        return self.name


authenticated: Requirement = _Marker("authenticated")
"""A verified token is needed: 401 without one."""

optional: Requirement = _Marker("optional")
"""A request without a token passes; one with a bad token does not. What stands beside it is asked
of a caller."""

public: Requirement = _Marker("public")
"""Every request passes, and no credential is read."""


@dataclass(frozen=True, slots=True, repr=False)
class _Scopes:
    names: tuple[str, ...]

    def __call__(self, identity: Identity) -> None:
        """Raise `InsufficientScope` unless the caller has all of them."""
        if not {*self.names} <= {*identity.scopes}:
            raise InsufficientScope(scope=self.names)

    def __repr__(self) -> str:
        return f"scope({_listed(self.names)})"


@dataclass(frozen=True, slots=True, repr=False)
class _Claim:
    path: tuple[str, ...]
    values: tuple[Any, ...]
    typed_values: frozenset[tuple[type, Any]]

    def __call__(self, identity: Identity) -> None:
        """Raise `InsufficientScope` unless the claim has one of the values."""
        value: Any = identity.claims
        for step in self.path:
            value = value.get(step) if isinstance(value, dict) else None
        found = {_typed(item) for item in (value if isinstance(value, list) else [value])}
        if value is None or (self.typed_values and self.typed_values.isdisjoint(found)):
            raise InsufficientScope("claim_missing")

    def __repr__(self) -> str:
        name = self.path if len(self.path) > 1 else self.path[0]
        return f"claim({_listed((name, *self.values))})"


@dataclass(frozen=True, slots=True, repr=False)
class _IssuedBy:
    names: tuple[str, ...]

    def __call__(self, identity: Identity) -> None:
        """Raise `InvalidToken` unless the token comes from one of them."""
        if identity.issuer not in self.names:
            raise InvalidToken("issuer")

    def __repr__(self) -> str:
        return f"issued_by({_listed(self.names)})"

    def issuers(self, known: frozenset[str]) -> frozenset[str]:
        """Return those of the issuers that it leaves. `ConfigurationError` if it leaves none."""
        left = known.intersection(self.names)
        listed = ", ".join(sorted(map(repr, known)))
        require(left, f"{self!r} names no configured provider (known: {listed})")
        return left


@dataclass(frozen=True, slots=True, repr=False)
class _AnyOf:
    alternatives: tuple[Requirement, ...]

    def __call__(self, identity: Identity) -> None:
        """Raise the refusal of the first alternative unless one of them agrees."""
        first: Refusal | None = None
        for alternative in self.alternatives:
            try:
                return ask(alternative, identity)
            except Refusal as refusal:
                if refusal.reason == "requirement_failed":  # broken, which is not a no
                    raise
                first = first or refusal
        assert first is not None  # noqa: S101 (there is at least one alternative)
        raise first

    def __repr__(self) -> str:
        return f"any_of({_listed(self.alternatives)})"

    def issuers(self, known: frozenset[str]) -> frozenset[str]:
        """Return those of the issuers that the alternatives leave."""
        return frozenset().union(*[issuers_of(one, known) for one in self.alternatives])


def scope(*names: str) -> Requirement:
    """All of these scopes are needed (RFC 6749 section 3.3): `InsufficientScope` naming them."""
    are_scopes = _are_texts(names) and all(map(_SCOPE.fullmatch, names))
    require(
        are_scopes,
        "scope must be called with one or more names without spaces, "
        f"got scope({_listed(names)}); scope('read', 'write') asks for both",
    )
    return _Scopes(names)


def claim(name: str | tuple[str, ...], *values: Any) -> Requirement:
    """A claim must have one of the values, alone or in a list; without values it must be there and
    not null.

    A tuple is the path into nested claims: `claim(("realm_access", "roles"), "admin")`. Values are
    compared with their JSON type: 1 is not true. `InsufficientScope("claim_missing")`.

    Check a list of values before you unpack it: `claim("role", *[])` is `claim("role")`, which any
    role fulfills.
    """
    path = name if isinstance(name, tuple) else (name,)
    require(
        _are_texts(path),
        "claim must be called with a name, or with the path to it as a tuple, "
        f"got {name!r}; claim(('realm_access', 'roles'), 'admin')",
    )
    are_scalars = all(is_text(value) or isinstance(value, (int, float)) for value in values)
    require(
        are_scalars,
        "claim must be called with strings, numbers or booleans as values, "
        f"got {_listed(values)}; claim('role', 'admin', 'owner') accepts either",
    )
    return _Claim(path, values, frozenset(map(_typed, values)))


def issued_by(*issuers: str) -> Requirement:
    """The token must come from one of these issuers: `InvalidToken("issuer")`."""
    require(
        _are_texts(issuers),
        f"issued_by must be called with one or more issuers, got issued_by({_listed(issuers)}); "
        "issued_by('https://idp.example/')",
    )
    return _IssuedBy(issuers)


def any_of(*requirements: Requirement) -> Requirement:
    """One of these must hold; when none does, the refusal is that of the first."""
    require(
        requirements,
        "any_of must be called with requirements, got any_of(); any_of(scope('a'), scope('b'))",
    )
    for requirement in requirements:
        check_requirement("any_of", requirement)
    for marker in (public, optional, authenticated):
        require(
            not any(one is marker for one in requirements),
            f"any_of must not hold {marker!r}, which every caller fulfills, "
            f"got any_of({_listed(requirements)}); any_of(scope('a'), scope('b'))",
        )
    return _AnyOf(requirements)


_BUILDERS: tuple[object, ...] = (scope, claim, issued_by, any_of)


def check_requirement(option: str, value: object) -> None:
    """Raise `ConfigurationError`, naming the option, for what cannot be asked of an identity."""
    if any(value is builder for builder in _BUILDERS):
        name = getattr(value, "__name__", "")
        raise ConfigurationError(f"{option} must hold {name}(...), got {name} without its call")
    form = "a callable that takes an Identity and returns None or a boolean"
    require(
        callable(value) and not isinstance(value, type),
        f"{option} must hold requirements such as scope('read'), each {form}, got {value!r}",
    )
    require(
        not _runs_later(value) and not _runs_later(getattr(value, "__call__", None)),  # noqa: B004
        f"{option} must hold requirements that answer at once, got the coroutine or generator "
        f"function {value!r}",
    )
    try:
        inspect.signature(value).bind(None)  # type: ignore[arg-type]
    except TypeError:
        raise ConfigurationError(
            f"{option} must hold requirements, each {form}, got {value!r}, which cannot be "
            "called with one argument"
        ) from None
    except ValueError:  # a builtin without a signature: whether it fits shows when it is asked
        return


def _runs_later(value: object) -> bool:
    return (
        inspect.iscoroutinefunction(value)
        or inspect.isgeneratorfunction(value)
        or inspect.isasyncgenfunction(value)
    )


def ask(requirement: Requirement, identity: Identity) -> None:
    """Ask a requirement of a caller. Raise the `Refusal` unless it agrees.

    False is `Forbidden`. Any other answer, and any exception that is not a `Refusal` or cannot be
    sent, is a fault of the requirement: one ERROR line, and `Unavailable("requirement_failed")`.
    """
    try:
        answer: object = requirement(identity)
    except Exception as error:
        if isinstance(error, Refusal) and is_answerable(error):
            raise
        # Log the class alone: the text of an exception may hold what a token says.
        _log.error("requirement %s raised %s", _name_of(requirement), type(error).__name__)
        raise Unavailable("requirement_failed") from None
    if answer is None or answer is True:
        return
    if answer is False:
        raise Forbidden
    if inspect.iscoroutine(answer):
        answer.close()
    _log.error(
        "requirement %s must return None or a boolean, got a value of type %s",
        _name_of(requirement),
        type(answer).__name__,
    )
    raise Unavailable("requirement_failed")


def _name_of(requirement: object) -> str:
    """The name of a requirement of the owner's own. Its repr might hold a secret."""
    name = getattr(requirement, "__qualname__", None)
    return name if isinstance(name, str) else type(requirement).__qualname__


def issuers_of(requirement: Requirement, known: frozenset[str]) -> frozenset[str]:
    """Return those of the issuers that the requirement leaves. `ConfigurationError` for an
    `issued_by` that leaves none."""
    if isinstance(requirement, (_IssuedBy, _AnyOf)):
        return requirement.issuers(known)
    return known


def _are_texts(names: tuple[object, ...]) -> bool:
    return bool(names) and all(is_text(name) and name for name in names)


def _listed(values: tuple[object, ...]) -> str:
    return ", ".join(map(repr, values))


def _typed(value: Any) -> tuple[type, Any]:
    """A JSON value with its type: true is not 1, and no list or object is a value."""
    number = type(value) in (int, float)
    return (
        float if number else type(value),
        value if isinstance(value, (str, int, float, bool)) else None,
    )
