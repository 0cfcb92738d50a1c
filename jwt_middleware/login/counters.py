"""The counters of failed logins of one user table.

Login apps of several issuers may have the same users. A password that is guessed at one of them
works at all of them. So a count belongs to the user table, not to the issuer. Otherwise two login
apps would give an attacker twice the guesses. Users of different tables may have the same names, so
failures at one table do not count at another.
"""

import hashlib
import threading
import weakref
from typing import cast

from ..stores.base import Counters, Store

__all__ = [
    "TableCounters",
    "counters_of",
]

_OF_THE_STORE = "users of this store"
"""The name for the users of a bundled store. It differs from every issuer's name, which is hashed
with a leading NUL."""


class TableCounters:
    """The counters of one user table in a store; see `stores.base.Counters`."""

    def __init__(self, counters: Counters, table: str) -> None:
        self._counters = counters
        self._prefix = hashlib.sha256(table.encode("utf-8", "surrogatepass")).hexdigest()[:16]

    def increment(self, key: str, seconds: int, amount: int = 1) -> int:
        """Add to a count of this user table; see `Counters.increment`."""
        return self._counters.increment(f"{self._prefix}/{key}", seconds, amount)

    def count(self, key: str) -> tuple[int, float]:
        """Return a count of this user table; see `Counters.count`."""
        return self._counters.count(f"{self._prefix}/{key}")


def counters_of(store: Store, users: object, issuer: str) -> TableCounters:
    """Return the counters of the users of a login app.

    Login apps share counters if they share a store and its own users, also in different processes.
    With an owner's user table, they share counters if they have the same `users` object. It is
    unknown whether two objects are one table, so then each issuer has its own counters.
    """
    if users is cast(object, store):
        return TableCounters(store, _OF_THE_STORE)
    return TableCounters(store, f"\0{_first_issuer_of(users, issuer)}")


def _first_issuer_of(users: object, issuer: str) -> str:
    """Return the issuer of the first login app that has these users.

    Every worker of an app builds its login apps in the same order, so all workers agree.
    """
    with _lock:
        _user_tables[:] = [(table, first) for table, first in _user_tables if table() is not None]
        for table, first in _user_tables:
            if table() is users:
                return first
        try:
            _user_tables.append((weakref.ref(users), issuer))
        except TypeError:  # an object with slots, which does not allow weak references
            return issuer
    return issuer


_user_tables: list[tuple["weakref.ref[object]", str]] = []
"""Own user tables of this process, each with the issuer of its first login app. Compared by
identity: an owner's class may define equality in any way."""

_lock = threading.Lock()
