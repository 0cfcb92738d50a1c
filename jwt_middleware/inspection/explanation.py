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
    """One way to read the request's path (PEP 3333 text), and the rules that it meets.

    `is_longer_only`: it comes from a header or a mount, and only counts for a longer prefix.
    """

    path: str
    rules: tuple[Rule, ...]
    is_longer_only: bool


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a requirement of a rule says of the caller: `holds` is None where it is not asked."""

    rule: Rule
    requirement: Requirement
    holds: bool | None
    reason: str | None


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a request is answered as it is.

    - `readings`: every reading of the path; empty if reading it would cost too much.
    - `source`: where the token was found, or why none was; None where no rule asks for one.
    - `findings`: what of the token holds and what does not. `verdicts`: each requirement's answer.
    - `decision`: what the middleware does; `status` and `reason` are its answer, None where the app
      answers.
    """

    readings: tuple[Reading, ...]
    source: str | None
    findings: tuple[Finding, ...]
    verdicts: tuple[Verdict, ...]
    decision: Decision

    @property
    def status(self) -> int | None:
        """The status of the answer; 204 for a preflight, None where the app answers."""
        answer = self.decision.answer
        if answer is None:
            return None
        return answer.status if isinstance(answer, Refusal) else 204

    @property
    def reason(self) -> str | None:
        """The reason of a refusal, or None."""
        answer = self.decision.answer
        return answer.reason if isinstance(answer, Refusal) else None


def explain(middleware: JWTMiddleware, request: Mapping[str, Any]) -> Explanation:
    """Return why the middleware answers a request as it does.

    `request` is an environ. The decision is the middleware's own. Calls no app, and writes nothing
    into the environ.
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
    has_header = has_unread_scheme(request)
    missing = "an Authorization header of another scheme" if has_header else "no such header"
    return None, f"none: {missing}"


def _caller(middleware: JWTMiddleware, credentials: Credentials) -> Identity | None:
    try:
        return middleware.verifier.identify(credentials.token)
    except Refusal:  # it expired or was revoked between two lines
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
