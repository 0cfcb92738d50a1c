"""Sessions on machines whose clocks differ: no clock that is ahead ends a session for all."""

from collections.abc import Iterator
from typing import Any

import pytest

from jwt_middleware.login.sessions import SessionEnded, Sessions
from jwt_middleware.stores import MemoryStore, SQLStore, User
from jwt_middleware.trust.cut_offs import subject_of
from tests.kit.clock import Clock, stopped

ANN = User(1, "ann")
IDLE, LIFETIME = 1000, 900


@pytest.fixture
def clock() -> Iterator[Clock]:
    """`time.time`, standing still."""
    with stopped("time", 1_900_000_000.0) as clock:
        yield clock


@pytest.fixture
def sessions(session_store: MemoryStore | SQLStore) -> Sessions:
    """Sessions that end after 1000 seconds without use and after 5000 in any case."""
    return Sessions(
        session_store, reuse_grace=10, idle_timeout=IDLE, session_lifetime=5000, issuer="i"
    )


def revoked_in(store: MemoryStore | SQLStore) -> set[str]:
    """The `sid` of each session whose tokens are revoked."""
    keys = [entry.key for entry in store.read_revocations(None).entries]
    return {key.rpartition("\n")[2] for key in keys if subject_of(key) is None}


@pytest.mark.parametrize("ahead", [IDLE, IDLE + 1320, 10**6, 10**8])
def test_a_clock_that_is_ahead_ends_nothing(
    sessions: Sessions, session_store: Any, clock: Clock, ahead: float
) -> None:
    """A worker that is ahead by more than the session has left refuses its token. The session and
    its access tokens go on everywhere else."""
    token, _ = sessions.start(ANN, LIFETIME)
    clock.now += ahead
    for _ in range(3):
        with pytest.raises(SessionEnded):
            sessions.rotate(token, LIFETIME)
    clock.now -= ahead
    assert revoked_in(session_store) == set()
    successor, _ = sessions.rotate(token, LIFETIME)
    sessions.rotate(successor, LIFETIME)


@pytest.mark.parametrize("ahead", [IDLE, 10**6])
@pytest.mark.parametrize("everywhere", [False, True])
def test_a_logout_at_a_clock_that_is_ahead(
    sessions: Sessions, session_store: Any, clock: Clock, ahead: float, everywhere: bool
) -> None:
    """Who logs out there is logged out everywhere: the access tokens of the session are revoked."""
    token, session = sessions.start(ANN, LIFETIME)
    clock.now += ahead
    assert sessions.end(token, all_of_the_user=everywhere) is None
    clock.now -= ahead
    assert revoked_in(session_store) == {session.sid}
    with pytest.raises(SessionEnded):
        sessions.rotate(token, LIFETIME)


def test_a_refusal_before_the_logout(sessions: Sessions, session_store: Any, clock: Clock) -> None:
    """A session that was refused as expired can still be ended, for its last access token."""
    token, session = sessions.start(ANN, LIFETIME)
    clock.now += IDLE
    with pytest.raises(SessionEnded):
        sessions.rotate(token, LIFETIME)
    sessions.end(token)
    assert revoked_in(session_store) == {session.sid}


def test_a_used_token_at_a_clock_that_is_ahead(
    sessions: Sessions, session_store: Any, clock: Clock
) -> None:
    """A token that was used before is reuse whatever the clock says: the session ends."""
    first, session = sessions.start(ANN, LIFETIME)
    sessions.rotate(first, LIFETIME)
    clock.now += IDLE
    with pytest.raises(SessionEnded):
        sessions.rotate(first, LIFETIME)
    assert revoked_in(session_store) == {session.sid}


def test_an_expired_session_is_never_refreshed(sessions: Sessions, clock: Clock) -> None:
    """However often its token comes, and whatever came before."""
    token, _ = sessions.start(ANN, LIFETIME)
    clock.now += IDLE - 1
    token, _ = sessions.rotate(token, LIFETIME)
    clock.now += IDLE
    for _ in range(3):
        with pytest.raises(SessionEnded):
            sessions.rotate(token, LIFETIME)
