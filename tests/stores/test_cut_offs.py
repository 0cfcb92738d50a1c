"""Cut-offs on every engine: `revoke_subject`, and the tokens that an app minted by hand."""

import time
from collections.abc import Callable
from typing import Any

import pytest

from jwt_middleware import Refusal, RevocationList
from jwt_middleware.errors import ConfigurationError
from jwt_middleware.login import TokenMinter
from jwt_middleware.stores import MemoryStore, SQLStore
from jwt_middleware.trust.cut_offs import CUT_OFF_LASTS, sessions_key, subject_key
from jwt_middleware.trust.verifier import Verifier
from tests.kit.clock import stopped

from .conftest import ISSUER, cut_offs_of, entries_of, new_session

Log = Any  # MemoryStore | SQLStore | RedisLog
Store = MemoryStore | SQLStore
MINTER = TokenMinter.from_secret("x" * 32, issuer=ISSUER, audience="api")
OTHER = TokenMinter.from_secret("y" * 32, issuer="https://other.example", audience="api")


def reason(log: Log, token: str) -> str | None:
    """Why a token is refused by a verifier that reads the log, or None."""
    revocations = RevocationList(log, max_staleness=0)
    verifier = Verifier([MINTER.provider, OTHER.provider], revocations=revocations)
    try:
        verifier.identify(token)
    except Refusal as refusal:
        return refusal.reason
    return None


def test_a_subject_is_revoked(log: Log) -> None:
    """All of its tokens of that issuer from before, whatever their session, and none from after:
    also within one second."""
    before = [MINTER.mint("1"), MINTER.mint("1", session="login.x"), MINTER.mint("1", session="s")]
    others = [MINTER.mint("2"), OTHER.mint("1")]
    started = time.time()
    log.revoke_subject(ISSUER, "1")
    after = MINTER.mint("1")
    assert [reason(log, token) for token in before] == ["revoked"] * 3
    assert [reason(log, token) for token in (*others, after)] == [None] * 3
    ((key, moment),) = cut_offs_of(log).items()
    assert key == subject_key(ISSUER, "1")
    assert started <= moment <= time.time()
    assert entries_of(log) == {}


def test_a_subject_may_be_revoked_again(log: Log) -> None:
    """Each time for what was issued until then."""
    for _ in range(3):
        token = MINTER.mint("1")
        assert reason(log, token) is None
        log.revoke_subject(ISSUER, "1")
        assert reason(log, token) == "revoked"


def test_a_cut_off_can_be_looked_up(log: Log) -> None:
    """`revoked_until` knows the last entry of a key, and 0 for any other."""
    assert log.revoked_until(subject_key(ISSUER, "1")) == 0
    for at in (1.9e9, 1.9e9 + 100, 1.9e9 + 50):
        with stopped("time", at):
            log.revoke_subject(ISSUER, "1")
    assert log.revoked_until(subject_key(ISSUER, "1")) == 1.9e9 + 100 + CUT_OFF_LASTS
    assert log.revoked_until(subject_key(ISSUER, "2")) == 0


BAD: dict[str, tuple[Any, Any]] = {
    "no issuer": ("", "1"),
    "an issuer that is none": (None, "1"),
    "no subject": (ISSUER, ""),
    "a subject that is true": (ISSUER, True),
    "a subject that is a float": (ISSUER, 1.0),
    "bytes": (ISSUER, b"1"),
    "a lone surrogate": (ISSUER, "\ud800"),
    "a NUL": (ISSUER, "1\0"),
    "a line end": (ISSUER, "1\n"),
    "an issuer of two lines": (f"{ISSUER}\n", "1"),
}


@pytest.mark.parametrize(("issuer", "subject"), BAD.values(), ids=BAD)
def test_what_is_no_subject(log: Log, issuer: Any, subject: Any) -> None:
    """It is refused with the right form, and nothing is written."""
    with pytest.raises(ConfigurationError, match=r"revoke_subject\('https://"):
        log.revoke_subject(issuer, subject)
    assert cut_offs_of(log) == {}


def test_a_subject_may_be_the_id_of_a_row(log: Log) -> None:
    """`revoke_subject(issuer, person.id)` cuts off the subject of that number."""
    log.revoke_subject(ISSUER, 1)
    assert cut_offs_of(log).keys() == {subject_key(ISSUER, "1")}


ENDS: dict[str, Callable[[Any], None]] = {
    "end_sessions": lambda store: store.end_sessions("1"),
    "end_sessions of the issuer": lambda store: store.end_sessions("1", issuer=ISSUER),
    "set_password": lambda store: store.set_password("ann", "looking-glass"),
    "disable_user": lambda store: store.disable_user("ann"),
    "remove_user": lambda store: store.remove_user("ann"),
}


@pytest.fixture
def with_users(session_store: Store) -> Store:
    """A store with ann, whose id is 1, and bob."""
    for name in ("ann", "bob"):
        session_store.add_user(name, "wonderland")
    return session_store


