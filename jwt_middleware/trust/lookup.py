"""Tokens without content, which must be looked up: personal access tokens, and token introspection
(RFC 7662).

A provider of such tokens is a `provider.LookupProvider` and has three members:

    terms               a `Provider`: the issuer, and the terms for the claims
    recognizes(token)   whether the token has this provider's form; no I/O, no errors
    look_up(token)      a `LookedUp` with its claims; raises `InvalidToken` or `Unavailable`

`Verifier` calls `recognizes` in the order of the providers, before it reads the token as a JWT. A
provider with `takes_any_form = True` comes last, and there is at most one, since it would send the
tokens of the others away. `Verifier` checks the result of `look_up` as it checks the claims of a
JWT: issuer, audience, subject, dates, `cnf`. The verdict is cached for `cache_for` seconds.
Meanwhile the clock and revocations still count at every request.
"""

import json
import time
from collections.abc import Mapping
from typing import Any, cast

from .._frozen import Frozen
from .._options import require
from .jws import Jws
from .keys import Key
from .provider import LookupProvider, Provider


class LookedUp(Frozen):
    """The provider's data about a valid token: `LookedUp(claims, cache_for)`.

    - `claims`: the members of RFC 7662 section 2.2, whose names are those of JWT claims. `sub` and
      `exp` are required. `iss` may be absent, since the provider has one issuer.
    - `cache_for`: seconds after which the token is looked up again.
    """

    __slots__ = ("claims", "cache_for")  # noqa: RUF023 (the order of the arguments)
    claims: Mapping[str, Any]
    cache_for: float


class _NoKeys:
    """A source of keys without any."""

    generation = 0

    def find(self, kid: str | None) -> tuple[Key, ...]:
        """Return an empty tuple, so that JWTs of this issuer never verify."""
        return ()


NO_KEYS = _NoKeys()


class Lease:
    """Replaces the keys of a verdict. Its generation changes when the time is over."""

    __slots__ = ("_until",)

    def __init__(self, seconds: float) -> None:
        self._until = time.monotonic() + seconds

    @property
    def generation(self) -> bool:
        """Whether the time is not over yet."""
        return time.monotonic() < self._until

    def find(self, kid: str | None) -> tuple[Key, ...]:
        """Return an empty tuple, since there is no signature."""
        return ()


def is_lookup_provider(value: object) -> bool:
    """Return whether the value is an object with the methods of a `LookupProvider`."""
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
    """Return claims in the form of a parsed JWT, with an empty header and without a signature."""
    return Jws({}, b"{}", json.dumps(dict(claims)).encode(), b"", b"")
