"""The cache of verified credentials. The parts of a token that never change are checked once."""

from collections import OrderedDict
from collections.abc import Hashable

from .trust.verifier import Verdict


class VerdictCache(OrderedDict[Hashable, Verdict]):
    """The verdicts on the latest credentials, at most `size`; with 0, none is cached.

    Its keys are credentials as the client sent them. It is a dict, so that a look-up is one call.
    For most requests this is the only cost here.
    """

    def __init__(self, size: int) -> None:
        super().__init__()
        self._size = size

    def add(self, key: Hashable, verdict: Verdict) -> None:
        """Cache a verdict, and drop the oldest if the cache is full."""
        if not self._size:
            return
        self[key] = verdict
        if len(self) > self._size:
            try:
                self.popitem(last=False)
            except KeyError:  # another thread emptied the cache; each of these calls is atomic
                return
