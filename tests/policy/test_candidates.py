"""Report-only rules: which table a rule is in."""

from collections.abc import Mapping
from typing import Any

import pytest

from jwt_middleware import ConfigurationError, Rule, scope
from jwt_middleware.policy.candidates import matches_of, tables_of

API, ADMIN = Rule("/api"), Rule("/api/admin", scope("admin"))
API_REPORTED = Rule("/api", scope("read"), report_only=True)
ADMIN_REPORTED = Rule("/api/admin", scope("admin"), report_only=True)
GET_REPORTED = Rule("/api", scope("read"), methods=("GET",), report_only=True)
OTHER = Rule("/other", report_only=True)

TABLES: dict[str, tuple[list[Rule], list[Rule] | None, list[Rule] | None]] = {
    "all enforced": ([API, ADMIN], [API, ADMIN], None),
    "all reported": ([API_REPORTED, OTHER], None, [API_REPORTED, OTHER]),
    "a deeper one is reported": ([API, ADMIN_REPORTED], [API], [API, ADMIN_REPORTED]),
    "beside one with the same prefix": ([API, API_REPORTED], [API], [API_REPORTED]),
    "in the other order": ([API_REPORTED, API], [API], [API_REPORTED]),
    "for some methods of the same prefix": ([API, GET_REPORTED], [API], [API, GET_REPORTED]),
}


@pytest.mark.parametrize(("rules", "enforced", "candidates"), TABLES.values(), ids=TABLES)
def test_the_tables(
    rules: list[Rule], enforced: list[Rule] | None, candidates: list[Rule] | None
) -> None:
    """Report-only rules are not enforced; a candidate takes the place of the rule that has its
    prefix and methods."""
    found = [table and list(table.rules) for table in tables_of(rules)]
    assert found == [enforced, candidates]


FAULTS: dict[str, tuple[Any, str]] = {
    "no list": (API_REPORTED, "rules must be a list of Rule"),
    "no rules": ([], "rules must not be empty"),
    "something else": ([API_REPORTED, "/api"], "rules must be a list of Rule"),
    "two enforced": ([API, Rule("/api"), OTHER], "rules must not have one prefix twice"),
    "two reported": ([API_REPORTED, API_REPORTED], "rules must not have one prefix twice"),
    "two reported beside one that is enforced": (
        [API, API_REPORTED, Rule("/api", report_only=True)],
        "rules must not have one prefix twice",
    ),
    "methods that overlap": (
        [
            Rule("/api", methods=("PUT", "POST")),
            Rule("/api", methods=("PUT",), report_only=True),
        ],
        "rules must not have one prefix twice, got 2 with prefix '/api' and method PUT",
    ),
}


@pytest.mark.parametrize(("rules", "words"), FAULTS.values(), ids=FAULTS)
def test_what_cannot_be_a_table(rules: Any, words: str) -> None:
    """A prefix has at most one rule that is enforced and one candidate."""
    with pytest.raises(ConfigurationError, match=words):
        tables_of(rules)


@pytest.mark.parametrize("value", [1, 0, "yes", "", None, [True]], ids=repr)
def test_report_only_is_a_boolean(value: Any) -> None:
    """A truthy value is not taken for True: a rule would be open by a slip."""
    with pytest.raises(ConfigurationError, match="report_only must be a boolean, got"):
        Rule("/api", report_only=value)


def test_the_repr_shows_it() -> None:
    """A rule that refuses nobody must not look like one that does."""
    assert repr(ADMIN_REPORTED) == "Rule('/api/admin', scope('admin'), report_only=True)"
    assert repr(ADMIN) == "Rule('/api/admin', scope('admin'))"
    assert repr(GET_REPORTED) == (
        "Rule('/api', scope('read'), methods=('GET', 'HEAD'), report_only=True)"
    )


DOCUMENT = Rule("/api/document")
ONCE: dict[str, tuple[list[Rule], list[Rule], list[Rule] | None]] = {
    "enforced alone": ([API], [API], None),
    "reported alone": ([API_REPORTED], [], [API_REPORTED]),
    "both": ([API, ADMIN_REPORTED], [API], [ADMIN_REPORTED]),
}


@pytest.mark.parametrize(("rules", "enforced", "reported"), ONCE.values(), ids=ONCE)
def test_the_rules_that_are_asked_first_govern_their_requests_alone(
    rules: list[Rule], enforced: list[Rule], reported: list[Rule] | None
) -> None:
    """In both tables: no other rule is enforced there, and none is reported."""

    def first(environ: Mapping[str, Any]) -> tuple[Rule, ...]:
        return (DOCUMENT,) if environ["PATH_INFO"] == "/api/document" else ()

    match, report = matches_of(rules, first)
    for _ in range(2):
        document, other = (
            {"REQUEST_METHOD": "GET", "PATH_INFO": path} for path in ("/api/document", "/api/admin")
        )
        assert match(document) == (DOCUMENT,)
        assert list(match(other)) == enforced
        assert (report is None) == (reported is None)
        if report is not None:
            assert report(document) == ()
            assert list(report(other)) == reported


def test_without_rules_that_are_asked_first_nothing_else_governs() -> None:
    """A table of report-only rules enforces none."""
    match, _ = matches_of([API_REPORTED])
    assert match({"REQUEST_METHOD": "GET", "PATH_INFO": "/api"}) == ()
