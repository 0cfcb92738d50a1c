"""The tree that finds the rules of a reading."""

import string
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Generic, Protocol, TypeVar

_AS_UNDERSCORES = str.maketrans(string.punctuation, "_" * len(string.punctuation))


class Governing(Protocol):
    """What the tree must know of a rule."""

    @property
    def prefix(self) -> str:
        """The prefix, as text."""

    @property
    def segments(self) -> tuple[str, ...]:
        """Its segments, as PEP 3333 text."""

    @property
    def methods(self) -> frozenset[str]:
        """The methods that it governs, none for every one."""

    @property
    def is_public(self) -> bool:
        """Whether every request passes."""


R = TypeVar("R", bound=Governing)


def in_order(rules: set[R]) -> tuple[R, ...]:
    """Return the rules with public ones last, so that the first tells whether a credential is
    needed."""
    return tuple(sorted(rules, key=lambda rule: (rule.is_public, -len(rule.segments), rule.prefix)))


class PrefixTree(Generic[R]):
    """The rules for one method, `""` for those that no rule names, by the segments of their
    prefixes.

    A node is a list of two: the rules that govern there, one or none, and the nodes below by their
    segments.

    A segment of a request may stand for another one:

    | segment | then means `x` | who reads a segment so |
    |---|---|---|
    | view name | `@@x`, `+x` | Pyramid; Morepath |
    | `.suffix` of the last segment | `x.json`, `x.` | Django REST framework, Pecan, TurboGears |
    | one punctuation for another | `a_b`, `a.b` for `a-b` | CherryPy, TurboGears: all are `_` |

    A rule that names a last segment, or one with punctuation, as it is says that it means just
    that. So an owner can let `/app.js` through beside a guarded `/app`.
    """

    def __init__(self, rules: Sequence[R], method: str) -> None:
        self._depth = 1 + max(len(rule.segments) for rule in rules)
        # The segments of rules with punctuation, by what CherryPy and TurboGears read them as.
        self._punctuated: dict[str, set[str]] = {}
        for segment in {segment for rule in rules for segment in rule.segments}:
            if not segment.isalnum():
                names = self._punctuated.setdefault(segment.translate(_AS_UNDERSCORES), set())
                names.add(segment)
        self._top: list[Any] = [(), {}]
        # Short prefixes first, so that a new node inherits; among equal ones the rule that names
        # the method last.
        for rule in sorted(rules, key=lambda rule: (len(rule.segments), bool(rule.methods))):
            if not rule.methods or method in rule.methods:
                node = self._top
                for segment in ("", *rule.segments):
                    node = node[1].setdefault(segment, [node[0], {}])
                node[0] = (rule,)

    def rules_for(self, path: str) -> tuple[R, ...]:
        """Return the rules of one reading: one look-up a segment, down to the deepest rule."""
        if "." in path or "/@@" in path or "/+" in path or self._punctuated:
            return in_order(self.rules_for_all((path,)))
        rules: tuple[R, ...]
        rules, below = self._top
        for segment in path.split("/", self._depth):
            node = below.get(segment)
            if node is None:
                break
            rules, below = node
        return rules

    def rules_for_all(self, paths: Iterable[str]) -> set[R]:
        """Return the rules of several readings, by all that their segments may stand for."""
        found: set[tuple[R, ...]] = set()
        for path in paths:
            self._follow(self._top, path.split("/", self._depth), 0, found)
        return {rule for rules in found for rule in rules}

    def _follow(
        self, node: list[Any], segments: list[str], depth: int, found: set[tuple[R, ...]]
    ) -> None:
        """Add the rules that govern the segments from this depth on, below this node."""
        rules, below = node
        for segment in segments[depth:]:
            if segment and not segment.isalnum():
                for name in self._other_names(segment, below, segments, depth):
                    if name in below:
                        self._follow(below[name], segments, depth + 1, found)
            node = below.get(segment)
            if node is None:
                break
            rules, below = node
            depth += 1
        found.add(rules)

    def _other_names(
        self, segment: str, below: Mapping[str, Any], segments: list[str], depth: int
    ) -> Iterable[str]:
        """What the segment at this depth may stand for beside itself."""
        names = [segment]
        if segment[0] == "+":
            names.append(segment.lstrip("+"))
        elif segment[:2] == "@@":
            names.append(segment[2:])
        if not (segment in below and _is_named(below[segment], depth)):
            if "." in segment and not "".join(segments[depth + 1 :]).strip("/"):
                names += [name.rpartition(".")[0] for name in names if "." in name]
            for name in names[:]:
                names += self._punctuated.get(name.translate(_AS_UNDERSCORES), ())
        return names[1:]


def _is_named(node: list[Any], depth: int) -> bool:
    """Whether a rule ends at this node, and does not merely pass through or reach it from above."""
    return any(len(rule.segments) == depth for rule in node[0])
