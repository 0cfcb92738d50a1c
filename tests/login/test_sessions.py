"""Sessions: rotation as its theory has it, whatever is presented and however often at once, over
every store."""

import base64
import os
import threading
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
import redis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    invariant,
    rule,
    run_state_machine_as_test,
)

from jwt_middleware.errors import ConfigurationError
from jwt_middleware.login import TokenMinter
from jwt_middleware.login.sessions import ForeignToken, SessionEnded, Sessions, TokenReused
from jwt_middleware.login.throttle import Throttle
from jwt_middleware.stores import MemoryStore, SQLStore, User
from jwt_middleware.trust.cut_offs import subject_of
from tests.kit import parts
from tests.kit.clock import Clock, stopped
from tests.kit.forking import APPS
from tests.kit.inside import client_of, database_of, log_beside
from tests.kit.scripts import run
from tests.kit.waiting import PATIENCE, patiently

Store = MemoryStore | SQLStore
ISSUER = "https://login.example"
ANN = User(1, "ann")
LIFETIME = 900
OPTIONS: dict[str, Any] = {
    "reuse_grace": 10,
    "idle_timeout": 1000,
    "session_lifetime": 5000,
    "issuer": ISSUER,
}


def sessions_in(store: Store, **options: Any) -> Sessions:
    """Sessions with a grace of 10 seconds that end after 1000 without use and after 5000 in any
    case."""
    return Sessions(store, **{**OPTIONS, **options})


def ended_in(store: Store) -> dict[str, float]:
    """The sessions whose tokens are revoked: `sid` to when the entry goes."""
    return {
        entry.key.rpartition("\n")[2]: entry.expires_at
        for entry in store.read_revocations(None).entries
        if subject_of(entry.key) is None
    }


def parts_of(refresh_token: str) -> tuple[bytes, bytes]:
    """The name of the session and the secret."""
    raw = urlsafe_b64decode(refresh_token)
    return raw[:16], raw[16:]


def changed(refresh_token: str, *, secret_of: str) -> str:
    """The token with the secret of another."""
    return urlsafe_b64encode(parts_of(refresh_token)[0] + parts_of(secret_of)[1]).decode()


def good(sessions: Sessions, refresh_token: str) -> bool:
    """Whether the token is taken."""
    try:
        sessions.rotate(refresh_token, LIFETIME)
    except SessionEnded:
        return False
    return True


@pytest.fixture
def clock() -> Any:
    """`time.time`, standing still."""
    with stopped("time", 1_900_000_000.0) as clock:
        yield clock


# -------------------------------------------------------------------------------------------------
# rotation


