"""Rules with `*` as bits: which rule is the best, and which ones a literal segment leaves."""

import random

import pytest

from jwt_middleware import Rule
from jwt_middleware.policy.rules import RuleTable
from jwt_middleware.policy.wildcards import Patterns

IN_ORDER = [
    Rule("/a/*/c"),
    Rule("/b/*/*"),
    Rule("/*/b/c"),
    Rule("/*/b/*"),
    Rule("/a/*", exact=True, methods=["GET"]),
    Rule("/a/*", exact=True),
    Rule("/a/*", methods=["GET"]),
    Rule("/a/*"),
    Rule("/*/a"),
    Rule("/*/*"),
    Rule("/*"),
]
"""The best first."""

BETTER = [0, 0, 2, 2, 4, 4, 4, 4, 8, 8, 10]
"""How many of them are better than every rule with the length and the inner stars of each."""


@pytest.mark.parametrize("seed", range(5))
def test_the_best_comes_first(seed: int) -> None:
    """A longer rule, then literals further left, then an exact rule, then one with methods."""
    shuffled = random.Random(seed).sample(IN_ORDER, len(IN_ORDER))
    patterns = Patterns(shuffled, 3)
    assert patterns.rules == IN_ORDER
    assert patterns.every == 2 ** len(IN_ORDER) - 1


def test_the_lowest_bit_is_the_best() -> None:
    """Of some rules, the first in order is the best one."""
    patterns = Patterns(IN_ORDER, 3)
    for number, rule in enumerate(IN_ORDER):
        worse = patterns.every - (2**number - 1)
        assert patterns.best_of(1 << number) is patterns.best_of(worse) is rule


def test_the_rules_that_are_better_than_a_shape() -> None:
    """Rules of one length, with stars at the same places above the last segment, are one shape:
    none of them is better than another."""
    patterns = Patterns(IN_ORDER, 3)
    for number, better in enumerate(BETTER):
        worse = patterns.every - (2**number - 1)
        for some in (1 << number, worse):
            assert patterns.better_than(some) == 2**better - 1, IN_ORDER[number]


MET = {
    "another rule's first segment": (["/a/*/b", "/c/*"], "/c/x/b", "/c/*"),
    "another rule's last segment": (["/*/a/b", "/*/c"], "/x/c/b", "/*/c"),
    "the third of one first segment": (["/a/*/b", "/a/*/c", "/a/*/d"], "/a/x/d", "/a/*/d"),
    "the first of one first segment": (["/a/*/b", "/a/*/c", "/a/*/d"], "/a/x/b", "/a/*/b"),
    "the better of two": (["/a/*", "/b/*"], "/a/x", "/a/*"),
    "the worse of two": (["/a/*", "/b/*"], "/b/x", "/b/*"),
    "the first of three": (["/a/*", "/b/*", "/c/*"], "/a/x", "/a/*"),
}


@pytest.mark.parametrize("is_exact", [False, True], ids=["below", "exact"])
@pytest.mark.parametrize(("prefixes", "path", "expected"), MET.values(), ids=MET)
def test_rules_of_one_length_do_not_hide_each_other(
    prefixes: list[str], path: str, expected: str, is_exact: bool
) -> None:
    """Each rule agrees with the paths of its own segments, and with no others."""
    length = expected.count("/")
    is_longer = path.count("/") > length
    rules = RuleTable([Rule(prefix, exact=is_exact) for prefix in prefixes])
    found = rules.match({"REQUEST_METHOD": "GET", "PATH_INFO": path})
    assert [rule.prefix for rule in found] == ([] if is_exact and is_longer else [expected])
