"""Stores what counts once, in the counters that all workers share."""

import logging
import time
from typing import Protocol

from ..errors import StoreUnavailable, Unavailable

_log = logging.getLogger("jwt_middleware")

_LOG_EVERY = 10.0  # seconds, so that an outage does not fill the log


class Counters(Protocol):
    """The two methods of a store that are needed here: see `stores.base.Counters`."""

    def increment(self, key: str, seconds: int, amount: int = 1) -> int:
        """Add to a count atomically and return the new count."""
        ...

    def count(self, key: str) -> tuple[int, float]:
        """Return a count and the time when it expires."""
        ...


class Replays:
    """The counters of a store, as what counts once needs them.

    A store that does not answer raises `Unavailable("replays_unavailable")`. Without it, nobody
    knows whether a proof is used for the first time.
    """

    def __init__(self, counters: Counters) -> None:
        self._counters = counters
        self._logged_at = float("-inf")

    def record(self, key: str, seconds: int) -> bool:
        """Record a key for these seconds. Return whether it is new."""
        try:
            count = self._counters.increment(key, seconds)
            if type(count) is not int or count < 1:
                raise StoreUnavailable("increment must return a count of at least 1")
        except Exception as error:  # an owner's store may raise anything
            raise self._unavailable(error) from None
        return count == 1

    def has(self, key: str) -> bool:
        """Return whether a key is recorded."""
        try:
            return self._counters.count(key)[0] > 0
        except Exception as error:
            raise self._unavailable(error) from None

    def _unavailable(self, error: Exception) -> Unavailable:
        now = time.monotonic()
        if now - self._logged_at >= _LOG_EVERY:
            self._logged_at = now
            cause = error.cause if isinstance(error, StoreUnavailable) else type(error).__name__
            _log.warning("the store of used DPoP proofs does not answer: %s", cause)
        return Unavailable("replays_unavailable")
