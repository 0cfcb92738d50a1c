"""Requirements that a rule may ask of its callers.

A requirement is any callable `(Identity) -> bool | None`. It agrees by returning None or True. It
refuses by returning False or by raising a `Refusal`. Any other answer is a fault of the requirement
and refuses the request. A requirement is never asked without an `Identity`.
"""

import inspect
import logging
import re
from collections.abc import Callable
from typing import Any

from .._frozen import Frozen
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
from ..issuer_template import is_named, meet
from .naming import name_of, text_of

Requirement = Callable[[Identity], bool | None]
"""Returns None or True to agree. Returns False or raises a `Refusal` to refuse the caller."""

_log = logging.getLogger("jwt_middleware")

# RFC 6749 section 3.3
_SCOPE = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+")


class _Marker(Frozen):
    """A requirement that asks nothing of a caller. It decides about requests without one."""

    __slots__ = ("name",)
    name: str

    def __call__(self, identity: Identity) -> None:
        """Agree."""

    def __repr__(self) -> str:
        return self.name

    @property
    def __name__(self) -> str:
        return self.name


authenticated: Requirement = _Marker("authenticated")
"""Requires a verified token; a request without one gets 401."""

optional: Requirement = _Marker("optional")
"""Lets requests without a token pass, but not those with a bad token. Requirements beside it are
asked of callers that send a token."""

public: Requirement = _Marker("public")
"""Lets every request pass, and reads no credential."""


class _Scopes(Frozen):
    __slots__ = ("scopes",)
    scopes: tuple[str, ...]

    def __call__(self, identity: Identity) -> None:
        """Raise `InsufficientScope` unless the caller has all of them."""
        if not {*self.scopes} <= {*identity.scopes}:
            raise InsufficientScope(scope=self.scopes)

    def __repr__(self) -> str:
        return f"scope({_listed(self.scopes)})"


class _Claim(Frozen):
    __slots__ = ("path", "typed_values", "values")
    path: tuple[str, ...]
    typed_values: frozenset[tuple[object, Any]]
    values: tuple[Any, ...]

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


class _IssuedBy(Frozen):
    __slots__ = ("names",)
    names: tuple[str, ...]

    def __call__(self, identity: Identity) -> None:
        """Raise `InvalidToken` unless the token comes from one of them."""
        if identity.issuer not in self.names and not is_named(identity.issuer, self.names):
            raise InvalidToken("issuer")

    def __repr__(self) -> str:
        return f"issued_by({_listed(self.names)})"

    def issuers(self, known: frozenset[str]) -> frozenset[str]:
        """Return the issuers that it accepts. Raise `ConfigurationError` if there are none."""
        left = meet(known, frozenset(self.names))
        listed = ", ".join(sorted(map(repr, known)))
        require(left, f"{self!r} names no configured provider (known: {listed})")
        return left


class _AnyOf(Frozen):
    __slots__ = ("alternatives",)
    alternatives: tuple[Requirement, ...]

    def __call__(self, identity: Identity) -> None:
        """Raise the refusal of the first alternative unless one of them agrees."""
        first: Refusal | None = None
        for alternative in self.alternatives:
            try:
                return ask(alternative, identity)
            except Refusal as refusal:
                # A broken requirement has not refused the caller; another must not hide the fault.
                if refusal.reason == "requirement_failed":
                    raise
                first = refusal if first is None else first
        assert first is not None  # noqa: S101 (there is at least one alternative)
        raise first

    def __repr__(self) -> str:
        return f"any_of({', '.join(map(text_of, self.alternatives))})"

    def issuers(self, known: frozenset[str]) -> frozenset[str]:
        """Return the issuers that at least one alternative accepts."""
        return frozenset().union(*[issuers_of(one, known) for one in self.alternatives])


def scope(*names: str) -> Requirement:
    """Require all of these scopes (RFC 6749 section 3.3): `InsufficientScope` names them."""
    are_scopes = _are_texts(names) and all(map(_SCOPE.fullmatch, names))
    if not are_scopes:  # looked at here, since a view may make one at each request
        raise ConfigurationError(
            "scope must be called with one or more names without spaces, "
            f"got scope({_listed(names)}); scope('read', 'write') asks for both"
        )
    return _Scopes(names)


