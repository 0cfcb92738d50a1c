"""The clocks of the tests: one that stands still until it is moved, one that runs ahead."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from jwt_middleware.trust import revocation, verifier


class Clock:
    """What `time.time` or `time.monotonic` says while it is put in their place."""

    def __init__(self, now: float) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


class AheadClock:
    """`time.monotonic`, moved on by `ahead` seconds: what runs meanwhile still takes its time."""

    def __init__(self) -> None:
        self.ahead, self.real = 0.0, time.monotonic

    def __call__(self) -> float:
        return self.real() + self.ahead

    def move(self, seconds: float) -> None:
        """Let time pass."""
        self.ahead += seconds


@contextmanager
def stopped(name: str, now: float) -> Iterator[Clock]:
    """Put a stopped clock in the place of `time.NAME`, also where a module of the package has it by
    name."""
    clock, real = Clock(now), getattr(time, name)
    with pytest.MonkeyPatch.context() as patch:
        for module in (time, revocation, verifier):
            if getattr(module, name, None) is real:
                patch.setattr(module, name, clock)
        yield clock
