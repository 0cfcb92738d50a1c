"""`Rule`, and the table that finds the rules of a request's path."""

import string
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from .._options import got, require, tuple_of
from ..errors import MissingToken
from ..identity import Identity
from ..readings import has_one_reading, to_wsgi
from .methods import checked_methods
from .paths import Place, checked_prefix, may_mean_another_method, methods_of, paths_of
from .requirements import (
    Requirement,
    ask,
    authenticated,
    check_requirement,
    issuers_of,
    optional,
    public,
)

_LONG = 256
"""Characters of a path that is not cached with its rules."""

_AS_UNDERSCORES = str.maketrans(string.punctuation, "_" * len(string.punctuation))


@dataclass(frozen=True, slots=True, init=False, eq=False, repr=False)
class Rule:
    """What a path prefix asks of its callers: every requirement, or `authenticated` when none is
    named.

    `prefix` governs itself and all below it, by whole segments. `methods` narrows the rule to these
    methods (any case; GET includes HEAD); for others it does not exist. Name the methods that are
    let through more easily, never those that need more, so that a method nobody thought of meets
    the stricter rule: `Rule("/docs", scope("write"))` and
    `Rule("/docs", scope("read"), methods=("GET", "HEAD", "OPTIONS"))`.

    `public` is the only requirement of its rule. `optional` lets requests without a token pass;
    what is beside it is asked of a caller. A contradiction is a `ConfigurationError`.

    With `report_only` the rule is evaluated and never refuses: what it would have answered is
    reported (`policy.candidates`).
    """

    prefix: str
    requires: tuple[Requirement, ...]
    methods: frozenset[str]
    segments: tuple[str, ...] = field(repr=False)
    """Those of the prefix, as PEP 3333 text."""

    is_public: bool
    """Whether every request passes, and no credential is read."""

    is_optional: bool
    """Whether a request without a credential passes."""

    report_only: bool
    """Whether the rule only says what it would have answered."""

    _asked: tuple[Requirement, ...]

    def __init__(
        self,
        prefix: str,
        *requires: Requirement,
        methods: Sequence[str] = (),
        report_only: bool = False,
    ) -> None:
        prefix = checked_prefix(prefix)
        is_boolean = isinstance(report_only, bool)
        require(is_boolean, f"report_only must be True or False, got {got(report_only)}")
        requires = _checked_requirements(prefix, requires) or (authenticated,)
        segments = tuple(to_wsgi(prefix).strip("/").split("/")) if prefix != "/" else ()
        markers = (authenticated, optional, public)
        values = {
            "prefix": prefix,
            "requires": requires,
            "methods": checked_methods(methods),
            "segments": segments,
            "is_public": len(requires) == 1 and requires[0] is public,
            "is_optional": any(one is optional for one in requires),
            "report_only": report_only,
            # Those that say nothing of a caller need not be asked.
            "_asked": tuple(
                one for one in requires if not any(one is marker for marker in markers)
            ),
        }
        for name, value in values.items():
            object.__setattr__(self, name, value)

    def authorize(self, identity: Identity | None) -> None:
        """Raise the refusal of the first requirement that does not hold.

        Without an identity no requirement is asked: `MissingToken`, unless the rule is public or
        optional.
        """
        if identity is None:
            if self.is_public or self.is_optional:
                return
            raise MissingToken
        for requirement in self._asked:
            ask(requirement, identity)

    def issuers(self, known: frozenset[str]) -> frozenset[str]:
        """Return those of the known issuers that the rule leaves. `ConfigurationError` for an
        `issued_by` that leaves none."""
        left = frozenset.intersection(*[issuers_of(one, known) for one in self.requires])
        require(left, f"requires of {self!r} must leave an issuer, but they exclude each other")
        return left

    def __repr__(self) -> str:
        requires = "".join(f", {one!r}" for one in self.requires if one is not authenticated)
        methods = f", methods={tuple(sorted(self.methods))}" if self.methods else ""
        report_only = ", report_only=True" if self.report_only else ""
        return f"Rule({self.prefix!r}{requires}{methods}{report_only})"


