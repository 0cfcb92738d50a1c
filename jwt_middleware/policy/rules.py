"""`Rule`, and the table that finds the rules of a request's path."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from ..errors import require, tuple_of
from ..identity import Identity
from ..readings import is_plain, readings, to_wsgi
from .requirements import Requirement, authenticated, issuers_of, optional, public

# RFC 9110 section 5.6.2
_METHOD = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_LONG = 256  # characters of a path that is not kept with its rules


class Rule:
    """What a path prefix asks of its callers: every requirement, or `authenticated` when none is
    named.

    `prefix` governs itself and all below it, by whole segments. `methods` narrows the rule to these
    methods (any case; GET includes HEAD); for others it does not exist. A contradiction is a
    `ConfigurationError`.
    """

    __slots__ = ("check", "is_public", "methods", "prefix", "requires", "segments")

    def __init__(self, prefix: str, *requires: Requirement, methods: Sequence[str] = ()) -> None:
        self.prefix = _checked_prefix(prefix)
        self.segments = (
            tuple(to_wsgi(self.prefix).strip("/").split("/")) if self.prefix != "/" else ()
        )
        self.requires = requires or (authenticated,)
        require(
            all(map(callable, self.requires)),
            f"a requirement is callable: Rule({self.prefix!r}, scope('read'))",
        )
        is_alone = len(self.requires) == 1 or not any(
            one in self.requires for one in (public, optional)
        )
        require(is_alone, f"public and optional stand alone: Rule({self.prefix!r}, public)")
        self.is_public = self.requires == (public,)
        self.methods = _checked_methods(methods)
        # Raises the refusal of the first requirement that does not hold: most rules have one, asked
        # without a detour.
        self.check: Requirement = self.requires[0] if len(self.requires) == 1 else self._check_all

    def _check_all(self, identity: Identity | None) -> None:
        for requirement in self.requires:
            requirement(identity)

    def issuers(self, issuers: frozenset[str]) -> frozenset[str]:
        """Those of the issuers that the rule leaves. `ConfigurationError` for an `issued_by` that
        leaves none."""
        left = frozenset.intersection(
            *[issuers_of(requirement, issuers) for requirement in self.requires]
        )
        require(left, f"no provider has an issuer that {self!r} asks for")
        return left

    def __repr__(self) -> str:
        return f"<Rule {self.prefix} {' '.join(sorted(self.methods))}>"


class RuleTable:
    """Finds the rules of a path: the longest prefix wins, for each way to read the path."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self.rules = tuple_of(Rule, rules, 'rules is a list of Rule: rules=[Rule("/api")]')
        require(self.rules, 'rules names at least one: rules=[Rule("/")] protects everything')
        named = Counter(
            (rule.prefix, method) for rule in self.rules for method in rule.methods or ("",)
        )
        for (prefix, _), count in named.items():
            require(count == 1, f"two rules have the prefix {prefix!r} and one method")
        self._trees = {
            method: _Tree(self.rules, method) for method in {"", *(method for _, method in named)}
        }
        self._recent = lru_cache(maxsize=1024)(self._match)

    def match(self, environ: Mapping[str, Any]) -> tuple[Rule, ...]:
        """Return every rule that governs the request in any reading of its path, public ones last;
        all must hold.

        PATH_INFO decides, since frameworks route on it. Below a mount, or with a forged
        SCRIPT_NAME, a rule for SCRIPT_NAME + PATH_INFO holds too where it has the longer prefix, so
        it can only close.
        """
        method: str = environ.get("REQUEST_METHOD", "GET")
        path: str = environ.get("PATH_INFO", "")
        if (
            len(path) < _LONG
            and not environ.get("SCRIPT_NAME")
            and "HTTP_X_VHM_ROOT" not in environ
        ):
            recent = self._recent
            return recent(method, path)
        return self._match(
            method, path, environ.get("SCRIPT_NAME", ""), environ.get("HTTP_X_VHM_ROOT", "")
        )

    def _match(
        self, method: str, path: str, script_name: str = "", root: str = ""
    ) -> tuple[Rule, ...]:
        tree = self._trees.get(method.upper(), self._trees[""])
        if not script_name and not root and is_plain(path):
            return tree.find(path)
        rules = _governing(tree, path, root)
        longest = max((len(rule.segments) for rule in rules), default=-1)
        outer = _governing(tree, script_name + path, root) if script_name else set()
        rules |= {rule for rule in outer if len(rule.segments) > longest}
        return tuple(
            sorted(rules, key=lambda rule: (rule.is_public, -len(rule.segments), rule.prefix))
        )


def _governing(tree: "_Tree", path: str, root: str) -> set[Rule]:
    ways = {path} if is_plain(path) else readings(path)
    if root:
        ways |= readings(root + path)
    return {rule for way in ways for rule in tree.find(way)}


class _Tree:
    """The rules for one method, `""` for those that no rule names, by the segments of their
    prefixes.

    A node is a list of two: the rules that govern there, one or none, and the nodes below by their
    segments.
    """

    def __init__(self, rules: Sequence[Rule], method: str) -> None:
        self._depth = 1 + max(len(rule.segments) for rule in rules)
        self._top: list[Any] = [(), {}]
        # Short prefixes first, so that a new node inherits; among equal ones the rule that names
        # the method last.
        for rule in sorted(rules, key=lambda rule: (len(rule.segments), bool(rule.methods))):
            if not rule.methods or method in rule.methods:
                node = self._top
                for segment in ("", *rule.segments):
                    node = node[1].setdefault(segment, [node[0], {}])
                node[0] = (rule,)

    def find(self, path: str) -> tuple[Rule, ...]:
        """The rule of one reading: one look-up a segment, down to the deepest rule."""
        rules: tuple[Rule, ...]
        rules, below = self._top
        for segment in path.split("/", self._depth):
            node = below.get(segment)
            if node is None:
                break
            rules, below = node
        return rules


def _checked_prefix(prefix: str) -> str:
    require(
        isinstance(prefix, str) and prefix.startswith("/"),
        'a prefix is a path with a leading slash: Rule("/api")',
    )
    path = to_wsgi(prefix.removesuffix("/") or "/")
    is_clear = (
        readings(path) == {path}
        and not prefix.endswith("//")
        and not set("%?#\ufffd") & set(prefix)
    )
    require(
        is_clear,
        f"{prefix!r} can be read in another way: "
        "leave out dot segments, '//', '%', ';', spaces, query",
    )
    return prefix.removesuffix("/") or "/"


def _checked_methods(methods: Sequence[str]) -> frozenset[str]:
    names = tuple_of(str, methods, 'methods is a tuple: Rule("/api", methods=("POST",))')
    require(all(map(_METHOD.fullmatch, names)), 'methods are names such as "POST"')
    upper = {name.upper() for name in names}
    return frozenset(upper | {"HEAD"} if "GET" in upper else upper)
