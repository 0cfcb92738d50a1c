"""What a request presents counts as a whole: every credential of a logout, every flag as a
boolean."""

from typing import Any

import pytest
from webtest import TestApp

from jwt_middleware import JWTMiddleware, RevocationList, Rule
from jwt_middleware.login import LoginApp, TokenMinter
from jwt_middleware.stores import MemoryStore
from tests.kit.passwords import CHEAP

NAME = "jwt_refresh"
SIGN_IN = {"username": "ada", "password": "analytical engine"}


def _app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"hello"]


class Site:
    """An app with a login app, at a mount or at the root."""

    def __init__(self, mount: str) -> None:
        self.store = MemoryStore(password_method=CHEAP)
        self.store.add_user("ada", "analytical engine")
        minter = TokenMinter.from_secret("s" * 32, issuer="https://i.example", audience="api")
        log = RevocationList(self.store, max_staleness=0)
        guarded = JWTMiddleware(
            _app, providers=[minter.provider], rules=[Rule("/api")], revocations=log
        )
        login = LoginApp(self.store, minter)
        environ = {"SCRIPT_NAME": mount}
        self.client = TestApp(login.wrap(guarded, prefix="/auth"), extra_environ=environ)

    def post(self, path: str, fields: Any, *, status: int = 200, **headers: str) -> Any:
        """Send fields as JSON, with nothing but these headers."""
        self.client.reset()
        return self.client.post_json(path, fields, headers=headers, status=status)

    def sign_in(self) -> dict[str, Any]:
        """Return the tokens of a new session."""
        tokens: dict[str, Any] = self.post("/auth/token", SIGN_IN).json
        return tokens

    def is_good(self, tokens: dict[str, Any]) -> bool:
        """Whether the access token opens the API and the refresh token refreshes."""
        bearer = {"Authorization": f"Bearer {tokens['access_token']}"}
        opens = self.client.get("/api", headers=bearer, expect_errors=True).status_int == 200
        fields = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
        answer = self.client.post_json("/auth/token", fields, expect_errors=True)
        assert opens == (answer.status_int == 200)
        return opens


@pytest.fixture(params=["", "/sub"], ids=["root", "mounted"])
def site(request: pytest.FixtureRequest) -> Site:
    """A site with one user."""
    return Site(request.param)


