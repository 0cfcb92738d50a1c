"""What `any_of` and `claim` accept as something to ask for."""

from typing import Any

import pytest

from jwt_middleware import (
    ConfigurationError,
    Identity,
    InsufficientScope,
    Rule,
    any_of,
    authenticated,
    claim,
    optional,
    public,
    scope,
)

ALWAYS_TRUE: dict[str, Any] = {
    "authenticated first": lambda: any_of(authenticated, scope("a")),
    "authenticated last": lambda: any_of(scope("a"), authenticated),
    "authenticated alone": lambda: any_of(authenticated),
    "authenticated within": lambda: any_of(scope("a"), any_of(scope("b"), authenticated)),
    "public": lambda: any_of(public, scope("a")),
    "optional within": lambda: any_of(any_of(optional)),
}


@pytest.mark.parametrize("build", ALWAYS_TRUE.values(), ids=ALWAYS_TRUE)
def test_an_alternative_that_every_caller_fulfills_is_refused(build: Any) -> None:
    """An `any_of` that always agrees asks for nothing, which no owner means."""
    with pytest.raises(ConfigurationError, match=r"any_of must not hold .* every caller fulfills"):
        build()


def test_alternatives_within_alternatives_still_ask() -> None:
    """A nested `any_of` is one more alternative."""
    rule = Rule("/api", any_of(scope("a"), any_of(scope("b"), claim("role", "admin"))))
    rule.authorize(Identity("ada", "i", ("b",), None, None, 2e9, b'{"role":"guest"}'))
    rule.authorize(Identity("ada", "i", (), None, None, 2e9, b'{"role":"admin"}'))
    with pytest.raises(InsufficientScope):
        rule.authorize(Identity("ada", "i", (), None, None, 2e9, b'{"role":"guest"}'))


def test_no_values_ask_for_the_claim_alone() -> None:
    """An unpacked empty list cannot be told from no values; the docstring says what it means."""
    values: list[str] = []
    caller = Identity("ada", "i", (), None, None, 2e9, b'{"role":"guest"}')
    Rule("/api", claim("role", *values)).authorize(caller)
    with pytest.raises(InsufficientScope):
        Rule("/api", claim("team", *values)).authorize(caller)
    assert '`claim("role", *[])`' in (claim.__doc__ or "")
