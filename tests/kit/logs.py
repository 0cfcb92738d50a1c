"""A log of revocations in a list: what a store's log must do, and the faults that a store can
have."""

import threading
from collections.abc import Iterable

from jwt_middleware import StoreUnavailable
from jwt_middleware.trust.revocation import Revocation, RevocationPage, revocation_keys
from tests.kit.waiting import PATIENCE


class ListLog:
    """A `RevocationLog` that can be forgotten (another epoch), broken, or slow; it counts its
    reads."""

    def __init__(self) -> None:
        self.entries: list[Revocation] = []
        self.epoch = 0
        self.reads = 0
        self.fault: Exception | None = None
        self.gate = threading.Event()  # a read waits until it is set
        self.gate.set()
        self.is_entered = threading.Event()

    def revoke(
        self, issuer: str, *, jti: str | None = None, sid: str | None = None, expires_at: float
    ) -> None:
        """Append the keys of a token or a session."""
        self.entries += [Revocation(key, expires_at) for key in revocation_keys(issuer, jti, sid)]

    def forget(self, entries: Iterable[Revocation] = ()) -> None:
        """Start a new epoch with these entries: cursors of the old one are unknown."""
        self.entries, self.epoch = list(entries), self.epoch + 1

    def read_revocations(self, cursor: object | None) -> RevocationPage:
        """The entries after the cursor, or all of them."""
        self.reads += 1
        self.is_entered.set()
        if not self.gate.wait(PATIENCE):
            raise StoreUnavailable("the gate was never opened")
        if self.fault:
            raise self.fault
        is_known = isinstance(cursor, tuple) and cursor[0] == self.epoch
        start = cursor[1] if isinstance(cursor, tuple) and is_known else 0
        return RevocationPage((self.epoch, len(self.entries)), self.entries[start:])
