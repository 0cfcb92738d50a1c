"""The requester of a grant. Grants know no environ, so they learn nothing else of a request."""

from dataclasses import dataclass
from typing import Any

from .client_keys import ClientKey

__all__ = [
    "Peer",
    "Requester",
]


@dataclass(frozen=True, slots=True)
class Peer:
    """The source of a request. A part is None if it is unknown.

    - `address`: the address that the audit log shows.
    - `counted_as`: the address that the throttle counts.
    """

    address: str | None
    counted_as: str | None


@dataclass(frozen=True, slots=True)
class Requester:
    """The caller who asks for a grant: its address, the longest token it can hold, and its key."""

    peer: Peer
    max_token_bytes: int | None = None
    key: ClientKey | None = None

    @property
    def thumbprint(self) -> str | None:
        """The thumbprint of the key (RFC 7638), or None without a key."""
        return None if self.key is None else self.key.thumbprint

    @property
    def confirmation(self) -> dict[str, Any]:
        """The claim that binds an access token to the key (RFC 9449 section 6.1)."""
        return {} if self.key is None else {"cnf": {"jkt": self.key.thumbprint}}

    def use_proof(self) -> None:
        """Use the proof of the key up, or raise `LoginError`."""
        if self.key is not None:
            self.key.use()
