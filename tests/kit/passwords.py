"""What hashes of passwords cost in the tests."""

import pytest

from jwt_middleware.stores import MemoryStore, SQLStore, passwords
from jwt_middleware.testing.passwords import CHEAP

CHEAP_COST = (1024, 1, 1)
"""The parameters n, r and p of `CHEAP`."""


def make_cheap(patch: pytest.MonkeyPatch) -> None:
    """Let the default be cheap, for tests that are not about the cost: a hash takes 0.4 s
    otherwise."""
    patch.setattr(passwords, "DEFAULT_METHOD", CHEAP)
    patch.setattr(passwords.PasswordHasher.__init__, "__defaults__", (CHEAP,))
    for store in (MemoryStore, SQLStore):
        patch.setitem(store.__init__.__kwdefaults__, "password_method", CHEAP)  # type: ignore[misc]


__all__ = ["CHEAP", "CHEAP_COST", "make_cheap"]
