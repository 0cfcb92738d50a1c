"""A requirement is shown by its name where it has no text of its own."""

import pytest

from jwt_middleware import Identity, Rule, any_of, scope
from jwt_middleware.policy.naming import name_of, text_of


class Billing:
    """A requirement of an owner's that shows itself."""

    def __call__(self, identity: Identity) -> bool:
        """Agree."""
        return True

    def __repr__(self) -> str:
        return "Billing('plus')"


def has_paid(identity: Identity) -> bool:
    """Agree."""
    return True


OWN = {
    "Rule('/api', has_paid)": Rule("/api", has_paid),
    "Rule('/api', any_of(scope('a'), has_paid))": Rule("/api", any_of(scope("a"), has_paid)),
    "Rule('/api', Billing('plus'))": Rule("/api", Billing()),
    "Rule('/api', Billing.__call__)": Rule("/api", Billing().__call__),
    "Rule('/api', <lambda>)": Rule("/api", lambda identity: True),
}


@pytest.mark.parametrize(("text", "rule"), OWN.items(), ids=OWN)
def test_a_requirement_of_an_owner_is_shown_without_an_address(text: str, rule: Rule) -> None:
    """A function or method is shown by its name, and an object as it shows itself."""
    assert repr(rule) == text


def test_an_object_that_names_itself_oddly() -> None:
    """An object is named by its class, also one whose name is not a string."""
    odd = Billing()
    odd.__qualname__ = 5  # type: ignore[attr-defined]
    assert (name_of(odd), name_of(has_paid)) == ("Billing", "has_paid")
    assert text_of(odd) == "Billing('plus')"
