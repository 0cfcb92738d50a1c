"""Requirements on the login of a caller: how recent it is, and how strong (RFC 9470).

A token that lives for weeks does not show that its user is at the keyboard. `fresh` asks for a
recent login, and `acr` for a strong one. A caller without it is led to another login, and not
turned away: 401 `insufficient_user_authentication` names the age or the classes that are needed.
"""

import re
import time
from typing import Any

from .._frozen import Frozen
from .._options import check_count, is_text
from ..errors import ConfigurationError, StepUp
from ..identity import Identity
from .requirements import Requirement

__all__ = [
    "acr",
    "fresh",
]

_CLOCK_SKEW = 5
"""Seconds by which the clock of the issuer may be ahead, as the usual leeway of a `Provider`."""

# RFC 9470 section 3: separated by spaces in a challenge, whose values have no quotes.
_ACR = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+")


class _Fresh(Frozen):
    __slots__ = ("max_age",)
    max_age: int

    def __call__(self, identity: Identity) -> None:
        """Raise `StepUp` unless the user logged in a short time ago."""
        at: Any = identity.claims.get("auth_time")
        # A boolean is an `int` of Python, and a string is not a NumericDate (RFC 7519 section 2).
        if type(at) not in (int, float):
            raise StepUp("login_too_old", max_age=self.max_age)
        age = time.time() - at
        if not -_CLOCK_SKEW <= age <= self.max_age:
            raise StepUp("login_too_old", max_age=self.max_age)

    def __repr__(self) -> str:
        return f"fresh({self.max_age})"


class _Acr(Frozen):
    __slots__ = ("values",)
    values: tuple[str, ...]

    def __call__(self, identity: Identity) -> None:
        """Raise `StepUp` unless the login was of one of these classes."""
        given = identity.claims.get("acr")
        if not isinstance(given, str) or given not in self.values:
            raise StepUp("login_too_weak", acr_values=self.values)

    def __repr__(self) -> str:
        return f"acr({', '.join(map(repr, self.values))})"


def fresh(max_age: int) -> Requirement:
    """Require that the user logged in within `max_age` seconds, by the claim `auth_time` (OpenID
    Connect Core 1.0 section 2).

    Renewing a token does not make a login fresh. `StepUp("login_too_old")` with `max_age` (RFC 9470
    section 3) if the claim is missing, not a number, or more than 5 seconds in the future. An
    integer of at least 1, or `ConfigurationError`.
    """
    check_count("max_age of fresh", max_age, least=1)
    return _Fresh(max_age)


def acr(*values: str) -> Requirement:
    """Require that the login was of one of these authentication context classes, by the claim `acr`
    (OpenID Connect Core 1.0 section 2).

    `StepUp("login_too_weak")` with `acr_values` (RFC 9470 section 3) otherwise. The values are
    printable ASCII without spaces and quotes, the preferred one first, or `ConfigurationError`.
    """
    are_values = bool(values) and all(is_text(value) and _ACR.fullmatch(value) for value in values)
    if not are_values:
        raise ConfigurationError(
            "acr must be called with one or more classes without spaces, "
            f"got acr({', '.join(map(repr, values))}); acr('mfa')"
        )
    return _Acr(values)
