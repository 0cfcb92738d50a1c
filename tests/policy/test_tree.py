"""Rules with `exact` and `*`: the tree against a naive matcher, and what the two words promise."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jwt_middleware import ConfigurationError, Rule, public, scope
from jwt_middleware.policy.rules import RuleTable
from jwt_middleware.policy.tree import PrefixTree
from tests.kit.parts import examples

NAMES = st.sampled_from(["a", "b", "c", "me"])
SEGMENTS = st.sampled_from(["a", "b", "me", "*"])
METHODS = st.sampled_from([(), ("GET",), ("POST",)])


@st.composite
def rules_of_a_table(draw: Any) -> list[Rule]:
    """Random rules, no two alike."""
    found: dict[object, Rule] = {}
    for _ in range(draw(st.integers(1, 8))):
        prefix = "/" + "/".join(draw(st.lists(SEGMENTS, max_size=4)))
        exact, methods = draw(st.booleans()), draw(METHODS)
        for method in methods or ("",):
            if (prefix, exact, method) in found:
                break
        else:
            rule = Rule(prefix, scope("x"), methods=methods, exact=exact)
            found |= {(prefix, exact, method): rule for method in methods or ("",)}
    return list(dict.fromkeys(found.values()))


def naive(rules: list[Rule], path: str, method: str) -> Rule | None:
    """The rule of a plain path, by its definition."""
    segments = [one for one in path.split("/") if one]

    def agrees(rule: Rule) -> bool:
        wanted = [one for one in rule.prefix.split("/") if one]
        if rule.methods and method not in rule.methods:
            return False
        if len(wanted) > len(segments) or (rule.exact and len(wanted) != len(segments)):
            return False
        return all(want in ("*", have) for want, have in zip(wanted, segments, strict=False))

    def merit(rule: Rule) -> tuple[object, ...]:
        wanted = [one for one in rule.prefix.split("/") if one]
        literals = tuple(one != "*" for one in wanted)
        return len(wanted), literals, rule.exact, bool(rule.methods)

    return max(filter(agrees, rules), key=merit, default=None)


def governing(rules: list[Rule], path: str, method: str = "GET") -> tuple[Rule, ...]:
    """The rules of a request."""
    return RuleTable(rules).match({"PATH_INFO": path, "REQUEST_METHOD": method})


@settings(max_examples=examples(400))
@given(rules_of_a_table(), st.lists(NAMES, max_size=5), st.booleans(), METHODS)
def test_the_tree_finds_what_a_naive_matcher_finds(
    rules: list[Rule], segments: list[str], ends_with_slash: bool, methods: tuple[str, ...]
) -> None:
    """Longest prefix, then literals from the left, then exact, then the rule with methods."""
    path = "/" + "/".join(segments) + "/" * (ends_with_slash and bool(segments))
    method = methods[0] if methods else "PUT"
    expected = naive(rules, path, method)
    assert governing(rules, path, method) == (() if expected is None else (expected,))


ORGS = Rule("/orgs")
ADMIN = Rule("/orgs/*/admin", scope("admin"))
MINE = Rule("/orgs/me", scope("me"))
START = Rule("/", public, exact=True)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/", [START]),
        ("//", [START]),
        ("/x", []),
        ("/index.html", []),
        ("/orgs", [ORGS]),
        ("/orgs/1", [ORGS]),
        ("/orgs/1/admin", [ADMIN]),
        ("/orgs/1/admin/users", [ADMIN]),
        ("/orgs/1/admin.json", [ADMIN]),
        ("/orgs/1/@@admin", [ADMIN]),
        ("/orgs//1/admin", [ADMIN, ORGS]),
        ("/orgs/1/administrator", [ORGS]),
        ("/orgs/me/admin", [ADMIN]),
        ("/orgs/me/x", [MINE]),
        ("/orgs/x/../1/admin", [ADMIN, ORGS]),
    ],
)
def test_what_a_path_meets(path: str, expected: list[Rule]) -> None:
    """A star is one segment, the deepest match wins, and every reading counts."""
    assert set(governing([ORGS, ADMIN, MINE, START], path)) >= set(expected)
    assert bool(governing([ORGS, ADMIN, MINE, START], path)) == bool(expected)


@pytest.mark.parametrize("path", ["/x/", "/x", "/x/index", "/.", "/%2e/x", "/;/x", "/a/..//x"])
def test_an_exact_start_page_opens_nothing_else(path: str) -> None:
    """`Rule("/", public, exact=True)` beside `Rule("/")`-like rules lets nobody to other paths."""
    closed = Rule("/", scope("x"))
    rules = governing([closed, START], path)
    is_start = path in ("/.",)
    assert is_start or closed in rules


@pytest.mark.parametrize(
    "prefix", ["/a*", "/*a", "/**", "/*.json", "/a/*b/c", "/<id>", "/{id}", "/:id", "/a/<int:id>/b"]
)
def test_another_pattern_is_refused(prefix: str) -> None:
    """The message shows the form with a star, and that form builds."""
    with pytest.raises(ConfigurationError, match=r"Rule\('(/[^']*)'\)") as refused:
        Rule(prefix)
    shown = str(refused.value).split("Rule('")[1].split("')")[0]
    assert "*" in Rule(shown).prefix


@pytest.mark.parametrize("value", [1, 0, "yes", None, "exact"])
def test_exact_is_a_boolean(value: Any) -> None:
    """Anything else is refused while building."""
    with pytest.raises(ConfigurationError, match="exact must be a boolean"):
        Rule("/a", exact=value)


def test_one_prefix_may_be_exact_and_not() -> None:
    """The exact rule governs the path alone; two of a kind are refused."""
    alone, below = Rule("/a", public, exact=True), Rule("/a")
    assert governing([alone, below], "/a") == governing([alone, below], "/a/") == (alone,)
    assert governing([alone, below], "/a/b") == (below,)
    with pytest.raises(ConfigurationError, match="twice"):
        RuleTable([alone, Rule("/a", exact=True)])
    with pytest.raises(ConfigurationError, match="twice"):
        RuleTable([Rule("/*/a"), Rule("/*/a")])


def test_the_repr_says_exact() -> None:
    """A rule prints as it is written."""
    assert repr(START) == "Rule('/', public, exact=True)"


def test_a_table_that_branches_everywhere_costs_one_walk() -> None:
    """With a literal and a star at each of 30 levels the states do not multiply."""
    rules = [
        Rule("/" + "/".join("a" if bits >> level & 1 else "*" for level in range(30)))
        for bits in [0, 1, 2**29, 2**30 - 1, *(2**level + 1 for level in range(1, 29))]
    ]
    table = RuleTable(rules)
    work: list[float] = []
    # inside: what the tree charges is the work, so no time need be measured
    tree = table._trees[""]
    tree.rules_for("/" + "/".join(["a"] * 40), work.append)
    assert sum(work) < 500_000


PATH, WALK, BRANCH, NAME, LEVEL, PATTERN = 1400, 5000, 1700, 150, 300, 0.05
"""Nanoseconds, as measured on the machine whose figures stand in the tree."""

PLAIN = [Rule("/api"), Rule("/api/x")]
STARS = [Rule("/*/a"), Rule("/b/*"), Rule("/b/c/d")]
SIGNS = [Rule("/a-b"), Rule("/a.b")]
ALONE = [Rule("/api"), Rule("/api/x", exact=True)]

COSTS: dict[str, tuple[list[Rule], str, float]] = {
    "a plain path": (PLAIN, "/api/x/y", PATH),
    "a plain path without a rule": (PLAIN, "/other", PATH),
    "a dot above the last segment": (PLAIN, "/api.json/x", PATH),
    "a suffix": (PLAIN, "/api.json", WALK + BRANCH + NAME + BRANCH + 2 * LEVEL),
    "a suffix, deeper": (PLAIN, "/api/x.json", WALK + BRANCH + NAME + BRANCH + 3 * LEVEL),
    "a view": (PLAIN, "/@@api/x", WALK + BRANCH + NAME + BRANCH + 3 * LEVEL),
    "a view with a suffix": (PLAIN, "/+api.json", WALK + BRANCH + 3 * NAME + BRANCH + 2 * LEVEL),
    "a view that no rule names": (PLAIN, "/+y", WALK + BRANCH + NAME + LEVEL),
    "a view above which no rule stands": (PLAIN, "/y/+api", WALK + LEVEL),
    "a view below every rule": (PLAIN, "/api/x/@@y", WALK + BRANCH + 3 * LEVEL),
    "a view below an exact rule": (ALONE, "/api/x/@@y", WALK + BRANCH + NAME + 3 * LEVEL),
    "the index": (PLAIN, "/api/index", WALK + BRANCH + NAME + BRANCH + 2 * LEVEL),
    "a star": (STARS, "/x/a", WALK + 3 * (LEVEL + 2 * PATTERN)),
    "no segment": (STARS, "/", WALK + LEVEL + 2 * PATTERN),
    "an empty segment for a star": (STARS, "//a", WALK + BRANCH + 3 * (LEVEL + 2 * PATTERN)),
    "an empty segment for none": (STARS, "/x//a", WALK + BRANCH + 2 * (LEVEL + 2 * PATTERN)),
    "other punctuation": (SIGNS, "/a_b", WALK + BRANCH + 2 * NAME + 2 * BRANCH + 3 * LEVEL),
    "punctuation of no rule": (SIGNS, "/c_d", WALK + BRANCH + LEVEL),
}


@pytest.mark.parametrize(("rules", "path", "cost"), COSTS.values(), ids=COSTS)
def test_what_a_reading_is_charged(rules: list[Rule], path: str, cost: float) -> None:
    """Each reading, branch, name, level and pattern is charged for, and nothing that is not looked
    at; a path that cannot branch costs one look-up."""
    charged: list[float] = []
    PrefixTree(rules, "").rules_for_all([path], charged.append)
    assert sum(charged) == pytest.approx(cost)


@pytest.mark.parametrize("path", ["/", "/api", "/api/x/y", "/other", "/api.json/x", "/a+b/c@@d"])
def test_a_path_of_one_reading_that_cannot_branch_is_free(path: str) -> None:
    """The usual request is not counted at all, which would cost more than to look it up."""
    charged: list[float] = []
    found = PrefixTree(PLAIN, "").rules_for(path, charged.append)
    assert charged == []
    assert set(found) == PrefixTree(PLAIN, "").rules_for_all([path], charged.append)
