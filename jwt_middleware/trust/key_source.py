"""`KeySource`: what a `Provider` needs of its keys."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from .keys import Key


class KeySource(Protocol):
    """The protocol of a `Provider`'s keys: a `KeySet`, or a source that changes. If it also has a
    method `recheck()`, that is called after a bad signature, and must return without waiting."""

    @property
    def generation(self) -> object:
        """A value that differs after each change of the keys. Raises `Unavailable` if no key can be
        reached."""

    def find(self, kid: str | None) -> "Sequence[Key]":
        """Return the keys that may verify a token with this `kid`. Raise `Unavailable` if no key
        can be reached."""
