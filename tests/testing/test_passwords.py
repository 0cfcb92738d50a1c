"""`cheap_passwords`: tests hash cheaply, and no strong hash becomes a weak one."""

import pytest

from jwt_middleware import ConfigurationError
from jwt_middleware.stores import MemoryStore, PasswordHasher, SQLStore
from jwt_middleware.testing import cheap_passwords
from jwt_middleware.testing.passwords import CHEAP

STRONG = "scrypt:2048:8:1"


def method(store: MemoryStore | SQLStore, username: str = "ada") -> str:
    """How the password of a user is hashed."""
    # inside: the row of a user and the hash in it are shown by no call
    row = store._find(username)
    assert row is not None
    return row.password_hash.partition("$")[0]


@pytest.fixture(params=["memory", "sqlite"])
def store(request: pytest.FixtureRequest, sqlite_url: str) -> MemoryStore | SQLStore:
    """A store with strong passwords, as the module of an app makes it."""
    return {"memory": MemoryStore, "sqlite": lambda **how: SQLStore(sqlite_url, **how)}[
        request.param
    ](password_method=STRONG)


def test_new_passwords_are_cheap(store: MemoryStore | SQLStore) -> None:
    """Those of users that are added and those that are set; people sign in with both, and with no
    other."""
    store.add_user("bob", "his password")
    with cheap_passwords(store):
        store.add_user("ada", "analytical engine")
        store.set_password("bob", "his new one")
        assert (method(store), method(store, "bob")) == (CHEAP, CHEAP)
        assert store.authenticate("ada", "analytical engine")
        assert store.authenticate("bob", "his new one")
        assert not store.authenticate("ada", "wrong")


def test_a_strong_hash_stays_strong(store: MemoryStore | SQLStore) -> None:
    """Whoever signs in meanwhile keeps the hash he has: a test may have opened any database."""
    store.add_user("ada", "analytical engine")
    with cheap_passwords(store):
        assert store.authenticate("ada", "analytical engine")
        assert method(store) == STRONG


def test_afterwards_all_is_as_before(store: MemoryStore | SQLStore) -> None:
    """New hashes are strong again, one that was left behind is renewed, and a failing test changes
    nothing of that."""
    usual = store.replace_hasher(PasswordHasher(STRONG))
    store.replace_hasher(usual)
    with cheap_passwords(store):
        store.add_user("ada", "analytical engine")
    with pytest.raises(ConfigurationError), cheap_passwords(store):
        store.add_user("ada", "there already")
    assert store.replace_hasher(usual) is usual
    assert store.authenticate("ada", "analytical engine")
    assert method(store) == STRONG


def test_the_store_of_the_fixture_is_cheap(jwt_store: MemoryStore) -> None:
    """It is a store as any other, with hashes of a millisecond."""
    jwt_store.add_user("ada", "analytical engine")
    assert method(jwt_store) == CHEAP
