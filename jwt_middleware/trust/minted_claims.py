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

LOGIN_CLAIMS = frozenset(("acr", "amr", "auth_time", "cnf"))
"""The claims that say how and when somebody logged in, and with which key (OpenID Connect Core 1.0
section 2, RFC 7800 section 3). They differ from login to login, so a user has none of them:
otherwise `acr` and `fresh` would let in everybody whose row says so, after any login."""

_ISSUER, _AUDIENCE, _SUBJECT = "https://trial.invalid", "trial", "trial"


def claims_of_user(claims: Mapping[str, Any]) -> dict[str, Any]:
    """Return the extra claims of a user that a token may have. A table of the owner's may have
    `LOGIN_CLAIMS` too, which are left out."""
    return {name: value for name, value in dict(claims).items() if name not in LOGIN_CLAIMS}


def fault_of_claims(claims: Mapping[str, Any]) -> str | None:
    """Return why no token can have these claims, or None. The sentence goes on after "claims ...".

    A token is made and verified on trial, as a `TokenMinter` does it at each sign-in.
    """
    reserved = sorted(RESERVED_CLAIMS & claims.keys())
    if reserved:
        return f"must not replace {', '.join(reserved)}, which every token has of its own"
    of_logins = sorted(LOGIN_CLAIMS & claims.keys())
    if of_logins:
        return f"must not have {', '.join(of_logins)}, which tell of a login and not of a user"
    key, verifier = _trial()
    now = int(time.time())
    own = {"iss": _ISSUER, "aud": _AUDIENCE, "sub": _SUBJECT, "iat": now, "exp": now + 900}
    try:
        payload = json.dumps({**claims, **own}, separators=(",", ":")).encode()
        identity = verifier.identify(jws.sign({"typ": TOKEN_TYPE}, payload, key))
    except (InvalidToken, RecursionError, TypeError, ValueError):
        return (
            "must be such that a token can have them: Unicode strings, at most 30 levels deep, "
            "numbers of ordinary length, and no events"
        )
    if identity.scopes:
        return "must not grant scopes: use scopes=(...)"
    return None


@cache
def _trial() -> tuple[Key, Verifier]:
    key = Key.generate("EdDSA")
    provider = Provider(issuer=_ISSUER, audience=_AUDIENCE, keys=KeySet([key]), typ=TOKEN_TYPE)
    return key, Verifier([provider])
