"""Tells an operator which checks of a token pass or fail, with expected and found values.

A refusal has a fixed sentence, since a client reads it. An operator may read more: which `aud` the
token has and which one the provider wants. No request calls this module, and its findings never go
into an answer. The token itself and its signature are never part of a finding.
"""

import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from ..errors import InvalidToken, Refusal
from . import jws
from .claims import KIND_CLAIMS, ClaimsReader, is_other_kind, without_nulls
from .jws import Jws
from .provider import Provider
from .verifier import Verifier

_MAX_SHOWN = 80  # characters of a value


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of one check of a token.

    - `name`: the name of the check, such as `aud`. `holds`: whether the token passes it.
    - `text`: the expected and the found value, as printable ASCII on one line.
    """

    name: str
    holds: bool
    text: str


def findings(verifier: Verifier, token: str) -> tuple[Finding, ...]:
    """Return the findings about a token, in the order of the checks.

    A check is left out if it needs the result of a failed one. All findings hold exactly if
    `Verifier.identify` accepts the token.
    """
    found = list(_findings(verifier, token))
    try:
        verifier.identify(token)
    except Refusal as refusal:
        if all(one.holds for one in found):
            found.append(Finding(refusal.reason, False, refusal.description))
    return tuple(found)


def _findings(verifier: Verifier, token: str) -> Iterator[Finding]:
    for lookup in verifier.lookups:
        if lookup.recognizes(token):
            name = _shown(lookup.terms.issuer)
            yield Finding("form", True, f"is that of the tokens which {name} looks up")
            return
    try:
        parsed = jws.parse(token)
        claims = jws.parse_object(parsed.payload)
    except InvalidToken:
        form = "must be three parts of base64url separated by dots, the first two JSON objects"
        yield Finding("form", False, f"{form}, got something else")
        return
    yield Finding("form", True, "is a compact JWS")
    try:
        reader = verifier.reader_of(claims)
    except Refusal as refusal:  # of a tenant
        yield Finding("iss", False, f"is {_claim(claims, 'iss')}. {refusal.description}")
        return
    if reader is None:
        known = ", ".join(
            "tokens without iss" if one.issuer is None else _shown(one.issuer)
            for one in verifier.providers
        )
        text = f"iss is {_claim(claims, 'iss')}, the trusted issuers are {known}"
        yield Finding("iss", False, text)
        return
    provider = reader.provider
    yield Finding("iss", True, f"is {_claim(claims, 'iss')}")
    yield _signature(parsed, provider)
    if provider.allow_null:
        claims = without_nulls(claims)
    yield from _claims(parsed, claims, provider)
    yield from _revocation(verifier, parsed, claims, provider)


def _signature(parsed: Jws, provider: Provider) -> Finding:
    header = f"alg {_shown(parsed.header['alg'])}, kid {_claim(parsed.header, 'kid')}"
    try:
        parsed.check_signature(provider.keys, provider.issuer)
    except Refusal as refusal:
        return Finding("signature", False, f"{refusal.description} The token has {header}")
    return Finding("signature", True, f"verifies ({header})")


def _claims(parsed: Jws, claims: Mapping[str, Any], provider: Provider) -> Iterator[Finding]:
    yield _typ(parsed, claims, provider)
    yield _audience(claims, provider)
    yield from _dates(claims, provider)
    yield _subject(claims, provider)
    if "cnf" in claims:
        text = "binds the token to a key: a request must prove it, and here is the token alone"
        yield Finding("cnf", False, text)


def _subject(claims: Mapping[str, Any], provider: Provider) -> Finding:
    names = provider.subject_claims
    name = next((one for one in names if one in claims), names[0])
    subject = claims.get(name)
    is_number = provider.numeric_subject and type(subject) is int
    is_subject = is_number or (isinstance(subject, str) and bool(subject))
    wanted = "" if is_subject else ", must be a string that is not empty"
    return Finding(name, is_subject, f"is {_claim(claims, name)}{wanted}")


def _typ(parsed: Jws, claims: Mapping[str, Any], provider: Provider) -> Finding:
    wanted = 'no typ, "JWT" or "at+jwt"' if provider.typ is None else _shown(provider.typ)
    found = f"typ is {_claim(parsed.header, 'typ')}"
    if "events" in claims:
        return Finding("typ", False, "has an events claim, so it is not an access token")
    kinds = [name for name in KIND_CLAIMS if name in claims and is_other_kind(claims[name])]
    if kinds:
        value = _claim(claims, kinds[0])
        return Finding(
            "typ", False, f"the claim {kinds[0]} is {value}, so it is not an access token"
        )
    if _reason_of(parsed, claims, provider) == "type":
        return Finding("typ", False, f"{found}, this provider wants {wanted}")
    return Finding("typ", True, found)


def _audience(claims: Mapping[str, Any], provider: Provider) -> Finding:
    wanted = " or ".join(_shown(name) for name in sorted(provider.audiences)) or 'no "aud"'
    value = claims.get("aud")
    names = value if isinstance(value, list) else [value]
    are_texts = all(isinstance(name, str) for name in names)
    if provider.audiences:
        is_meant = are_texts and not provider.audiences.isdisjoint(names)
    else:
        is_meant = "aud" not in claims
    found = f"aud is {_claim(claims, 'aud')}"
    return Finding("aud", is_meant, found if is_meant else f"{found}, this provider wants {wanted}")


def _dates(claims: Mapping[str, Any], provider: Provider) -> Iterator[Finding]:
    now = time.time()
    checks: tuple[tuple[str, bool, Callable[[float], bool], str], ...] = (
        ("exp", True, lambda at: now < int(at) + provider.leeway, "has passed"),
        ("nbf", False, lambda at: now >= at - provider.leeway, "is in the future"),
    )
    for name, is_required, holds, fault in checks:
        if name not in claims:
            if is_required:
                yield Finding(name, False, "is missing, must be a number of seconds")
            continue
        at: Any = claims[name]
        if type(at) not in (int, float):
            yield Finding(name, False, f"is {_shown(at)}, must be a number of seconds")
        elif holds(at):
            yield Finding(name, True, f"is {_moment(at)}")
        else:
            leeway = f", leeway {provider.leeway:g} s"
            yield Finding(name, False, f"is {_moment(at)} and {fault}; now {_moment(now)}{leeway}")


def _revocation(
    verifier: Verifier, parsed: Jws, claims: dict[str, Any], provider: Provider
) -> Iterator[Finding]:
    if verifier.revocations is None:
        yield Finding("revoked", True, "is not checked: this middleware has no revocations")
        return
    try:
        verdict = ClaimsReader(provider).read(parsed, claims, None)
        verifier.revocations.check(verdict.revocation_keys)
        if hasattr(verifier.revocations, "check_subject"):
            verifier.revocations.check_subject(verdict.identity)
    except InvalidToken as refusal:
        if refusal.reason == "revoked":
            yield Finding("revoked", False, refusal.description)
    except Refusal as refusal:
        yield Finding("revoked", False, refusal.description)
    else:
        yield Finding("revoked", True, "is not revoked")


def _reason_of(parsed: Jws, claims: Mapping[str, Any], provider: Provider) -> str | None:
    try:
        ClaimsReader(provider).read(parsed, dict(claims), None)
    except InvalidToken as refusal:
        return refusal.reason
    return None


def _moment(at: float) -> str:
    try:
        return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M:%S} UTC"
    except (OSError, OverflowError, ValueError):  # the calendar ends with the year 9999
        return _shown(at)


def _claim(members: Mapping[str, Any], name: str) -> str:
    return _shown(members[name]) if name in members else "missing"


def _shown(value: object) -> str:
    text = json.dumps(value)
    return text if len(text) <= _MAX_SHOWN else f"{text[:_MAX_SHOWN]}..."