class Rotation(RuleBasedStateMachine):
    """Sessions of one user, side by side with what the theory says of each token that was ever
    handed out."""

    store: Store
    tokens = Bundle("tokens")

    def __init__(self) -> None:
        super().__init__()
        self.stopped = stopped("time", 1_900_000_000.0)
        self.clock: Clock = self.stopped.__enter__()
        self.user = User(os.urandom(8).hex(), "ann")
        self.sessions = sessions_in(self.store)
        self.models: dict[bytes, Model] = {}

    def teardown(self) -> None:
        """Let the clock go on."""
        self.stopped.__exit__(None, None, None)

    @rule(target=tokens, lifetime=st.sampled_from([60, 900]))
    def start(self, lifetime: int) -> str:
        """Sign in."""
        token, session = self.sessions.start(self.user, lifetime)
        self.models[parts_of(token)[0]] = Model(session.sid, token, self.clock.now, lifetime)
        return token

    @rule(target=tokens, token=tokens, lifetime=st.sampled_from([60, 900, 5000]))
    def rotate(self, token: str, lifetime: int) -> str:
        """Present any token there ever was."""
        model = self.models[parts_of(token)[0]]
        expected = model.rotate(token, self.clock.now, lifetime)
        if expected is None:
            with pytest.raises(SessionEnded):
                self.sessions.rotate(token, lifetime)
            return token
        successor, session = self.sessions.rotate(token, lifetime)
        assert (session.sid, session.user_id) == (model.sid, self.user.id)
        if expected == "new":
            model.append(successor, self.clock.now)
        else:
            assert successor == expected
        return successor

    @rule(token=tokens, other=tokens)
    def forge(self, token: str, other: str) -> None:
        """Present the name of one session with a secret of another."""
        forged = changed(token, secret_of=other)
        if forged not in self.models[parts_of(token)[0]].tokens:
            with pytest.raises(SessionEnded):
                self.sessions.rotate(forged, 900)
            self.models[parts_of(token)[0]].end(self.clock.now)

    @rule(token=consumes(tokens))
    def sign_out(self, token: str) -> None:
        """Log out with any token there ever was: only one that could be refreshed ends anything."""
        model = self.models[parts_of(token)[0]]
        is_good = model.is_good(token, self.clock.now)
        ended = self.sessions.end(token)
        assert (ended and ended.sid) == (model.sid if is_good else None)
        if is_good:
            model.end(self.clock.now)

    @rule(token=tokens)
    def present_elsewhere(self, token: str) -> None:
        """A login app of another issuer on this store refuses any token and ends nothing."""
        elsewhere = sessions_in(self.store, issuer="https://other.example")
        with pytest.raises(SessionEnded):
            elsewhere.rotate(token, 900)
        with suppress(ForeignToken):
            assert elsewhere.end(token) is None
        self.store.end_sessions(str(self.user.id), issuer="https://other.example")

    @rule()
    def sign_out_everywhere(self) -> None:
        """End all sessions of the user."""
        self.store.end_sessions(str(self.user.id))
        for model in self.models.values():
            model.end(self.clock.now)

    @rule(seconds=st.sampled_from([0.5, 9.5, 10, 300, 999, 1000, 2000]))
    def wait(self, seconds: float) -> None:
        """Let time go by: around the grace, around the idle limit, beyond."""
        self.clock.now += seconds

    @invariant()
    def the_log_has_exactly_what_ended(self) -> None:
        """Each session that ended is in the log for longer than any token of it; no other is."""
        ended = ended_in(self.store)
        for model in self.models.values():
            if model.ended_at is None:
                assert model.sid not in ended
            elif model.sid in ended:
                assert ended[model.sid] >= model.last_expiry + 300
            else:  # it may have gone from the log, but not while a token of it can be good
                assert self.clock.now >= model.last_expiry + 300


class Model:
    """What the theory says of one session, without a hash: the tokens in their order, and what each
    is good for."""

    def __init__(self, sid: str, token: str, now: float, lifetime: int) -> None:
        self.sid = sid
        self.tokens = [token]
        self.started_at = self.used_at = now
        self.expires_at = now + OPTIONS["idle_timeout"]
        self.last_expiry = now + lifetime
        self.ended_at: float | None = None

    def rotate(self, token: str, now: float, lifetime: int) -> str | None:
        """The successor, "new" for one not known yet, or None where the session ends or has
        ended. One that has expired stays where it is when its current token comes."""
        if self.ended_at is None and now >= self.expires_at and token == self.tokens[-1]:
            return None
        if not self.is_good(token, now):
            self.end(now)
            return None
        self.last_expiry = max(self.last_expiry, now + lifetime)
        return "new" if token == self.tokens[-1] else self.tokens[-1]

    def is_good(self, token: str, now: float) -> bool:
        """Whether the session goes on, and the token is the current one, or the one before it for
        as long as the grace after the rotation."""
        self.expire(now)
        is_in_grace = now < self.used_at + OPTIONS["reuse_grace"]
        good = self.tokens[-2:] if is_in_grace else self.tokens[-1:]
        return self.ended_at is None and token in good

    def append(self, successor: str, now: float) -> None:
        """The current token has been used."""
        assert successor not in self.tokens
        self.tokens.append(successor)
        self.used_at = now
        self.expires_at = min(
            now + OPTIONS["idle_timeout"], self.started_at + OPTIONS["session_lifetime"]
        )

    def expire(self, now: float) -> None:
        """The session ends at a logout after its time."""
        if now >= self.expires_at:
            self.end(now)

    def end(self, now: float) -> None:
        """The session has ended, unless it had before."""
        self.ended_at = now if self.ended_at is None else self.ended_at


