"""Failed logins count for a user table, however many login apps it has."""

from collections.abc import Callable
from typing import Any

import pytest

from jwt_middleware.login.counters import TableCounters, counters_of
from jwt_middleware.stores import MemoryStore, User

CHEAP = "scrypt:1024:1:1"


class Table:
    """An own user table without users."""

    def authenticate(self, username: str, password: str) -> User | None:
        """Return nobody."""
        return None

    def get(self, user_id: str) -> User | None:
        """Return nobody."""
        return None


class EqualTable(Table):
    """A table that is equal to every other one, and has no hash."""

    __hash__ = None  # type: ignore[assignment]

    def __eq__(self, other: object) -> bool:
        return True


class SlottedTable:
    """A table of which there is no weak reference."""

    __slots__ = ()
    authenticate = Table.authenticate
    get = Table.get


def test_one_key_is_a_count_of_each_table() -> None:
    """The key of one table is not that of another, nor the bare key."""
    store = MemoryStore(password_method=CHEAP)
    one, other = (TableCounters(store, name) for name in ("a", "b"))
    assert [one.increment("k", 60), one.increment("k", 60), other.increment("k", 60)] == [1, 2, 1]
    assert (one.count("k")[0], other.count("k")[0], store.count("k")[0]) == (2, 1, 0)


SHARED: dict[str, Callable[[MemoryStore], tuple[Any, Any]]] = {
    "the store's own users": lambda store: (store, store),
    "one object": lambda store: (table := Table(), table),
    "one object without a hash": lambda store: (table := EqualTable(), table),
    "another bundled store": lambda store: (table := MemoryStore(password_method=CHEAP), table),
}
APART: dict[str, Callable[[MemoryStore], tuple[Any, Any]]] = {
    "two objects": lambda store: (Table(), Table()),
    "two objects that are equal": lambda store: (EqualTable(), EqualTable()),
    "the store's users and others": lambda store: (store, Table()),
    "objects with slots": lambda store: (table := SlottedTable(), table),
}


@pytest.mark.parametrize("name", [*SHARED, *APART])
def test_who_shares_counters(name: str) -> None:
    """Two issuers with one user table share its counters; those of two tables do not. Of an object
    that cannot be recognized again, each issuer has counters of its own."""
    store = MemoryStore(password_method=CHEAP)
    tables = (SHARED | APART)[name](store)
    issuers = ("https://a", "https://b")
    one, other = (
        counters_of(store, users, issuer) for users, issuer in zip(tables, issuers, strict=True)
    )
    one.increment("k", 60)
    assert other.count("k")[0] == (1 if name in SHARED else 0)


def test_one_issuer_has_one_count_of_a_table(collect_garbage: Callable[[], object]) -> None:
    """The workers of an app each build its login app: their counters are the same."""
    store = MemoryStore(password_method=CHEAP)
    for made in (lambda: store, Table, SlottedTable):
        key = f"k{made}"
        counters_of(store, made(), "https://a").increment(key, 60)
        collect_garbage()
        assert counters_of(store, made(), "https://a").count(key)[0] == 1


def test_an_issuer_is_never_taken_for_the_store() -> None:
    """No issuer gives an own table the counters of the store's users."""
    store = MemoryStore(password_method=CHEAP)
    counters_of(store, store, "https://a").increment("k", 60)
    for issuer in ("users of this store", "\0users of this store", ""):
        assert counters_of(store, Table(), issuer).count("k")[0] == 0
