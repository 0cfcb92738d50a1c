"""A database whose revocations are logged in Redis knows it: no store logs into the wrong place."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import sqlalchemy as sa

from jwt_middleware.errors import ConfigurationError, StoreUnavailable, Unavailable
from jwt_middleware.stores import RedisLog, Session, SQLStore
from jwt_middleware.trust.revocation import RevocationList
from tests.kit.inside import database_of
from tests.kit.passwords import CHEAP

from .conftest import entries_of, is_revoked, new_session


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest) -> str:
    """The URL of a new database on either engine."""
    return request.getfixturevalue(f"{request.param}_url")


@pytest.fixture
def split(url: str, valkey_store: RedisLog) -> Iterator[SQLStore]:
    """A store whose revocations go to Valkey."""
    store = SQLStore(url, log=valkey_store, password_method=CHEAP)
    yield store
    store.close()


@pytest.fixture
def alone(url: str) -> Iterator[SQLStore]:
    """A store on the same database without a log, as the command line may make one."""
    store = SQLStore(url, password_method=CHEAP)
    yield store
    store.close()


SESSION: Session = new_session("1")
REVOKING: dict[str, Callable[[SQLStore], object]] = {
    "end_session": lambda store: store.end_session(SESSION),
    "end_sessions": lambda store: store.end_sessions("1"),
    "end_sessions of nobody": lambda store: store.end_sessions("nobody"),
    "disable_user": lambda store: store.disable_user("ann"),
    "remove_user": lambda store: store.remove_user("ann"),
    "set_password": lambda store: store.set_password("ann", "other"),
    "revoke": lambda store: store.revoke(token_id="a", expires_at=4e9),
    "read_revocations": lambda store: store.read_revocations(None),
    "ping": lambda store: store.ping(),
}
WRITING: dict[str, Callable[[SQLStore], object]] = {
    "add_user": lambda store: store.add_user("ann", "wonderland"),
    "add_session": lambda store: store.add_session(SESSION),
    "revoke": lambda store: store.revoke(token_id="a", expires_at=4e9),
    "end_sessions": lambda store: store.end_sessions("1"),
}


def rows_in(store: SQLStore, table: str) -> list[Any]:
    with database_of(store).transaction() as connection:
        return list(connection.execute(sa.text(f"SELECT * FROM jwt_middleware_{table}")))


@pytest.mark.parametrize("call", REVOKING.values(), ids=REVOKING)
def test_a_store_without_the_log_revokes_nothing(
    split: SQLStore, alone: SQLStore, call: Callable[[SQLStore], object]
) -> None:
    """What writes or reads revocations is a `ConfigurationError` with the right form, and leaves
    user, session and both logs as they were."""
    ann = split.add_user("ann", "wonderland")
    split.add_session(SESSION)
    with pytest.raises(ConfigurationError, match="log must be given, because") as caught:
        call(alone)
    assert "log=RedisLog(url)" in str(caught.value)
    assert "--log URL" in str(caught.value)
    assert rows_in(split, "revocation") == []
    assert entries_of(split) == {}
    assert split.authenticate("ann", "wonderland") == ann
    assert split.find_session(SESSION.name_hash) == SESSION
    split.end_session(SESSION)


@pytest.mark.parametrize("call", WRITING.values(), ids=WRITING)
def test_any_first_write_records_the_log(
    split: SQLStore, alone: SQLStore, call: Callable[[SQLStore], object]
) -> None:
    """From the first write of a store with a log on, the database knows of it; an earlier use of
    the other store changes nothing."""
    alone.end_sessions("1")
    call(split)
    with pytest.raises(ConfigurationError, match="log must be given"):
        alone.end_sessions("1")


def test_a_first_write_that_fails_records_the_log(split: SQLStore, alone: SQLStore) -> None:
    """The record does not go away with a write that is undone."""
    alone.add_user("ann", "wonderland")
    with pytest.raises(ConfigurationError, match="already"):
        split.add_user("ann", "wonderland")
    with pytest.raises(ConfigurationError, match="log must be given"):
        alone.disable_user("ann")


def test_what_revokes_nothing_goes_on(split: SQLStore, alone: SQLStore) -> None:
    """Users may be added, listed and given scopes without the log."""
    split.add_session(SESSION)
    alone.add_user("ann", "wonderland")
    alone.set_scopes("ann", ["read"])
    assert [user.scopes for user in alone.users()] == [("read",)]
    assert alone.find_session(SESSION.name_hash) == SESSION


def test_a_list_over_the_wrong_log_refuses(
    split: SQLStore, alone: SQLStore, caplog: pytest.LogCaptureFixture
) -> None:
    """A verifier that would read an empty log answers 503, and its log says what is wrong."""
    split.revoke(token_id="a", expires_at=4e9)
    with pytest.raises(Unavailable):
        is_revoked(RevocationList(alone), jti="a")
    assert "log must be given" in caplog.text


def test_a_worker_without_the_log_answers_503(split: SQLStore, alone: SQLStore) -> None:
    """In a request the mistake is an outage to the client, not an internal error."""
    split.add_session(SESSION)
    with pytest.raises(StoreUnavailable):
        alone.end_session(SESSION)


def test_a_store_may_come_to_have_a_log(
    url: str, alone: SQLStore, split: SQLStore, valkey_store: RedisLog
) -> None:
    """A database of a store without a log takes one later; all its stores need it from then on."""
    alone.add_session(SESSION)
    split.end_session(SESSION)
    assert len(entries_of(valkey_store)) == 1
    again = SQLStore(url, log=valkey_store, password_method=CHEAP)
    again.end_sessions("1")
    again.close()


def test_a_database_of_the_version_before(url: str, valkey_store: RedisLog) -> None:
    """Tables of version 1 get what is new on first use, and keep what is in them."""
    store = SQLStore(url, password_method=CHEAP)
    ann = store.add_user("ann", "wonderland")
    with database_of(store).transaction(write=True) as connection:
        connection.execute(sa.text("DROP TABLE jwt_middleware_setting"))
        connection.execute(sa.text("UPDATE jwt_middleware_schema SET version = 1"))
    store.close()
    for log in (None, valkey_store):
        store = SQLStore(url, log=log, password_method=CHEAP)
        store.disable_user("ann")
        assert [user.id for user in store.users()] == [ann.id]
        assert rows_in(store, "schema") == [(2,)]
        store.close()
