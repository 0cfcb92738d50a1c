"""Names in databases: those of an earlier version, in which spellings could be different users."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.security import generate_password_hash

from jwt_middleware.stores import NameTaken, SQLStore
from jwt_middleware.stores.users import fold_name
from tests.kit.inside import database_of
from tests.kit.passwords import CHEAP

NAMES = ["Ann", "ann", "ANN ", "bob", "\u3000bob", "\u00e9ve", "eve", "x" * 255]


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest) -> str:
    """The URL of a new database on either engine."""
    return request.getfixturevalue(f"{request.param}_url")


@pytest.fixture
def old_url(url: str) -> str:
    """A database of version 1 with users whose passwords are their names."""
    store = SQLStore(url, password_method=CHEAP)
    store.ping()
    with database_of(store).transaction(write=True) as connection:
        connection.execute(sa.text("DROP INDEX ix_jwt_middleware_user_name_key"))
        connection.execute(sa.text("ALTER TABLE jwt_middleware_user DROP COLUMN name_key"))
        connection.execute(sa.text("DROP TABLE jwt_middleware_setting"))
        connection.execute(sa.text("UPDATE jwt_middleware_schema SET version = 1"))
        insert = sa.text(
            "INSERT INTO jwt_middleware_user "
            "(username, password_hash, scopes, claims, disabled, version) "
            "VALUES (:name, :hash, '', '{}', :no, 0)"
        )
        for name in NAMES:
            stored = generate_password_hash(name, CHEAP)
            connection.execute(insert, {"name": name, "hash": stored, "no": False})
    store.close()
    return url


@pytest.fixture
def old(old_url: str) -> Iterator[SQLStore]:
    """A store of today on that database."""
    store = SQLStore(old_url, password_method=CHEAP)
    yield store
    store.close()


@pytest.mark.parametrize("name", NAMES, ids=ascii)
def test_everybody_still_logs_in(old: SQLStore, name: str) -> None:
    """The exact name comes first, so users whose names collide keep their own accounts."""
    found = old.authenticate(name, name)
    assert found is not None
    assert (found.id, found.username) == (NAMES.index(name) + 1, name)


@pytest.mark.parametrize(
    ("typed", "user"),
    {"aNN": "Ann", "ann ": "Ann", "BOB": "bob", "\u00c9VE": "\u00e9ve", "EVE": "eve"}.items(),
    ids=ascii,
)
def test_another_spelling_is_the_oldest_user(old: SQLStore, typed: str, user: str) -> None:
    """What is nobody's exact name finds the user who had a spelling of it first, and no other."""
    assert old.authenticate(typed, user) == old.authenticate(user, user) is not None
    for other in NAMES:
        if other != user:
            assert old.authenticate(typed, other) is None


def test_a_change_is_for_the_exact_name(old: SQLStore) -> None:
    """A password, scopes or an end that are for one of colliding names leave the others alone."""
    old.set_password("ann", "new")
    old.set_scopes("ANN ", ("read",))
    assert old.authenticate("Ann", "Ann")
    assert old.authenticate("ann", "new")
    assert old.authenticate("ANN ", "ANN ").scopes == ("read",)  # type: ignore[union-attr]
    old.remove_user("Ann")
    assert old.authenticate("Ann", "Ann") is None
    assert old.authenticate("ann", "new")


def test_no_new_collision(old: SQLStore) -> None:
    """From now on a spelling of a name that somebody has is taken."""
    for name in [*NAMES, "aNn", " BOB "]:
        with pytest.raises(NameTaken):
            old.add_user(name, "x")
    assert old.add_user("dan", "x").username == "dan"


@pytest.mark.usefixtures("patient")
def test_workers_that_upgrade_at_once(old_url: str) -> None:
    """Eight stores that find version 1 at the same moment all succeed."""
    stores = [SQLStore(old_url, password_method=CHEAP) for _ in range(8)]
    with ThreadPoolExecutor(8) as threads:
        found: list[Any] = list(threads.map(lambda store: store.get("2"), stores))
    assert [user.username for user in found] == ["ann"] * 8
    for store in stores:
        store.close()


@pytest.mark.usefixtures("patient")
def test_one_of_many_spellings_gets_a_name(url: str) -> None:
    """When workers add spellings of one name at once, one of them succeeds."""
    stores = [SQLStore(url, password_method=CHEAP) for _ in range(4)]
    stores[0].ping()

    def add(store: SQLStore, name: str) -> bool:
        try:
            return store.add_user(name, "x") is not None
        except NameTaken:
            return False

    with ThreadPoolExecutor(4) as threads:
        assert sum(threads.map(add, stores, ["ann", "Ann", "ANN", "\uff41nn"])) == 1
    for store in stores:
        store.close()


@given(name=st.text())
def test_folding_is_final(name: str) -> None:
    """A folded name folds to itself, and blanks around a name make no difference."""
    folded = fold_name(name)
    assert fold_name(folded) == folded
    assert fold_name(f"\u3000{name} ") == folded