@pytest.mark.parametrize(
    ("engine", "examples"), [("memory", 100), ("sqlite", 20), ("postgresql", 5)]
)
def test_rotation_is_as_the_theory_has_it(
    request: pytest.FixtureRequest, engine: str, examples: int
) -> None:
    """Whatever is presented, in whatever order and when, the answer and the log are those of the
    model."""
    machine = type("Rotation", (Rotation,), {"store": request.getfixturevalue(f"{engine}_store")})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=parts.examples(examples),
            stateful_step_count=25,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


def test_a_session_is_known_as_long_as_its_tokens(session_store: Store, clock: Clock) -> None:
    """An expired session can still be ended while a token of it may be good somewhere, on a clock
    that is behind."""
    sessions = sessions_in(session_store)
    first, session = sessions.start(ANN, 60)
    second, _ = sessions.rotate(first, 60)
    clock.now += 9
    assert sessions.rotate(first, 60)[0] == second
    clock.now += 1290
    sessions.start(User(2, "bob"), 60)
    session_store.end_sessions("1")
    assert ended_in(session_store).keys() == {session.sid}


def test_a_response_that_was_lost(memory_store: MemoryStore, clock: Clock) -> None:
    """The same token gets the same successor for ten seconds after the rotation, as often as it
    asks."""
    sessions = sessions_in(memory_store)
    first, _ = sessions.start(ANN, LIFETIME)
    second, _ = sessions.rotate(first, LIFETIME)
    clock.now += 9.9
    assert [sessions.rotate(first, LIFETIME)[0] for _ in range(3)] == [second] * 3
    third, _ = sessions.rotate(second, LIFETIME)
    assert sessions.rotate(second, LIFETIME)[0] == third
    assert ended_in(memory_store) == {}


@pytest.mark.parametrize("successor_is_used", [False, True], ids=["unused", "used"])
def test_the_grace_ends_whether_the_successor_is_used_or_not(
    memory_store: MemoryStore, clock: Clock, successor_is_used: bool
) -> None:
    """Ten seconds after its rotation the previous token is reuse; asking again does not prolong
    that."""
    sessions = sessions_in(memory_store)
    first, session = sessions.start(ANN, LIFETIME)
    second, _ = sessions.rotate(first, LIFETIME)
    clock.now += 9
    sessions.rotate(first, LIFETIME)
    clock.now += 1
    previous = first
    if successor_is_used:
        sessions.rotate(second, LIFETIME)
        clock.now += 10
        previous = second
    with pytest.raises(TokenReused):
        sessions.rotate(previous, LIFETIME)
    assert ended_in(memory_store).keys() == {session.sid}


def test_an_older_token_is_reuse_within_the_grace_too(
    memory_store: MemoryStore, clock: Clock
) -> None:
    """The grace is for the previous token alone: one before it ends the session at once."""
    sessions = sessions_in(memory_store)
    first, session = sessions.start(ANN, LIFETIME)
    second, _ = sessions.rotate(first, LIFETIME)
    sessions.rotate(second, LIFETIME)
    with pytest.raises(TokenReused):
        sessions.rotate(first, LIFETIME)
    assert ended_in(memory_store).keys() == {session.sid}


def test_a_weekend(session_store: Store, clock: Clock) -> None:
    """A refresh token stolen on Friday, after its victim has used it and gone home, gives nothing
    over the weekend: its first use ends the session."""
    sessions = Sessions(
        session_store,
        reuse_grace=30,
        idle_timeout=604_800,
        session_lifetime=2_592_000,
        issuer=ISSUER,
    )
    stolen, session = sessions.start(ANN, LIFETIME)
    theirs, _ = sessions.rotate(stolen, LIFETIME)
    friday, given = clock.now, 0
    while clock.now < friday + 2.5 * 86_400:
        clock.now += LIFETIME
        given += good(sessions, stolen)
    assert given == 0
    assert not good(sessions, theirs)
    assert ended_in(session_store).keys() <= {session.sid}
    assert session_store.find_session(session.name_hash) is None


def test_a_clock_that_is_ahead_does_not_prolong_the_grace(
    memory_store: MemoryStore, clock: Clock
) -> None:
    """After a rotation by a machine whose clock is 22 minutes ahead the previous token is not good
    for 22 minutes elsewhere."""
    sessions = sessions_in(memory_store)
    first, session = sessions.start(ANN, LIFETIME)
    clock.now += 22 * 60 - 400
    sessions.rotate(first, LIFETIME)
    clock.now -= 22 * 60 - 400
    assert not good(sessions, first)
    assert memory_store.find_session(session.name_hash) is None


