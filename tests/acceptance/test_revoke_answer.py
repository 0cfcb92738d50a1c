"""`POST /revoke` says what it ended, and tells a stranger nothing."""

from collections.abc import Callable
from typing import Any

import pytest
from freezegun import freeze_time

from jwt_middleware import JWTMiddleware, RevocationList
from jwt_middleware.login import LoginApp, TokenMinter
from jwt_middleware.stores import MemoryStore

from .conftest import AUDIENCE, SECRET, Client


@pytest.fixture
def site(
    visit: Callable[[Any], Client],
    guard: Callable[..., JWTMiddleware],
    login_app: LoginApp,
    store: MemoryStore,
) -> Client:
    """A client of the whole, which sees at once what was revoked."""
    guarded = guard(revocations=RevocationList(store, max_staleness=0))
    return visit(login_app.wrap(guarded, prefix="/auth"))


def pair(site: Client) -> dict[str, str]:
    """The tokens of a new session."""
    fields = {"username": "ada", "password": "correct horse battery staple"}
    return dict(site.post_json("/auth/token", fields).json)


def revoke(site: Client, token: str | None = None, **more: Any) -> Any:
    """Take a token back, and return the answer."""
    headers = more.pop("headers", {})
    fields = {**({} if token is None else {"token": token}), **more}
    return site.post_json("/auth/revoke", fields, headers=headers, status=200)


@pytest.mark.parametrize("kind", ["token", "refresh_token"])
@pytest.mark.parametrize("form", ["json", "form"])
def test_a_session_ends(kind: str, form: str, site: Client) -> None:
    """A token of either kind ends its session; the same again finds nothing more."""
    token = pair(site)[kind]
    send = site.post_json if form == "json" else site.post
    assert send("/auth/revoke", {"token": token}).json == {"ended": "session"}
    assert send("/auth/revoke", {"token": token}).json == {"ended": "nothing"}


@pytest.mark.parametrize("kind", ["token", "refresh_token"])
def test_all_sessions_end(kind: str, site: Client) -> None:
    """With `all`, whichever token names the user."""
    one, _ = pair(site), pair(site)
    assert revoke(site, one[kind], all=True).json == {"ended": "all"}
    assert revoke(site, one[kind], all=True).json == {"ended": "nothing"}


def test_the_header(site: Client) -> None:
    """A token in the `Authorization` header alone is ended and said so too."""
    headers = {"Authorization": f"Bearer {pair(site)['token']}"}
    assert site.post("/auth/revoke", headers=headers).json == {"ended": "session"}
    assert site.post("/auth/revoke", headers=headers).json == {"ended": "nothing"}


def test_a_token_without_a_session(site: Client, minter: TokenMinter) -> None:
    """A token that the owner minted by hand ends alone, or with all sessions of its user."""
    token = minter.mint("1")
    assert revoke(site, token).json == {"ended": "token"}
    assert revoke(site, token).json == {"ended": "nothing"}
    assert revoke(site, minter.mint("1"), all=True).json == {"ended": "all"}


def test_the_most_of_several(site: Client, minter: TokenMinter) -> None:
    """In cookie mode several tokens are taken back: the answer is the most that ended."""
    headers = {"Authorization": f"Bearer {minter.mint('1')}", "Sec-Fetch-Site": "same-origin"}
    answer = revoke(site, pair(site)["refresh_token"], cookie=True, headers=headers)
    assert answer.json == {"ended": "session"}
    headers["Authorization"] = f"Bearer {minter.mint('1')}"
    assert revoke(site, cookie=True, headers=headers).json == {"ended": "token"}
    headers.pop("Authorization")
    assert revoke(site, cookie=True, headers=headers).json == {"ended": "nothing"}


def strange_tokens(site: Client, store: MemoryStore, minter: TokenMinter) -> dict[str, str]:
    """Tokens that end nothing, each for another reason."""
    with freeze_time("2020-01-01"):
        expired = minter.mint("1")
    first = pair(site)
    fields = {"grant_type": "refresh_token", "refresh_token": first["refresh_token"]}
    second = site.post_json("/auth/token", fields).json
    fields["refresh_token"] = second["refresh_token"]
    site.post_json("/auth/token", fields)
    revoked = pair(site)
    revoke(site, revoked["token"])
    other = TokenMinter.from_secret(SECRET, issuer="https://other.example", audience=AUDIENCE)
    elsewhere = LoginApp(store, other, throttle=None).issue(store.users()[0])
    known = pair(site)["refresh_token"]
    return {
        "unknown": "x",
        "of the form of a refresh token": known[:-4] + ("AAAA" if known[-4:] != "AAAA" else "BBBB"),
        "of the form of an access token": "eyJhbGciOiJIUzI1NiJ9.e30.c2lnbmF0dXJl",
        "expired": expired,
        "used": first["refresh_token"],
        "revoked": revoked["token"],
        "revoked refresh token": revoked["refresh_token"],
        "another app's": elsewhere["refresh_token"],
        "another app's access token": elsewhere["token"],
        "signed by another": TokenMinter.from_secret(
            "another secret that is long enough", issuer=minter.issuer, audience=AUDIENCE
        ).mint("1"),
    }


@pytest.mark.parametrize("all_", [False, True], ids=["one", "all"])
def test_no_oracle(all_: bool, site: Client, store: MemoryStore, minter: TokenMinter) -> None:
    """A token that was never there, is used up, expired, revoked, or another app's: the same
    bytes."""
    answers = {
        name: revoke(site, token, all=all_)
        for name, token in strange_tokens(site, store, minter).items()
    }
    bodies = {name: answer.body for name, answer in answers.items()}
    assert set(bodies.values()) == {b'{"ended": "nothing"}\n'}, bodies
    headers = {str(sorted(answer.headers.items())) for answer in answers.values()}
    assert len(headers) == 1


def test_the_shape_is_fixed(site: Client, minter: TokenMinter) -> None:
    """Success always has this one field, a string, and no-store."""
    for token in (pair(site)["token"], minter.mint("1"), "x"):
        answer = revoke(site, token)
        assert list(answer.json) == ["ended"]
        assert isinstance(answer.json["ended"], str)
        assert answer.headers["Cache-Control"] == "no-store"
