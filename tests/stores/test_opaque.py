"""`OpaqueTokens`: who is recognized, what it costs, and what happens while the store is away."""

import logging
import math
import secrets
import time
from collections.abc import Iterator
from typing import Any

import pytest

from jwt_middleware import JWTMiddleware, RevocationList, Rule
from jwt_middleware.errors import (
    ConfigurationError,
    InvalidToken,
    Refusal,
    StoreUnavailable,
    Unavailable,
)
from jwt_middleware.login import TokenMinter
from jwt_middleware.stores import MemoryStore, OpaqueTokens, SQLStore
from jwt_middleware.stores.opaque import CACHE_FOR
from jwt_middleware.stores.tokens import new_token
from tests.kit.clock import Clock, stopped
from tests.kit.passwords import CHEAP
from tests.kit.waiting import wait_for

ISSUER = "https://example.com/tokens"
FAR = 4e9


class Watched:
    """A store whose reads are counted, and which can be down."""

    def __init__(self, store: MemoryStore | SQLStore) -> None:
        self.store = store
        self.reads = 0
        self.fault: Exception | None = None

    def token_key(self) -> bytes | None:
        self._read()
        return self.store.token_key()

    def find_token(self, id: str) -> Any:
        self._read()
        return self.store.find_token(id)

    def _read(self) -> None:
        self.reads += 1
        if self.fault:
            raise self.fault


@pytest.fixture
def store(store: MemoryStore | SQLStore) -> MemoryStore | SQLStore:
    """A store with ann, who may read and write."""
    store.add_user("ann", "wonderland", scopes=("read", "write"), claims={"role": "admin"})
    return store


@pytest.fixture
def watched(store: MemoryStore | SQLStore) -> Watched:
    """The same, watched."""
    return Watched(store)


@pytest.fixture
def clock() -> Iterator[Clock]:
    """The monotonic clock, which stands still."""
    with stopped("monotonic") as clock:
        yield clock


def guard(watched: Watched, **options: Any) -> JWTMiddleware:
    """A middleware that accepts the tokens of the store beside JWTs."""
    minter = TokenMinter.from_secret("x" * 32, issuer="https://login.example", audience="api")

    def app(environ: Any, start_response: Any) -> list[bytes]:
        raise AssertionError

    providers = [minter.provider, OpaqueTokens(watched, issuer=ISSUER)]
    usual = {"providers": providers, "rules": [Rule("/")]}
    return JWTMiddleware(app, **usual | options)


def add(watched: Watched, **options: Any) -> str:
    usual: dict[str, Any] = {"name": "ci", "scopes": ("read",), "expires_at": FAR}
    return watched.store.add_token("ann", **usual | options)


def reason(middleware: JWTMiddleware, token: str) -> str | None:
    """Why the token is refused, or None."""
    environ = {"PATH_INFO": "/", "REQUEST_METHOD": "GET", "HTTP_AUTHORIZATION": f"Bearer {token}"}
    answer = middleware.decide(environ).answer
    assert answer is None or isinstance(answer, Refusal)
    return answer and answer.reason


def test_who_bears_a_token(watched: Watched) -> None:
    """The caller is the user as the minter writes it, with the claims that are promised and none
    of the user's own."""
    token = add(watched)
    (listed,) = watched.store.tokens("ann")
    caller = guard(watched).verify(token)
    assert (caller.subject, caller.issuer, caller.scopes) == ("1", ISSUER, ("read",))
    assert (caller.token_id, caller.session_id, caller.expires_at) == (listed.id, None, FAR)
    assert (caller.header, caller.remote_user) == ({}, "1")
    assert caller.claims == {
        "iss": ISSUER,
        "sub": "1",
        "iat": listed.created_at,
        "exp": FAR,
        "jti": listed.id,
        "scope": "read",
        "preferred_username": "ann",
    }


def test_the_name_that_apps_show(watched: Watched) -> None:
    """`remote_user_claim` is that of a provider."""
    provider = OpaqueTokens(watched, issuer=ISSUER, remote_user_claim="preferred_username")
    caller = guard(watched, providers=[provider]).verify(add(watched))
    assert caller.remote_user == "ann"


