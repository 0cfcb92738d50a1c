"""Whose session a token belongs to, without a request."""

from typing import Any

import pytest

from jwt_middleware.login import TokenMinter
from jwt_middleware.login.sessions import Sessions
from jwt_middleware.login.signed_in import AccessTokens, SignedIn, is_current
from jwt_middleware.stores import MemoryStore, User
from tests.kit.clock import stopped
from tests.kit.passwords import CHEAP

ISSUER = "https://login.example"
MINTER = TokenMinter.from_secret("s" * 32, issuer=ISSUER, audience="api")
ADDRESS = "192.0.2.1"


class World:
    """A store with ada in it, her session, and the questions about it."""

    def __init__(self, issuer: str = ISSUER) -> None:
        self.store = MemoryStore(password_method=CHEAP)
        self.ada = self.store.add_user("ada", "lovelace")
        self.sessions = self.sessions_of(issuer)
        self.refresh, self.session = self.sessions.start(self.ada, 900)
        self.signed_in = SignedIn(self.store, self.store, MINTER, self.sessions_of(ISSUER))

    def sessions_of(self, issuer: str) -> Sessions:
        """The sessions of an issuer."""
        times = {"reuse_grace": 30, "idle_timeout": 60, "session_lifetime": 3600}
        return Sessions(self.store, **times, issuer=issuer)

    def access(self, **options: Any) -> str:
        """An access token of the session."""
        return MINTER.mint("1", **{"session": self.session.sid} | options)

    @property
    def found(self) -> tuple[User | None, User | None]:
        """The user of the access token and of the refresh token."""
        by_refresh = self.signed_in.by_refresh_token(self.refresh, ADDRESS)
        return self.signed_in.by_access_token(self.access()), by_refresh


def test_a_current_session() -> None:
    """Both tokens of it name its user, any number of times."""
    world = World()
    for _ in range(3):
        assert world.found == (world.ada, world.ada)


ENDS = {
    "its session ended": lambda world: world.store.end_session(world.session),
    "all sessions ended": lambda world: world.store.end_sessions("1"),
    "another password": lambda world: world.store.set_password("ada", "looking-glass"),
    "disabled": lambda world: world.store.disable_user("ada"),
    "removed": lambda world: world.store.remove_user("ada"),
}


@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS)
def test_an_ended_session(end: Any) -> None:
    """Neither token names anybody."""
    world = World()
    end(world)
    assert world.found == (None, None)


def test_an_expired_session() -> None:
    """Neither, although the access token lives on."""
    world = World()
    with stopped("time", world.session.expires_at):
        assert world.found == (None, None)


def test_a_session_of_another_issuer() -> None:
    """Neither: its user ids may be those of another table."""
    assert World("https://other.example").found == (None, None)


def test_a_used_refresh_token(caplog: pytest.LogCaptureFixture) -> None:
    """It is good within the grace; later it is reuse, which ends the session."""
    world = World()
    _, rotated = world.sessions.rotate(world.refresh, 900)
    assert world.found == (world.ada, world.ada)
    with stopped("time", rotated.used_at + 31):
        assert world.found == (None, None)
    (reuse,) = [record for record in caplog.records if getattr(record, "event", "") == "reuse"]
    assert (reuse.address, reuse.session) == (ADDRESS, world.session.sid)  # type: ignore[attr-defined]


NOT_TOKENS = ["", "x", "a.b.c", "A" * 64, "\ud800", "jwtm_pat_" + "0" * 72]


@pytest.mark.parametrize("text", NOT_TOKENS, ids=ascii)
def test_another_text(text: str) -> None:
    """It names nobody."""
    world = World()
    assert world.signed_in.by_access_token(text) is None
    assert world.signed_in.by_refresh_token(text, ADDRESS) is None


def test_each_kind_in_its_place() -> None:
    """A refresh token is not an access token, nor the other way round."""
    world = World()
    assert world.signed_in.by_access_token(world.refresh) is None
    assert world.signed_in.by_refresh_token(world.access(), ADDRESS) is None


@pytest.mark.parametrize("session", [None, "mine", "login.", "login.mine"])
def test_without_a_session(session: str | None) -> None:
    """A token that was minted by hand names nobody, whatever its `sid`."""
    world = World()
    assert world.signed_in.by_access_token(world.access(session=session)) is None


def test_a_session_of_somebody_else() -> None:
    """A `sid` counts with its own subject only."""
    world = World()
    world.store.add_user("bob", "builder")
    token = MINTER.mint("2", session=world.session.sid)
    assert world.signed_in.by_access_token(token) is None


def test_a_revoked_access_token() -> None:
    """It names nobody, by its `jti` or by a cut-off; its session goes on."""
    world = World()
    tokens, one, two = AccessTokens(world.store, MINTER), world.access(), world.access()
    caller = tokens.caller(one)
    assert caller is not None
    world.store.revoke(token_id=str(caller.token_id), expires_at=caller.expires_at)
    assert tokens.caller(one) is None
    assert tokens.caller(two) is not None
    world.store.revoke_subject(ISSUER, "1")
    assert tokens.caller(two) is None
    assert world.found == (world.ada, world.ada)


def test_is_current() -> None:
    """A user of another version is another person, as far as a session is concerned."""
    world = World()
    assert is_current(world.ada, world.session)
    assert not is_current(None, world.session)
    assert not is_current(User(1, "ada", version=world.ada.version + 1), world.session)
