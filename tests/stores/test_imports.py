"""Users of another program are imported with their hashes, all or none, on every engine."""

import logging
import tracemalloc
from collections.abc import Iterator
from contextlib import closing

import pytest

from jwt_middleware.errors import ConfigurationError
from jwt_middleware.stores import (
    HashedUser,
    ImportRefused,
    MemoryStore,
    SQLStore,
    User,
    passwords,
)
from jwt_middleware.stores.passwords import PasswordHasher
from tests.kit.passwords import CHEAP

from .test_other_hashes import HASHES, PASSWORD, UNKNOWN, bcrypt_hash, django_pbkdf2

Store = MemoryStore | SQLStore
HASH = django_pbkdf2()


def test_users_are_imported(store: Store) -> None:
    """Each logs in with the old password, with its scopes and claims, and has an id of its own."""
    users = [HashedUser(name, stored, ["read"], {"n": 1}) for name, stored in HASHES.items()]
    assert store.import_users(users) == len(HASHES)
    for name in ("bcrypt 2b", "argon2id", "django scrypt"):
        user = store.authenticate(name, PASSWORD)
        assert user == User((user and user.id) or 0, name, ("read",), {"n": 1})
        assert store.authenticate(name, "wrong") is None
    ids = {user.id for user in store.users()}
    assert len(ids) == len(HASHES)
    assert store.add_user("new", PASSWORD).id not in ids


FAULTS = {
    "taken": (HashedUser("ANN ", HASH), "there is a user named 'ANN ' already"),
    "twice": (HashedUser("Bob", HASH), "there is a user named 'Bob' already"),
    "no name": (HashedUser("", HASH), "username must be 1 to 255 characters"),
    "control": (HashedUser("a\nb", HASH), "username must be 1 to 255 characters"),
    "no hash": (HashedUser("eve", ""), "the hash of 'eve' cannot be used: it has an unknown form"),
    "plain": (HashedUser("eve", "hunter2"), "cannot be used: it has an unknown form"),
    "other": (HashedUser("eve", UNKNOWN["SHA-512 crypt"]), "SHA-512 crypt"),
    "damaged": (HashedUser("eve", HASH[:-3]), "cannot be used: it is damaged"),
    "scope": (HashedUser("eve", HASH, ["a b"]), "each of scopes must be printable ASCII"),
    "claims": (HashedUser("eve", HASH, (), {"x": {1}}), "claims must be a dict"),  # type: ignore[dict-item]
    "none": (HashedUser("eve", None), "cannot be used: it is missing"),  # type: ignore[arg-type]
}


@pytest.mark.parametrize(("user", "fault"), FAULTS.values(), ids=FAULTS)
def test_one_cannot_be_stored(store: Store, user: HashedUser, fault: str) -> None:
    """Then nobody is imported, and the error says which it is and why, without its hash."""
    store.add_user("ann", PASSWORD)
    before = store.users()
    with pytest.raises(ImportRefused) as caught:
        store.import_users([HashedUser("bob", HASH), user, HashedUser("zoe", HASH)])
    assert list(caught.value.faults) == [1]
    assert fault in caught.value.faults[1]
    assert isinstance(caught.value, ConfigurationError)
    assert "hunter2" not in str(caught.value)
    assert store.users() == before


def test_every_fault_is_told(store: Store) -> None:
    """All faults are told at once, also those of later batches, by their numbers."""
    users = [HashedUser(f"user {number}", HASH) for number in range(1000)]
    for number in (3, 405, 999):
        users[number] = HashedUser("user 0", HASH)
    with pytest.raises(ImportRefused) as caught:
        store.import_users(users)
    assert list(caught.value.faults) == [3, 405, 999]
    assert store.users() == []


def test_what_is_no_user(store: Store) -> None:
    """Another type is told, and nothing is imported."""
    with pytest.raises(ImportRefused, match="users must be of HashedUser, got tuple"):
        store.import_users([("ann", HASH)])  # type: ignore[list-item]


def test_nobody(store: Store) -> None:
    """An import of nobody changes nothing."""
    assert store.import_users([]) == 0
    assert store.users() == []


def test_the_source_fails(store: Store) -> None:
    """When reading the users fails half-way, the error comes out as it is, and nobody is
    imported."""

    def users() -> Iterator[HashedUser]:
        for number in range(900):
            yield HashedUser(f"user {number}", HASH)
        raise RuntimeError("on a Monday")

    with pytest.raises(RuntimeError, match="on a Monday"):
        store.import_users(users())
    assert store.users() == []


def test_unknown_names_cost_as_much(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    """A worker's first login already knows the costliest method that was ever imported, wherever
    those users are."""
    store.import_users([HashedUser("ann", bcrypt_hash(cost=8))])
    store.import_users([HashedUser("bob", HASH)])
    caplog.clear()
    store.replace_hasher(PasswordHasher(CHEAP))  # as a worker has it at its start
    # inside: warns once in a process, and has to warn anew here
    passwords._warn_costlier.cache_clear()
    assert store.authenticate("nobody", "wrong") is None
    warned = [one.getMessage() for one in caplog.records if one.levelno == logging.WARNING]
    assert len(warned) == 1
    # inside: what an unknown name costs is seen nowhere else
    assert store._hasher._unknown.costliest.text == "bcrypt:8"  # type: ignore[union-attr]


def test_many_users(sqlite_url: str) -> None:
    """Five thousand users are read one after the other: memory does not grow with them."""
    with closing(SQLStore(sqlite_url, password_method=CHEAP)) as store:
        store.import_users([HashedUser("first", HASH)])
        tracemalloc.start()
        made = store.import_users(HashedUser(f"user {n}", HASH) for n in range(5_000))
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert made == 5_000
        assert peak < 2 * 2**20