def claim(name: str | tuple[str, ...], *values: Any) -> Requirement:
    """Require a claim to have one of the values, alone or in a list. Without values, the claim must
    exist and must not be null.

    A tuple is the path into nested claims: `claim(("realm_access", "roles"), "admin")`. Values are
    compared with their JSON type: 1 is not true. Raises `InsufficientScope("claim_missing")`.

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
    return _Claim(path, frozenset(map(_typed, values)), values)


def issued_by(*issuers: str) -> Requirement:
    """Require the token to come from one of these issuers, or raise `InvalidToken("issuer")`."""
    require(
        _are_texts(issuers),
        f"issued_by must be called with one or more issuers, got issued_by({_listed(issuers)}); "
        "issued_by('https://idp.example/')",
    )
    return _IssuedBy(issuers)


def any_of(*requirements: Requirement) -> Requirement:
    """Require one of these to hold. If none does, the refusal is that of the first."""
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


def check_requirement(option: str, value: object) -> None:
    """Raise `ConfigurationError`, naming the option, for what is not a requirement."""
    # The functions of this ring, such as `scope`, make requirements, and are none themselves.
    if inspect.isfunction(value) and str(value.__module__).startswith(f"{__package__}."):
        name = value.__name__
        raise ConfigurationError(f"{option} must hold {name}(...), got {name} without its call")
    form = "a callable that takes an Identity and returns None or a boolean"
    require(
        callable(value) and not isinstance(value, type),
        f"{option} must hold requirements such as scope('read'), each {form}, got {value!r}",
    )
    require(
        not _runs_later(value) and not _runs_later(type(value).__call__),
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
    except ValueError:  # a builtin without a signature; a mismatch shows at the first call
        return


def _runs_later(value: object) -> bool:
    return (
        inspect.iscoroutinefunction(value)
        or inspect.isgeneratorfunction(value)
        or inspect.isasyncgenfunction(value)
    )


def ask(requirement: Requirement, identity: Identity) -> None:
    """Ask a requirement about a caller. Raise the `Refusal` unless it agrees.

    False means `Forbidden`. Any other answer or exception, and a `Refusal` that cannot be sent,
    are faults of the requirement: log one ERROR line and raise `Unavailable("requirement_failed")`.
    """
    try:
        answer: object = requirement(identity)
    except Exception as error:
        if isinstance(error, Refusal) and is_answerable(error):
            raise
        # Log the class alone, since the message of an exception may contain parts of a token.
        _log.error("requirement %s raised %s", name_of(requirement), type(error).__name__)
        raise Unavailable("requirement_failed") from None
    if answer is None or answer is True:
        return
    if answer is False:
        raise Forbidden
    if inspect.iscoroutine(answer):
        answer.close()
    _log.error(
        "requirement %s must return None or a boolean, got a value of type %s",
        name_of(requirement),
        type(answer).__name__,
    )
    raise Unavailable("requirement_failed")


def issuers_of(requirement: Requirement, known: frozenset[str]) -> frozenset[str]:
    """Return the issuers that the requirement accepts. Raise `ConfigurationError` for an
    `issued_by` that accepts none."""
    if isinstance(requirement, (_IssuedBy, _AnyOf)):
        return requirement.issuers(known)
    return known


def _are_texts(names: tuple[object, ...]) -> bool:
    return bool(names) and all(is_text(name) and name for name in names)


def _listed(values: tuple[object, ...]) -> str:
    return ", ".join(map(repr, values))


def _typed(value: Any) -> tuple[object, Any]:
    """Return a JSON value with its type, so that true is not 1. A list or an object never counts as
    a value. Members of an owner's `StrEnum` or `IntEnum` have the type of their values."""
    for kind in (bool, str, (int, float)):
        if isinstance(value, kind):
            return kind, value
    return None, None
