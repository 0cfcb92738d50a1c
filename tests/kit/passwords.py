"""What hashes of passwords cost in the tests."""

import time
from collections.abc import Callable
from typing import TypeVar

import pytest

from jwt_middleware.stores import MemoryStore, SQLStore, passwords
from jwt_middleware.testing.passwords import CHEAP

CHEAP_COST = (1024, 1, 1)
"""The parameters n, r and p of `CHEAP`."""


_Work = TypeVar("_Work")


def follow_work(
    patch: pytest.MonkeyPatch, work: list[_Work], seconds_of: Callable[[_Work], float]
) -> None:
    """Let the CPU clock of a thread follow the hashes that a list counts, so that nothing else on
    the machine disturbs it."""
    passed, counted = 0.0, 0

    def thread_time() -> float:
        nonlocal passed, counted
        counted = min(counted, len(work))  # it was cleared
        passed += sum(map(seconds_of, work[counted:]))
        counted = len(work)
        return passed

    patch.setattr(time, "thread_time", thread_time)


def forget_what_is_learned(patch: pytest.MonkeyPatch) -> None:
    """Be a process that has checked no password yet."""
    # inside: warns once in a process, and has to warn anew here
    patch.setattr(passwords, "_unknown_by_default", passwords._UnknownNames())
    passwords._warn_costlier.cache_clear()


def make_cheap(patch: pytest.MonkeyPatch, method: str = CHEAP) -> None:
    """Let the default be cheap, for tests that are not about the cost: a hash takes 0.4 s
    otherwise."""
    patch.setattr(passwords, "DEFAULT_METHOD", method)
    patch.setattr(passwords.PasswordHasher.__init__, "__defaults__", (method,))
    for store in (MemoryStore, SQLStore):
        patch.setitem(store.__init__.__kwdefaults__, "password_method", method)  # type: ignore[misc]


__all__ = ["CHEAP", "CHEAP_COST", "follow_work", "make_cheap"]
