"""`Rule`, and the table that finds the rules of a request's path."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, reduce
from itertools import chain
from typing import Any, TypeAlias

from .._options import got, require, tuple_of
from ..errors import MissingToken
from ..identity import Identity
from ..issuer_template import meet
from ..readings import has_one_reading, to_wsgi
from .methods import REGISTERED, checked_methods
from .naming import text_of
from .paths import (
    PATH_HEADERS,
    Place,
    Work,
    may_mean_another_method,
    methods_of,
    paths_of,
)
from .prefixes import checked_prefix
from .requirements import (
    Requirement,
    ask,
    authenticated,
    check_requirement,
    issuers_of,
    optional,
    public,
)
from .tree import PrefixTree, in_order

_ANY_METHOD = frozenset(("",))

_LONG = 256
"""Characters. Longer paths are not cached, which bounds the memory of the cache."""

_MOST_RECENT = 1024
"""Paths that are cached with their rules, for each method that rules name."""

# Every request checks all of `PATH_HEADERS`. With single names, a chain of `in` takes 0.13
# microseconds; a loop or `isdisjoint` takes 0.25.
(
    _HEADER_1,
    _HEADER_2,
    _HEADER_3,
    _HEADER_4,
    _HEADER_5,
    _HEADER_6,
    _HEADER_7,
) = PATH_HEADERS


@dataclass(frozen=True, slots=True, init=False, eq=False, repr=False)
class Rule:
    """Asks requirements of the callers of a path prefix: all of them must hold. Without
    requirements, it asks for `authenticated`.

    `prefix` governs itself and all below it, by whole segments. `methods` limits the rule to these
    methods (any case; GET includes HEAD); for other methods it does not exist. Name the methods
    that need less, never those that need more. Then a method that nobody thought of meets the
    stricter rule: `Rule("/docs", scope("write"))` and
    `Rule("/docs", scope("read"), methods=("GET", "HEAD", "OPTIONS"))`.

    `public` must be the only requirement of its rule. `optional` lets requests without a token
    pass; requirements beside it are asked of callers that send one. A contradiction raises
    `ConfigurationError`.

    With `report_only` the rule is evaluated but never refuses. The answer that it would have given
    is reported (`policy.candidates`).
    """

    prefix: str
    requires: tuple[Requirement, ...]
    methods: frozenset[str]
    exact: bool
    """Whether it governs only the prefix itself, and nothing below."""

    segments: tuple[str, ...]
    """The segments of the prefix, as PEP 3333 strings."""

    is_public: bool
    """Whether every request passes, and no credential is read."""

    is_optional: bool
    """Whether a request without a credential passes."""

    report_only: bool
    """Whether the rule only reports what it would have answered."""

    _asked: tuple[Requirement, ...]

    def __init__(
        self,
        prefix: str,
        *requires: Requirement,
        methods: Sequence[str] = (),
        exact: bool = False,
        report_only: bool = False,
    ) -> None:
        prefix = checked_prefix(prefix)
        for name, flag in (("exact", exact), ("report_only", report_only)):
            require(
                isinstance(flag, bool),
                f"{name} must be a boolean, got {got(flag)}; Rule({prefix!r}, {name}=True)",
            )
        requires = _checked_requirements(prefix, requires) or (authenticated,)
        segments = tuple(to_wsgi(prefix).strip("/").split("/")) if prefix != "/" else ()
        markers = (authenticated, optional, public)
        values = {
            "prefix": prefix,
            "requires": requires,
            "methods": checked_methods(methods),
            "exact": exact,
            "segments": segments,
            "is_public": len(requires) == 1 and requires[0] is public,
            "is_optional": any(one is optional for one in requires),
            "report_only": report_only,
            # The markers always agree, so leave them out.
            "_asked": tuple(
                one for one in requires if not any(one is marker for marker in markers)
            ),
        }
        for name, value in values.items():
            object.__setattr__(self, name, value)

    def authorize(self, identity: Identity | None) -> None:
        """Raise the refusal of the first requirement that does not hold.

        Without an identity, raise `MissingToken` unless the rule is public or optional. No
        requirement is asked then.
        """
        if identity is None:
            if self.is_public or self.is_optional:
                return
            raise MissingToken
        for requirement in self._asked:
            ask(requirement, identity)

    def issuers(self, known: frozenset[str]) -> frozenset[str]:
        """Return the known issuers that the rule accepts. Raise `ConfigurationError` for an
        `issued_by` that accepts none."""
        left = reduce(meet, [issuers_of(one, known) for one in self.requires])
        require(left, f"requires of {self!r} must accept an issuer, but they exclude each other")
        return left

    def __repr__(self) -> str:
        requires = "".join(f", {text_of(one)}" for one in self.requires if one is not authenticated)
        methods = f", methods={tuple(sorted(self.methods))}" if self.methods else ""
        flags = [name for name in ("exact", "report_only") if getattr(self, name)]
        shown = "".join(f", {name}=True" for name in flags)
        return f"Rule({self.prefix!r}{requires}{methods}{shown})"


Rules: TypeAlias = tuple[Rule, ...]
Match: TypeAlias = Callable[[Mapping[str, Any]], tuple[Rule, ...]]
"""Finds the rules of a request, as `RuleTable.match` does."""


class RuleTable:
    """Finds the rules of a path. The longest prefix wins, for each reading of the path.

    `first` may know other rules for a request, which then govern it instead. It is only asked about
    paths that are not cached, so that it costs the others nothing. Its own paths are never cached.
    """

    def __init__(self, rules: Sequence[Rule], first: Match | None = None) -> None:
        self._first = first
        self.rules = tuple_of(
            Rule, rules, f'rules must be a list of Rule, got {rules!r}; rules=[Rule("/api")]'
        )
        require(self.rules, 'rules must not be empty; rules=[Rule("/")] protects everything')
        _check_for_duplicates(self.rules)
        methods = {method for rule in self.rules for method in rule.methods}
        self._trees = {method: PrefixTree(self.rules, method) for method in ("", *methods)}
        self._names_methods = len(self._trees) > 1
        # Cached rules of paths, by the method of a tree; and the same caches by every method.
        self._recent: dict[str, dict[str, tuple[Rule, ...]]] = {name: {} for name in self._trees}
        self._recent_of = {name: self._recent[self._tree_method(name)] for name in REGISTERED}
        self._recent_places = lru_cache(maxsize=_MOST_RECENT)(self._rules_of)

    def match(self, environ: Mapping[str, Any]) -> tuple[Rule, ...]:
        """Return every rule that governs the request in any reading of its path, public ones last.
        All of them must hold.

        PATH_INFO decides, since frameworks route on it. A client's headers, SCRIPT_NAME and a
        second method can only add rules (`policy.paths`). Raises a `Refusal` for a request that
        would cost too much to read.
        """
        try:
            rules = self._recent_of[environ["REQUEST_METHOD"]][environ["PATH_INFO"]]
        except KeyError:  # a path that is not cached, or an unusual method or environ
            return self._match_anew(environ)
        if (
            environ.get("SCRIPT_NAME")
            or _HEADER_1 in environ
            or _HEADER_2 in environ
            or _HEADER_3 in environ
            or _HEADER_4 in environ
            or _HEADER_5 in environ
            or _HEADER_6 in environ
            or _HEADER_7 in environ
            or (self._names_methods and may_mean_another_method(environ))
        ):
            return self._match_anew(environ)
        return rules

    def _match_anew(self, environ: Mapping[str, Any]) -> tuple[Rule, ...]:
        if self._first is not None and (found := self._first(environ)):
            return found
        place = Place.from_environ(environ)
        # A query can name hundreds of methods. Treat all those that no rule names as one.
        methods = _ANY_METHOD
        if self._names_methods:
            methods = frozenset(map(self._tree_method, methods_of(environ)))
        path = place.path
        if len(path) >= _LONG or len(place.script_name) >= _LONG:
            return self._rules_of(methods, place)
        if len(methods) > 1 or not place.is_path_alone:
            return self._recent_places(methods, place)
        (method,) = methods
        recent = self._recent[method]
        rules = recent.get(path)
        if rules is None:
            rules = self._rules_of(methods, place)
            if len(recent) >= _MOST_RECENT:
                recent.clear()
            recent[path] = rules
        return rules

    def _tree_method(self, method: str) -> str:
        """Return the method in capitals if a rule names it, otherwise `""`."""
        name = method.upper()
        return name if name in self._trees else ""

    def _rules_of(self, methods: frozenset[str], place: Place) -> tuple[Rule, ...]:
        work = Work()
        trees = [self._trees[method] for method in methods]
        if place.is_path_alone and has_one_reading(place.path):
            found = [tree.rules_for(place.path, work.charge) for tree in trees]
            return found[0] if len(found) == 1 else in_order({*chain.from_iterable(found)})
        paths = paths_of(place, work)
        rules: set[Rule] = set()
        for tree in trees:
            always = tree.rules_for_all(paths.always, work.charge)
            longest = max((len(rule.segments) for rule in always), default=-1)
            longer = tree.rules_for_all(paths.longer, work.charge)
            rules |= always
            rules |= {rule for rule in longer if len(rule.segments) > longest}
        return in_order(rules)


def _check_for_duplicates(rules: Sequence[Rule]) -> None:
    named = Counter(
        (rule.prefix, rule.exact, method) for rule in rules for method in rule.methods or ("",)
    )
    for (prefix, exact, method), count in named.items():
        what = f"prefix {prefix!r}{' and exact=True' if exact else ''}"
        what += f" and method {method}" if method else ""
        require(count == 1, f"rules must not have one prefix twice, got {count} with {what}")


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