def test_a_logout_with_a_token_of_the_past(session_store: Store, clock: Clock) -> None:
    """Only a token that could be refreshed ends a session: not one that was used, nor another
    secret with the right name."""
    sessions = sessions_in(session_store)
    first, session = sessions.start(ANN, LIFETIME)
    others = [sessions.start(ANN, LIFETIME)[1] for _ in range(2)]
    second, _ = sessions.rotate(first, LIFETIME)
    clock.now += 10
    for no_token in (first, changed(second, secret_of=first), changed(second, secret_of="A" * 64)):
        for everywhere in (False, True):
            assert sessions.end(no_token, all_of_the_user=everywhere) is None
    assert ended_in(session_store) == {}
    third, _ = sessions.rotate(second, LIFETIME)
    assert sessions.end(second) is not None  # whose successor was lost: it could be refreshed
    assert not good(sessions, third)
    assert ended_in(session_store).keys() == {session.sid}
    assert [session_store.find_session(other.name_hash) for other in others] == others


def test_sessions_belong_to_their_issuer(session_store: Store) -> None:
    """Another issuer's login app on the same store neither refreshes nor ends a session, even if it
    has expired, and the ids of the users coincide."""
    staff = sessions_in(session_store, issuer="https://staff.example")
    customers = sessions_in(session_store, issuer="https://customers.example")
    token, session = customers.start(User(7, "cat"), LIFETIME)
    own_token, _ = staff.start(User(7, "stan"), LIFETIME)
    for call in (lambda: staff.rotate(token, LIFETIME), lambda: staff.end(token)):
        with pytest.raises(ForeignToken) as caught:
            call()
        assert caught.value.session == session
    assert staff.end_by_sid("7", session.sid) is None
    assert staff.end(own_token, all_of_the_user=True) is not None
    assert session_store.find_session(session.name_hash) == session
    assert good(customers, token)
    with stopped("time", time.time() + 1001), pytest.raises(ForeignToken):
        staff.rotate(token, LIFETIME)
    session_store.end_sessions("7")  # the owner's word names no issuer, and means them all
    assert not good(customers, token)


def test_reuse_ends_the_session_for_both(memory_store: MemoryStore, clock: Clock) -> None:
    """A token older than the previous one is a thief's or its victim's: nobody goes on; the error
    says whose it was."""
    sessions = sessions_in(memory_store)
    tokens = [sessions.start(User(7, "ann"), LIFETIME)[0]]
    for _ in range(3):
        tokens.append(sessions.rotate(tokens[-1], LIFETIME)[0])
    with pytest.raises(TokenReused) as caught:
        sessions.rotate(tokens[0], LIFETIME)
    assert caught.value.session.user_id == "7"
    assert [good(sessions, token) for token in tokens] == [False] * 4


def test_without_a_grace(memory_store: MemoryStore, clock: Clock) -> None:
    """`reuse_grace=0`: a token is good once."""
    sessions = sessions_in(memory_store, reuse_grace=0)
    first, _ = sessions.start(ANN, LIFETIME)
    second, _ = sessions.rotate(first, LIFETIME)
    assert not good(sessions, first)
    assert not good(sessions, second)


@pytest.mark.parametrize(("pause", "ends_after"), [(999, 5000), (1000, 1000), (10, 5000)])
def test_a_session_has_two_limits(
    memory_store: MemoryStore, clock: Clock, pause: float, ends_after: float
) -> None:
    """A session ends when it is idle for too long, and at its age however busy it is. Its row stays
    until the store removes it by its own clock."""
    sessions = sessions_in(memory_store)
    started = clock.now
    token, _ = sessions.start(ANN, LIFETIME)
    for _ in range(1000):
        clock.now += pause
        if not good(sessions, token):
            break
        token, _ = sessions.rotate(token, LIFETIME)
    assert not good(sessions, token)
    assert ended_in(memory_store) == {}
    assert started + ends_after <= clock.now < started + ends_after + pause


