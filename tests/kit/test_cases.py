"""A case of a table is named when it fails."""

import pytest

from .cases import case


def test_a_failing_case_is_named() -> None:
    """Whatever is raised passes through, and carries the words of its case."""
    with pytest.raises(ZeroDivisionError) as caught, case("a number", 0):
        1 / 0  # noqa: B018
    assert caught.value.__notes__ == ["the case: a number, 0"]
