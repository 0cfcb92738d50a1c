"""How the tests wait for what other threads, processes and machines do: polling, and for long."""

import threading
import time
from collections.abc import Callable
from typing import Any, TypeVar

import pytest

from jwt_middleware.errors import StoreUnavailable

T = TypeVar("T")

PATIENCE = 60
"""Seconds for anything that has to come. On a quiet machine it comes in a fraction of one; on a
busy one a shorter wait would fail a test that has nothing to complain of."""

BOUND = 30
"""Seconds within which a call has ended whose own limit is two at most, and what a busy machine
adds. Without its limit it would take the operating system's, which is minutes."""


def wait_for(
    what: Callable[[], Any], seconds: float = PATIENCE, say: Callable[[], str] = str
) -> Any:
    """Return what comes of it once it is true. Fail, and `say` something, after these seconds."""
    deadline = time.perf_counter() + seconds  # no test stops this clock
    while not (found := what()):
        assert time.perf_counter() < deadline, f"it did not come in time\n{say()}"
        time.sleep(0.01)
    return found


def wait_for_report(page: Any, lines: list[str], part: str, seconds: float = PATIENCE) -> None:
    """Wait until a line with this part is among those that a browser has reported: of its console,
    or errors. One comes some time after its cause, and is heard only while the page is asked."""

    def is_there() -> bool:
        page.wait_for_timeout(10)
        return any(part in line for line in lines)

    wait_for(is_there, seconds, say=lambda: f"{part!r} is not in {lines}")


def seconds_until_unavailable(call: Callable[[], object]) -> float:
    """How long a call takes to say that the store cannot answer."""
    started = time.monotonic()
    says = r"^(the user database|Redis) does not answer$"
    with pytest.raises(StoreUnavailable, match=says) as caught:
        call()
    assert caught.value.__cause__ is not None
    return time.monotonic() - started


def settle_fetches(seconds: float = PATIENCE) -> None:
    """Wait for the fetches of keys and the questions about tokens that are under way. One that ran
    on would write a line into the log of a later test."""
    for thread in threading.enumerate():
        if thread.name in ("jwt-middleware-keys", "jwt-middleware-introspection"):
            thread.join(seconds)


def patiently(call: Callable[[], T]) -> T:
    """Return what a call on a store returns, which is made again while the store is too busy. Fail
    after `PATIENCE` seconds."""
    deadline = time.perf_counter() + PATIENCE
    while True:
        try:
            return call()
        except StoreUnavailable:
            if time.perf_counter() > deadline:
                raise
