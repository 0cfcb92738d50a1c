"""Sessions in every bundled store, on every engine: kept, replaced, ended, and their access tokens
with them."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from jwt_middleware.errors import ConfigurationError, StoreUnavailable
from jwt_middleware.stores import MemoryStore, Session, SQLStore, User
from jwt_middleware.trust.cut_offs import subject_of
from jwt_middleware.trust.revocation import revocation_key
from tests.kit.clock import stopped

from .conftest import ISSUER, added, entries_of, new_session

Store = MemoryStore | SQLStore


def rotated(session: Session) -> Session:
    """The session as the next rotation would leave it."""
    new = new_session(secret_hash=b"n" * 32)
    return replace(
        session, secret_hash=new.secret_hash, previous_hash=session.secret_hash, successor=b"s" * 32
    )


def keys_of(*sessions: Session) -> set[str]:
    """The keys under which the log has these sessions."""
    return {revocation_key("sid", session.issuer, session.sid) for session in sessions}


def test_a_session_comes_back_as_it_was(session_store: Store) -> None:
    """Each field survives to the bit, set or not; no other name finds it."""
    bare = added(session_store)
    full = added(
        session_store,
        "ä user\u2603",
        user_version=2**63 - 1,
        token_lifetime=10**9,
        started_at=1790000000.1234567,
        used_at=0.1 + 0.2,
        previous_hash=b"\\0'\"%s;--" * 4,
        successor=bytes(range(32)),
    )
    for session in (bare, full):
        assert session_store.find_session(session.name_hash) == session
    assert session_store.find_session(bytes(32)) is None


def test_an_expired_session_is_found(session_store: Store) -> None:
    """Whether a session has expired is for its reader to say."""
    session = added(session_store, expires_at=time.time() - 1)
    assert session_store.find_session(session.name_hash) == session


def test_a_session_is_replaced_once(session_store: Store) -> None:
    """The second of two who replace the same state is told so and changes nothing; other sessions
    stay as they are."""
    old, other = added(session_store), added(session_store)
    new = rotated(old)
    assert session_store.replace_session(old, new) is True
    assert session_store.replace_session(old, replace(new, secret_hash=b"x" * 32)) is False
    assert session_store.find_session(old.name_hash) == new
    assert session_store.find_session(other.name_hash) == other


@pytest.mark.usefixtures("patient")
def test_one_of_many_replaces_a_session(session_store: Store) -> None:
    """When threads replace one state at the same moment, one of them does."""
    old = added(session_store)
    all_are_there = threading.Barrier(8)

    def replaced(n: int) -> bool:
        all_are_there.wait()
        return session_store.replace_session(old, replace(old, secret_hash=bytes([n]) * 32))

    with ThreadPoolExecutor(8) as threads:
        won = list(threads.map(replaced, range(8)))
    assert sum(won) == 1
    kept = session_store.find_session(old.name_hash)
    assert kept is not None
    assert kept.secret_hash == bytes([won.index(True)]) * 32


def test_an_ended_session_is_gone_and_its_tokens_are_revoked(session_store: Store) -> None:
    """The entry stays until five minutes after the last token that can have been minted."""
    session, other = added(session_store, token_lifetime=900), added(session_store)
    with stopped("time", time.time() + 10) as clock:
        session_store.end_session(session)
        assert session_store.find_session(session.name_hash) is None
        assert entries_of(session_store) == dict.fromkeys(keys_of(session), clock.now + 900 + 300)
    assert session_store.find_session(other.name_hash) == other


def test_the_lifetime_is_that_of_the_session_kept(session_store: Store) -> None:
    """Who ends a session may have read it before a rotation that made its tokens live longer."""
    read = added(session_store, token_lifetime=900)
    session_store.replace_session(read, replace(rotated(read), token_lifetime=5000))
    session_store.end_session(read)
    assert session_store.find_session(read.name_hash) is None
    assert min(entries_of(session_store).values()) > time.time() + 5000


def test_a_session_ends_once(session_store: Store) -> None:
    """To end a session again, or one that never was, changes nothing; it can neither be replaced
    nor come back."""
    session = added(session_store)
    session_store.end_session(session)
    before = entries_of(session_store)
    session_store.end_session(session)
    session_store.end_session(new_session())
    session_store.end_sessions("1")
    assert session_store.replace_session(session, rotated(session)) is False
    assert session_store.find_session(session.name_hash) is None
    assert entries_of(session_store) == before


@pytest.mark.usefixtures("patient")
def test_many_end_one_session(session_store: Store) -> None:
    """When threads end one session at the same moment nothing fails, and the log has one entry of
    it."""
    session = added(session_store)
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(session_store.end_session, [session] * 8))
        list(threads.map(session_store.end_sessions, ["1"] * 8))
    entries = session_store.read_revocations(None).entries
    assert len([one for one in entries if subject_of(one.key) is None]) == 1


def test_all_sessions_of_a_user_end(session_store: Store) -> None:
    """`end_sessions` ends those of the user with exactly that id, and with none it does nothing."""
    mine = [added(session_store, "1") for _ in range(3)]
    others = [added(session_store, user_id) for user_id in ("11", "01", "1 ", "", "%", "_")]
    session_store.end_sessions("nobody")
    assert entries_of(session_store) == {}
    session_store.end_sessions("1")
    assert entries_of(session_store).keys() == keys_of(*mine)
    assert [session_store.find_session(session.name_hash) for session in mine] == [None] * 3
    assert [session_store.find_session(session.name_hash) for session in others] == others


def test_the_id_of_a_row_may_be_an_integer(session_store: Store) -> None:
    """`end_sessions(person.id)` of a table of one's own ends what `"1"` ends, on every engine."""
    session, other = added(session_store, "1"), added(session_store, "2")
    session_store.end_sessions(1)
    assert entries_of(session_store).keys() == keys_of(session)
    assert session_store.find_session(session.name_hash) is None
    assert session_store.find_session(other.name_hash) == other


