"""Tokens for people who logged in some other way, and tokens minted by hand: from a view to a view,
and how they end."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from jwt_middleware import ConfigurationError, JWTMiddleware, RevocationList, StoreUnavailable
from jwt_middleware.login import LoginApp, TokenMinter
from jwt_middleware.stores import MemoryStore, UnknownUser, User

from .conftest import ISSUER, PASSWORD, Client, echo
from .test_sessions import call, refresh

FIELDS = {"token", "user_id", "access_token", "token_type", "expires_in", "refresh_token"}


@pytest.fixture
def login(store: MemoryStore, minter: TokenMinter) -> LoginApp:
    """The login app over `store`."""
    return LoginApp(store, minter, throttle=None)


@pytest.fixture
def sign_up_site(
    visit: Callable[[Any], Client],
    guard: Callable[..., JWTMiddleware],
    store: MemoryStore,
    login: LoginApp,
) -> Client:
    """A site whose public path /sign-up/NAME adds a user and answers with its tokens."""

    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        _, area, name = [*environ["PATH_INFO"].split("/"), ""][:3]
        if area != "sign-up":
            return echo(environ, start_response)
        fields = login.issue(store.add_user(name, PASSWORD, scopes=("read",)))
        headers = [("Content-Type", "application/json"), ("Cache-Control", "no-store")]
        start_response("200 OK", headers)
        return [json.dumps(fields).encode()]

    guarded = guard(app, revocations=RevocationList(store, max_staleness=0))
    return visit(login.wrap(guarded, prefix="/auth"))


def sign_up(site: Client) -> Any:
    """The tokens of a new user."""
    answer = site.post("/sign-up/bob", status=200).json
    site.secrets.add(answer["refresh_token"])
    return answer


def test_a_view_issues_what_a_login_answers(sign_up_site: Client) -> None:
    """The fields of `POST /token`, with a token that names the new user, and no cookie."""
    issued = sign_up(sign_up_site)
    assert issued.keys() == FIELDS == sign_up_site.sign_in().json.keys()
    assert (issued["user_id"], issued["token_type"], issued["expires_in"]) == (2, "Bearer", 900)
    assert issued["token"] == issued["access_token"]
    seen = call(sign_up_site, issued["token"])
    assert (seen["subject"], seen["scopes"]) == ("2", ["read"])
    assert seen["claims"]["preferred_username"] == "bob"
    assert not sign_up_site.cookies


def test_an_issued_session_goes_on_and_ends(sign_up_site: Client) -> None:
    """Its refresh token rotates, and a logout ends it, like that of any login."""
    issued = refresh(sign_up_site, sign_up(sign_up_site)["refresh_token"])
    call(sign_up_site, issued["token"])
    sign_up_site.post_json("/auth/revoke", {"token": issued["refresh_token"]}, status=200)
    assert call(sign_up_site, issued["token"], 401)["reason"] == "revoked"
    refresh(sign_up_site, issued["refresh_token"], 400)


def test_a_new_password_and_a_login_at_once(
    sign_up_site: Client, store: MemoryStore, login: LoginApp
) -> None:
    """A view that changes the password and logs the user in again: the old tokens end, the new ones
    are good, within one second."""
    issued = sign_up(sign_up_site)
    store.set_password("bob", "looking-glass")
    bob = store.authenticate("bob", "looking-glass")
    assert bob is not None
    again = login.issue(bob)
    sign_up_site.secrets.add(again["refresh_token"])
    assert call(sign_up_site, issued["token"], 401)["reason"] == "revoked"
    assert call(sign_up_site, again["token"])["subject"] == "2"


CHANGES: dict[str, Callable[[MemoryStore], None]] = {
    "disabled": lambda store: store.disable_user("ada"),
    "removed": lambda store: store.remove_user("ada"),
    "another password": lambda store: store.set_password("ada", "looking-glass"),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_who_may_not_log_in(store: MemoryStore, login: LoginApp, change: Any) -> None:
    """A user who was changed while the view had it gets no token, and no session stays."""
    ada = store.authenticate("ada", PASSWORD)
    assert ada is not None
    change(store)
    with pytest.raises(UnknownUser, match="may not log in") as caught:
        login.issue(ada)
    assert isinstance(caught.value, LookupError)


def test_who_is_nobody(login: LoginApp) -> None:
    """A user that no store has, and what is not a user."""
    with pytest.raises(UnknownUser):
        login.issue(User(7, "nobody"))
    for value in (None, "ada", 1, {"id": 1}):
        with pytest.raises(ConfigurationError, match="user must be a User"):
            login.issue(value)  # type: ignore[arg-type]


class Down(MemoryStore):
    """A store that takes no session."""

    def add_session(self, session: Any) -> None:
        """Fail."""
        raise StoreUnavailable("down")


def test_a_store_that_is_down(minter: TokenMinter) -> None:
    """The view learns of it, and answers as it likes."""
    store = Down(password_method="scrypt:1024:1:1")
    ada = store.add_user("ada", PASSWORD)
    with pytest.raises(StoreUnavailable):
        LoginApp(store, minter).issue(ada)


ENDS: dict[str, Callable[[MemoryStore], None]] = {
    **CHANGES,
    "logged out": lambda store: store.end_sessions("1"),
    "cut off": lambda store: store.revoke_subject(ISSUER, "1"),
}


@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS)
def test_what_was_minted_by_hand_ends(
    sign_up_site: Client, store: MemoryStore, minter: TokenMinter, end: Any
) -> None:
    """A long-lived token of a script is 401 `revoked` at once, where it was used before and where
    not; others go on, and a new one is good."""
    used, unused = (minter.mint("1", lifetime=30 * 86_400) for _ in range(2))
    other = minter.mint("2")
    call(sign_up_site, used)
    end(store)
    for token in (used, unused):
        assert call(sign_up_site, token, 401)["reason"] == "revoked"
    for token in (other, minter.mint("1")):
        call(sign_up_site, token)


def test_everywhere_means_by_hand_too(sign_up_site: Client, minter: TokenMinter) -> None:
    """`POST /revoke` with `all` ends what was minted by hand, and the next login is good."""
    by_hand, other = minter.mint("1"), minter.mint("2")
    token = sign_up_site.sign_in().json["token"]
    sign_up_site.post_json("/auth/revoke", {"token": token, "all": True}, status=200)
    for dead in (by_hand, token):
        assert call(sign_up_site, dead, 401)["reason"] == "revoked"
    call(sign_up_site, other)
    call(sign_up_site, sign_up_site.sign_in().json["token"])


def test_a_dead_token_ends_nothing(
    sign_up_site: Client, store: MemoryStore, minter: TokenMinter
) -> None:
    """A thief of a token that was cut off cannot log its user out with it."""
    stolen = minter.mint("1")
    store.end_sessions("1")
    token = sign_up_site.sign_in().json["token"]
    sign_up_site.authorization = None
    sign_up_site.post_json("/auth/revoke", {"token": stolen, "all": True}, status=200)
    call(sign_up_site, token)


def test_a_subject_that_was_cut_off_goes_on_with_its_session(
    sign_up_site: Client, store: MemoryStore
) -> None:
    """`revoke_subject` ends tokens, not sessions: the next refresh gives a good one, at once."""
    first = sign_up_site.sign_in().json
    sign_up_site.secrets.add(first["refresh_token"])
    store.revoke_subject(ISSUER, "1")
    call(sign_up_site, first["token"], 401)
    call(sign_up_site, refresh(sign_up_site, first["refresh_token"])["token"])
