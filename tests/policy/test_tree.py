"""Rules with `exact` and `*`: the tree against a naive matcher, and what the two words promise."""

from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jwt_middleware import ConfigurationError, Rule, public, scope
from jwt_middleware.policy.rules import RuleTable
from jwt_middleware.policy.tree import PrefixTree, in_order
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
    "a suffix and a slash": (PLAIN, "/api.json/", WALK + BRANCH + NAME + BRANCH + 2 * LEVEL),
    "a suffix and slashes": (PLAIN, "/api.json////", WALK + 3 * BRANCH + NAME + 2 * LEVEL),
    "a dot above a last segment X": (PLAIN, "/api.json/X", PATH),
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
    "a view with punctuation": (
        SIGNS,
        "/@@a-b",  # is the view `a-b` by both of its names, which is looked at once
        WALK + BRANCH + 3 * NAME + 3 * BRANCH + 3 * LEVEL,
    ),
    "a view that no rule names, for a star": (
        STARS,
        "/+y",
        WALK + BRANCH + NAME + 2 * (LEVEL + 2 * PATTERN),
    ),
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


IN_ORDER = [
    Rule("/a/b", scope("1")),
    Rule("/a", scope("2"), exact=True, methods=("PUT",)),
    Rule("/a", scope("3"), exact=True),
    Rule("/a", scope("4"), methods=("DELETE", "PUT")),
    Rule("/a", scope("5"), methods=("PATCH",)),
    Rule("/a", scope("6")),
    Rule("/b", scope("7")),
    Rule("/", scope("8")),
    Rule("/a/b/c", public, methods=("PUT",)),
    Rule("/a/b/c", public),
]


@pytest.mark.parametrize("seed", range(5))
def test_the_order_in_which_rules_answer_is_fixed(seed: int) -> None:
    """Public rules last, then the longest, then by prefix the narrowest, whatever the order of the
    table: two processes refuse a request in the same words."""
    shuffled = Random(seed).sample(IN_ORDER, len(IN_ORDER))
    assert list(in_order({*shuffled})) == IN_ORDER


def test_an_exact_rule_is_asked_before_the_rule_that_governs_below() -> None:
    """If the readings of a path meet both rules of one prefix, the narrower one answers first."""
    exact, below = Rule("/a", scope("x"), exact=True), Rule("/a", scope("y"))
    for rules in ([exact, below], [below, exact]):
        assert governing(rules, "/a/.") == (exact, below)


@pytest.mark.parametrize("end", ["", "/", "//", "///", "/////"])
def test_slashes_at_the_end_do_not_hide_a_suffix(end: str) -> None:
    """A framework drops them before it cuts the suffix off, however many there are."""
    rule = Rule("/api")
    assert governing([rule], f"/api.json{end}") == (rule,)
    stars = [Rule("/*/api")]
    assert governing(stars, f"/x/api.json{end}") == tuple(stars)


def test_a_space_is_a_segment() -> None:
    """The tree gets readings, of which one has no spaces; in the others a space is a name."""
    tree = PrefixTree([Rule("/api"), Rule("/a-b")], "")
    assert tree.rules_for("/api.json/", [].append)
    assert not tree.rules_for("/api.json/ ", [].append)


LONGER = [Rule("/*/a"), Rule("/*/a/b/c"), Rule("/*/a/b/c/d", exact=True)]


@pytest.mark.parametrize(
    ("path", "number"),
    [("/x/a", 0), ("/x/a/b", 0), ("/x/a/b/y", 0), ("/x/a/b/c", 1), ("/x/a/b/c/d/e", 1)],
)
def test_a_longer_rule_that_fails_leaves_the_shorter_one(path: str, number: int) -> None:
    """A rule with `*` governs all below it but for what a longer rule governs."""
    assert governing(LONGER, path) == (LONGER[number],)


def test_of_one_length_the_literal_rule_wins() -> None:
    """A rule without `*` beats a rule of the same length with one, also above the last segment."""
    literal = Rule("/a/b")
    for wild in ("/*/b", "/a/*", "/*/*"):
        for path in ("/a/b", "/a/b/c"):
            assert governing([literal, Rule(wild)], path) == (literal,)


@pytest.mark.parametrize("path", ["//", "///", "////"])
@pytest.mark.parametrize("prefix", ["/*", "/*/*"])
def test_slashes_alone_are_not_a_name(path: str, prefix: str) -> None:
    """`*` stands for a segment with a character, and a path of slashes has none."""
    assert governing([Rule(prefix)], path) == ()


HIDDEN = [Rule("/api"), Rule("/*/*", public)]
ENDS: dict[str, tuple[list[Rule], str, list[int]]] = {
    "an exact rule": ([Rule("/api", exact=True)], "/api/index", [0]),
    "an exact rule and the index with a suffix": (
        [Rule("/api", exact=True)],
        "/api/index.html",
        [0],
    ),
    "an exact rule and an empty view": ([Rule("/api", exact=True)], "/api/@@", [0]),
    "an exact rule and no name": ([Rule("/api", exact=True)], "/api/.json", [0]),
    "an exact pattern": ([Rule("/*", exact=True)], "/api/index", [0]),
    "an exact pattern below another": (
        [Rule("/*", exact=True), Rule("/*/a", exact=True)],
        "/x/a/index",
        [1],
    ),
    "a pattern": ([Rule("/*/a"), Rule("/*/a/*", public)], "/x/a/index", [0, 1]),
    "a rule that a public pattern hides": (HIDDEN, "/api/index", [0, 1]),
    "a rule that a public pattern hides, by a view": (HIDDEN, "/api/+", [0, 1]),
    "a view that ends": ([Rule("/"), Rule("/x"), Rule("/x/y")], "/+x/index", [0, 1]),
    "an exact rule that is public": ([Rule("/", public, exact=True)], "/index", []),
}


