"""The challenge of a refusal: `WWW-Authenticate` (RFC 6750 section 3)."""

import re
from collections.abc import Mapping, Sequence

from .._options import got, require
from ..errors import Refusal

NO_HINTS: Mapping[str, str] = {}

_REALM = r"[\x20\x21\x23-\x5b\x5d-\x7e]+"  # a string, which is compiled when it is needed


def check_realm(realm: object) -> None:
    """Raise `ConfigurationError` unless the realm fits into a challenge (RFC 9110 section 11.5)."""
    is_realm = isinstance(realm, str) and re.fullmatch(_REALM, realm)
    require(is_realm, f"realm must be printable ASCII without '\"' or '\\', got {got(realm)}")


def challenge(refusal: Refusal, realm: str, hints: Mapping[str, str] = NO_HINTS) -> str:
    """Return the value of `WWW-Authenticate`: printable ASCII that contains nothing of the
    request.

    `hints` are further parameters that tell a client how to get a token (`hints_of`).
    """
    parameters = {"realm": realm}
    if refusal.code:
        parameters |= {"error": refusal.code, "error_description": refusal.description}
    parameters |= {**refusal.parameters, **hints}
    return "Bearer " + ", ".join(f'{name}="{value}"' for name, value in parameters.items())


def basic_challenge(realm: str) -> str:
    """Return the challenge of Basic (RFC 7617 section 2).

    Put it into a separate header, since old clients only read a header's first challenge.
    """
    return f'Basic realm="{realm}", charset="UTF-8"'


def hints_of(refusal: Refusal, metadata_url: str, scopes: Sequence[str]) -> dict[str, str]:
    """Return the parameters of a challenge that lead a client to a token: the address of the
    metadata (RFC 9728 section 5.1), and the scopes to ask for (RFC 6750 section 3).

    `scopes` are those of the rules. A client asks for a new token with exactly these scopes, so
    name all of them at once. Leave them out where no scope helps: a request that is malformed, a
    claim that is missing, a caller who may not do this.
    """
    hints = {"resource_metadata": metadata_url}
    refused = tuple(refusal.parameters.get("scope", "").split())
    if refusal.status == 401 or refused:
        wanted = " ".join(dict.fromkeys((*scopes, *refused)))
        return {"scope": wanted, **hints} if wanted else hints
    return hints