@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS)
def test_what_was_minted_by_hand_ends_with_the_sessions(with_users: Store, end: Any) -> None:
    """Also of a user who never logged in; what is minted afterwards is good, and others go on."""
    before = [MINTER.mint("1"), MINTER.mint("1", session="of the app", lifetime=86_400)]
    other = MINTER.mint("2")
    end(with_users)
    after = MINTER.mint("1")
    assert [reason(with_users, token) for token in before] == ["revoked"] * 2
    assert [reason(with_users, token) for token in (other, after)] == [None] * 2


def test_the_sessions_of_one_issuer_end_the_tokens_of_one_issuer(with_users: Store) -> None:
    """A subject of another issuer may be another person."""
    mine, other = MINTER.mint("1"), OTHER.mint("1")
    with_users.end_sessions("1", issuer=ISSUER)
    assert reason(with_users, mine) == "revoked"
    assert reason(with_users, other) is None
    with_users.end_sessions("1")
    assert reason(with_users, other) == "revoked"
    assert cut_offs_of(with_users).keys() == {sessions_key(ISSUER, "1"), sessions_key("", "1")}


def test_a_login_on_a_machine_that_is_behind_is_good(with_users: Store) -> None:
    """The tokens of sessions depend on no clock: after a new password the next login counts at
    once, wherever it is served."""
    session = new_session("1", sid="login.before", issuer=ISSUER)
    with_users.add_session(session)
    before = MINTER.mint("1", session=session.sid)
    with_users.set_password("ann", "looking-glass")
    with stopped("time", time.time() - 300):
        after = MINTER.mint("1", session="login.after")
    assert reason(with_users, before) == "revoked"
    assert reason(with_users, after) is None


LEAVES: dict[str, Callable[[Any], None]] = {
    "set_scopes": lambda store: store.set_scopes("ann", ()),
    "one session": lambda store: store.end_session(new_session("1")),
    "another user": lambda store: store.disable_user("bob"),
    "a login": lambda store: store.add_session(new_session("1")),
}


@pytest.mark.parametrize("change", LEAVES.values(), ids=LEAVES)
def test_what_leaves_the_tokens(with_users: Store, change: Any) -> None:
    """They go on when one session ends, or the scopes change."""
    token = MINTER.mint("1")
    change(with_users)
    assert reason(with_users, token) is None


def test_the_log_does_not_fill_with_cut_offs(with_users: Store) -> None:
    """Of one subject there are those of the last hour at most, and a reader who is behind loses
    nothing."""
    start = time.time()
    cursor = with_users.read_revocations(None).cursor
    for n in range(6):
        with stopped("time", start + 3700 * n):
            with_users.end_sessions("1")
            with_users.end_sessions("2")
    entries = list(with_users.read_revocations(cursor).entries)
    assert {entry.key for entry in entries} == {sessions_key("", "1"), sessions_key("", "2")}
    assert max(entry.expires_at for entry in entries) == start + 3700 * 5 + CUT_OFF_LASTS
    found = cut_offs_of(with_users)
    assert found == dict.fromkeys(found, pytest.approx(start + 3700 * 5))
    assert len(list(with_users.read_revocations(None).entries)) <= 4


def test_a_subject_is_revoked_until_a_moment(log: Log) -> None:
    """An identity provider says when: what was issued later is not touched, however late the
    message comes, and a moment that no token has is refused."""
    now = int(time.time())
    log.revoke_subject(ISSUER, "1", until=now - 60)
    ((key, moment),) = cut_offs_of(log).items()
    assert (key, round(moment)) == (subject_key(ISSUER, "1"), now - 60)
    assert reason(log, MINTER.mint("1")) is None
    with stopped("time", now - 120):
        old = MINTER.mint("1")
    assert reason(log, old) == "revoked"
    for wrong in ("now", -1, float("nan"), float("inf"), 10**400):
        with pytest.raises(ConfigurationError, match="until must be seconds"):
            log.revoke_subject(ISSUER, "1", until=wrong)


def test_a_session_of_any_issuer_is_revoked(log: Log) -> None:
    """All tokens with the `sid` of that issuer, until the last of them has expired; an entry that
    no reader could use is refused."""
    until = time.time() + 3600
    log.revoke_session(ISSUER, "s1", expires_at=until)
    assert reason(log, MINTER.mint("1", session="s1")) == "revoked"
    assert reason(log, MINTER.mint("1", session="s2")) is None
    assert reason(log, OTHER.mint("1", session="s1")) is None
    assert {*entries_of(log)} == {f"sid\n{ISSUER}\ns1"}
    wrong: list[tuple[Any, Any, Any]] = [
        (ISSUER, "", until),
        (ISSUER, None, until),
        (ISSUER, "a\nb", until),
        (ISSUER, "\ud800", until),
        ("", "s1", until),
        (ISSUER, "s1", float("nan")),
        (ISSUER, "s1", "soon"),
    ]
    for issuer, sid, expires_at in wrong:
        with pytest.raises(ConfigurationError, match="revoke_session"):
            log.revoke_session(issuer, sid, expires_at=expires_at)
