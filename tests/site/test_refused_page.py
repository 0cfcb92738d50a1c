"""The page "Why was I refused": what it says of requests and logins is so."""

import re

import pytest
from webtest import TestApp

from jwt_middleware import JWTMiddleware, Key, Rule
from jwt_middleware.login import LoginApp, Throttle, TokenMinter
from jwt_middleware.stores import MemoryStore
from tests.kit.pages import DOCS

pytestmark = pytest.mark.usefixtures("cheap_hashes")

PAGE = (DOCS / "refused.md").read_text()
ADA = {"username": "ada", "password": "analytical engine"}
ORIGIN = {"Origin": "http://localhost:5173"}


def site(origins: list[str] | None = None, login_origins: list[str] | None = None) -> TestApp:
    """An app that is guarded from / on, with a login app at /auth that allows three failures."""

    def app(environ, start_response):
        start_response("200 OK", [])
        return [b""]

    store = MemoryStore()
    store.add_user("ada", "analytical engine")
    minter = TokenMinter(Key.generate(), issuer="https://i.example", audience="a")
    guarded = JWTMiddleware(
        app, providers=[minter.provider], rules=[Rule("/")], allowed_origins=origins or []
    )
    login = LoginApp(
        store,
        minter,
        throttle=Throttle(per_name_and_address="3/minute"),
        allowed_origins=login_origins or [],
    )
    return TestApp(login.wrap(guarded, prefix="/auth"), {"REMOTE_ADDR": "192.0.2.7"})


def test_a_login_beside_the_prefix_is_missing() -> None:
    """A login that is sent to /token instead of /auth/token is 401 `missing`."""
    client = site()
    assert client.post_json("/token", ADA, status=401).json["reason"] == "missing"
    client.post_json("/auth/token", ADA)


NOT_A_TOKEN = {
    "an empty variable": "Bearer",
    "an empty variable and its space": "Bearer ",
    "undefined": "Bearer undefined",
    "null": "Bearer null",
    "quotes": 'Bearer "{access_token}"',
    "the word twice": "Bearer Bearer {access_token}",
    "the refresh token": "Bearer {refresh_token}",
}


@pytest.mark.parametrize("header", NOT_A_TOKEN.values(), ids=NOT_A_TOKEN)
def test_what_is_not_the_access_token_is_malformed(header: str) -> None:
    """Each cause that the page names is `malformed`, and the access token alone is not."""
    client = site()
    tokens = client.post_json("/auth/token", ADA).json
    sent = {"Authorization": header.format_map(tokens)}
    assert client.get("/api", headers=sent, status="4*").json["reason"] == "malformed"
    client.get("/api", headers={"Authorization": f"Bearer {tokens['access_token']}"}, status=200)


def test_the_refused_logins_have_these_answers() -> None:
    """The table has the status and the `msg` of a wrong password, a limit and a foreign page."""
    client = site()
    wrong = {**ADA, "password": "no"}
    answers = [client.post_json("/auth/token", wrong, status="4*") for _ in range(4)]
    by_cookie = {**ADA, "cookie": True}
    answers.append(client.post_json("/auth/token", by_cookie, headers=ORIGIN, status="4*"))
    rows = {(str(answer.status_int), answer.json["msg"]) for answer in answers}
    assert {status for status, _ in rows} == {"401", "429", "403"}
    assert rows <= set(re.findall(r"^\| (\d{3}) \| `(.+?)` \|", PAGE, re.MULTILINE))


@pytest.mark.parametrize(
    ("origins", "login_origins", "readable"),
    [
        ([], [], {"call": False, "login": False}),
        (["http://localhost:5173"], [], {"call": True, "login": False}),
        ([], ["http://localhost:5173"], {"call": False, "login": True}),
        (["http://127.0.0.1:5173"], ["http://127.0.0.1:5173"], {"call": False, "login": False}),
        (["http://localhost:5173"], ["http://localhost:5173"], {"call": True, "login": True}),
    ],
    ids=["neither", "the middleware", "the login app", "127.0.0.1", "both"],
)
def test_both_need_the_origin(
    origins: list[str], login_origins: list[str], readable: dict[str, bool]
) -> None:
    """A script reads the answers of calls if the middleware has its origin, and those of the login
    if the login app has it. `127.0.0.1` is not `localhost`."""
    client = site(origins, login_origins)
    answers = {
        "call": client.get("/api", headers=ORIGIN, status=401),
        "login": client.post_json("/auth/token", ADA, headers=ORIGIN),
    }
    assert {
        name: "Access-Control-Allow-Origin" in answer.headers for name, answer in answers.items()
    } == readable
