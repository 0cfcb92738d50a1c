"""Explains why a middleware answers a request as it does."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..decision import Decision
from ..errors import Refusal
from ..identity import Identity
from ..middleware import JWTMiddleware
from ..policy.paths import readings_of
from ..policy.requirements import Requirement, ask, authenticated, optional, public
from ..policy.rules import Rule
from ..trust.findings import Finding, findings
from ..wire.credentials import Credentials, extract, has_unread_scheme


@dataclass(frozen=True, slots=True)
class Reading:
    """One reading of the request's path (a PEP 3333 string), and the rules that match it.

    `is_longer_only`: the reading comes from a header or a mount, and only counts for a longer
    prefix.
    """

    path: str
    rules: tuple[Rule, ...]
    is_longer_only: bool


@dataclass(frozen=True, slots=True)
class Verdict:
    """The result of a requirement for the caller. `holds` is None if it was not asked."""

    rule: Rule
    requirement: Requirement
    holds: bool | None
    reason: str | None


@dataclass(frozen=True, slots=True)
class Explanation:
    """The reasons for the answer to a request.

    - `readings`: every reading of the path; empty if reading it would cost too much.
    - `source`: the place of the token, or why there is none; None if no rule asks for one.
    - `findings`: the checks of the token. `verdicts`: each requirement's answer.
    - `decision`: the middleware's decision. `status` and `reason` are those of its answer, and None
      if the app answers.
    """

    readings: tuple[Reading, ...]
    source: str | None
    findings: tuple[Finding, ...]
    verdicts: tuple[Verdict, ...]
    decision: Decision

    @property
    def status(self) -> int | None:
        """The status of the answer: 204 for a preflight, 200 for the metadata of the resource, None
        if the app answers."""
        answer = self.decision.answer
        return None if answer is None else answer.status

    @property
    def reason(self) -> str | None:
        """The reason of a refusal, or None."""
        answer = self.decision.answer
        return answer.reason if isinstance(answer, Refusal) else None


def explain(middleware: JWTMiddleware, request: Mapping[str, Any]) -> Explanation:
    """Return the reasons for the middleware's answer to a request.

    `request` is an environ. The decision is the middleware's own. This does not call the app or
    change the environ.
    """
    decision = middleware.decide(request)
    readings = _readings(middleware, request)
    if not decision.rules or all(rule.is_public for rule in decision.rules):
        return Explanation(readings, None, (), _verdicts(decision.rules, None), decision)
    credentials, source = _credentials(middleware, request)
    found: tuple[Finding, ...] = ()
    caller: Identity | None = None
    if credentials is not None:
        found = findings(middleware.verifier, credentials.token)
        if all(one.holds for one in found):
            caller = _caller(middleware, credentials)
    return Explanation(readings, source, found, _verdicts(decision.rules, caller), decision)


def _readings(middleware: JWTMiddleware, request: Mapping[str, Any]) -> tuple[Reading, ...]:
    try:
        paths = readings_of(request)
    except (Refusal, AttributeError, TypeError, ValueError):
        return ()
    alone = {"REQUEST_METHOD": request.get("REQUEST_METHOD", "GET")}

    def reading(path: str, is_longer_only: bool) -> Reading:
        rules = middleware.decide({**alone, "PATH_INFO": path}).rules
        return Reading(path, rules, is_longer_only)

    given = request.get("PATH_INFO", "")
    always = sorted(paths.always, key=lambda path: (path != given, path))
    return (
        *(reading(path, False) for path in always),
        *(reading(path, True) for path in sorted(paths.longer - paths.always)),
    )


def _credentials(
    middleware: JWTMiddleware, request: Mapping[str, Any]
) -> tuple[Credentials | None, str]:
    try:
        credentials = extract(request, middleware.max_token_bytes, middleware.places)
    except Refusal as refusal:
        return None, f"not usable: {refusal.description}"
    if credentials is not None:
        return credentials, f"in the {credentials.source}: {credentials.scheme}"
    if has_unread_scheme(request):
        return None, "none: an Authorization header of another scheme"
    sources = dict.fromkeys(place.source for place in middleware.places)
    return None, f"none: nothing in {', '.join(sources)}"


def _caller(middleware: JWTMiddleware, credentials: Credentials) -> Identity | None:
    try:
        return middleware.verifier.identify(credentials.token)
    except Refusal:  # the token expired or was revoked since the findings
        return None


def _verdicts(rules: tuple[Rule, ...], caller: Identity | None) -> tuple[Verdict, ...]:
    return tuple(
        _verdict(rule, requirement, caller) for rule in rules for requirement in rule.requires
    )


def _verdict(rule: Rule, requirement: Requirement, caller: Identity | None) -> Verdict:
    if requirement is public or requirement is optional:
        return Verdict(rule, requirement, True, None)
    if requirement is authenticated and caller is None:
        return Verdict(rule, requirement, False, None)
    if caller is None:
        return Verdict(rule, requirement, None, None)
    try:
        ask(requirement, caller)
    except Refusal as refusal:
        return Verdict(rule, requirement, False, refusal.reason)
    return Verdict(rule, requirement, True, None)
