"""`Verifier`: turns a token into a verified caller."""

import logging
import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from .._options import got, require, tuple_of
from ..errors import ConfigurationError, InvalidToken
from ..identity import Identity
from ..issuer_template import IssuerTemplate
from . import jws
from .claims import ClaimsReader, Verdict
from .provider import LookupProvider, Provider, TokenProvider
from .revocation import RevocationList

if TYPE_CHECKING:
    from .tenants import TenantReaders

__all__ = [
    "Verdict",
    "VerificationCounts",
    "Verifier",
]

_log = logging.getLogger("jwt_middleware")

NO_ISSUER = ""
"""The issuer of callers whose token has no `iss`. No provider may be called so."""


class AcceptsIssuers(Protocol):
    """Accepts some of the known issuers, as a rule does."""

    def issuers(self, known: frozenset[str]) -> frozenset[str]:
        """Return those that it accepts."""


Narrowing = TypeVar("Narrowing", bound=AcceptsIssuers)


class VerificationCounts:
    """The numbers of verified tokens and of tokens found in a cache.

    They are counted without a lock, for metrics. A free-threaded Python may lose a count.
    """

    __slots__ = ("cached", "verified")

    def __init__(self) -> None:
        self.verified = 0
        self.cached = 0


@dataclass(frozen=True, slots=True, init=False, repr=False, eq=False)
class Verifier:
    """Verifies the tokens of several providers, each with its issuer's keys (RFC 8725 section 3.8).

    A token's form, issuer, signature and claims never change, so `verify` checks them once and its
    verdict may be cached. The time and the revocations do change, so `confirm` checks them on every
    request, for cached and new verdicts alike. If the keys have changed since, a cached verdict is
    not current any more, and the token is verified again.

    - `providers`: the issuers whose JWTs are trusted, each once.
    - `lookups`: the providers whose tokens are looked up (`lookup`), each issuer once. Such an
      issuer may also be that of a `Provider`, so that the same people have tokens of two kinds.
    - `revocations`: a `RevocationList`, or None.
    """

    providers: tuple[Provider, ...]
    lookups: tuple[LookupProvider, ...]
    revocations: RevocationList | None
    _readers: Mapping[str, ClaimsReader]
    _lookup_readers: Mapping[str, ClaimsReader]
    _tenants: "tuple[TenantReaders, ...]"
    _cut_off_subjects: Collection[str]

    def __init__(
        self,
        providers: Sequence[TokenProvider],
        *,
        revocations: RevocationList | None = None,
    ) -> None:
        form = "providers must be a list of at least one Provider: providers=[Provider(...)]"
        given = tuple_of(object, providers, form)
        require(given, form)
        lookups, terms = _lookups_in(given)
        checked = tuple_of(
            Provider, [one for one in given if not any(one is known for known in lookups)], form
        )
        require(
            revocations is None or callable(getattr(revocations, "check", None)),
            f"revocations must be a RevocationList: revocations=RevocationList(store), "
            f"got an object of {type(revocations).__name__}",
        )
        object.__setattr__(self, "providers", checked)
        object.__setattr__(self, "lookups", lookups)
        object.__setattr__(self, "revocations", revocations)
        readers = _readers_of(checked)
        exact = {issuer: one for issuer, one in readers.items() if one.provider.tenants is None}
        object.__setattr__(self, "_readers", exact)
        object.__setattr__(self, "_tenants", _tenants_of(checked))
        object.__setattr__(self, "_lookup_readers", _readers_of(terms))
        # The set itself, which grows: a caller who is not in it costs no call.
        subjects = getattr(revocations, "cut_off_subjects", ())
        object.__setattr__(self, "_cut_off_subjects", subjects)

    @property
    def issuers(self) -> frozenset[str]:
        """Every issuer that is trusted; the issuers of tenants as their template."""
        return frozenset([*self._readers, *self._lookup_readers, *self.templates])

    @property
    def named_issuers(self) -> tuple[str, ...]:
        """Every issuer that is trusted and has a name, in the order of the providers.

        The tenants of a template are named one by one if their provider lists them.
        """
        terms = (*self.providers, *(lookup.terms for lookup in self.lookups))
        return tuple(dict.fromkeys(name for provider in terms for name in _names_of(provider)))

    @property
    def templates(self) -> frozenset[str]:
        """The issuers with braces, each of which stands for many."""
        return frozenset(tenants.issuer for tenants in self._tenants)

    def is_one_issuer(self, issuers: frozenset[str]) -> bool:
        """Return whether these names mean a single issuer, since a template means many."""
        return len(issuers) == 1 and self.templates.isdisjoint(issuers)

    def naming_one(self, rules: Iterable[Narrowing]) -> tuple[bool, frozenset[Narrowing]]:
        """Return whether a subject names one person: with a single issuer, or under which rules."""
        is_one, known = self.is_one_issuer, self.issuers
        return is_one(known), frozenset(rule for rule in rules if is_one(rule.issuers(known)))

    def identify(self, token: str) -> Identity:
        """Return the caller of a token, verified and confirmed.

        `InvalidToken` or `Unavailable` with the reason.
        """
        return self.confirm(self.verify(token))

    def verify(self, token: str) -> Verdict:
        """Check the parts of a token that never change. Raise `InvalidToken` or `Unavailable` with
        the reason."""
        for lookup in self.lookups:
            if lookup.recognizes(token):
                return self._look_up(lookup, token)
        parsed = jws.parse(token)
        claims = jws.parse_object(parsed.payload)
        reader = self.reader_of(claims)
        if reader is None:
            self._warn_of_a_slash(claims.get("iss"))
            raise InvalidToken("issuer")
        keys = reader.provider.keys
        # Read the generation first, so that a change during the check makes the verdict stale and
        # not wrong.
        generation = keys.generation
        parsed.check_signature(keys, reader.issuer)
        return reader.read(parsed, claims, generation)

    def reader_of(self, claims: Mapping[str, Any]) -> ClaimsReader | None:
        """Return the reader for the issuer that unverified claims name, or None."""
        issuer = claims.get("iss")
        if issuer is not None:
            if not isinstance(issuer, str) or issuer == NO_ISSUER:
                return None
            return self._readers.get(issuer) or self._reader_of_tenant(issuer, claims)
        reader = self._readers.get(NO_ISSUER)
        is_absent = reader is not None and ("iss" not in claims or reader.provider.allow_null)
        return reader if is_absent else None

    def _reader_of_tenant(self, issuer: str, claims: Mapping[str, Any]) -> ClaimsReader | None:
        for tenants in self._tenants:
            reader = tenants.reader_of(issuer, claims)
            if reader is not None:
                return reader
        return None

    def _look_up(self, lookup: LookupProvider, token: str) -> Verdict:
        from .lookup import Lease, as_unsigned

        reader = self._lookup_readers[lookup.terms.issuer or NO_ISSUER]
        found = lookup.look_up(token)
        claims = {"iss": reader.provider.issuer, **found.claims}
        if claims["iss"] != reader.provider.issuer:
            raise InvalidToken("issuer")
        verdict = reader.read(as_unsigned(claims), claims, True)
        verdict.keys = Lease(found.cache_for)
        return verdict

    def confirm(self, verdict: Verdict) -> Identity:
        """Return the caller if the verdict holds now.

        Raise `InvalidToken` if the token has expired, is not valid yet, or was revoked. Raise
        `Unavailable` if revocations are unknown. Confirm a cached verdict only while it
        `is_current`.
        """
        now = time.time()
        if now >= verdict.expires_at:
            raise InvalidToken("expired")
        if now < verdict.not_before:
            raise InvalidToken("not_yet_valid")
        if self.revocations is not None:
            self.revocations.check(verdict.revocation_keys)
            if self._cut_off_subjects and verdict.identity.subject in self._cut_off_subjects:
                self.revocations.check_subject(verdict.identity)
        return verdict.identity

    def _warn_of_a_slash(self, issuer: object) -> None:
        """Warn of the most common configuration mistake: the `iss` differs by its final slash."""
        if not isinstance(issuer, str):
            return
        for similar in (f"{issuer}/", issuer.removesuffix("/")):
            if similar != NO_ISSUER and similar in self._readers:
                _warn_once_of_a_slash(similar)

    def __repr__(self) -> str:
        terms = [*self.providers, *(lookup.terms for lookup in self.lookups)]
        issuers = ", ".join(repr(provider.issuer or NO_ISSUER) for provider in terms)
        return f"<Verifier of {issuers}>"


