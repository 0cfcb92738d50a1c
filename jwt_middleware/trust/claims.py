"""Checks the claims of a token (RFC 7519 section 4), except for those that depend on the time."""

import logging
import re
from collections.abc import Mapping
from functools import cache, lru_cache
from typing import Any, TypeGuard

from ..errors import InvalidToken
from ..identity import new_identity
from ..readings import to_wsgi
from .jws import Jws
from .provider import Provider
from .revocation import revocation_keys
from .verdict import BoundToken, Verdict

_log = logging.getLogger("jwt_middleware")

_LAST_DATE = 253402300800
"""Seconds since the epoch at the end of the year 9999, the last year of Python's calendar."""

_MILLISECONDS = range(946_684_800_000, _LAST_DATE * 1000)
"""Some issuers send JavaScript's milliseconds. These are the dates from the year 2000 to the year
9999; as seconds, all of them are beyond the calendar."""

_match_without_controls = re.compile(r"[^\x00-\x1f\x7f-\x9f]*").fullmatch

_ACCESS_TOKEN_TYPES = frozenset(("jwt", "at+jwt"))
"""The `typ` of an access token (RFC 7519 section 5.1, RFC 9068 section 2.1). Any other `typ` means
a token for another purpose, such as `logout+jwt`, `secevent+jwt` or `dpop+jwt`."""

KIND_CLAIMS = ("token_type", "token_use", "typ")
"""The claims in which issuers name the kind of a token: djangorestframework-simplejwt and RFC 7662
section 2.2, Cognito and Ory Hydra, Keycloak."""

_TYPE_CLAIMS = frozenset((*KIND_CLAIMS, "events"))
"""Most tokens have none of these claims, which one look-up shows."""

# A string, for `re` to compile at first use and not at every import.
_OTHER_KIND = (
    r"(?ai)(?:urn:ietf:params:oauth:token-type:|application/)?"
    r"(?:(?:refresh|offline|(?:serialized-)?id|logout)(?:[ _-]?token)?|(?!at\+)[\w.-]+\+jwt)"
)


class ClaimsReader:
    """Checks the claims of one provider's tokens and makes their `Verdict`."""

    def __init__(self, provider: Provider) -> None:
        self.provider = provider
        self._audiences = provider.audiences
        self._subject_claims = provider.subject_claims
        self._has_other_subject = provider.subject_claims[0] != "sub"
        self.issuer = provider.issuer or ""
        self._types = _ACCESS_TOKEN_TYPES
        self._usual_types: frozenset[str | None] = frozenset((None, "JWT", "at+jwt"))
        if provider.typ is not None:
            self._types = frozenset((media_type(provider.typ),))
            self._usual_types = frozenset((provider.typ,))

    def read(self, parsed: Jws, claims: dict[str, Any], generation: object) -> Verdict:
        """Return the verdict on a token whose signature this generation of keys has verified, or
        raise `InvalidToken` with the reason."""
        provider = self.provider
        claims = without_nulls(claims) if provider.allow_null else claims
        typ = parsed.header.get("typ")
        if typ not in self._usual_types or not _TYPE_CLAIMS.isdisjoint(claims):
            self._check_type(typ, claims)
        self._check_audience(claims)
        expires_at, start = self._dates(claims)
        if self._has_other_subject:  # `_subject` checks the `sub` otherwise
            self._check_sub(claims)
        token_id, session_id = claims.get("jti", ""), claims.get("sid", "")
        if not (isinstance(token_id, str) and isinstance(session_id, str)):
            raise InvalidToken("claims")
        token_id, session_id = token_id or None, session_id or None
        subject = self._subject(claims)
        named_by = provider.remote_user_claim
        identity = new_identity(
            subject,
            self.issuer,
            _scopes(claims, provider.scope_claims),
            token_id,
            session_id,
            expires_at,
            parsed.payload,
            parsed.header_json,
            to_wsgi(subject) if named_by is None else _remote_user(claims, named_by),
        )
        verdict = Verdict(
            provider.keys,
            generation,
            identity,
            start - provider.leeway,
            int(expires_at) + provider.leeway,
            revocation_keys(self.issuer, token_id, session_id),
        )
        # A thief of a bound token does not have its key (RFC 7800 section 3). No proof of that key
        # is checked yet, so the token must not pass as a plain bearer token.
        if "cnf" in claims:
            raise BoundToken(verdict, claims["cnf"])
        return verdict

    def _dates(self, claims: dict[str, Any]) -> tuple[float, float]:
        """Return when the token expires and when it becomes valid, without leeway."""
        try:
            expires_at = _date(claims, "exp")
            not_before = _date(claims, "nbf") if "nbf" in claims else 0.0
            longest = self.provider.max_lifetime
            if longest is None:
                if "iat" in claims:
                    _date(claims, "iat")
                return expires_at, not_before
            issued_at = _date(claims, "iat")
        except InvalidToken as refusal:
            if refusal.reason == "milliseconds":
                _warn_once_of_milliseconds(self.issuer)
            raise
        if expires_at - issued_at > longest:
            raise InvalidToken("claims")
        # Valid before its `iat`, a long-lived token would look short-lived.
        return expires_at, max(not_before, issued_at)

    def _check_sub(self, claims: dict[str, Any]) -> None:
        subject = claims.get("sub", "")
        is_number = self.provider.numeric_subject and type(subject) is int
        if not (is_number or isinstance(subject, str)):
            raise InvalidToken("claims")

    def _check_type(self, typ: str | None, claims: dict[str, Any]) -> None:
        is_right = typ in self._usual_types or (typ is not None and media_type(typ) in self._types)
        # A security event (RFC 8417 section 2.2), such as a logout token, has the issuer, the
        # audience and the keys of an access token. Only its type and its `events` differ.
        if not is_right or "events" in claims:
            raise InvalidToken("type")
        # A refresh token may have the key, the header and all other claims of an access token.
        for name in KIND_CLAIMS:
            if name in claims and is_other_kind(claims[name]):
                raise InvalidToken("type")

    def _subject(self, claims: Mapping[str, Any]) -> str:
        """Return the first subject claim that is present."""
        for name in self._subject_claims:
            if name in claims:
                return _subject(claims[name], self.provider.numeric_subject)
        raise InvalidToken("claims")

    def _check_audience(self, claims: dict[str, Any]) -> None:
        audience = claims.get("aud")
        if not self._audiences:
            is_meant = "aud" not in claims
        elif isinstance(audience, str):
            is_meant = audience in self._audiences
        else:
            is_meant = _is_list_of_strings(audience) and not self._audiences.isdisjoint(audience)
        if not is_meant:
            raise InvalidToken("audience")


