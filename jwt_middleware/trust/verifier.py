"""Token to `Identity`, with the cache of verified tokens.

What does not change of a verdict (form, issuer, signature, claims) is worked out once per token and
kept; what does (the clock, the keys, revocation) is asked every time, of a kept token and of a new
one by the same lines.
"""

import logging
import re
import time
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, TypeGuard

from ..errors import InvalidToken, require, tuple_of
from ..identity import Identity
from . import jws
from .keys import KeySource
from .provider import Provider
from .revocation import RevocationList, revocation_keys

_log = logging.getLogger("jwt_middleware")

# Seconds since the epoch at the end of the year 9999, the last that calendars of the field can
# tell.
_LAST_DATE = 253402300800
_is_without_controls = re.compile(r"[^\x00-\x1f\x7f-\x9f]*").fullmatch


# A verdict's lasting part: the keys, that generation of them for which it holds, the caller,
# `not_before` and `expires` between which it is good, the revocation keys. CPython unpacks a plain
# tuple much faster than a named one.
_Verified = tuple[KeySource, object, Identity, float, float, tuple[str, ...]]


class Verifier:
    """Verifies the tokens of several providers; each token is its issuer's (RFC 8725 section 3.8).

    `cache_size` bounds the kept tokens, 0 keeps none; no refusal is ever kept. The oldest goes
    first.
    """

    def __init__(
        self,
        providers: Sequence[Provider],
        *,
        revocations: RevocationList | None = None,
        cache_size: int = 10_000,
    ) -> None:
        providers = tuple_of(Provider, providers, "providers is a list: providers=[Provider(...)]")
        require(providers, "providers names at least one provider: providers=[Provider(...)]")
        issuers = {provider.issuer for provider in providers}
        require(
            len(issuers) == len(providers),
            "two providers have one issuer: give one provider several audiences",
        )
        require(
            type(cache_size) is int and cache_size >= 0,
            "cache_size is a whole number, 0 for no cache",
        )
        require(
            revocations is None or hasattr(revocations, "check"),
            "revocations is RevocationList(store)",
        )
        self._revocations = revocations
        self._cache_size = cache_size
        self.trust(providers)

    def trust(self, providers: tuple[Provider, ...]) -> None:
        """Accept the tokens of these providers alone from now on; what was kept is dropped."""
        self.providers = providers
        self._readers = {provider.issuer: _ClaimsReader(provider) for provider in providers}
        self._kept: OrderedDict[str | None, _Verified] = (
            OrderedDict()
        )  # by `Authorization`: one look-up a request

    def recall(self, credentials: str | None) -> Identity | None:
        """Return whom a kept token in an `Authorization` says is calling, or None. Raises as
        `verify` does."""
        verified = self._kept.get(credentials)
        if verified is None or verified[0].generation != verified[1]:
            return None
        return self._check(verified)

    def verify(self, token: str) -> Identity:
        """Return who the token says is calling. `InvalidToken` or `Unavailable` with the reason."""
        credentials = f"Bearer {token}"
        identity = self.recall(credentials)
        if identity is None:
            verified = self._verify_lasting(token)
            identity = self._check(verified)
            self._keep(credentials, verified)
        return identity

    def _check(self, verified: _Verified) -> Identity:
        """The part of the verdict that changes with time."""
        _, _, identity, not_before, expires, names = verified
        if not not_before <= time.time() < expires:
            raise InvalidToken("expired" if time.time() >= expires else "not_yet_valid")
        if self._revocations is not None:
            self._revocations.check(names)
        return identity

    def _verify_lasting(self, token: str) -> _Verified:
        parsed = jws.parse(token)
        claims = jws.parse_object(parsed.payload)
        issuer = claims.get("iss")
        reader = self._readers.get(issuer) if isinstance(issuer, str) else None
        if reader is None:
            for known in self._readers.keys() & {f"{issuer}/", str(issuer).removesuffix("/")}:
                _warn_of_the_slash(known)
            raise InvalidToken("issuer")
        keys = reader.provider.keys
        generation = (
            keys.generation
        )  # read first: a change during the check makes the entry stale, not wrong
        parsed.check_signature(keys)
        return reader.read(parsed, claims, generation)

    def _keep(self, credentials: str, verified: _Verified) -> None:
        if self._cache_size:
            self._kept[credentials] = verified
            if len(self._kept) > self._cache_size:
                try:
                    self._kept.popitem(last=False)
                except KeyError:  # other threads evict too; each of these calls is one step
                    return