@pytest.mark.parametrize("user_id", [None, True, 1.0, b"1", ("1",), User(1, "ann")], ids=str)
def test_what_is_no_id(session_store: Store, user_id: Any) -> None:
    """It would end nothing without a word, so it is refused."""
    with pytest.raises(ConfigurationError, match=r"user_id must be an integer or a string"):
        session_store.end_sessions(user_id)


def test_the_sessions_of_one_issuer_end(session_store: Store) -> None:
    """Two login apps whose user ids coincide: with an issuer, `end_sessions` leaves the other's
    alone."""
    other = added(session_store, "7", issuer="https://other.example")
    mine = added(session_store, "7")
    session_store.end_sessions("7", issuer="https://nobody.example")
    assert entries_of(session_store) == {}
    session_store.end_sessions("7", issuer=ISSUER)
    assert entries_of(session_store).keys() == keys_of(mine)
    assert session_store.find_session(other.name_hash) == other
    session_store.end_sessions("7")
    assert session_store.find_session(other.name_hash) is None


def test_a_session_is_found_by_its_access_tokens(session_store: Store) -> None:
    """By `sid`, `sub` and `iss` together, as it is now, and not once it has ended."""
    session, _ = added(session_store), added(session_store)
    rest = {"user_id": "1", "issuer": ISSUER}
    assert session_store.find_session_by_sid(session.sid, **rest) == session
    new = rotated(session)
    session_store.replace_session(session, new)
    assert session_store.find_session_by_sid(session.sid, **rest) == new
    for wrong in ({"user_id": "2"}, {"issuer": "https://other.example"}):
        assert session_store.find_session_by_sid(session.sid, **rest | wrong) is None
    assert session_store.find_session_by_sid("", **rest) is None
    session_store.end_session(new)
    assert session_store.find_session_by_sid(session.sid, **rest) is None


