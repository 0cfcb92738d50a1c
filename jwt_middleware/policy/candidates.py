"""Report-only rules: which rules are enforced, and which only say what they would have answered.

An owner proves a rule before enforcing it. So a report-only rule must neither refuse nor open a
path, and its report must be what enforcing it would do:

- Requests are answered as if the report-only rules were not there. A report-only
  `Rule("/api/admin", scope("admin"))` below `Rule("/api")` leaves `/api/admin` as closed as it was.
- Reports come from the table of candidates, in which they are enforced: there the longest prefix
  wins among all rules. A report-only rule may have the prefix and the methods of a rule that is
  enforced, and takes its place there. So an owner tries a stricter rule beside today's.
"""

from collections.abc import Sequence

from .._options import tuple_of
from .rules import Rule, RuleTable


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
    replaced = {(rule.prefix, rule.methods) for rule in reporting}
    left = [rule for rule in enforced if (rule.prefix, rule.methods) not in replaced]
    return RuleTable(enforced) if enforced else None, RuleTable([*left, *reporting])
