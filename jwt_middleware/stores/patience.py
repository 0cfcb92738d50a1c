"""Bounds how long one request waits for stores that do not answer.

Each call to a store gives up after about two seconds. But a request makes several calls, and it
cleans up after the one that fails: it gives back an attempt, or ends the session that it began. So
it would wait for a frozen server once for each call. Within `one_patience` it waits in vain once:
after that, each further call fails at once.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from ..errors import StoreUnavailable


class _Patience:
    """How long the calls of one request have waited. `began` is a time of `time.monotonic`."""

    __slots__ = ("began", "is_over")

    def __init__(self) -> None:
        self.began = time.monotonic()
        self.is_over = False


_patience: ContextVar[_Patience | None] = ContextVar("jwt_middleware_patience", default=None)


@contextmanager
def one_patience() -> Iterator[None]:
    """Let the calls of the block wait in vain once for stores that do not answer."""
    before = _patience.get()
    _patience.set(_Patience())
    try:
        yield
    finally:
        _patience.set(before)


@contextmanager
def waiting(seconds: float) -> Iterator[None]:
    """Make one call to a store, which gives up after about `seconds`.

    Raise `StoreUnavailable` at once if an earlier call of the request has waited in vain.
    """
    patience = _patience.get()
    if patience is None:  # The call is a request of its own.
        with one_patience():
            yield
        return
    if patience.is_over:
        raise StoreUnavailable(
            "the store does not answer", detail="an earlier call of the request has waited in vain"
        )
    began = time.monotonic()
    try:
        yield
    except StoreUnavailable:
        # An error that comes at once, such as a refused connection, costs no time. The next call
        # may succeed: an attempt is given back.
        if time.monotonic() - began > seconds / 2:
            patience.is_over = True
        raise


def waiting_since() -> float:
    """Return when the present request began, or a call that is not part of one, as a time of
    `time.monotonic`."""
    patience = _patience.get()
    return time.monotonic() if patience is None else patience.began
