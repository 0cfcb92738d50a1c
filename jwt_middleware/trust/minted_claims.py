"""Checks the extra claims of a user: whether a token with them can be minted and is accepted."""

import json
import time
from collections.abc import Mapping
from functools import cache
from typing import Any

from ..errors import InvalidToken
from . import jws
from .keys import Key, KeySet
from .provider import Provider
from .verifier import Verifier

TOKEN_TYPE = "at+jwt"  # noqa: S105 (RFC 9068 section 2.1: the type of the token)
RESERVED_CLAIMS = frozenset(("iss", "sub", "aud", "exp", "nbf", "iat", "jti", "sid", "scope"))
"""The claims that the minter sets itself. Extra claims may not replace them."""

_ISSUER, _AUDIENCE, _SUBJECT = "https://trial.invalid", "trial", "trial"


def fault_of_claims(claims: Mapping[str, Any]) -> str | None:
    """Return why no token can have these claims, or None. The sentence goes on after "claims ...".

    A token is made and verified on trial, as a `TokenMinter` does it at each sign-in.
    """
    reserved = sorted(RESERVED_CLAIMS & claims.keys())
    if reserved:
        return f"must not replace {', '.join(reserved)}, which every token has of its own"
    key, verifier = _trial()
    now = int(time.time())
    own = {"iss": _ISSUER, "aud": _AUDIENCE, "sub": _SUBJECT, "iat": now, "exp": now + 900}
    try:
        payload = json.dumps({**claims, **own}, separators=(",", ":")).encode()
        identity = verifier.identify(jws.sign({"typ": TOKEN_TYPE}, payload, key))
    except (InvalidToken, RecursionError, TypeError, ValueError):
        return (
            "must be such that a token can have them: Unicode strings, at most 30 levels deep, "
            "numbers of ordinary length, and neither cnf nor events"
        )
    if identity.scopes:
        return "must not grant scopes: use scopes=(...)"
    return None


@cache
def _trial() -> tuple[Key, Verifier]:
    key = Key.generate("EdDSA")
    provider = Provider(issuer=_ISSUER, audience=_AUDIENCE, keys=KeySet([key]), typ=TOKEN_TYPE)
    return key, Verifier([provider])
