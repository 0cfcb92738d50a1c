"""`cheap_passwords`: a store hashes new passwords in a millisecond, for a while."""

from collections.abc import Iterator
from contextlib import contextmanager

from ..stores.passwords import PasswordHasher
from ..stores.users import UserTable

CHEAP = "scrypt:1024:8:1"
"""A hash of one millisecond: for tests only."""


@contextmanager
def cheap_passwords(store: UserTable) -> Iterator[None]:
    """Let this one `SQLStore` or `MemoryStore` make cheap hashes until the end.

    It makes them for users that are added, and for passwords that are set, meanwhile. A hash that
    is there already stays as strong as it is, and as slow; a cheap one that is left behind is
    renewed when its user next signs in.
    """
    usual = store._hasher
    store._hasher = _CheapHasher(CHEAP)
    try:
        yield
    finally:
        store._hasher = usual


class _CheapHasher(PasswordHasher):
    def needs_rehash(self, stored_hash: str) -> bool:
        """No: a strong hash must not become a cheap one, in whatever database a test may have
        opened."""
        return False
