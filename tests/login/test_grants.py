"""What `POST /token` and `POST /revoke` do, without a request: fields and an address in, fields
out."""

from typing import Any

import pytest

from jwt_middleware import StoreUnavailable
from jwt_middleware.login import Throttle, TokenMinter
from jwt_middleware.login.errors import ForeignSession, LoginError
from jwt_middleware.login.grants import Grants
from jwt_middleware.login.requester import Peer
from jwt_middleware.login.sessions import Sessions
from jwt_middleware.stores import MemoryStore, User
from tests.kit.inside import counts_of
from tests.kit.passwords import CHEAP

HOME = Peer("192.0.2.1", "192.0.2.1")
ADA = {"username": "ada", "password": "lovelace"}


def grants_on(
    store: MemoryStore, issuer: str = "https://login.example", users: Any = None
) -> Grants:
    """The grants of one issuer on a store."""
    minter = TokenMinter.from_secret("s" * 32, issuer=issuer, audience="api")
    sessions = Sessions(store, reuse_grace=30, idle_timeout=60, session_lifetime=60, issuer=issuer)
    return Grants(store, users or store, minter, sessions, Throttle())


@pytest.fixture
def store() -> MemoryStore:
    """A store with ada in it."""
    store = MemoryStore(password_method=CHEAP)
    store.add_user("ada", "lovelace")
    return store


def test_fields_in_and_out(store: MemoryStore) -> None:
    """A login, a refresh and a logout."""
    grants = grants_on(store)
    first = grants.grant(ADA, HOME)
    fields = {"grant_type": "refresh_token", "refresh_token": first["refresh_token"]}
    second = grants.grant(fields, HOME)
    assert second.keys() == first.keys()
    grants.revoke([second["token"]], HOME)
    with pytest.raises(LoginError) as refused:
        grants.grant({**fields, "refresh_token": second["refresh_token"]}, HOME)
    assert (refused.value.status, refused.value.code) == (400, "invalid_grant")


def test_a_token_of_another_issuer(store: MemoryStore) -> None:
    """It is refused in the same words, and nothing ends."""
    token = grants_on(store).grant(ADA, HOME)["refresh_token"]
    fields = {"grant_type": "refresh_token", "refresh_token": token}
    with pytest.raises(ForeignSession, match="The session has ended"):
        grants_on(store, "https://other.example").grant(fields, HOME)
    assert grants_on(store).grant(fields, HOME)["refresh_token"] != token


@pytest.mark.parametrize("fault", ["authenticate", "get", "add_session"])
def test_nothing_is_left_of_a_login_that_fails(fault: str, store: MemoryStore) -> None:
    """After a 503 no session is there, and no attempt is counted; that the address is known is, if
    the password was right."""

    class Failing(MemoryStore):
        def __getattribute__(self, name: str) -> Any:
            if name == fault:
                raise StoreUnavailable("on a Monday")
            return super().__getattribute__(name)

    failing = Failing(password_method=CHEAP)
    failing.add_user("ada", "lovelace")
    grants = grants_on(failing)
    for _ in range(20):
        with pytest.raises(StoreUnavailable):
            grants.grant(ADA, HOME)
    counted = [count for count, _ in counts_of(failing).values() if count]
    assert counted == ([] if fault == "authenticate" else [20])
    # inside: how much is held in memory is no answer of any call
    assert failing._sessions == {}


@pytest.mark.parametrize("user_id", [True, None, 1.5, b"1", [1]])
def test_an_id_that_is_none(user_id: Any, store: MemoryStore) -> None:
    """A user whose id is neither an integer nor a string is a fault of the table, not a token."""

    class Table:
        def authenticate(self, username: str, password: str) -> User:
            return User(user_id, username, version=1)

        def get(self, user_id: str) -> User:
            return User(user_id, "ada", version=1)

    with pytest.raises(StoreUnavailable, match="cannot mint a token for a user"):
        grants_on(store, users=Table()).grant(ADA, HOME)
    # inside: how much is held in memory is no answer of any call
    assert store._sessions == {}
