"""The cache of verified credentials. The parts of a token that never change are checked once."""

from collections import OrderedDict
from collections.abc import Hashable
from typing import Any

from .identity import Identity
from .readiness import readiness
from .trust.verifier import Verdict, VerificationCounts, Verifier


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


class CachedVerification:
    """A verifier with the caches of its verdicts: the part of a middleware that knows no request.

    Bound tokens have a cache of their own, where nothing finds them that does not check their proof
    (`trust.binding`). Both caches end with their verifier.
    """

    def __init__(self, verifier: Verifier, cache_size: int, max_token_bytes: int) -> None:
        self.max_token_bytes = max_token_bytes
        self.counts = VerificationCounts()  # for metrics
        self._cache_size = cache_size
        self.replace_verifier(verifier)

    def replace_verifier(self, verifier: Verifier) -> None:
        """Use another verifier from now on, and drop the verdicts of the former one."""
        self.verifier = verifier
        self._cache = VerdictCache(self._cache_size)
        self.bound_verdicts = VerdictCache(self._cache_size)

    def ready(self) -> dict[str, Any]:
        """Return whether tokens can be verified now, for a readiness probe, as JSON has it:

            {"ready": true,
             "keys": [{"issuer": "https://idp.example/", "ready": true, "age": 41.2}],
             "revocations": {"ready": true, "age": 0.4, "size": 12}}

        `revocations` is None without a list. Ages are seconds, or None for keys that never change
        and before the first read. An issuer with tenants of its own also has `tenants`: `asked`,
        `usable` and `unusable`. It waits for keys and revocations as a request would, so a view
        without a rule may call it.
        """
        return readiness(self.verifier)

    def keep(self, key: Hashable, verdict: Verdict) -> None:
        """Cache the verdict on credentials whose token is not bound."""
        self._cache.add(key, verdict)

    def _confirm_or_verify(self, key: Hashable, token: str) -> Identity:
        """Return the caller of a token, from the cache if it has the key."""
        verdict = self._cache.get(key)
        if verdict is not None and verdict.is_current():
            self.counts.cached += 1
            return self.verifier.confirm(verdict)
        return self._verify(key, token)

    def _verify(self, key: Hashable, token: str) -> Identity:
        self.counts.verified += 1
        verdict = self.verifier.verify(token)
        caller = self.verifier.confirm(verdict)
        self._cache.add(key, verdict)
        return caller
