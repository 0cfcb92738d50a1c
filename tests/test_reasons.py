"""The reasons of refusals and their sentences."""

import re

import pytest

from jwt_middleware.reasons import DESCRIPTIONS


@pytest.mark.parametrize("description", DESCRIPTIONS.values(), ids=DESCRIPTIONS)
def test_a_description_fits_into_a_challenge(description: str) -> None:
    """Its characters are those of `error_description` (RFC 6750 section 3): no quote, no
    backslash."""
    assert re.fullmatch(r"[\x20-\x21\x23-\x5B\x5D-\x7E]+\.", description)


def test_descriptions_tell_reasons_apart_and_cannot_be_changed() -> None:
    """Each reason has a sentence of its own, and the set of reasons is closed for good."""
    assert len(set(DESCRIPTIONS.values())) == len(DESCRIPTIONS)
    with pytest.raises(TypeError):
        DESCRIPTIONS["signature"] = "x"  # type: ignore[index]
