"""`Snapshot`: the keys that a `RemoteKeySet` knows at one moment."""

import math
import time
from collections.abc import Sequence

from .._frozen import Frozen
from ..errors import Unavailable
from .keys import Key, KeySet


class Snapshot(Frozen):
    """The known keys at one moment. Times are those of `time.monotonic`, which a forked child
    shares.

    `generation` is the digest of the document. After a failure, no fetch starts before
    `next_fetch_at`.
    """

    __slots__ = (
        "fetched_at",
        "fresh_until",
        "generation",
        "has_failed",
        "keys",
        "next_fetch_at",
        "refresh_after",
    )
    keys: KeySet | None
    generation: bytes
    fresh_until: float
    refresh_after: float
    next_fetch_at: float
    has_failed: bool
    fetched_at: float | None

    def __init__(
        self,
        keys: KeySet | None = None,
        generation: bytes = b"",
        *,
        fresh_until: float = -math.inf,
        refresh_after: float = -math.inf,
        next_fetch_at: float = 0,
        has_failed: bool = False,
        fetched_at: float | None = None,
    ) -> None:
        super().__init__(
            fetched_at, fresh_until, generation, has_failed, keys, next_fetch_at, refresh_after
        )

    def find(self, kid: str | None) -> Sequence[Key]:
        """Return the keys that may verify a token with this `kid`; none while none are known."""
        return self.keys.find(kid) if self.keys else ()

    def after_failure(self, pause: float, *, stale_for: float) -> "Snapshot":
        """Return the snapshot after a failed fetch: the same keys, and no fetch within `pause`
        seconds. The keys may be used for `stale_for` seconds beyond their freshness."""
        next_fetch_at = time.monotonic() + pause
        return Snapshot(
            self.keys,
            self.generation,
            fresh_until=self.fresh_until,
            refresh_after=min(next_fetch_at, self.fresh_until + stale_for),
            next_fetch_at=next_fetch_at,
            has_failed=True,
            fetched_at=self.fetched_at,
        )

    def unavailable(self) -> Unavailable:
        """Return the refusal of a request that needs keys, with the seconds to wait."""
        wait = math.ceil(self.next_fetch_at - time.monotonic())
        return Unavailable("keys_unavailable", retry_after=max(1, wait))
