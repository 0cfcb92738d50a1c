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
        self._held: float | None = None

    def __call__(self) -> float:
        return self.real() + self.ahead

    def hold(self) -> None:
        """From now on, let only the moves count: what a busy machine takes between two of them is
        taken back by the second. Without this, a bound that is a second away may be passed."""
        self._held = self()

    def move(self, seconds: float) -> None:
        """Let time pass. It never goes back."""
        if self._held is None:
            self.ahead += seconds
        else:
            self._held += seconds
            self.ahead = max(self.ahead, self._held - self.real())


@contextmanager
def stopped(name: str, now: float | None = None) -> Iterator[Clock]:
    """Put a stopped clock in the place of `time.NAME`, also where a module of the package has it by
    name.

    By default it stops now. A store that many tests share remembers when its server was last found
    silent. A clock that stops long before would make it silent for all of a test.
    """
    real = getattr(time, name)
    clock = Clock(real() if now is None else now)
    with pytest.MonkeyPatch.context() as patch:
        for module in (time, revocation, verifier):
            if getattr(module, name, None) is real:
                patch.setattr(module, name, clock)
        yield clock