@pytest.mark.parametrize(
    "options",
    [
        {"reuse_grace": -1},
        {"idle_timeout": 0},
        {"idle_timeout": -1},
        {"idle_timeout": 5001},
        {"session_lifetime": 0},
        *(
            {name: value}
            for name in ("reuse_grace", "idle_timeout", "session_lifetime")
            for value in (float("nan"), float("inf"), True, None, "10", [], 10**400, 1e300)
        ),
    ],
    ids=lambda options: str(options)[:40],
)
def test_limits_that_cannot_be(memory_store: MemoryStore, options: dict[str, Any]) -> None:
    """A limit that no session could keep is refused while building, with the option's name."""
    with pytest.raises(ConfigurationError, match=f"^{next(iter(options))} must be "):
        sessions_in(memory_store, **options)


# ----------------------------------------------------------------------------------------------- at
# once


@pytest.mark.usefixtures("patient")
def test_fifty_threads_get_one_successor(session_store: Store) -> None:
    """Threads that present one token at once all succeed, with the same successor and one new
    generation."""
    sessions = sessions_in(session_store)
    token, _ = sessions.start(ANN, LIFETIME)
    all_are_there = threading.Barrier(50)

    def rotate(_: int) -> str:
        all_are_there.wait()
        return patiently(lambda: sessions.rotate(token, LIFETIME))[0]

    with ThreadPoolExecutor(50) as threads:
        (successor,) = set(threads.map(rotate, range(50)))
    kept = session_store.find_session(sha256(parts_of(token)[0]).digest())
    assert kept is not None
    assert kept.secret_hash == sha256(parts_of(successor)[1]).digest()
    assert kept.previous_hash == sha256(parts_of(token)[1]).digest()


ROTATING = """if True:
    import os
    from jwt_middleware.login.sessions import Sessions
    from jwt_middleware.stores import SQLStore, User
    store = SQLStore({url!r})
    sessions = Sessions(store, reuse_grace=10, idle_timeout=1000, session_lifetime=5000, issuer="i")
    token, _ = sessions.start(User(1, "ann"), 900)
    (go, start), (answers, answer) = os.pipe(), os.pipe()
    for _ in range(50):
        if not os.fork():
            os.close(start)
            os.read(go, 1)
            os.write(answer, sessions.rotate(token, 900)[0].encode())
            os._exit(0)
    os.close(start)
    print([os.waitstatus_to_exitcode(os.wait()[1]) for _ in range(50)] == [0] * 50)
    told = os.read(answers, 65536).decode()
    print(len(told), len({{told[n:n + 64] for n in range(0, len(told), 64)}}))
"""


@pytest.mark.parametrize("engine", ["sqlite", "postgresql"])
def test_fifty_processes_get_one_successor(request: pytest.FixtureRequest, engine: str) -> None:
    """Processes that present one token at once all succeed, with the same successor."""
    script = ROTATING.format(url=request.getfixturevalue(f"{engine}_url"))
    assert run(script, is_quiet=True, after=APPS) == "True\n3200 1\n"


@pytest.mark.usefixtures("patient")
def test_a_session_ends_while_it_is_rotated(session_store: Store) -> None:
    """Whoever rotates as fast as can be does not keep a session alive that somebody ends."""
    sessions = sessions_in(session_store)
    token, session = sessions.start(ANN, LIFETIME)
    is_under_way = threading.Event()

    def rotate_on(token: str) -> None:
        for n in range(5000):
            if n == 5:
                is_under_way.set()
            token, _ = sessions.rotate(token, LIFETIME)

    with ThreadPoolExecutor(1) as threads:
        rotation = threads.submit(rotate_on, token)
        is_under_way.wait(PATIENCE)
        session_store.end_session(session)
        with pytest.raises(SessionEnded):
            rotation.result()
    assert ended_in(session_store).keys() == {session.sid}
    assert session_store.find_session(session.name_hash) is None


# ------------------------------------------------------------------------------------------- what
# is no token

ALPHABETS = {
    "any text": st.text(max_size=100),
    "the right length": st.text(min_size=64, max_size=64),
    "base64url": st.text(st.sampled_from(sorted("AZaz09-_=+/ \n")), max_size=90),
    "lone surrogates": st.text(st.characters(categories=["Cs"]), min_size=1, max_size=64),
}
NO_TOKENS = {
    "empty": "",
    "a megabyte": "A" * 2**20,
    "a NUL": "A" * 63 + "\0",
    "full width": "\uff21" * 64,
    "other digits": "\u0661" * 64,
    "a line more": "A" * 64 + "\n",
    "padded": "A" * 64 + "==",
    "spaces around": " " + "A" * 64 + " ",
    "a JWT": "eyJhbGciOiJIUzI1NiJ9.e30.AAAA",
    "another alphabet": "+/" * 32,
    "nobody's": "A" * 64,
}


