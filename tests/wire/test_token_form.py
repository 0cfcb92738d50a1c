"""The form of one token, wherever a request holds it."""

import pytest

from jwt_middleware import InvalidRequest, InvalidToken
from jwt_middleware.wire.token_form import checked_token

BAD: dict[str, object] = {
    "nothing": "",
    "only padding": "==",
    "two": "a,b",
    "a blank": "a b",
    "a blank at its end": "a ",
    "padding within": "a=b",
    "another script": "\u0430",
    "bytes": b"a",
    "none": None,
}


@pytest.mark.parametrize("token", BAD.values(), ids=BAD)
def test_anything_else_is_not_a_token(token: object) -> None:
    """Only token68 is accepted (RFC 9110 section 11.2)."""
    with pytest.raises(InvalidRequest):
        checked_token(token, 100)


def test_a_token_is_returned_unchanged() -> None:
    """With its padding, up to `max_bytes`, and not a character longer."""
    assert checked_token("aZ09-._~+/==", 12) == "aZ09-._~+/=="
    with pytest.raises(InvalidToken) as refusal:
        checked_token("aZ09-._~+/==", 11)
    assert refusal.value.reason == "too_large"
