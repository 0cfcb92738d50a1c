"""What hashes of passwords cost in the tests."""

CHEAP = "scrypt:1024:1:1"
"""A method that is good enough for a test of anything but the cost."""