@pytest.mark.parametrize("text", NO_TOKENS.values(), ids=NO_TOKENS)
def test_what_is_no_token(store: Store, text: str) -> None:
    """A text that is no token, or nobody's, is `SessionEnded` and ends nothing."""
    sessions = sessions_in(store)
    with pytest.raises(SessionEnded):
        sessions.rotate(text, LIFETIME)
    assert sessions.end(text) is None
    assert ended_in(store) == {}


@given(text=st.one_of(*ALPHABETS.values()))
@settings(deadline=None)
def test_any_text_is_a_refusal(text: str) -> None:
    """Nothing but `SessionEnded` is ever raised, whatever a client sends."""
    sessions = sessions_in(MemoryStore())
    with pytest.raises(SessionEnded):
        sessions.rotate(text, LIFETIME)


@given(where=st.integers(0, 63), what=st.characters(), data=st.data())
@settings(deadline=None)
def test_a_token_that_was_changed(where: int, what: str, data: st.DataObject) -> None:
    """One other character anywhere: in the name it is nobody's, in the secret it ends the session,
    and no other."""
    store = MemoryStore()
    sessions = sessions_in(store)
    (token, session), (other, _) = (sessions.start(ANN, LIFETIME) for _ in range(2))
    spoilt = token[:where] + what + token[where + 1 :]
    if spoilt == token:
        spoilt = data.draw(
            st.sampled_from([token[:-1], token[1:], token + "A", token[::-1], token.swapcase()])
        )
    with pytest.raises(SessionEnded):
        sessions.rotate(spoilt, LIFETIME)
    assert ended_in(store).keys() <= {session.sid}
    assert good(sessions, other)


def test_tokens_that_were_swapped(session_store: Store) -> None:
    """The name of one session with the secret of another ends the one it names."""
    sessions = sessions_in(session_store)
    (ours, session), (theirs, _) = (
        sessions.start(user, LIFETIME) for user in (ANN, User(2, "bob"))
    )
    assert not good(sessions, changed(ours, secret_of=theirs))
    assert not good(sessions, ours)
    assert good(sessions, theirs)
    assert ended_in(session_store).keys() == {session.sid}


def test_a_token_of_another_store(store: Store) -> None:
    """A token that another store has handed out is nobody's here."""
    token, _ = sessions_in(MemoryStore()).start(ANN, LIFETIME)
    assert not good(sessions_in(store), token)
    assert ended_in(store) == {}


def test_each_text_is_asked_for_once(memory_store: MemoryStore) -> None:
    """A session that there is not costs one look into the store, as does one that there is."""
    asked: list[bytes] = []
    find = memory_store.find_session
    memory_store.find_session = lambda name: asked.append(name) or find(name)  # type: ignore[method-assign, func-returns-value]
    sessions = sessions_in(memory_store)
    token, _ = sessions.start(ANN, LIFETIME)
    good(sessions, token)
    good(sessions, "A" * 64)
    assert len(asked) == 2
    good(sessions, "A" * 63)
    assert len(asked) == 2


# -------------------------------------------------------------------------------------------------
# at rest


def dump_of(store: Store) -> bytes:
    """All that a store holds, as it lies there and once more as plain values."""
    if isinstance(store, MemoryStore):
        return repr(vars(store)).encode() + b"".join(_values(vars(store)))
    dumped = dump_of_redis(client_of(log_beside(store))) if log_beside(store) else b""
    if store.path:
        return dumped + b"".join(
            file.read_bytes() for file in Path(store.path).parent.glob("auth.db*")
        )
    tables = ("user", "session", "revocation", "counter", "schema")
    with database_of(store).transaction() as connection:
        rows = [
            row
            for table in tables
            for row in connection.exec_driver_sql(f"SELECT * FROM jwt_middleware_{table}")
        ]
    return dumped + b"\n".join(_values([tuple(row) for row in rows]))


