"""Limits how many passwords a process hashes at once, so that logins do not starve the app.

A hash uses a core and 128 MiB for about 0.4 s. A flood of logins must not hold all the memory or
all the threads of a worker. So two hashes run, two checks wait, and the next check is refused.
"""

import os
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

from ..errors import StoreUnavailable

MAX_CONCURRENT_HASHES = 2
"""Hashes that run at once in a process: 256 MiB with the default method."""

MAX_WAITING_CHECKS = 2
"""Checks that may wait for a slot. Each one holds a thread of the worker."""

_SLOT_TIMEOUT = 2
"""Seconds to wait for a slot: every call to a store ends within two seconds."""


class _HashingSlots:
    """Gives slots to threads in the order in which they ask."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._hashing = 0
        self._queue: deque[object] = deque()

    def enter(self, max_waiting: float) -> None:
        """Take a slot, or wait for one. Raise `StoreUnavailable` if too many threads wait
        already."""
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

    Raise `StoreUnavailable` at once if `max_waiting` others wait already or if memory is short.
    Raise it after 2 s if no slot becomes free.
    """
    slots = _slots  # A fork replaces the slots: leave the object that this thread entered.
    slots.enter(max_waiting)
    try:
        yield
    except (MemoryError, ValueError) as error:  # hashlib reports a failed malloc as ValueError.
        raise StoreUnavailable("cannot hash a password now: memory is short") from error
    finally:
        slots.leave()


def _replace_slots() -> None:
    global _slots
    _slots = _HashingSlots()


_slots: _HashingSlots
_replace_slots()
if hasattr(os, "register_at_fork"):  # The threads that hold a slot do not exist in the child.
    os.register_at_fork(after_in_child=_replace_slots)
