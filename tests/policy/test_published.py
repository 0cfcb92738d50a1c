"""What rules tell clients; more of it is in tests/acceptance/test_metadata.py."""

from typing import NamedTuple

import pytest

from jwt_middleware import Identity, Rule, any_of, claim, issued_by, public, scope
from jwt_middleware.policy import published as module
from jwt_middleware.policy.published import Published


class Known(NamedTuple):
    """Issuers, as a verifier knows them."""

    issuers: frozenset[str]
    named_issuers: tuple[str, ...]


class Own:
    """A requirement of an owner's, whose attributes happen to have our names."""

    scopes = ("secret",)
    alternatives = (scope("hidden"),)

    def __call__(self, identity: Identity) -> None:
        """Agree."""


def published(*rules: Rule) -> Published:
    """What these rules publish for two issuers, one of which has no name."""
    return Published("/doc", rules, Known(frozenset({"b", "a", ""}), ("b", "a")))


def test_attributes_of_an_owners_requirement_are_not_published() -> None:
    """What an owner's object calls `scopes` may be a secret of theirs."""
    rule = Rule("/", Own(), any_of(Own(), scope("read")))
    assert published(rule).scopes == ("read",)
    assert published().asked_scopes([rule]) == ()


def test_public_rules_accept_nobody() -> None:
    """Where every path is public, no issuer is of use to a client."""
    assert published(Rule("/", public)).issuers == ()
    assert published(Rule("/", public), Rule("/a")).issuers == ("b", "a")


def test_the_document_has_a_rule_of_its_own() -> None:
    """It is public, so that observers and `explain` can name what let a request through."""
    (rule,) = published(Rule("/")).rules
    assert (rule.prefix, rule.is_public) == ("/doc", True)


SCOPES: dict[str, tuple[list[Rule], tuple[str, ...], tuple[str, ...]]] = {
    "none": ([Rule("/"), Rule("/a", claim("role", "x"))], (), ()),
    "each once, in the order of the rules": (
        [Rule("/b", scope("b", "a")), Rule("/a", scope("c"), scope("b"))],
        ("b", "a", "c"),
        ("b", "a", "c"),
    ),
    "alternatives": (
        [Rule("/", any_of(scope("a", "b"), scope("c"), claim("x"), scope("d")))],
        ("a", "b", "c", "d"),
        ("a", "b"),
    ),
    "alternatives within the second": (
        [Rule("/", any_of(scope("a"), any_of(scope("b"), scope("c"))))],
        ("a", "b", "c"),
        ("a",),
    ),
    "alternatives within the first": (
        [Rule("/", any_of(any_of(scope("a"), scope("b")), scope("c")))],
        ("a", "b", "c"),
        ("a",),
    ),
    "a first alternative without scopes": (
        [Rule("/", any_of(claim("x"), scope("a")))],
        ("a",),
        (),
    ),
}


@pytest.mark.parametrize(("rules", "every", "asked"), SCOPES.values(), ids=SCOPES)
def test_every_scope_is_published_and_those_of_the_first_alternative_are_asked(
    rules: list[Rule], every: tuple[str, ...], asked: tuple[str, ...]
) -> None:
    """A client may choose among all; a challenge names what the refusal is about."""
    reported = Rule("/", scope("tried"), report_only=True)
    assert published(reported, *rules).scopes == every
    assert published(*rules).asked_scopes(rules) == asked


TENANTS = "https://idp.example/{tenant}"
ISSUERS: dict[str, tuple[list[Rule], tuple[str, ...]]] = {
    "one": ([Rule("/", issued_by("a"))], ("a",)),
    "either": ([Rule("/a", issued_by("a")), Rule("/b", issued_by("b"))], ("b", "a")),
    "one of them for a rule that only reports": (
        [Rule("/a", issued_by("a")), Rule("/b", issued_by("b"), report_only=True)],
        ("a",),
    ),
    "a tenant that the template does not list": (
        [Rule("/", issued_by("https://idp.example/third"))],
        ("https://idp.example/third",),
    ),
    "a template": (
        [Rule("/", issued_by(TENANTS))],
        ("https://idp.example/second", "https://idp.example/first", TENANTS),
    ),
}


@pytest.mark.parametrize(("rules", "issuers"), ISSUERS.values(), ids=ISSUERS)
def test_the_issuers_that_an_enforced_rule_accepts_are_published(
    rules: list[Rule], issuers: tuple[str, ...]
) -> None:
    """In the order of the providers; then those that a rule alone names."""
    named = ("b", "https://idp.example/second", "https://idp.example/first", "a")
    known = Known(frozenset({"a", "b", "", TENANTS}), named)
    assert Published("/doc", rules, known).issuers == issuers


def test_the_module_has_what_it_offers() -> None:
    """Each name of `__all__` is there."""
    assert {*map(module.__dict__.get, module.__all__)} == {module.KnownIssuers, Published}
