"""`Decision`: what is to happen with a request, worked out before anything happens."""

from dataclasses import dataclass, fields
from typing import Any, TypeAlias

from .errors import Refusal
from .identity import REASON_KEY, SUBJECT_KEY, WOULD_REFUSE_KEY, Identity
from .log_lines import foreign_value
from .policy.rules import Rule
from .wire.cors import Preflight

_MAX_SHOWN = 80  # characters of a subject in the environ

Parts: TypeAlias = tuple[tuple[Rule, ...], Identity | None, Refusal | Preflight | None]
"""Rules, caller and answer. A plain tuple: to make a frozen value costs a third of a request. The
caller is known even where a requirement refuses it."""

NOTHING: Parts = ((), None, None)
"""What no rule decides: the request passes."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What is to happen with a request.

    - `rules`: the rules that govern it, those that are enforced first; empty where the request
      passes through untouched.
    - `identity`: the caller whose request passes, or None.
    - `answer`: a `Refusal` or a `Preflight` that is answered here; None where the app answers.
    - `reported`: what a report-only rule would have answered here; None where there is none, or
      where it too would let the app answer.
    """

    rules: tuple[Rule, ...]
    identity: Identity | None
    answer: Refusal | Preflight | None
    reported: Refusal | Preflight | None = None


class _Draft:
    """A `Decision` that is being made: a class with the same slots, whose fields can be set."""

    # Written out, since making one more dataclass takes a third of a millisecond of every import.
    __slots__ = tuple(one.name for one in fields(Decision))

    def __init__(
        self,
        rules: tuple[Rule, ...],
        identity: Identity | None,
        answer: Refusal | Preflight | None,
        reported: Refusal | Preflight | None,
    ) -> None:
        self.rules = rules
        self.identity = identity
        self.answer = answer
        self.reported = reported


def decision_of(enforced: Parts, reporting: Parts) -> Decision:
    """Return the decision of the rules that are enforced and of the report-only ones.

    Either may have read the credentials. A caller who is refused is not its identity: who looks at
    that alone must not let the caller through.
    """
    rules, caller, answer = enforced
    reported = None
    if reporting is not NOTHING:
        candidates, named, reported = reporting
        rules, caller = rules + candidates, caller or named
    # The constructor of a frozen value sets each field by a call of its own. A draft is made at
    # once, and becomes a Decision: with metrics, a tenth of what a request costs.
    draft: Any = _Draft(rules, None if answer is not None else caller, answer, reported)
    draft.__class__ = Decision
    decision: Decision = draft
    return decision


def note_refusals(
    environ: dict[str, Any],
    caller: Identity | None,
    answer: Refusal | Preflight | None,
    reported: Refusal | Preflight | None = None,
) -> None:
    """Say in the environ why a request is refused and whose it is, or why it would be refused."""
    if isinstance(answer, Refusal):
        environ[REASON_KEY] = answer.reason
        if caller is not None:
            # For access logs, which may write it as it is.
            environ[SUBJECT_KEY] = foreign_value(caller.subject, _MAX_SHOWN)
    if isinstance(reported, Refusal):
        environ[WOULD_REFUSE_KEY] = reported.reason
