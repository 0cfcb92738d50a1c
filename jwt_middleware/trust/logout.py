"""Verifies logout tokens: an identity provider says that a session of one of its users has ended
(OpenID Connect Back-Channel Logout 1.0 section 2.6).

A logout token has the issuer and the keys of an access token. So each kind is refused in the place
of the other (RFC 8725 section 3.12): a logout token has the member of `EVENT`, which no access
token has, and no `nonce`, which an ID token of a browser has.
"""

import re
import time
from typing import Any

from .._frozen import Frozen
from .._options import require
from ..errors import InvalidToken
from . import jws
from .claims import media_type
from .provider import Provider
from .verifier import Verifier

__all__ = [
    "EVENT",
    "RECENT",
    "Logout",
    "check_logout_providers",
    "verify_logout",
]

EVENT = "http://schemas.openid.net/event/backchannel-logout"
"""The member of `events` that makes a token a logout token (section 2.4)."""

RECENT = 300
"""Seconds after which a logout token is refused, whatever its `exp`. Its issuer sends it once, at
once. The ids of tokens are remembered for longer than this."""

_TYPES = frozenset(("logout+jwt", "jwt"))
"""Section 2.4 recommends the first. Keycloak before its version 25, for example, sends `JWT`."""

_NAME = re.compile(r"[^\x00-\x1f\x7f\ud800-\udfff]{1,255}")
"""A `sid`, `sub` or `jti` that every revocation log can store."""


class Logout(Frozen):
    """The content of a verified logout token: `session_id`, `subject` or both are set.

    `issued_at` is in seconds since the epoch. `provider` has the terms of its issuer.
    """

    __slots__ = ("issued_at", "issuer", "provider", "session_id", "subject", "token_id")
    issued_at: float
    issuer: str
    provider: Provider
    session_id: str | None
    subject: str | None
    token_id: str


def check_logout_providers(verifier: Verifier) -> None:
    """Raise `ConfigurationError` for a provider that has no logout tokens: one that looks tokens
    up, or has no issuer or no audience, both of which a logout token must name."""
    form = "with an issuer and an audience: BackChannelLogout([Provider(...)], log)"
    require(not verifier.lookups, f"providers must be a list of Provider {form}")
    for provider in verifier.providers:
        is_named = provider.issuer is not None and bool(provider.audiences)
        require(is_named, f"providers must hold a Provider {form}, got {provider!r}")


def verify_logout(verifier: Verifier, token: str) -> Logout:
    """Return the content of a logout token. Raise `InvalidToken` with the reason, or `Unavailable`
    if the keys of its issuer cannot be loaded."""
    parsed = jws.parse(token)
    claims = jws.parse_object(parsed.payload)
    reader = verifier.reader_of(claims)
    if reader is None:
        raise InvalidToken("issuer")
    parsed.check_signature(reader.provider.keys, reader.issuer)
    _check_kind(parsed.header.get("typ", "JWT"), claims)
    _check_audience(claims.get("aud"), reader.provider)
    token_id, session_id = _name(claims, "jti"), _name(claims, "sid")
    subject = _subject(claims, reader.provider)
    if token_id is None or (session_id is None and subject is None):
        raise InvalidToken("claims")
    issued_at = _issued_at(claims, reader.provider.leeway)
    return Logout(issued_at, reader.issuer, reader.provider, session_id, subject, token_id)


def _check_kind(typ: str, claims: dict[str, Any]) -> None:
    events = claims.get("events")
    has_event = isinstance(events, dict) and isinstance(events.get(EVENT), dict)
    if media_type(typ) not in _TYPES or not has_event or "nonce" in claims:
        raise InvalidToken("type")


def _check_audience(audience: object, provider: Provider) -> None:
    named = [audience] if isinstance(audience, str) else audience
    is_list = isinstance(named, list) and all(isinstance(name, str) for name in named)
    if not is_list or provider.audiences.isdisjoint(named):  # type: ignore[arg-type]
        raise InvalidToken("audience")


def _issued_at(claims: dict[str, Any], leeway: float) -> float:
    """Return the `iat`. Raise `InvalidToken` unless the token is recent and has not expired."""
    now = time.time()
    issued_at, expires_at = _seconds(claims, "iat"), _seconds(claims, "exp")
    if now >= expires_at + leeway or now >= issued_at + RECENT + leeway:
        raise InvalidToken("expired")
    if now < issued_at - leeway:
        raise InvalidToken("not_yet_valid")
    return issued_at


def _seconds(claims: dict[str, Any], name: str) -> float:
    value: Any = claims.get(name)
    # A string or a boolean is not a number (RFC 7519 section 2). NaN fails the comparison.
    if type(value) not in (int, float) or not 0 <= value < 2**53:
        raise InvalidToken("claims")
    return float(value)


def _subject(claims: dict[str, Any], provider: Provider) -> str | None:
    """Return the subject by which the access tokens of this issuer name the user, or None if the
    logout token does not have that claim."""
    name = provider.subject_claims[0]
    value = claims.get(name)
    if provider.numeric_subject and type(value) is int:
        return str(value)
    return _name(claims, name)


def _name(claims: dict[str, Any], name: str) -> str | None:
    value = claims.get(name)
    if name not in claims:
        return None
    if not isinstance(value, str) or not _NAME.fullmatch(value):
        raise InvalidToken("claims")
    return value