class RuleTable:
    """Finds the rules of a path: the longest prefix wins, for each way to read the path."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self.rules = tuple_of(
            Rule, rules, f'rules must be a list of Rule, got {rules!r}; rules=[Rule("/api")]'
        )
        require(self.rules, 'rules must not be empty; rules=[Rule("/")] protects everything')
        named = Counter(
            (rule.prefix, method) for rule in self.rules for method in rule.methods or ("",)
        )
        for (prefix, method), count in named.items():
            what = f"prefix {prefix!r}" + (f" and method {method}" if method else "")
            require(count == 1, f"rules must not have one prefix twice, got {count} with {what}")
        self._trees = {
            method: _PrefixTree(self.rules, method)
            for method in {"", *(method for _, method in named)}
        }
        self._names_methods = len(self._trees) > 1
        self._recent = lru_cache(maxsize=1024)(self._rules_of)

    def match(self, environ: Mapping[str, Any]) -> tuple[Rule, ...]:
        """Return every rule that governs the request in any reading of its path, public ones last;
        all must hold.

        PATH_INFO decides, since frameworks route on it. What a client's headers or SCRIPT_NAME
        make of the path can only add rules, and so can a second method (`policy.paths`). Raises a
        `Refusal` for a request that would cost too much to read.
        """
        method = self._named(environ.get("REQUEST_METHOD", "GET")) if self._names_methods else ""
        path: str = environ.get("PATH_INFO", "")
        if (
            len(path) < _LONG
            and not environ.get("SCRIPT_NAME")
            # `paths.PREFIX_HEADERS` and more, one by one: 70 nanoseconds; `isdisjoint` takes 200.
            and "HTTP_X_FORWARDED_PREFIX" not in environ
            and "HTTP_X_SCRIPT_NAME" not in environ
            and "HTTP_X_FORWARDED_SCRIPT_NAME" not in environ
            and "HTTP_X_INGRESS_PATH" not in environ
            and "HTTP_X_FORWARDED_PATH" not in environ
            and "HTTP_X_OUTSIDE_URL" not in environ
            and "HTTP_X_VHM_ROOT" not in environ
            and not (self._names_methods and may_mean_another_method(environ))
        ):
            recent = self._recent
            return recent(method, path)
        place = Place.from_environ(environ)
        if not self._names_methods:
            return self._found(method, place)
        # A query can name hundreds of methods. Those that no rule names are one case, so the path
        # is read once for each method of the table at the most.
        methods = {self._named(method) for method in methods_of(environ)}
        return _in_order({rule for one in methods for rule in self._found(one, place)})

    def _named(self, method: str) -> str:
        """Return a method that a rule names, in capitals; `""` for every other one."""
        name = method.upper()
        return name if name in self._trees else ""

    def _found(self, method: str, place: Place) -> tuple[Rule, ...]:
        is_short = len(place.path) < _LONG and len(place.script_name) < _LONG
        return (self._recent if is_short else self._rules_of)(method, place.path, place)

    def _rules_of(self, method: str, path: str, place: Place | None = None) -> tuple[Rule, ...]:
        tree = self._trees[method]
        place = place or Place(path)
        if place == Place(path) and has_one_reading(path):
            return tree.rules_for(path)
        paths = paths_of(place)
        rules = tree.rules_for_all(paths.always)
        longest = max((len(rule.segments) for rule in rules), default=-1)
        longer = tree.rules_for_all(paths.longer)
        return _in_order(rules | {rule for rule in longer if len(rule.segments) > longest})


def _in_order(rules: set[Rule]) -> tuple[Rule, ...]:
    """Public ones last, so that the first tells whether a credential is needed."""
    return tuple(sorted(rules, key=lambda rule: (rule.is_public, -len(rule.segments), rule.prefix)))


class _PrefixTree:
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

    def __init__(self, rules: Sequence[Rule], method: str) -> None:
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

    def rules_for(self, path: str) -> tuple[Rule, ...]:
        """Return the rules of one reading: one look-up a segment, down to the deepest rule."""
        if "." in path or "/@@" in path or "/+" in path or self._punctuated:
            return _in_order(self.rules_for_all((path,)))
        rules: tuple[Rule, ...]
        rules, below = self._top
        for segment in path.split("/", self._depth):
            node = below.get(segment)
            if node is None:
                break
            rules, below = node
        return rules

    def rules_for_all(self, paths: Iterable[str]) -> set[Rule]:
        """Return the rules of several readings, by all that their segments may stand for."""
        found: set[tuple[Rule, ...]] = set()
        for path in paths:
            self._follow(self._top, path.split("/", self._depth), 0, found)
        return {rule for rules in found for rule in rules}

    def _follow(
        self, node: list[Any], segments: list[str], depth: int, found: set[tuple[Rule, ...]]
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


def _checked_requirements(
    prefix: str, requires: tuple[Requirement, ...]
) -> tuple[Requirement, ...]:
    for requirement in requires:
        check_requirement(f"requires of Rule({prefix!r})", requirement)
    count = len(requires)
    require(
        count == 1 or not any(one is public for one in requires),
        f"public must be the only requirement, got {requires!r}; Rule({prefix!r}, public)",
    )
    optionals = sum(one is optional for one in requires)
    contradicts = optionals > 1 or (optionals and any(one is authenticated for one in requires))
    require(
        not contradicts,
        f"optional must be named once and without authenticated, got {requires!r}; "
        f"Rule({prefix!r}, optional)",
    )
    return requires