SCOPES = {
    "fewer": (["read"], ["read", "write"], ("read",)),
    "more than its user has": (["read", "admin"], ["read"], ("read",)),
    "in its own order": (["write", "read"], ["read", "write"], ("write", "read")),
    "none asked for": ([], ["read"], ()),
    "none left": (["read"], [], ()),
}


@pytest.mark.parametrize(("asked", "has", "expected"), SCOPES.values(), ids=SCOPES)
def test_a_token_has_no_more_than_its_user(
    watched: Watched, asked: list[str], has: list[str], expected: tuple[str, ...]
) -> None:
    """The scopes are those of the token that the user has too."""
    token = add(watched, scopes=asked)
    watched.store.set_scopes("ann", has)
    assert guard(watched).verify(token).scopes == expected


def test_a_change_of_scopes_counts_within_a_minute(watched: Watched, clock: Clock) -> None:
    """The verdict is cached until then, and made anew afterwards."""
    middleware = guard(watched)
    token = add(watched)
    assert middleware.verify(token).scopes == ("read",)
    watched.store.set_scopes("ann", ())
    clock.now += CACHE_FOR - 1
    assert middleware.verify(token).scopes == ("read",)
    clock.now += 1
    assert middleware.verify(token).scopes == ()


def test_a_token_that_was_seen_before_costs_no_read(watched: Watched) -> None:
    """Two thousand requests cost the two reads of the first: the key and the token."""
    middleware = guard(watched)
    token = add(watched)
    for _ in range(2_000):
        assert reason(middleware, token) is None
    assert watched.reads == 2


def test_guesses_cost_no_read(watched: Watched, clock: Clock) -> None:
    """Two thousand tokens of the right form, with a right checksum, cost a read of the key in all;
    a good token that comes in between is accepted."""
    middleware = guard(watched)
    good = add(watched)
    for n in range(2_000):
        assert reason(middleware, new_token(b"guess" * 7)[0]) == "signature"
        if n == 1000:
            assert reason(middleware, good) is None
    assert watched.reads == 2
    clock.now += 1
    assert reason(middleware, new_token(b"guess" * 7)[0]) == "signature"
    assert watched.reads == 3


def test_guesses_at_the_secret_of_a_known_id_cost_no_read(watched: Watched) -> None:
    """Whoever knows an id, or a whole token, cannot change the secret and keep the tag."""
    middleware = guard(watched)
    good = add(watched)
    assert reason(middleware, good) is None
    for _ in range(1000):
        other = new_token(b"guess" * 7)[0]
        assert reason(middleware, good[:21] + other[21:]) == "malformed"
    assert watched.reads == 2


def test_wrong_checksums_cost_no_read(watched: Watched) -> None:
    """Not even one of the key."""
    middleware = guard(watched)
    token = add(watched)
    for wrong in (token[:-1], token + "0", token[:-1] + ("0" if token[-1] != "0" else "1")):
        assert reason(middleware, wrong) == "malformed"
    assert watched.reads == 0


def test_a_refused_token_that_is_tried_again_costs_a_read_a_second(
    watched: Watched, clock: Clock
) -> None:
    """Removed, of a removed user, or gone from the database: ten thousand tries a second cost one
    read of each."""
    middleware = guard(watched)
    token = add(watched)
    watched.store.remove_token(token[9:21])
    for expected in (2, 3):
        for _ in range(1000):
            assert reason(middleware, token) == "revoked"
        assert watched.reads == expected
        clock.now += 1
    watched.store.remove_user("ann")
    assert reason(middleware, token) == "revoked"


def test_without_a_cache_a_good_token_costs_a_read_a_second(watched: Watched, clock: Clock) -> None:
    """`cache_size=0` is no way to make the store read for each request."""
    middleware = guard(watched, cache_size=0)
    token = add(watched)
    for _ in range(1000):
        assert reason(middleware, token) is None
    assert watched.reads == 2


