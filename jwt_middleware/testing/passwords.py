"""`cheap_passwords`: lets a store hash new passwords in less than a millisecond, for a while."""

from collections.abc import Iterator
from contextlib import contextmanager

from ..stores.passwords import PasswordHasher
from ..stores.users import UserStoreBase

CHEAP = "scrypt:1024:1:1"
"""A hash that takes less than a millisecond, for tests only."""


@contextmanager
def cheap_passwords(store: UserStoreBase) -> Iterator[None]:
    """Let this `SQLStore` or `MemoryStore` make cheap hashes until the end of the block.

    Users that are added and passwords that are set in the block get cheap hashes. Earlier hashes
    keep their strength and their cost. A cheap hash that remains is replaced at the next login
    after the block.
    """
    usual = store.replace_hasher(_CheapHasher(CHEAP))
    try:
        yield
    finally:
        store.replace_hasher(usual)


class _CheapHasher(PasswordHasher):
    def expect(self, stored_methods: object) -> None:
        """Do nothing: a strong hash in the table must not make every failed login of a test
        dear."""

    def needs_rehash(self, stored_hash: str) -> bool:
        """Return False, since a test must not replace strong hashes in its database by cheap
        ones."""
        return False