def _lookups_in(
    given: Sequence[object],
) -> tuple[tuple[LookupProvider, ...], tuple[Provider, ...]]:
    """Return the providers that look tokens up, and their terms."""
    if all(isinstance(one, Provider) for one in given):
        return (), ()
    # Few apps need this module, so it is not loaded with the others.
    from .lookup import checked_terms, is_lookup_provider

    found: Any = [one for one in given if is_lookup_provider(one)]
    # Those that take any form come last, since a token of another provider is a secret.
    takes_any = [one for one in found if getattr(one, "takes_any_form", False) is True]
    require(
        len(takes_any) <= 1,
        "providers must have at most one Introspection: the issuer of the first would be asked "
        f"about the tokens of all, got {len(takes_any)}",
    )
    takes_form = [one for one in found if not any(one is other for other in takes_any)]
    lookups = (*takes_form, *takes_any)
    return lookups, tuple(checked_terms(lookup) for lookup in lookups)


def _names_of(provider: Provider) -> list[str]:
    issuer, tenants = provider.issuer, provider.tenants
    if issuer is None or tenants is None or callable(tenants):
        return [issuer] if issuer else []
    template = IssuerTemplate(issuer)
    return [template.fill(issuer, tenant) for tenant in sorted(tenants)]


def _readers_of(providers: Sequence[Provider]) -> dict[str, ClaimsReader]:
    readers: dict[str, ClaimsReader] = {}
    for provider in providers:
        if (provider.issuer or NO_ISSUER) in readers:
            raise ConfigurationError(
                "providers must have one Provider for each issuer, got two for "
                f"{got(provider.issuer)}; give one provider several audiences"
            )
        readers[provider.issuer or NO_ISSUER] = ClaimsReader(provider)
    return readers


def _tenants_of(providers: Sequence[Provider]) -> "tuple[TenantReaders, ...]":
    templates = [
        (provider, provider.issuer) for provider in providers if provider.tenants is not None
    ]
    if not templates:
        return ()
    from .tenants import TenantReaders  # not at every import: few apps have tenants

    return tuple(TenantReaders(provider, issuer) for provider, issuer in templates if issuer)


@cache  # one WARNING per issuer: a client could fill the log otherwise
def _warn_once_of_a_slash(issuer: str) -> None:
    _log.warning("a token has the iss of the provider %r except for the final slash", issuer)
