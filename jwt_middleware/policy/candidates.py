"""Separates the rules that are enforced from report-only rules, which only report their answer.

An owner proves a rule before enforcing it. So a report-only rule must neither refuse nor open a
path, and its report must predict the answer under enforcement:

- Requests are answered as if the report-only rules did not exist. A report-only
  `Rule("/api/admin", scope("admin"))` below `Rule("/api")` leaves `/api/admin` as closed as it was.
- Reports come from the table of candidates, in which report-only rules are enforced. The longest
  prefix wins there among all rules. A report-only rule may have the prefix and the methods of an
  enforced rule, and replaces it there. So an owner can try a stricter rule beside today's.

A report-only rule verifies tokens as an enforced one does, and sets the identity of a valid token.
So a request may wait for keys or revocations that are due, as long as under an enforced rule. While
they cannot be reached, later requests pass at once.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from .._options import tuple_of
from .rules import Match, Rule, RuleTable


def matches_of(rules: Sequence[Rule], first: Match | None = None) -> tuple[Match, Match | None]:
    """Return two functions: one finds the enforced rules of a request, the other its report-only
    rules. The second is None if there are no report-only rules.

    `first` is that of `RuleTable`. Raises `ConfigurationError` as `tables_of` does.
    """
    enforced, candidates = tables_of(rules, first)
    match = enforced.match if enforced else first or _no_rules
    return match, None if candidates is None else _only_reporting(candidates.match)


def _no_rules(request: Mapping[str, Any]) -> tuple[Rule, ...]:
    return ()


def _only_reporting(match: Match) -> Match:
    return lambda request: tuple(rule for rule in match(request) if rule.report_only)


def tables_of(
    rules: Sequence[Rule], first: Match | None = None
) -> tuple[RuleTable | None, RuleTable | None]:
    """Return the table of enforced rules and the table of candidates. Each is None if it would be
    empty.

    Raises `ConfigurationError` if `rules` is not a list of rules, or if two rules of one table have
    the same prefix.
    """
    form = f'rules must be a list of Rule, got {rules!r}; rules=[Rule("/api")]'
    checked = tuple_of(Rule, rules, form)
    reporting = [rule for rule in checked if rule.report_only]
    if not reporting:
        return RuleTable(checked, first), None
    enforced = [rule for rule in checked if not rule.report_only]
    replaced = {_unique_key(rule) for rule in reporting}
    left = [rule for rule in enforced if _unique_key(rule) not in replaced]
    table = RuleTable(enforced, first) if enforced else None
    return table, RuleTable([*left, *reporting], first)


def _unique_key(rule: Rule) -> tuple[object, ...]:
    """Return the values that no two rules of one table may share."""
    return rule.prefix, rule.methods, rule.exact
