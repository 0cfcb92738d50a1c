"""How the tests wait."""

import pytest

from .waiting import wait_for_report


class _LatePage:
    """A page whose browser reports a line at the third time that the page is asked."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self._asked = 0

    def wait_for_timeout(self, _milliseconds: float) -> None:
        """Be asked."""
        self._asked += 1
        if self._asked == 3:
            self.lines.append("the policy was violated")


def test_a_report_that_comes_late_is_waited_for() -> None:
    """A browser's line comes some time after its cause, and only while the page is asked."""
    page = _LatePage()
    wait_for_report(page, page.lines, "policy")
    assert page.lines == ["the policy was violated"]


def test_a_report_that_never_comes_fails_with_what_came() -> None:
    """The failure names the part, and shows the lines that were reported."""
    page = _LatePage()
    page.lines.append("the policy was violated")
    with pytest.raises(AssertionError, match=r"'frame' is not in \['the policy was violated'\]"):
        wait_for_report(page, page.lines, "frame", seconds=0)
