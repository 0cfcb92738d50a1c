"""Cookie mode: the refresh token in a cookie, and in no body."""

from typing import Any

import pytest
from webtest import TestApp, TestResponse

from jwt_middleware import JWTMiddleware, RevocationList, Rule
from jwt_middleware.login import LoginApp, TokenMinter
from jwt_middleware.login.cookies import LOOPBACK_NAME
from jwt_middleware.stores import MemoryStore

SIGN_IN = {"username": "ada", "password": "analytical engine", "cookie": True}
REFRESH = {"grant_type": "refresh_token", "cookie": True}
FRONT_END = "https://front.example"


class Browser:
    """A client that keeps the cookie by hand, since WebTest's does not send one that is for
    https."""

    def __init__(self) -> None:
        store = MemoryStore(password_method="scrypt:1024:8:1")
        store.add_user("ada", "analytical engine")
        minter = TokenMinter.from_secret("s" * 32, issuer="https://example.com", audience="api")
        rules, log = [Rule("/api")], RevocationList(store, max_staleness=0)
        guarded = JWTMiddleware(_app, providers=[minter.provider], rules=rules, revocations=log)
        login = LoginApp(store, minter, allowed_origins=[FRONT_END])
        self.client = TestApp(login.wrap(guarded, prefix="/auth"))
        self.cookie = ""

    def post(
        self, path: str, fields: dict[str, Any], status: int = 200, **headers: str
    ) -> TestResponse:
        """Send the fields as JSON, with the cookie if there is one, and take the cookie of the
        answer."""
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        if self.cookie:
            headers["Cookie"] = f"{LOOPBACK_NAME}={self.cookie}"
        answer = self.client.post_json(path, fields, headers=headers, status=status)
        if "Set-Cookie" in answer.headers:
            self.cookie = answer.headers["Set-Cookie"].partition("=")[2].partition(";")[0]
        return answer

    def call(self, token: str, status: int = 200) -> None:
        """Call a protected path."""
        self.client.get("/api", headers={"Authorization": f"Bearer {token}"}, status=status)


def _app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"hello"]


@pytest.fixture
def browser() -> Browser:
    """A browser without a session."""
    return Browser()


def test_the_cookie_is_for_the_login_app_alone(browser: Browser) -> None:
    """No script reads it, no foreign page sends it, no plain http carries it, and no body has what
    is in it."""
    answer = browser.post("/auth/token", SIGN_IN)
    attributes = {part.strip() for part in answer.headers["Set-Cookie"].split(";")[1:]}
    assert {"HttpOnly", "Secure", "SameSite=Strict", "Max-Age=604800"} <= attributes
    assert not any(
        name.startswith(("Path", "Domain")) for name in attributes
    )  # so: this host, below /auth
    assert answer.headers["Set-Cookie"].startswith("__Secure-")
    assert "refresh_token" not in answer.json
    assert browser.cookie not in answer.text


def test_a_refresh_takes_and_replaces_the_cookie(browser: Browser) -> None:
    """The successor goes into the cookie; the answer has the access token and no refresh token."""
    browser.post("/auth/token", SIGN_IN)
    before = browser.cookie
    answer = browser.post("/auth/token", REFRESH)
    assert browser.cookie not in (before, "")
    assert "refresh_token" not in answer.json
    browser.call(answer.json["token"])


def test_a_token_in_the_body_counts_for_nothing(browser: Browser) -> None:
    """In cookie mode the cookie is the refresh token, whatever the body says."""
    refresh_token = browser.post("/auth/token", {**SIGN_IN, "cookie": False}).json["refresh_token"]
    answer = browser.post("/auth/token", {**REFRESH, "refresh_token": refresh_token}, status=400)
    assert answer.json["error"] == "invalid_request"


def test_who_never_signed_in_is_not_told_of_a_session(browser: Browser) -> None:
    """Without the cookie a refresh is `invalid_request`; `invalid_grant` means that there was a
    session."""
    assert browser.post("/auth/token", REFRESH, status=400).json["error"] == "invalid_request"


def test_an_ended_session_is_told_once(browser: Browser) -> None:
    """The answer that says so takes the cookie away."""
    browser.post("/auth/token", SIGN_IN)
    browser.client.post_json("/auth/revoke", {"token": browser.cookie})
    assert browser.post("/auth/token", REFRESH, status=400).json["error"] == "invalid_grant"
    assert browser.cookie == ""


def test_a_wrong_password_leaves_the_cookie(browser: Browser) -> None:
    """Somebody who mistypes beside a session does not lose it."""
    browser.post("/auth/token", SIGN_IN)
    answer = browser.post("/auth/token", {**SIGN_IN, "password": "wrong"}, status=401)
    assert "Set-Cookie" not in answer.headers
    browser.post("/auth/token", REFRESH)


def test_signing_out_reads_and_clears_the_cookie(browser: Browser) -> None:
    """The session and its access tokens end, and the cookie goes; without one the answer is the
    same."""
    token = browser.post("/auth/token", SIGN_IN).json["token"]
    browser.call(token)
    browser.post("/auth/revoke", {"cookie": True})
    assert browser.cookie == ""
    browser.call(token, status=401)
    assert browser.post("/auth/revoke", {"cookie": True}).json == {}


FOREIGN = {
    "a foreign origin": {"Origin": "https://evil.example"},
    "an origin that is none": {"Origin": "null"},
    "a name that starts alike": {"Origin": "http://localhost.evil.example"},
    "another port": {"Origin": "http://localhost:8443"},
    "a listed origin of another site": {"Origin": FRONT_END, "Sec_Fetch_Site": "cross-site"},
    "a sister site": {"Sec_Fetch_Site": "same-site"},
    "a foreign page that hides its origin": {"Sec_Fetch_Site": "cross-site"},
}


@pytest.mark.parametrize("headers", FOREIGN.values(), ids=FOREIGN)
@pytest.mark.parametrize(
    ("path", "fields"),
    [("/auth/token", SIGN_IN), ("/auth/token", REFRESH), ("/auth/revoke", {"cookie": True})],
    ids=["sign in", "refresh", "sign out"],
)
def test_a_foreign_page_gets_nothing(
    path: str, fields: dict[str, Any], headers: dict[str, str], browser: Browser
) -> None:
    """Nobody is signed in, renewed or signed out by a page of another site."""
    token = browser.post("/auth/token", SIGN_IN).json["token"]
    answer = browser.post(path, fields, status=403, **headers)
    assert "Set-Cookie" not in answer.headers
    browser.call(token)


OWN = {
    "no browser": {},
    "this host": {"Origin": "http://localhost", "Sec_Fetch_Site": "same-origin"},
    "behind a proxy that ends TLS": {"Origin": "https://example.com", "Host": "example.com"},
    "a listed origin": {"Origin": FRONT_END, "Sec_Fetch_Site": "same-site"},
}


@pytest.mark.parametrize("headers", OWN.values(), ids=OWN)
def test_a_page_of_ours_may(headers: dict[str, str], browser: Browser) -> None:
    """Pages of this host by any scheme, listed origins and programs may use cookie mode."""
    answer = browser.post("/auth/token", SIGN_IN, **headers)
    assert browser.cookie
    listed = headers.get("Origin") == FRONT_END
    assert answer.headers.get("Access-Control-Allow-Credentials") == ("true" if listed else None)
