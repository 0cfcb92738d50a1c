"""Represents rules with `*` in their prefixes as bits of integers; see `tree`."""

from collections.abc import Iterable
from typing import Generic, Protocol, TypeVar

from .prefixes import WILDCARD


class Governing(Protocol):
    """The properties of a rule that the tree uses."""

    @property
    def prefix(self) -> str:
        """The prefix, as a string."""

    @property
    def segments(self) -> tuple[str, ...]:
        """The segments of the prefix, as PEP 3333 strings."""

    @property
    def methods(self) -> frozenset[str]:
        """The methods that it governs; empty for all methods."""

    @property
    def exact(self) -> bool:
        """Whether it governs only the prefix itself, and nothing below."""

    @property
    def is_public(self) -> bool:
        """Whether every request passes."""


R = TypeVar("R", bound=Governing)


class Patterns(Generic[R]):
    """The rules with `*`, the best at bit 0.

    A longer rule is better. Of equal length, a rule with literals further left is better, then an
    exact rule, then one that names the method.
    """

    def __init__(self, rules: Iterable[R], depth: int) -> None:
        self.rules = sorted(rules, key=_merit)
        self.every = (1 << len(self.rules)) - 1
        self.stars = [0] * (depth + 1)
        self.literals: list[dict[str, int]] = [{} for _ in range(depth + 1)]
        self.ends = [0] * (depth + 1)
        self.exact_ends = [0] * (depth + 1)
        self._better: list[int] = []
        shape: object = None
        for number, rule in enumerate(self.rules):
            bit = 1 << number
            for level, segment in enumerate(rule.segments):
                if segment == WILDCARD:
                    self.stars[level] |= bit
                else:
                    at_level = self.literals[level]
                    at_level[segment] = at_level.get(segment, 0) | bit
            (self.exact_ends if rule.exact else self.ends)[len(rule.segments)] |= bit
            if _stars(rule)[:-1] != shape:
                shape, better = _stars(rule)[:-1], bit - 1
            self._better.append(better)

    def best_of(self, matched: int) -> R:
        """Return the best of some rules."""
        return self.rules[(matched & -matched).bit_length() - 1]

    def better_than(self, some: int) -> int:
        """Return the rules that are better than all rules of the shape of the best of these.

        Rules of one shape have the same length, and `*` at the same places above the last segment.
        """
        return self._better[(some & -some).bit_length() - 1]


def _stars(rule: Governing) -> tuple[bool, ...]:
    return tuple(segment == WILDCARD for segment in rule.segments)


def _merit(rule: Governing) -> tuple[object, ...]:
    return (-len(rule.segments), _stars(rule), not rule.exact, not rule.methods)