def test_the_log_tells_what_is_revoked(session_store: Store) -> None:
    """`is_revoked` knows each key of the log, and no other."""
    session = added(session_store)
    keys = [revocation_key("sid", ISSUER, session.sid), revocation_key("jti", ISSUER, "t")]
    assert not session_store.is_revoked(keys)
    assert not session_store.is_revoked([])
    session_store.end_session(session)
    assert session_store.is_revoked(keys)
    assert not session_store.is_revoked(keys[1:])
    session_store.revoke(token_id="t", expires_at=time.time() + 60, issuer=ISSUER)
    assert session_store.is_revoked(keys[1:])


def test_a_user_has_a_hundred_sessions(session_store: Store) -> None:
    """The one that started first ends for each one more, with its tokens; other users and other
    issuers have a hundred of their own."""
    now = time.time()
    elsewhere = [
        added(session_store, "1", issuer="https://other.example", started_at=1.0),
        added(session_store, "2", started_at=1.0),
    ]
    starts = [now + (7 * n) % 100 for n in range(100)]  # in no order
    mine = [added(session_store, started_at=start) for start in starts]
    assert entries_of(session_store) == {}
    mine.sort(key=lambda session: session.started_at)
    for ended in mine[:3]:
        added(session_store, started_at=now + 1000)
        assert session_store.find_session(ended.name_hash) is None
    assert entries_of(session_store).keys() == keys_of(*mine[:3])
    for session in [*mine[3:], *elsewhere]:
        assert session_store.find_session(session.name_hash) == session


def test_a_login_on_a_machine_that_is_behind_lasts(session_store: Store) -> None:
    """The session that is added never ends for being the oldest by its machine's clock."""
    now = time.time()
    mine = [added(session_store, started_at=now + n) for n in range(100)]
    late = added(session_store, started_at=now - 1000)
    assert session_store.find_session(late.name_hash) == late
    assert session_store.find_session(mine[0].name_hash) is None


@pytest.mark.usefixtures("patient")
def test_a_hundred_are_left_of_many_at_once(session_store: Store) -> None:
    """When threads log one user in at the same moment nothing fails, and the next login leaves a
    hundred."""
    with ThreadPoolExecutor(8) as threads:
        sessions = list(
            threads.map(lambda n: added(session_store, started_at=float(n)), range(110))
        )
    sessions.append(added(session_store, started_at=1000.0))
    left = [session for session in sessions if session_store.find_session(session.name_hash)]
    assert left == sessions[-100:]


CHANGES: dict[str, Callable[[Store], None]] = {
    "set_password": lambda store: store.set_password("ann", "looking-glass"),
    "disable_user": lambda store: store.disable_user("ann"),
    "remove_user": lambda store: store.remove_user("ann"),
}


@pytest.fixture(params=CHANGES.values(), ids=CHANGES)
def change(request: pytest.FixtureRequest) -> Callable[[Store], None]:
    """A change of a user after which none of its sessions is good."""
    return request.param


def test_a_change_of_a_user_ends_its_sessions(
    session_store: Store, change: Callable[[Store], None]
) -> None:
    """With a new password, or without the user, the sessions end, and no others."""
    ann, bob = (session_store.add_user(name, "wonderland") for name in ("ann", "bob"))
    session, other = added(session_store, str(ann.id)), added(session_store, str(bob.id))
    change(session_store)
    assert session_store.find_session(session.name_hash) is None
    assert session_store.find_session(other.name_hash) == other
    assert entries_of(session_store).keys() == keys_of(session)


def test_a_version_goes_up_with_the_password(store: Store) -> None:
    """A session that was started under an older password can be told; other changes leave the
    version."""
    ann = store.add_user("ann", "wonderland")
    assert ann.version == 0
    store.set_scopes("ann", ["read"])
    assert store.get(str(ann.id)).version == 0  # type: ignore[union-attr]
    for version in (1, 2):
        store.set_password("ann", "looking-glass")
        assert store.authenticate("ann", "looking-glass").version == version  # type: ignore[union-attr]
        assert store.users()[0].version == version