PLACES = {
    "header": lambda tokens: ({}, {"Authorization": f"Bearer {tokens['access_token']}"}),
    "body, refresh token": lambda tokens: ({"token": tokens["refresh_token"]}, {}),
    "body, access token": lambda tokens: ({"token": tokens["access_token"]}, {}),
}
STALE = {
    "ended": lambda site, tokens: site.post("/auth/revoke", {"token": tokens["refresh_token"]}),
    "used": lambda site, tokens: site.post(
        "/auth/token", {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
    ),
    "good": lambda site, tokens: None,
}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("before", [*STALE, "nonsense"])
def test_a_cookie_hides_no_other_token(site: Site, place: str, before: str) -> None:
    """A logout in cookie mode ends the session of the cookie and that of the header or body,
    whatever the cookie is worth."""
    other, mine = site.sign_in(), site.sign_in()
    cookie = "nonsense"
    if before in STALE:
        STALE[before](site, other)
        cookie = other["refresh_token"]
    fields, headers = PLACES[place](mine)
    headers = {**headers, "Cookie": f"{NAME}={cookie}"}
    answer = site.post("/auth/revoke", {**fields, "cookie": True}, **headers)
    assert answer.json == {"ended": "session"}
    assert "Max-Age=0" in answer.headers["Set-Cookie"]
    assert not site.is_good(mine)
    assert before != "good" or not site.is_good(other)


def test_a_logout_by_cookie_ends_all_that_is_presented(site: Site) -> None:
    """Cookie, header and body may name three sessions: in cookie mode all of them end."""
    three = header, body, cookie = [site.sign_in() for _ in range(3)]
    headers = {
        "Authorization": f"Bearer {header['access_token']}",
        "Cookie": f"{NAME}={cookie['refresh_token']}",
    }
    site.post("/auth/revoke", {"token": body["refresh_token"], "cookie": True}, **headers)
    assert [site.is_good(tokens) for tokens in three] == [False] * 3


def test_the_body_names_what_is_meant(site: Site) -> None:
    """Outside of cookie mode a token in the body is revoked alone (RFC 7009 section 2.1): clients
    send their own in the header of every request, and a cookie is not looked at."""
    header, body, cookie = [site.sign_in() for _ in range(3)]
    headers = {
        "Authorization": f"Bearer {header['access_token']}",
        "Cookie": f"{NAME}={cookie['refresh_token']}",
    }
    site.post("/auth/revoke", {"token": body["refresh_token"]}, **headers)
    assert [site.is_good(tokens) for tokens in (header, body, cookie)] == [True, False, True]


def test_all_counts_for_each_token(site: Site) -> None:
    """`all` beside a stale cookie ends every session of the user whom the header names."""
    stale, mine, third = site.sign_in(), site.sign_in(), site.sign_in()
    site.post("/auth/revoke", {"token": stale["refresh_token"]})
    headers = {
        "Authorization": f"Bearer {mine['access_token']}",
        "Cookie": f"{NAME}={stale['refresh_token']}",
    }
    site.post("/auth/revoke", {"cookie": True, "all": True}, **headers)
    assert not site.is_good(mine)
    assert not site.is_good(third)


def test_a_stale_cookie_beside_a_good_token_in_the_body(site: Site) -> None:
    """A refresh in cookie mode takes the cookie alone; the token in the body stays what it was. In
    the usual mode the cookie is not looked at."""
    stale, mine = site.sign_in(), site.sign_in()
    site.post("/auth/revoke", {"token": stale["refresh_token"]})
    cookie = {"Cookie": f"{NAME}={stale['refresh_token']}"}
    fields = {"grant_type": "refresh_token", "refresh_token": mine["refresh_token"]}
    refused = site.post("/auth/token", {**fields, "cookie": True}, status=400, **cookie)
    assert refused.json["error"] == "invalid_grant"
    assert "Max-Age=0" in refused.headers["Set-Cookie"]
    assert "Set-Cookie" not in site.post("/auth/token", fields, **cookie).headers


@pytest.mark.parametrize("token", [None, "", 5, True, ["x"], {}], ids=repr)
def test_a_token_that_is_none_is_refused_beside_a_good_one(site: Site, token: Any) -> None:
    """A malformed request does nothing by half."""
    mine = site.sign_in()
    bearer = {"Authorization": f"Bearer {mine['access_token']}"}
    for fields in ({"token": token}, {"token": token, "cookie": True}):
        answer = site.post("/auth/revoke", fields, status=400, **bearer)
        assert answer.json["msg"] == "The field token must be a string."
    assert site.is_good(mine)


FLAGS = [("/auth/token", "cookie"), ("/auth/revoke", "cookie"), ("/auth/revoke", "all")]
NO_BOOLEANS = [1, 0, 1.0, "1", "0", "yes", "on", "true", "True", "false", "", None, [], [True], {}]
NO_WORDS = ["1", "0", "yes", "no", "on", "True", "TRUE", "False", "", " true", "true "]


@pytest.mark.parametrize(("path", "name"), FLAGS, ids=["-".join(pair) for pair in FLAGS])
@pytest.mark.parametrize("value", NO_BOOLEANS, ids=repr)
def test_a_flag_in_json_is_a_boolean(site: Site, path: str, name: str, value: Any) -> None:
    """What is neither true nor false is refused: to take it for no would hide a slip."""
    mine = site.sign_in()
    fields = SIGN_IN if path == "/auth/token" else {"token": mine["refresh_token"]}
    answer = site.post(path, {**fields, name: value}, status=400)
    assert answer.json["msg"] == f"The field {name} must be true or false."
    assert "Set-Cookie" not in answer.headers
    assert site.is_good(mine)


@pytest.mark.parametrize(("path", "name"), FLAGS, ids=["-".join(pair) for pair in FLAGS])
@pytest.mark.parametrize("value", NO_WORDS, ids=repr)
def test_a_flag_in_a_form_is_one_of_two_words(site: Site, path: str, name: str, value: str) -> None:
    """`true` or `false`; nothing else is taken for no."""
    mine = site.sign_in()
    fields = SIGN_IN if path == "/auth/token" else {"token": mine["refresh_token"]}
    answer = site.client.post(path, {**fields, name: value}, status=400)
    assert answer.json["msg"] == f"The field {name} must be true or false."
    assert site.is_good(mine)


@pytest.mark.parametrize("word", ["true", "false"])
def test_the_words_of_a_form(site: Site, word: str) -> None:
    """They mean what the booleans of JSON mean."""
    is_set = word == "true"
    answer = site.client.post("/auth/token", {**SIGN_IN, "cookie": word})
    assert ("Set-Cookie" in answer.headers, "refresh_token" in answer.json) == (is_set, not is_set)
    other, mine = site.sign_in(), site.sign_in()
    site.client.post("/auth/revoke", {"token": mine["refresh_token"], "all": word})
    assert not site.is_good(mine)
    assert site.is_good(other) != is_set
