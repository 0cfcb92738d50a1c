"""Tokens that say nothing by themselves, so that somebody is asked about each: personal access
tokens, and token introspection (RFC 7662).

A provider of such tokens has three members:

    terms               a `Provider`: the issuer, and how the claims are checked
    recognizes(token)   whether the token has this provider's form; no I/O, raises nothing
    look_up(token)      what is known of it, a `LookedUp`; `InvalidToken` or `Unavailable`

`Verifier` asks `recognizes` in the order of the providers, before it takes the token for a JWT. It
checks what `look_up` returns as it checks the claims of a JWT: issuer, audience, subject, dates,
`cnf`. The verdict is cached for `cache_for` seconds. In that time clock and revocations still count
at every request.
"""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol, cast

from .._options import require
from .jws import Jws
from .keys import Key
from .provider import Provider


@dataclass(frozen=True, slots=True)
class LookedUp:
    """What a provider knows of a token that is good now.

    - `claims`: the members of RFC 7662 section 2.2, which are named like the claims of a JWT. `sub`
      and `exp` are required. `iss` may be absent, since the provider has one issuer.
    - `cache_for`: seconds after which the token is looked up again.
    """

    claims: Mapping[str, Any]
    cache_for: float


class LookupProvider(Protocol):
    """A provider whose tokens are looked up. See the module."""

    @property
    def terms(self) -> Provider:
        """The issuer, and how claims are checked. Its `keys` are `NO_KEYS`: no JWT can name this
        issuer."""

    def recognizes(self, token: str) -> bool:
        """Return whether the token has the form of this provider's tokens."""

    def look_up(self, token: str) -> LookedUp:
        """Return what is known of a token. `InvalidToken` if it is not good, `Unavailable` if that
        cannot be told now."""


class _NoKeys:
    """A source of keys without any."""

    generation = 0

    def find(self, kid: str | None) -> tuple[Key, ...]:
        """Return no key: no JWT of this issuer verifies."""
        return ()


NO_KEYS = _NoKeys()


class Lease:
    """Stands for the keys of a verdict, and changes its generation when the time is over."""

    __slots__ = ("_until",)

    def __init__(self, seconds: float) -> None:
        self._until = time.monotonic() + seconds

    @property
    def generation(self) -> bool:
        """Whether the time is not over yet."""
        return time.monotonic() < self._until

    def find(self, kid: str | None) -> tuple[Key, ...]:
        """Return no key: nothing was signed."""
        return ()


def is_lookup_provider(value: object) -> bool:
    """Return whether the value is an instance with the members of a `LookupProvider`."""
    if isinstance(value, (type, Provider)):
        return False
    return all(callable(getattr(value, name, None)) for name in ("recognizes", "look_up"))


def checked_terms(provider: LookupProvider) -> Provider:
    """Return the terms of a provider, or raise `ConfigurationError`."""
    terms = getattr(provider, "terms", None)
    require(
        isinstance(terms, Provider),
        f"terms of a provider that looks tokens up must be a Provider, got {type(terms).__name__}",
    )
    return cast(Provider, terms)


def as_unsigned(claims: Mapping[str, Any]) -> Jws:
    """Return claims in the form in which those of a JWT are checked: an empty header, and no
    signature."""
    return Jws({}, b"{}", json.dumps(dict(claims)).encode(), b"", b"")