def test_a_renewed_hash_ends_no_session(session_store: Store) -> None:
    """A login that renews an old hash is no change of the password."""
    ann = session_store.add_user("ann", "wonderland")
    session = added(session_store, str(ann.id))
    # inside: the row of a user and the hash in it are shown by no call
    row = session_store._find("ann")
    assert row is not None
    session_store._replace_hash(row, "another")
    assert session_store._find("ann").version == 0  # type: ignore[union-attr]
    assert session_store.find_session(session.name_hash) == session


@pytest.mark.usefixtures("patient")
def test_sessions_of_a_user_end_while_they_rotate(session_store: Store) -> None:
    """Threads that rotate a session do not keep it from ending: it is gone, and in the log, and
    stays gone."""
    sessions = [added(session_store) for _ in range(4)]

    def rotate(session: Session) -> None:
        for n in range(1000):
            new = replace(session, secret_hash=n.to_bytes(32))
            if not session_store.replace_session(session, new):
                return
            session = new

    with ThreadPoolExecutor(4) as threads:
        rotations = [threads.submit(rotate, session) for session in sessions]
        session_store.end_sessions("1")
        for rotation in rotations:
            rotation.result()
    assert [session_store.find_session(session.name_hash) for session in sessions] == [None] * 4
    assert entries_of(session_store).keys() == keys_of(*sessions)


def test_what_cannot_be_kept_is_an_outage(store: Store) -> None:
    """An id or a version of an owner's user that no column holds raises nothing else."""
    for odd in ({"user_id": "\udce4"}, {"user_id": "a\0b"}, {"user_version": 2**64}):
        try:
            added(store, **odd)  # type: ignore[arg-type]
        except StoreUnavailable:
            assert not isinstance(store, MemoryStore)


def test_expired_sessions_go(session_store: Store) -> None:
    """A new session takes the place of those none of whose tokens can be good any more, and of no
    others."""
    ended_at = time.time() - 200 - 300 - 10
    over = [added(session_store, expires_at=ended_at, token_lifetime=200) for _ in range(3)]
    with_tokens = added(session_store, expires_at=ended_at, token_lifetime=320)
    good = added(session_store)
    with stopped("time", time.time() + 61):  # memory is swept once a minute
        added(session_store)
        assert [session_store.find_session(session.name_hash) for session in over] == [None] * 3
        assert session_store.find_session(with_tokens.name_hash) == with_tokens
        assert session_store.find_session(good.name_hash) == good
    assert entries_of(session_store) == {}


def test_a_machine_whose_clock_is_ahead_deletes_no_session(postgresql_store: Store) -> None:
    """Only the clock of the engine says which sessions have expired."""
    good = added(postgresql_store)
    with stopped("time", time.time() + 30 * 86_400):
        new = added(postgresql_store)
    for session in (good, new):
        assert postgresql_store.find_session(session.name_hash) == session


def test_the_issuer_of_a_session_is_in_its_entry(session_store: Store) -> None:
    """Two login apps may share a store: each revokes its own."""
    session_store.end_session(added(session_store, issuer="https://other.example", sid="s"))
    assert (
        list(entries_of(session_store))
        == ["sid\nhttps://other.example\ns"]
        != [f"sid\n{ISSUER}\ns"]
    )


def test_the_sweep_and_the_end_of_a_session_meet(memory_store: MemoryStore) -> None:
    """Sessions that expired together are ended by one call, whose first entry has the others swept
    away."""
    over = [added(memory_store) for _ in range(3)]
    with stopped("time", time.time() + 3600 + 900 + 300 + 10):
        memory_store.end_sessions("1")
        assert [memory_store.find_session(session.name_hash) for session in over] == [None] * 3
