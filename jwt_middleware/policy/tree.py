"""The tree that finds the rules of a reading.

Rules without `*` form a tree of dicts: one look-up per segment finds the deepest rule. Rules with
`*` are bits of integers, the best rule first. For each depth and each segment, one integer holds
the rules that agree there. The `&` of these integers leaves the rules that agree with the whole
path. So a table costs a look-up and an `&` per segment, however often its rules branch into a
literal and a `*`. With 10,000 rules an `&` takes 0.1 microseconds.

A segment of a request may stand for another one, or for none: see `segments`.

`*` stands for one segment with at least one character. Some frameworks skip an empty segment in the
middle, and others treat it as a value, so both are tried.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Generic

from .prefixes import WILDCARD
from .segments import INDEX, SegmentNames
from .wildcards import Governing, Patterns, R

_INDEX = f"/{INDEX}"

# Nanoseconds of work. Each of these is charged for:
# - `_PER_PATH`: a reading;
# - `_PER_WALK`: a reading that may branch;
# - `_PER_BRANCH`: a segment that may stand for another one, and each branch that it makes;
# - `_PER_NAME`: a name that is tried for such a segment;
# - `_PER_LEVEL`: a level of the tree in such a reading;
# - `_PER_PATTERN`: a rule with `*` at such a level.
_PER_PATH = 1400
_PER_WALK = 5000
_PER_BRANCH = 1700
_PER_NAME = 150
_PER_LEVEL = 300
_PER_PATTERN = 0.05


Charge = Callable[[float], None]
"""Counts work before it is done, and raises beyond the bound."""


def in_order(rules: set[R]) -> tuple[R, ...]:
    """Return the rules sorted: public ones last, then by prefix, the longest and the narrowest
    first. So the first rule shows whether a credential is needed, and one request always gets the
    same answer."""
    return tuple(sorted(rules, key=_rank))


def _rank(rule: Governing) -> tuple[object, ...]:
    narrowness = (not rule.exact, not rule.methods, sorted(rule.methods))
    return rule.is_public, -len(rule.segments), rule.prefix, *narrowness


class _Node(Generic[R]):
    """A node in the tree of literal prefixes."""

    __slots__ = ("below", "exact", "is_named", "rule")

    def __init__(self, rule: R | None) -> None:
        self.rule = rule
        """The rule that governs this node and all below. Inherited unless a rule ends here."""
        self.exact: R | None = None
        """The rule that governs this node alone."""
        self.is_named = False
        """Whether `rule` ends here."""
        self.below: dict[str, _Node[R]] = {}


_State = tuple[_Node[R] | None, R | None, int, int, int]


class PrefixTree(Generic[R]):
    """The rules for one method, by the segments of their prefixes. The method `""` stands for all
    methods that no rule names."""

    def __init__(self, rules: Sequence[R], method: str) -> None:
        self.depth = max(len(rule.segments) for rule in rules)
        ours = [rule for rule in rules if not rule.methods or method in rule.methods]
        self.names = SegmentNames(segment for rule in rules for segment in rule.segments)
        self.top: _Node[R] = _Node(None)
        # Short prefixes come first, so that a new node inherits their rules. Of equal prefixes, the
        # rule that names the method comes last and wins.
        for rule in sorted(ours, key=lambda rule: (len(rule.segments), bool(rule.methods))):
            if WILDCARD not in rule.segments:
                self._add(rule)
        starred = [rule for rule in ours if WILDCARD in rule.segments]
        self.patterns: Patterns[R] = Patterns(starred, self.depth)
        self._always_branches = bool(self.names.are_punctuated or self.patterns.rules)
        self.per_level = _PER_LEVEL + _PER_PATTERN * len(self.patterns.rules)

    def _add(self, rule: R) -> None:
        node = self.top
        for segment in rule.segments:
            if segment not in node.below:
                node.below[segment] = _Node(node.rule)
            node = node.below[segment]
        if rule.exact:
            node.exact = rule
        else:
            node.rule, node.is_named = rule, True

    def rules_for(self, path: str, charge: Charge) -> tuple[R, ...]:
        """Return the rules of a path that has one reading."""
        if self._may_branch(path):
            return in_order(self.rules_for_all((path,), charge))
        rule = self._literal_rule(path)
        return () if rule is None else (rule,)

    def rules_for_all(self, paths: Iterable[str], charge: Charge) -> set[R]:
        """Return the rules of several readings, including all that their segments may stand for."""
        found: set[R] = set()
        for path in paths:
            if self._may_branch(path):
                charge(_PER_WALK)
                found |= _Walk(self, path, charge).rules()
            else:
                charge(_PER_PATH)
                rule = self._literal_rule(path)
                if rule is not None:
                    found.add(rule)
        return found

    def _may_branch(self, path: str) -> bool:
        """Tell quickly whether a path may have other rules than that of its literal segments."""
        return (
            self._always_branches
            or "/@@" in path
            or "/+" in path
            or _INDEX in path
            or ("." in path and "." in path.rstrip("/").rpartition("/")[2])
        )

    def _literal_rule(self, path: str) -> R | None:
        """Return the rule of a path that does not branch, with one look-up per segment."""
        node, segments = self.top, path.split("/", self.depth + 1)[1:]
        if segments and not segments[-1]:  # one slash at the end
            segments.pop()
        for segment in segments:
            below = node.below.get(segment)
            if below is None:
                return node.rule
            node = below
        return node.exact or node.rule


class _Walk(Generic[R]):
    """Finds the rules of one reading, from the top of a tree down, along all branches.

    A state has five parts:

    - the node of the literal tree, or None below its last node;
    - the literal rule found so far;
    - the patterns that agree so far, as bits;
    - the patterns already found, as bits;
    - the depth.
    """

    def __init__(self, tree: PrefixTree[R], path: str, charge: Charge) -> None:
        self._tree = tree
        self._patterns = tree.patterns
        self._charge = charge
        # One more than the longest rule has, since that one may stand for no name at all.
        self._segments = path.split("/", tree.depth + 2)[1:]
        if self._segments and not self._segments[-1]:  # one slash at the end
            self._segments.pop()
        self._last = len(self._segments) - 1
        while self._last > 0 and not self._segments[self._last].strip("/"):
            self._last -= 1
        self._todo: list[_State[R]] = [(tree.top, None, tree.patterns.every, 0, 0)]
        self._seen: set[_State[R]] = set()
        self._found: set[R] = set()

    def rules(self) -> set[R]:
        """Return the rules of all branches."""
        while self._todo:
            state = self._todo.pop()
            if state not in self._seen:
                self._seen.add(state)
                self._follow(*state)
        return self._found

    def _follow(
        self, node: _Node[R] | None, rule: R | None, bits: int, matched: int, depth: int
    ) -> None:
        """Follow each segment literally, and put the other names it may stand for on the to-do
        list."""
        patterns, segments, first = self._patterns, self._segments, depth
        while True:
            if node is not None:
                rule = node.rule
            matched |= bits & patterns.ends[depth]
            if depth == len(segments):
                matched |= bits & patterns.exact_ends[depth]
                rule = rule if node is None else node.exact or rule
                break
            segment = segments[depth]
            if not segment.isalnum() or segment == INDEX:
                self._branch(node, rule, bits, matched, depth)
            node = None if node is None else node.below.get(segment)
            if bits:
                stars = patterns.stars[depth] if segment else 0
                bits &= patterns.literals[depth].get(segment, 0) | stars
            if node is None and not bits:
                break
            depth += 1
        self._charge(self._tree.per_level * (1 + depth - first))
        self._found |= self._better_of(rule, matched)

    def _better_of(self, rule: R | None, matched: int) -> set[R]:
        """Return the longer of the literal rule and the best pattern found. The literal rule wins
        if both have the same length. Return an empty set if nothing was found."""
        if matched:
            best = self._patterns.best_of(matched)
            if rule is None or len(best.segments) > len(rule.segments):
                return {best}
        return set() if rule is None else {rule}

    def _branch(
        self, node: _Node[R] | None, rule: R | None, bits: int, matched: int, depth: int
    ) -> None:
        """Put the other names that the segment at this depth may stand for on the to-do list."""
        self._charge(_PER_BRANCH)
        segment = self._segments[depth]
        if not segment:
            stars = bits & self._patterns.stars[depth]
            if stars and depth < self._last:
                self._todo.append((None, rule, stars, matched, depth + 1))
            return
        if not bits and (node is None or not (node.below or node.exact)):
            return
        views, others = self._tree.names.others_of(segment, depth == self._last)
        candidates = [(name, self._patterns.every) for name in views]
        if others:
            allowed = self._patterns_beside_literal(node, bits, depth)
            candidates += [(name, allowed) for name in others if allowed is not None]
        self._charge(_PER_NAME * len(candidates))
        for name, allowed in candidates:
            if not name:
                if allowed == self._patterns.every:
                    self._end(node, rule, bits, matched, depth)
                continue
            below = None if node is None else node.below.get(name)
            literals = self._patterns.literals[depth].get(name, 0)
            if below is not None or bits & allowed & literals:
                self._charge(_PER_BRANCH)
                stay = bits & allowed & (literals | self._patterns.stars[depth])
                self._todo.append((below, rule, stay, matched, depth + 1))

    def _end(
        self, node: _Node[R] | None, rule: R | None, bits: int, matched: int, depth: int
    ) -> None:
        """Add the rule of a path that ends before the segment at this depth, unless it is public:
        that would ask for nothing, and an exact rule for a start page governs that page alone."""
        self._charge(_PER_BRANCH)
        matched |= bits & self._patterns.exact_ends[depth]
        best = self._better_of(rule if node is None else node.exact or rule, matched)
        self._found |= {rule for rule in best if not rule.is_public}

    def _patterns_beside_literal(self, node: _Node[R] | None, bits: int, depth: int) -> int | None:
        """Return the patterns that count even if a rule literally names this segment, since they
        are better than that rule. Return None if nothing counts beside it."""
        segment, is_end = self._segments[depth], depth + 1 == len(self._segments)
        below = None if node is None else node.below.get(segment)
        if below is not None and (below.is_named or (is_end and below.exact is not None)):
            return None
        named = bits & self._patterns.literals[depth].get(segment, 0)
        if named:
            ends = self._patterns.ends[depth + 1]
            named &= ends | self._patterns.exact_ends[depth + 1] if is_end else ends
        return self._patterns.better_than(named) if named else self._patterns.every
