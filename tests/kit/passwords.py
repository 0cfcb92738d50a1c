"""What hashes of passwords cost in the tests."""

from jwt_middleware.testing.passwords import CHEAP

CHEAP_COST = (1024, 1, 1)
"""The parameters n, r and p of `CHEAP`."""

__all__ = ["CHEAP", "CHEAP_COST"]