@pytest.mark.parametrize(("rules", "path", "met"), ENDS.values(), ids=ENDS)
def test_a_path_may_end_before_its_last_segment(
    rules: list[Rule], path: str, met: list[int]
) -> None:
    """`index` and an empty name mean the path above, so the rule of that path counts too, unless
    it is public."""
    assert set(governing(rules, path)) == {rules[number] for number in met}


OTHERS: dict[str, tuple[list[str], str, list[int]]] = {
    "punctuation beside the index": (["/index-x"], "/index.x", [0]),
    "a view that the pattern does not name": (["/*/a"], "/x/+b", []),
    "a view that it names": (["/*/a"], "/x/+a", [0]),
    "a view that another pattern names": (["/*/a", "/*/b"], "/x/+b", [1]),
    "a pattern that failed before the view": (["/*/c", "/a/*"], "/b/+c", [0]),
    "a pattern that failed before the suffix": (["/*/c", "/a/*"], "/b/c.json", [0]),
    "a suffix above the last segment": (["/api", "/a-b"], "/api.json/X", []),
    "a pattern that fails behind the view": (["/c/*/d", "/c/*"], "/+c/x/e", [1]),
}


@pytest.mark.parametrize(("prefixes", "path", "met"), OTHERS.values(), ids=OTHERS)
def test_another_name_meets_the_patterns_that_still_agree(
    prefixes: list[str], path: str, met: list[int]
) -> None:
    """A segment that stands for another one is compared like that one, with the rules that the
    segments before it have left."""
    rules = [Rule(prefix) for prefix in prefixes]
    assert set(governing(rules, path)) == {rules[number] for number in met}


def opened(prefix: str, *, exact: bool = False) -> Rule:
    """A public rule, which must not hide a rule that another name of a segment meets."""
    return Rule(prefix, public, exact=exact)


BESIDE: dict[str, tuple[list[Rule], str, list[int]]] = {
    "a file": ([Rule("/app"), opened("/app.js")], "/app.js", [1]),
    "a file, exact": ([Rule("/app"), opened("/app.js", exact=True)], "/app.js", [1]),
    "a file, exact, and a slash": ([Rule("/app"), opened("/app.js", exact=True)], "/app.js/", [1]),
    "a file that a longer rule names": ([Rule("/app"), opened("/app.js/x")], "/app.js", [0]),
    "punctuation": ([Rule("/a_b"), opened("/a-b")], "/a-b/x", [1]),
    "punctuation, exact": ([Rule("/a_b"), opened("/a-b", exact=True)], "/a-b", [1]),
    "punctuation, below exact": ([Rule("/a_b"), opened("/a-b", exact=True)], "/a-b/x", [0]),
    "punctuation, far below exact": ([Rule("/a_b"), opened("/a-b", exact=True)], "/a-b/x/y", [0]),
    "a pattern": ([Rule("/*/a_b"), opened("/*/a-b")], "/x/a-b", [1]),
    "a pattern, below": ([Rule("/*/a_b"), opened("/*/a-b")], "/x/a-b/y", [1]),
    "a pattern, exact": ([Rule("/*/a_b"), opened("/*/a-b", exact=True)], "/x/a-b", [1]),
    "a pattern, below exact": ([Rule("/*/a_b"), opened("/*/a-b", exact=True)], "/x/a-b/y", [0]),
    "a pattern that goes on": ([Rule("/*/a_b"), opened("/*/a-b/c")], "/x/a-b", [0]),
    "a pattern of another segment": ([Rule("/*/a_b"), opened("/*/a-c")], "/x/a-b", [0]),
    "a better pattern names it": ([opened("/x/*/a-b"), Rule("/*/y/a_b")], "/x/y/a-b", [0]),
    "a worse pattern names it": ([Rule("/x/*/a_b"), opened("/*/y/a-b")], "/x/y/a-b", [0, 1]),
    "a pattern for a file": ([Rule("/*/app"), opened("/*/app.js")], "/x/app.js", [1]),
    "a star does not name it": ([Rule("/x/app"), opened("/x/*")], "/x/app.js", [0, 1]),
}


@pytest.mark.parametrize(("rules", "path", "met"), BESIDE.values(), ids=BESIDE)
def test_only_a_rule_that_governs_the_path_says_that_a_segment_means_itself(
    rules: list[Rule], path: str, met: list[int]
) -> None:
    """A rule that ends at the segment, and governs the path, leaves the segment its own name alone.
    A better pattern counts beside it all the same."""
    assert set(governing(rules, path)) == {rules[number] for number in met}
