"""The faults between an app and its issuers; `python -m tests.checks.faults --only issuers` prints
what they cost."""

import logging
from collections.abc import Iterator
from unittest import mock

import pytest

from tests.kit.clock import AheadClock
from tests.kit.waiting import BOUND, PATIENCE, settle_fetches

from .issuers import ROWS, Scene, Site, go_through, introspected, row, through_proxy

TIMEOUT = 1
"""Seconds of a deadline that a fault uses up."""

WAITING = {name for name in ROWS if name.endswith("hangs")}
"""The faults that use up the deadline. All others end at once, so theirs is long: what works must
work on a busy machine too."""

SLOW = {"http host its name server hangs"}
SLOW |= {name for name in ROWS if name.endswith(("drips", "in the tunnel"))}
"""They end by the deadline, as those that hang do. The table has them all."""


@pytest.fixture(autouse=True)
def quiet(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """The faults are meant, and some are logged a hundred times."""
    caplog.set_level(logging.CRITICAL, "jwt_middleware")
    yield
    settle_fetches()


@pytest.mark.parametrize("name", [name for name in ROWS if name not in SLOW])
def test_a_fault_is_503_and_ends(name: str) -> None:
    """Nobody waits longer than the deadline, no token that may be good is 401, what is known goes
    on, and all is well again when the fault is over."""
    found = row(name, TIMEOUT if name in WAITING else PATIENCE, BOUND)
    assert "200" in found or "ConfigurationError" in found


@pytest.fixture
def scene() -> Iterator[Scene]:
    """A way that can break."""
    with introspected(None, PATIENCE) as scene:
        yield scene


def test_a_fault_that_breaks_nothing_is_found(scene: Scene) -> None:
    """A row whose fault changes nothing proves nothing."""
    scene.break_it = lambda: None
    clock = AheadClock()
    with mock.patch("time.monotonic", clock), pytest.raises(AssertionError, match="200"):
        go_through(scene, PATIENCE, clock)


def test_a_fault_that_does_not_end_is_found() -> None:
    """A way that is never mended is no recovery."""
    clock = AheadClock()
    with mock.patch("time.monotonic", clock), through_proxy(None, PATIENCE) as scene:
        scene.mend = lambda: None
        with pytest.raises(AssertionError, match="still 503"):
            go_through(scene, PATIENCE, clock)


def test_a_refusal_of_what_may_be_good_is_found(scene: Scene) -> None:
    """401 in an outage is what a row must not hide."""
    clock = AheadClock()
    real = Site.ask

    def ask(site: Site, token: str) -> tuple[int, float, str]:
        status, took, reason = real(site, token)
        return (401 if status == 503 else status), took, reason

    with (
        mock.patch("time.monotonic", clock),
        mock.patch.object(Site, "ask", ask),
        pytest.raises(AssertionError, match="401"),
    ):
        go_through(scene, PATIENCE, clock)