def dump_of_redis(client: redis.Redis) -> bytes:
    """All keys and values."""
    read = {"string": "get", "zset": "zrange", "stream": "xrange"}
    values: list[Any] = []
    for key in client.scan_iter():
        name = read[client.type(key).decode()]
        values.append((key, getattr(client, name)(key, *((0, -1) if name == "zrange" else ()))))
    return b"\n".join(_values(values))


def _values(value: Any) -> list[bytes]:
    """The texts, numbers and bytes within, as bytes."""
    if isinstance(value, bytes):
        return [value]
    if isinstance(value, dict):
        return _values([*value.keys(), *value.values()])
    if hasattr(value, "__slots__") and not isinstance(value, tuple):
        return _values([getattr(value, name, None) for name in value.__slots__])
    if isinstance(value, (list, tuple)):
        return [found for item in value for found in _values(item)]
    return [str(value).encode("utf-8", "surrogatepass")]


def spellings_of(secret: bytes) -> list[bytes]:
    """The bytes as they are, in hexadecimal, and in base64 of both alphabets wherever they begin in
    it."""
    spelt = [secret, secret.hex().encode(), secret.hex().upper().encode()]
    for offset in range(3):
        inner = base64.b64encode(bytes(offset) + secret)[4 if offset else 0 : -4]
        spelt += [inner, inner.translate(bytes.maketrans(b"+/", b"-_"))]
    return spelt


def test_spellings_are_found() -> None:
    """The search below would find a secret in each of its spellings, also in the middle of other
    bytes."""
    secret = os.urandom(16)
    for around in (b"", b"x", b"xy", b"xyz"):
        for encode in (bytes, base64.b64encode, urlsafe_b64encode):
            assert any(spelt in encode(around + secret + around) for spelt in spellings_of(secret))
    assert any(spelt in (b"x" + secret).hex().encode() for spelt in spellings_of(secret))


def test_no_store_holds_a_token(session_store: Store) -> None:
    """Nothing that was handed out, nor a part of it, is in the store, be it used, unused, reused,
    ended or revoked."""
    minter = TokenMinter.from_secret(os.urandom(32), issuer=ISSUER, audience="api")
    sessions, refresh, access = sessions_in(session_store), [], []
    user = session_store.add_user("ann", "wonderland")
    for uses in (0, 1, 2, 3, 4):
        token, session = sessions.start(user, minter.lifetime)
        refresh.append(token)
        for _ in range(uses):
            refresh.append(sessions.rotate(refresh[-1], minter.lifetime)[0])
            access.append(minter.mint("1", session=session.sid))
    good(sessions, refresh[-4])  # reused
    sessions.end(refresh[1])
    session_store.revoke(token_id="jti-of-it", expires_at=time.time() + 900, issuer=ISSUER)
    Throttle().attempt(session_store, "ann", "192.0.2.1").succeeded()
    dumped = dump_of(session_store)
    for public in (session.sid.encode(), b"jti-of-it", sha256(parts_of(refresh[0])[0]).digest()):
        assert public in dumped
    for token in refresh:
        for secret in (token.encode(), *parts_of(token)):
            assert not any(spelt in dumped for spelt in spellings_of(secret))
    for token in access:
        for part in (token, token.rpartition(".")[0], token.rpartition(".")[2]):
            assert part.encode() not in dumped
        assert not any(
            spelt in dumped
            for spelt in spellings_of(urlsafe_b64decode(token.rpartition(".")[2] + "="))
        )


def test_a_thief_of_the_store_makes_no_token(memory_store: MemoryStore, clock: Clock) -> None:
    """No text that can be put together from what a session keeps is taken."""
    sessions = sessions_in(memory_store)
    token, _ = sessions.start(ANN, LIFETIME)
    for _ in range(2):
        token, session = sessions.rotate(token, LIFETIME)
    kept = [getattr(session, name) for name in session.__slots__]
    stolen = [value for value in kept if isinstance(value, bytes)]
    assert len(stolen) == 4
    names = [value[:16] for value in stolen] + [value[16:] for value in stolen]
    for name in [parts_of(token)[0], *names]:
        for secret in stolen:
            # inside: how much is held in memory is no answer of any call
            memory_store._sessions[session.name_hash] = (
                session  # a guess with the right name would end it
            )
            assert not good(sessions, urlsafe_b64encode(name + secret).decode())
