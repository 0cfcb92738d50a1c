"""How many passwords a process hashes at once, so that logins do not starve the app.

A hash takes a core and 128 MiB for about 0.4 s. A flood of logins must hold neither all the memory
nor all the threads of a worker: two hashes run, two checks wait, and the next one is refused.
"""

import os
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

from ..errors import StoreUnavailable

MAX_CONCURRENT_HASHES = 2
"""Hashes at once in a process."""

MAX_WAITING_CHECKS = 2
"""Checks that wait for a slot."""

_SLOT_TIMEOUT = 2  # seconds: every call to a store ends within them


class _HashingSlots:
    """Who may hash now, first come, first served."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._hashing = 0
        self._queue: deque[object] = deque()

    def enter(self, max_waiting: float) -> None:
        """Take a slot, or wait for one; `StoreUnavailable` if too many wait already."""
        ticket = object()
        with self._changed:
            is_busy = self._hashing >= MAX_CONCURRENT_HASHES or self._queue
            if is_busy and len(self._queue) >= max_waiting:
                raise _busy()
            self._queue.append(ticket)
            try:
                if not self._changed.wait_for(lambda: self._is_next(ticket), _SLOT_TIMEOUT):
                    raise _busy()
                self._hashing += 1
            finally:
                self._queue.remove(ticket)
                self._changed.notify_all()

    def leave(self) -> None:
        """Give the slot back."""
        with self._changed:
            self._hashing -= 1
            self._changed.notify_all()

    def _is_next(self, ticket: object) -> bool:
        return self._hashing < MAX_CONCURRENT_HASHES and self._queue[0] is ticket


def _busy() -> StoreUnavailable:
    return StoreUnavailable("too many passwords are being checked at once")


@contextmanager
def hashing_slot(*, max_waiting: float = float("inf")) -> Iterator[None]:
    """Hold one of the two slots while a password is hashed.

    `StoreUnavailable` at once if `max_waiting` others wait already, after 2 s if none gets free,
    and if memory is short.
    """
    slots = _slots  # a fork replaces them: leave the object that was entered
    slots.enter(max_waiting)
    try:
        yield
    except (MemoryError, ValueError) as error:  # hashlib reports a failed malloc as ValueError
        raise StoreUnavailable("no password can be hashed now: memory is short") from error
    finally:
        slots.leave()


def _renew_slots() -> None:
    global _slots
    _slots = _HashingSlots()


_slots: _HashingSlots
_renew_slots()
if hasattr(os, "register_at_fork"):  # threads that held a slot do not exist in the child
    os.register_at_fork(after_in_child=_renew_slots)
