"""The challenge of a refusal: `WWW-Authenticate` (RFC 6750 section 3)."""

import re

from .._options import got, require
from ..errors import Refusal

_REALM = r"[\x20\x21\x23-\x5b\x5d-\x7e]+"  # a string, which is compiled when it is needed


def check_realm(realm: object) -> None:
    """Raise `ConfigurationError` unless the realm fits into a challenge (RFC 9110 section 11.5)."""
    is_realm = isinstance(realm, str) and re.fullmatch(_REALM, realm)
    require(is_realm, f"realm must be printable ASCII without '\"' or '\\', got {got(realm)}")


def challenge(refusal: Refusal, realm: str) -> str:
    """Return the value of `WWW-Authenticate`: printable ASCII that contains nothing of the
    request."""
    parameters = {"realm": realm}
    if refusal.code:
        parameters |= {"error": refusal.code, "error_description": refusal.description}
    parameters |= refusal.parameters
    return "Bearer " + ", ".join(f'{name}="{value}"' for name, value in parameters.items())


def basic_challenge(realm: str) -> str:
    """Return the challenge of Basic (RFC 7617 section 2).

    Put it into a separate header, since old clients only read a header's first challenge.
    """
    return f'Basic realm="{realm}", charset="UTF-8"'
