"""What a rule and a list of rules say of a contradiction."""

from collections.abc import Callable
from typing import Any

import pytest

from jwt_middleware import (
    ConfigurationError,
    Requirement,
    Rule,
    authenticated,
    issued_by,
    optional,
    public,
    scope,
)
from jwt_middleware.policy.rules import RuleTable

SAID: dict[str, Callable[[], Any]] = {
    "exact must be a boolean, got 1; Rule('/a', exact=True)": lambda: Rule("/a", exact=1),  # type: ignore[arg-type]
    "report_only must be a boolean, got 'x'; Rule('/a', report_only=True)": (
        lambda: Rule("/a", report_only="x")  # type: ignore[arg-type]
    ),
    "rules must be a list of Rule, got 'x'; rules=[Rule(\"/api\")]": lambda: RuleTable("x"),  # type: ignore[arg-type]
    'rules must not be empty; rules=[Rule("/")] protects everything': lambda: RuleTable([]),
    "rules must not have one prefix twice, got 2 with prefix '/a'": (
        lambda: RuleTable([Rule("/a"), Rule("/a/")])
    ),
    "rules must not have one prefix twice, got 2 with prefix '/a' and exact=True and method POST": (
        lambda: RuleTable(2 * [Rule("/a", exact=True, methods=["POST"])])
    ),
    "public must be the only requirement, got (public, scope('x')); Rule('/a', public)": (
        lambda: Rule("/a", public, scope("x"))
    ),
    "optional must be named once and without authenticated, got (optional, optional); "
    "Rule('/a', optional)": lambda: Rule("/a", optional, optional),
    "optional must be named once and without authenticated, got (optional, authenticated); "
    "Rule('/a', optional)": lambda: Rule("/a", optional, authenticated),
    "requires of Rule('/a') must hold scope(...), got scope without its call": (
        lambda: Rule("/a", scope)  # type: ignore[arg-type]
    ),
    "requires of Rule('/a', issued_by('a'), issued_by('b')) must accept an issuer, but they "
    "exclude each other": (
        lambda: Rule("/a", issued_by("a"), issued_by("b")).issuers(frozenset("ab"))
    ),
}


@pytest.mark.parametrize("text", SAID)
def test_a_message_says_what_to_write(text: str) -> None:
    """What is wrong, what was given, and the right form where there is one."""
    with pytest.raises(ConfigurationError) as caught:
        SAID[text]()
    assert str(caught.value) == text


def test_a_rule_prints_every_flag() -> None:
    """As it is written, so that it can be copied."""
    rule = Rule("/a", scope("x"), methods=("PUT",), exact=True, report_only=True)
    text = "Rule('/a', scope('x'), methods=('PUT',), exact=True, report_only=True)"
    assert repr(rule) == text
    assert repr(Rule("/a", report_only=True)) == "Rule('/a', report_only=True)"


TOGETHER: dict[str, tuple[Requirement, ...]] = {
    "optional": (optional,),
    "optional and a scope": (optional, scope("x")),
    "authenticated": (authenticated,),
    "authenticated and a scope": (authenticated, scope("x")),
    "public": (public,),
}


@pytest.mark.parametrize("requires", TOGETHER.values(), ids=TOGETHER)
def test_what_may_stand_together(requires: tuple[Requirement, ...]) -> None:
    """A marker alone or beside requirements that agree with it is taken as it is."""
    rule = Rule("/a", *requires)
    assert rule.requires == requires
    assert (rule.is_optional, rule.is_public) == (optional in requires, public in requires)
