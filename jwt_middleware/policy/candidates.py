"""Report-only rules: which rules are enforced, and which only say what they would have answered.

An owner proves a rule before enforcing it. So a report-only rule must neither refuse nor open a
path, and its report must be what enforcing it would do:

- Requests are answered as if the report-only rules were not there. A report-only
  `Rule("/api/admin", scope("admin"))` below `Rule("/api")` leaves `/api/admin` as closed as it was.
- Reports come from the table of candidates, in which they are enforced: there the longest prefix
  wins among all rules. A report-only rule may have the prefix and the methods of a rule that is
  enforced, and takes its place there. So an owner tries a stricter rule beside today's.

To inject the identity of a good token, a report-only rule verifies tokens as an enforced one does.
So a request may wait for keys or revocations that are due, for as long as it would then; while they
cannot be reached, later requests pass at once.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

from .._options import tuple_of
from .rules import Rule, RuleTable

Match: TypeAlias = Callable[[Mapping[str, Any]], tuple[Rule, ...]]
"""Finds the rules of a request, as `RuleTable.match` does."""


def matches_of(rules: Sequence[Rule]) -> tuple[Match, Match | None]:
    """Return what finds the rules that are enforced, and what finds the report-only ones that
    would govern a request; None where there are none.

    `ConfigurationError` as `tables_of` has it.
    """
    enforced, candidates = tables_of(rules)
    match = enforced.match if enforced else _no_rules
    return match, None if candidates is None else _only_reporting(candidates.match)


def _no_rules(request: Mapping[str, Any]) -> tuple[Rule, ...]:
    return ()


def _only_reporting(match: Match) -> Match:
    return lambda request: tuple(rule for rule in match(request) if rule.report_only)


def tables_of(rules: Sequence[Rule]) -> tuple[RuleTable | None, RuleTable | None]:
    """Return the table of the rules that are enforced, and that of the candidates, each None where
    there is no such rule.

    `ConfigurationError` for anything that is not a list of rules, or for a prefix that two rules
    of one table have.
    """
    form = f'rules must be a list of Rule, got {rules!r}; rules=[Rule("/api")]'
    checked = tuple_of(Rule, rules, form)
    reporting = [rule for rule in checked if rule.report_only]
    if not reporting:
        return RuleTable(checked), None
    enforced = [rule for rule in checked if not rule.report_only]
    replaced = {_place_of(rule) for rule in reporting}
    left = [rule for rule in enforced if _place_of(rule) not in replaced]
    return RuleTable(enforced) if enforced else None, RuleTable([*left, *reporting])


def _place_of(rule: Rule) -> tuple[object, ...]:
    """Return what two rules of one table must not have in common."""
    return rule.prefix, rule.methods, rule.exact
