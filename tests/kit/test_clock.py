"""The clock that runs ahead."""

import pytest

from tests.kit.clock import AheadClock


def test_a_held_clock_counts_the_moves_alone() -> None:
    """What passes between two moves does not come on top, and the clock never goes back."""
    clock, now = AheadClock(), 100.0
    clock.real = lambda: now
    clock.move(10)
    now += 1
    assert clock() == pytest.approx(111)
    clock.hold()
    now += 3
    clock.move(5)
    assert clock() == pytest.approx(116)
    now += 3
    assert clock() == pytest.approx(119)
    clock.move(1)
    assert clock() == pytest.approx(119)
    clock.move(5)
    assert clock() == pytest.approx(122)
