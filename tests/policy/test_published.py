"""What rules tell clients; more of it is in tests/acceptance/test_metadata.py."""

from typing import NamedTuple

from jwt_middleware import Identity, Rule, any_of, public, scope
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
