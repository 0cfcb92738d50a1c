"""`Decision`: what is to happen with a request, worked out before anything happens."""

from dataclasses import dataclass

from .errors import Refusal
from .identity import Identity
from .policy.rules import Rule
from .wire.cors import Preflight


@dataclass(frozen=True, slots=True)
class Decision:
    """What is to happen with a request.

    - `rules`: the rules that govern it; empty where the request passes through untouched.
    - `identity`: the caller, or None.
    - `answer`: a `Refusal` or a `Preflight` that is answered here; None where the app answers.
    """

    rules: tuple[Rule, ...]
    identity: Identity | None
    answer: Refusal | Preflight | None
