"""`Decision`: the outcome of a request, computed before it takes effect."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, TypeAlias

from .errors import Refusal
from .identity import REASON_KEY, SUBJECT_KEY, WOULD_REFUSE_KEY, Identity
from .log_lines import foreign_value
from .policy.rules import Rule
from .wire.cors import Preflight

if TYPE_CHECKING:
    from .wire.metadata import Metadata

_log = logging.getLogger("jwt_middleware")
_MAX_SHOWN = 80  # characters of a subject in the environ

Answer: TypeAlias = "Refusal | Preflight | Metadata"
"""What the middleware answers itself."""

Parts: TypeAlias = "tuple[tuple[Rule, ...], Identity | None, Answer | None]"
"""Rules, caller and answer. This is a plain tuple because making a frozen value costs a third of a
request. The caller is set even if a requirement refuses it."""

NOTHING: Parts = ((), None, None)
"""The decision without rules: the request passes."""


@dataclass(frozen=True, slots=True)
class Decision:
    """The outcome of a request.

    - `rules`: the rules that govern it, enforced rules first; empty if the request passes through
      untouched.
    - `identity`: the caller whose request passes, or None.
    - `answer`: a `Refusal`, a `Preflight` or the `Metadata` of the resource, which the middleware
      answers; None if the app answers.
    - `reported`: the answer that a report-only rule would have given. None if there is no such
      rule, or if it would let the app answer too.
    """

    rules: tuple[Rule, ...]
    identity: Identity | None
    answer: "Answer | None"
    reported: "Answer | None" = None


class _Draft:
    """A `Decision` under construction: a class with the same slots, whose fields can be set."""

    # This is not a dataclass, since creating one takes a third of a millisecond of every import.
    __slots__ = tuple(one.name for one in fields(Decision))


def decision_of(enforced: Parts, reporting: Parts) -> Decision:
    """Return the decision of the enforced and the report-only rules.

    Either may have read the credentials. The decision of a refused caller has no identity, so that
    code which only checks the identity does not let the caller through.
    """
    rules, caller, answer = enforced
    reported = None
    if reporting is not NOTHING:
        candidates, named, reported = reporting
        rules, caller = rules + candidates, caller or named
    # The constructor of a frozen value sets each field by a call of its own. A draft is made at
    # once, and becomes a Decision: with metrics, a tenth of what a request costs.
    draft: Any = _Draft()
    draft.rules = rules
    draft.identity = None if answer is not None else caller
    draft.answer = answer
    draft.reported = reported
    draft.__class__ = Decision
    decision: Decision = draft
    return decision


def reporting(decide: Callable[[], Parts]) -> Parts:
    """Return the decision of report-only rules. Never raise, since they refuse nobody."""
    try:
        return decide()
    except Exception as error:
        # An owner's keys or revocations are broken. Under an enforced rule this would be a 500.
        _log.error("a report-only rule cannot be evaluated: %s", type(error).__name__)
        return NOTHING


def note_refusals(
    environ: dict[str, Any],
    caller: Identity | None,
    answer: "Answer | None",
    reported: "Answer | None" = None,
) -> None:
    """Put into the environ the reason of a refusal and its caller, or the reason of a reported
    one."""
    if isinstance(answer, Refusal):
        environ[REASON_KEY] = answer.reason
        if caller is not None:
            # Access logs may write this value unescaped, so escape it here.
            environ[SUBJECT_KEY] = foreign_value(caller.subject, _MAX_SHOWN)
    if isinstance(reported, Refusal):
        environ[WOULD_REFUSE_KEY] = reported.reason