def is_other_kind(kind: object) -> bool:
    """Return whether the value of a `KIND_CLAIMS` names a kind other than an access token, alone or
    in a list."""
    if isinstance(kind, list):
        return any(is_other_kind(one) for one in kind if isinstance(one, str))
    return isinstance(kind, str) and _names_other_kind(kind)


@lru_cache(maxsize=64)  # all tokens of Keycloak have one; 4 us without the cache
def _names_other_kind(kind: str) -> bool:
    return re.fullmatch(_OTHER_KIND, kind.strip()) is not None


def without_nulls(claims: Mapping[str, Any]) -> dict[str, Any]:
    """Return the claims that are not null."""
    return {name: value for name, value in claims.items() if value is not None}


def media_type(typ: str) -> str:
    """Return a `typ` for comparison: `at+jwt` and `application/AT+JWT` are the same type.

    The first part is left out only if there is no other slash (RFC 7515 section 4.1.9), so
    `application/text/plain` is not `text/plain`.
    """
    # Do not change the case: the Kelvin sign would become the ASCII letter "k".
    if not typ.isascii():
        return typ
    lower = typ.lower()
    short = lower.removeprefix("application/")
    return lower if "/" in short else short


@cache  # one WARNING per issuer, whose keys have signed the token
def _warn_once_of_milliseconds(issuer: str) -> None:
    _log.warning(
        "a token of the issuer %r has a date in milliseconds; exp, nbf and iat must be seconds",
        issuer,
    )


def _is_list_of_strings(value: object) -> TypeGuard[list[str]]:
    return isinstance(value, list) and all(type(item) is str for item in value)


def _date(claims: Mapping[str, Any], name: str) -> float:
    """Return a NumericDate (RFC 7519 section 2): a number within the calendar.

    A string or a boolean is not a number.
    """
    value: Any = claims.get(name)
    # NaN fails both comparisons.
    if type(value) not in (int, float) or not -_LAST_DATE < value < _LAST_DATE:
        raise InvalidToken("milliseconds" if _is_in_milliseconds(value) else "claims")
    return float(value)


def _is_in_milliseconds(value: object) -> bool:
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        return False
    return _MILLISECONDS.start <= value < _MILLISECONDS.stop


def _subject(value: object, may_be_number: bool) -> str:
    # A boolean is an `int` of Python, and 5.0 is not a name that everybody writes alike.
    subject = str(value) if may_be_number and type(value) is int else value
    if not isinstance(subject, str) or not subject:
        raise InvalidToken("claims")
    if not (subject.isprintable() or _match_without_controls(subject)):
        raise InvalidToken("claims")
    return subject


def _remote_user(claims: Mapping[str, Any], name: str) -> str | None:
    """Return a claim as a PEP 3333 string, or None unless it is printable and not empty.

    Apps trim and compare such names in their own ways, so a claim with a space at either end is not
    accepted.
    """
    value = claims.get(name)
    if not isinstance(value, str) or not value.isprintable() or value != value.strip():
        return None
    return to_wsgi(value) or None


def _scopes(claims: Mapping[str, Any], names: tuple[str, ...]) -> tuple[str, ...]:
    scopes: list[str] = []
    for name in names:
        if name not in claims:
            continue
        value = claims[name]
        if isinstance(value, str):
            if value:
                scopes += value.split(" ")
        elif _is_list_of_strings(value):
            scopes += value
        else:
            raise InvalidToken("claims")
    # Two spaces in a row, or an empty string in a list, do not name a scope.
    return tuple([scope for scope in scopes if scope]) if "" in scopes else tuple(scopes)
