"""`Verifier`: a token becomes a verified caller."""

import logging
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
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


@dataclass(slots=True)  # not frozen: that makes a first-seen token 4 % dearer
class Verdict:
    """What verifying a token found out for good: its form, issuer, signature and claims.

    `keys` verified it at their `generation`. It holds from `not_before` until `expires_at`
    (seconds since the epoch), unless one of its `revocation_keys` is revoked.
    """

    keys: KeySource
    generation: object
    identity: Identity
    not_before: float
    expires_at: float
    revocation_keys: tuple[str, ...]


class Verifier:
    """Verifies the tokens of several providers; each token is its issuer's (RFC 8725 section 3.8).

    A token's form, issuer, signature and claims never change, so `verify` checks them once and its
    verdict may be cached. The clock, the keys and revocation do change, so `confirm` asks them on
    every request, for cached and new verdicts alike.
    """

    def __init__(
        self, providers: Sequence[Provider], *, revocations: RevocationList | None = None
    ) -> None:
        form = "providers must be a list of at least one Provider: providers=[Provider(...)]"
        self.providers = tuple_of(Provider, providers, form)
        require(self.providers, form)
        issuers = {provider.issuer for provider in self.providers}
        require(
            len(issuers) == len(self.providers),
            "two providers have one issuer: give one provider several audiences",
        )
        require(
            revocations is None or hasattr(revocations, "check"),
            "revocations must be a RevocationList: revocations=RevocationList(store)",
        )
        self.revocations = revocations
        self._readers = {provider.issuer: _ClaimsReader(provider) for provider in self.providers}

    def identify(self, token: str) -> Identity:
        """Return the caller that a token names. `InvalidToken` or `Unavailable` with the reason."""
        verdict = self.verify(token)
        return self.confirm(verdict) or verdict.identity  # None: the keys changed meanwhile

    def verify(self, token: str) -> Verdict:
        """Check what never changes of a token. `InvalidToken` or `Unavailable` with the reason."""
        parsed = jws.parse(token)
        claims = jws.parse_object(parsed.payload)
        issuer = claims.get("iss")
        reader = self._readers.get(issuer) if isinstance(issuer, str) else None
        if reader is None:
            for known in self._readers.keys() & {f"{issuer}/", str(issuer).removesuffix("/")}:
                _warn_of_the_slash(known)
            raise InvalidToken("issuer")
        keys = reader.provider.keys
        # Read first: a change during the check makes the verdict stale, not wrong.
        generation = keys.generation
        parsed.check_signature(keys)
        return reader.read(parsed, claims, generation)

    def confirm(self, verdict: Verdict) -> Identity | None:
        """Return the caller if the verdict holds now; None if the keys have changed since.

        `InvalidToken` if the token has expired, is not valid yet, or was revoked; `Unavailable` if
        that cannot be told.
        """
        now = time.time()
        if now >= verdict.expires_at:
            raise InvalidToken("expired")
        if now < verdict.not_before:
            raise InvalidToken("not_yet_valid")
        if self.revocations is not None:
            self.revocations.check(verdict.revocation_keys)
        is_current = verdict.keys.generation == verdict.generation
        return verdict.identity if is_current else None


class _ClaimsReader:
    """The claims of one provider's tokens, checked for all that does not change with time (RFC 7519
    section 4.1)."""

    def __init__(self, provider: Provider) -> None:
        self.provider = provider
        self._audiences = provider.audiences
        self._typ = provider.typ and _media_type(provider.typ)

    def read(self, parsed: jws.Jws, claims: dict[str, Any], generation: object) -> Verdict:
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
        identity = Identity(
            subject,
            provider.issuer,
            scopes,
            token_id,
            session_id,
            expires_at,
            parsed.payload,
        )
        may_be_revoked = revocation_keys(provider.issuer, token_id, session_id)
        expires = int(expires_at) + provider.leeway
        return Verdict(provider.keys, generation, identity, not_before, expires, may_be_revoked)

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
