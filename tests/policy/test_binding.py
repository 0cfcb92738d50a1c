"""`sender_constrained`, asked of a caller."""

import json
from typing import Any

import pytest

from jwt_middleware import (
    ConfigurationError,
    Identity,
    InvalidToken,
    Rule,
    public,
    sender_constrained,
)


def caller(**claims: Any) -> Identity:
    """Somebody whose token says this."""
    return Identity("ada", "https://a.example", (), None, None, 0.0, json.dumps(claims).encode())


@pytest.mark.parametrize("claims", [{}, {"cnf": None}], ids=["absent", "null"])
def test_only_a_bound_token_passes(claims: dict[str, Any]) -> None:
    """The middleware has checked the proof; what is left to ask is whether there was one. With
    `allow_null` a null is as good as none."""
    assert sender_constrained(caller(cnf={"jkt": "x"})) is None
    with pytest.raises(InvalidToken) as caught:
        sender_constrained(caller(sub="ada", **claims))
    assert caught.value.reason == "unbound"


def test_it_is_a_requirement_like_others() -> None:
    """It is shown by its name, and does not go with `public`."""
    assert sender_constrained.__name__ == "sender_constrained"  # as functions of an app have it
    assert repr(Rule("/api", sender_constrained)) == "Rule('/api', sender_constrained)"
    with pytest.raises(ConfigurationError):
        Rule("/api", public, sender_constrained)