def test_what_is_remembered_is_bounded(
    watched: Watched, monkeypatch: pytest.MonkeyPatch, clock: Clock
) -> None:
    """Many tokens that were removed fill no memory."""
    # inside: it remembers so many that a test would take long to fill it
    monkeypatch.setattr("jwt_middleware.stores.opaque._MOST_REMEMBERED", 3)
    provider = OpaqueTokens(watched, issuer=ISSUER)
    tokens = [add(watched) for _ in range(5)]
    for token in tokens:
        provider.look_up(token)
    reads = watched.reads
    provider.look_up(tokens[-1])
    assert watched.reads == reads
    provider.look_up(tokens[0])
    assert watched.reads == reads + 1


def test_the_first_token_of_a_store_is_accepted_soon(watched: Watched, clock: Clock) -> None:
    """Guesses before it made the provider know that there is no key; that is asked again after a
    second."""
    middleware = guard(watched)
    for _ in range(100):
        assert reason(middleware, new_token(b"guess" * 7)[0]) == "signature"
    assert watched.reads == 1
    token = add(watched)
    clock.now += 1
    assert reason(middleware, token) is None


FAULTS: dict[str, Exception] = {
    "down": StoreUnavailable("the user database does not answer"),
    "a bug of the owner's store": ZeroDivisionError("hunter2"),
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_while_the_store_is_down(
    watched: Watched, clock: Clock, fault: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    """A token that must be looked up is 503, never 401; one request a second waits for the store,
    and one line names the cause. What was seen before goes on."""
    middleware = guard(watched)
    seen, unseen = add(watched), add(watched)
    assert reason(middleware, seen) is None
    watched.fault, watched.reads = fault, 0
    for _ in range(100):
        assert reason(middleware, unseen) == "tokens_unavailable"
        assert reason(middleware, seen) is None
    assert watched.reads == 1
    (line,) = [record for record in caplog.records if record.levelno == logging.WARNING]
    assert line.getMessage().startswith("personal tokens cannot be looked up: ")
    assert "hunter2" not in line.getMessage()
    watched.fault = None
    clock.now += 1
    assert reason(middleware, unseen) is None


def test_before_the_key_was_ever_read(watched: Watched, clock: Clock) -> None:
    """A store that is down from the start can say of no token that it is bad."""
    token = add(watched)
    watched.fault = StoreUnavailable("down")
    with pytest.raises(Unavailable, match="tokens_unavailable"):
        guard(watched).verify(token)


def test_a_removed_token_is_refused_within_a_second(watched: Watched, clock: Clock) -> None:
    """By the revocation log, also where its verdict is cached: without a read of the token."""
    for end in ("remove_token", "disable_user"):
        middleware = guard(watched, revocations=RevocationList(watched.store))
        token = add(watched)
        assert reason(middleware, token) is None
        watched.reads = 0
        getattr(watched.store, end)(token[9:21] if end == "remove_token" else "ann")
        clock.now += 1
        assert reason(middleware, token) == "revoked"
        assert watched.reads == 0


def test_without_a_revocation_list_it_is_refused_within_a_minute(
    watched: Watched, clock: Clock
) -> None:
    """The verdict is not cached for longer."""
    middleware = guard(watched)
    token = add(watched)
    assert reason(middleware, token) is None
    watched.store.remove_token(token[9:21])
    clock.now += CACHE_FOR
    assert reason(middleware, token) == "revoked"


def test_an_expired_token(watched: Watched) -> None:
    """It is told apart from one that was removed, new and cached."""
    middleware = guard(watched)
    assert reason(middleware, add(watched, expires_at=time.time() - 10)) == "expired"
    token = add(watched, expires_at=time.time() + 100)
    assert reason(middleware, token) is None
    with stopped("time", time.time() + 101):
        assert reason(middleware, token) == "expired"


def test_a_token_that_is_gone_was_revoked(memory_store: MemoryStore) -> None:
    """The store made it, as its tag says, and has forgotten it: in a restored backup, say."""
    memory_store.add_user("ann", "wonderland")
    watched = Watched(memory_store)
    middleware = guard(watched)
    token = add(watched)
    key = memory_store.token_key()
    assert key is not None
    assert reason(middleware, new_token(key)[0]) == "revoked"
    assert reason(middleware, token) is None


def test_the_tokens_of_another_store(watched: Watched) -> None:
    """They are refused as forged, and so is a token whose secret was changed by a reader of the
    store, who has the key of the tags."""
    other = MemoryStore(password_method=CHEAP)
    other.add_user("ann", "wonderland")
    token = add(watched)
    middleware = guard(watched)
    foreign = other.add_token("ann", name="x", scopes=(), expires_at=FAR)
    assert reason(middleware, foreign) == "signature"
    key = watched.store.token_key()
    assert key is not None
    forged, token_id, _ = new_token(key)
    assert token_id != token[9:21]
    assert reason(middleware, forged) == "revoked"


def test_a_reader_of_the_store_can_make_no_token(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the key of the tags and a known id, the secret is still missing."""
    token = add(watched)
    key = watched.store.token_key()
    assert key is not None
    ids = iter([int_of(token[9:21])])
    bits = secrets.randbits
    monkeypatch.setattr("secrets.randbits", lambda n: next(ids) if n == 71 else bits(n))
    forged, token_id, _ = new_token(key)
    assert token_id == token[9:21]
    with pytest.raises(InvalidToken, match="signature"):
        guard(watched).verify(forged)


def int_of(text: str) -> int:
    """The number that a text in base 62 is."""
    alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
    number = 0
    for digit in text:
        number = number * 62 + alphabet.index(digit)
    return number


BUILT: dict[str, tuple[Any, str]] = {
    "no store": (lambda: OpaqueTokens(5, issuer=ISSUER), "store must be a store"),  # type: ignore[arg-type]
    "a class": (lambda: OpaqueTokens(MemoryStore, issuer=ISSUER), "store must be a store"),  # type: ignore[arg-type]
    "no issuer": (lambda: OpaqueTokens(MemoryStore(), issuer=""), "issuer must be"),
    "an issuer that is no string": (
        lambda: OpaqueTokens(MemoryStore(), issuer=None),  # type: ignore[arg-type]
        "issuer must be",
    ),
    "no name of a claim": (
        lambda: OpaqueTokens(MemoryStore(), issuer=ISSUER, remote_user_claim=""),
        "remote_user_claim must be",
    ),
    "a number": (
        lambda: OpaqueTokens(MemoryStore(), issuer=math.inf),  # type: ignore[arg-type]
        "issuer must be",
    ),
}


@pytest.mark.parametrize(("build", "said"), BUILT.values(), ids=BUILT)
def test_what_cannot_be_built(build: Any, said: str) -> None:
    """Whatever is wrong is found while building."""
    with pytest.raises(ConfigurationError, match=said):
        build()


def test_the_repr(watched: Watched) -> None:
    """It names the issuer and no store, whose URL may hold a password."""
    add(watched)
    provider = OpaqueTokens(watched, issuer=ISSUER)
    assert repr(provider) == f"OpaqueTokens(issuer='{ISSUER}')"
    assert provider.issuer == ISSUER


@pytest.mark.parametrize("engine", ["postgresql"])
def test_a_server_that_is_killed(
    request: pytest.FixtureRequest, engine: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A PostgreSQL that dies: 503 for a token that must be looked up, the cached one goes on, and
    when the server is back both are good."""
    server = request.getfixturevalue(f"{engine}_of_its_own")
    store = SQLStore(server.url + "&connect_timeout=2", password_method=CHEAP)
    store.add_user("ann", "wonderland", scopes=("read",))
    watched = Watched(store)
    middleware = guard(watched)
    seen, unseen = add(watched), add(watched)
    assert reason(middleware, seen) is None
    server.kill()
    try:
        assert reason(middleware, unseen) == "tokens_unavailable"
        assert reason(middleware, seen) is None
    finally:
        server.start()
    wait_for(lambda: reason(middleware, unseen) is None)
    store.close()
