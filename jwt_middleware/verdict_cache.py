"""The cache of verified credentials: what never changes of a token is checked once."""

from collections import OrderedDict
from collections.abc import Hashable

from .trust.verifier import Verdict


class VerdictCache(OrderedDict[Hashable, Verdict]):
    """The verdicts on the credentials that came last, at most `size`; with 0 none is cached.

    Its keys are credentials as they came. A dict, so that a look-up is one call: that is what most
    requests cost here.
    """

    def __init__(self, size: int) -> None:
        super().__init__()
        self._size = size

    def add(self, key: Hashable, verdict: Verdict) -> None:
        """Cache a verdict. The oldest goes first."""
        if not self._size:
            return
        self[key] = verdict
        if len(self) > self._size:
            try:
                self.popitem(last=False)
            except KeyError:  # other threads evict too; each of these calls is atomic
                return
