"""Compares a password with one hash, and spends the time that another hash would have taken."""

import time
from collections.abc import Callable

from werkzeug.security import check_password_hash

from .costs import Method
from .other_hashes import matches_other, read_other, respelled, spend_other

TOLERANCE = 10
"""A difference below 1/10 of a cost is noise: CPU times cannot tell two kinds of hashes apart."""

_MEASURED_PART = 4
"""1/4 of a cost takes long enough to measure. Less would mislead: a scrypt of 1/8 of the default's
memory fits the cache of many processors, and takes 15 % less than 1/8 of the time."""

_NEGLIGIBLE = 1 / 64
"""A missing time below this part of the whole is not spent: nobody can measure it."""

_MOST_RUNS = 4
"""Each run comes closer to the whole time, the first one to about a tenth of what is missing."""


def matches(stored_hash: str, password: str) -> bool:
    """Return whether the password matches a hash in which `read_hash` found no fault."""
    if other := read_other(stored_hash):
        return matches_other(other, password)
    return check_password_hash(respelled(stored_hash), password)


def clock_of(method: Method) -> Callable[[], float]:
    """Return the clock that measures a hash: the CPU time of this thread, which other threads do
    not disturb. It does not see the lanes of Argon2, so there it is the time of day."""
    return time.thread_time if method.lanes == 1 else time.perf_counter


def is_costlier(method: Method, target: Method) -> bool:
    """Return whether a check of this method costs more than one of the target, beyond the noise."""
    if method.kind == target.kind:
        return method.work > target.work + target.work // TOLERANCE
    seconds = []
    for one in (method, target):  # The works of two kinds have no common unit: measure a part.
        clock = clock_of(one)
        started_at = clock()
        spend_work(one, one.work // _MEASURED_PART, "password")
        seconds.append(clock() - started_at)
    return seconds[0] > seconds[1] * (1 + 1 / TOLERANCE)


def pad(method: Method, seconds: float, target: Method, password: str) -> int:
    """Continue hashing, after a hash that took this many seconds, up to the target's cost.

    Return the work that was missing. It is negative if the first hash cost more than the target.
    """
    if method.kind == target.kind:
        missing = target.work - method.work
        spend_work(target, missing, password)
        return missing
    # The works of two kinds have no common unit, so measure a part of the target. The part is also
    # part of the padding: measuring at startup would slow down the first login of a worker.
    clock = clock_of(target)
    started_at = clock()
    spend_work(target, target.work // _MEASURED_PART, password)
    whole = max(clock() - started_at, 1e-9) * _MEASURED_PART
    for _ in range(_MOST_RUNS):  # A small run may take less time than its work says.
        left = whole - seconds - (clock() - started_at)
        if left < whole * _NEGLIGIBLE:
            break
        spend_work(target, round(target.work * left / whole), password)
    return round(target.work * (1 - seconds / whole))


def spend_work(target: Method, work: int, password: str) -> None:
    """Spend the time of this much work of the target's kind."""
    for method in target.runs(work) if work > 0 else ():
        spend(method, password)


def spend(method: str, password: str) -> None:
    """Spend the time of one check. It never succeeds, because no hash equals "never"."""
    if method.startswith(("bcrypt:", "argon2")):
        spend_other(method, password)
    else:
        check_password_hash(f"{method}$salt$never", password)
