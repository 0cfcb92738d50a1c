"""The cache of verified tokens where somebody counts what is found in it: metrics."""

from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

from .trust.verifier import Verdict


@dataclass(slots=True)
class CacheCounts:
    """How many tokens were found in a cache (`hits`), and how many were verified (`misses`), good
    ones and others.

    They are counted without a lock. A free-threaded Python may lose a count.
    """

    hits: int = 0
    misses: int = 0


class CountingCache(OrderedDict[str | None, Verdict]):
    """A cache of verdicts that counts what is found in it. A middleware without observers has a
    plain one, which is faster."""

    def __init__(self, counts: CacheCounts) -> None:
        super().__init__()
        self._counts = counts

    def get(self, key: str | None, default: Any = None) -> Any:
        """Return the verdict, or the default."""
        verdict = super().get(key)
        if verdict is None:
            return default
        self._counts.hits += 1
        return verdict