class _ClaimsReader:
    """The claims of one provider's tokens, checked for all that does not change with time (RFC 7519
    section 4.1)."""

    def __init__(self, provider: Provider) -> None:
        self.provider = provider
        self._audiences = provider.audiences
        self._typ = provider.typ and _media_type(provider.typ)

    def read(self, parsed: jws.Jws, claims: dict[str, Any], generation: object) -> _Verified:
        provider = self.provider
        typ = parsed.header.get("typ", "")
        if typ != provider.typ and self._typ and _media_type(typ) != self._typ:
            raise InvalidToken("type")
        self._check_audience(claims)
        expires_at, not_before = _date(claims, "exp"), _date(claims, "nbf", 0) - provider.leeway
        self._check_lifetime(expires_at, claims)
        _text_or_none(claims, "sub")
        token_id, session_id = _text_or_none(claims, "jti"), _text_or_none(claims, "sid")
        subject, scopes = (
            _subject(claims, provider.subject_claim),
            _scopes(claims, provider.scope_claims),
        )
        values = (
            subject,
            provider.issuer,
            scopes,
            token_id,
            session_id,
            expires_at,
            parsed.payload,
        )
        identity = tuple.__new__(Identity, values)  # in half the time
        may_be_revoked = revocation_keys(provider.issuer, token_id, session_id)
        expires = int(expires_at) + provider.leeway
        return provider.keys, generation, identity, not_before, expires, may_be_revoked

    def _check_audience(self, claims: dict[str, Any]) -> None:
        named = claims.get("aud")
        if not self._audiences:
            is_meant = "aud" not in claims
        elif isinstance(named, str):
            is_meant = named in self._audiences
        else:
            is_meant = _is_list_of_texts(named) and not self._audiences.isdisjoint(named)
        if not is_meant:
            raise InvalidToken("audience")

    def _check_lifetime(self, expires_at: float, claims: dict[str, Any]) -> None:
        longest = self.provider.max_lifetime
        issued_at = _date(claims, "iat", 0 if longest is None else None)
        if longest is not None and expires_at - issued_at > longest:
            raise InvalidToken("claims")


@cache  # told once
def _warn_of_the_slash(issuer: str) -> None:
    _log.warning("a token has the iss of the provider %r but for the final slash", issuer)


def _media_type(typ: str) -> str:
    """`at+jwt` and `application/AT+JWT` are one type (RFC 7515 section 4.1.9)."""
    return typ.lower().removeprefix("application/")


def _is_list_of_texts(value: object) -> TypeGuard[list[str]]:
    return isinstance(value, list) and {*map(type, value)} <= {str}


def _date(claims: Mapping[str, Any], name: str, default: float | None = None) -> float:
    """A NumericDate (RFC 7519 section 2): a number, no text or boolean, that a calendar can
    tell."""
    value: Any = claims.get(name, default)
    if type(value) not in (int, float) or not abs(value) < _LAST_DATE:
        raise InvalidToken("claims")
    return float(value)


def _subject(claims: Mapping[str, Any], name: str) -> str:
    subject = claims.get(name)
    if (
        not isinstance(subject, str)
        or not subject
        or not (subject.isprintable() or _is_without_controls(subject))
    ):
        raise InvalidToken("claims")
    return subject


def _text_or_none(claims: Mapping[str, Any], name: str) -> str | None:
    value = claims.get(name, "")
    if not isinstance(value, str):
        raise InvalidToken("claims")
    return value or None


def _scopes(claims: Mapping[str, Any], names: tuple[str, ...]) -> tuple[str, ...]:
    scopes: list[str] = []
    for name in names:
        if name in claims:
            value = claims[name]
            if not isinstance(value, str) and not _is_list_of_texts(value):
                raise InvalidToken("claims")
            scopes += value.split(" ") if isinstance(value, str) else value
    return tuple(filter(None, scopes))
