"""A path that needs a recent login asks for one, and does not turn its user away (RFC 9470)."""

import logging
import time
from collections.abc import Callable
from http.cookiejar import DefaultCookiePolicy
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from freezegun import freeze_time

from jwt_middleware import (
    JWTMiddleware,
    Refusal,
    RevocationList,
    Rule,
    acr,
    any_of,
    bearer,
    claim,
    enforce,
    fresh,
    in_cookie,
    optional,
    refusal_response,
    scope,
)
from jwt_middleware.login import LoginApp, TokenMinter
from jwt_middleware.stores import MemoryStore, OpaqueTokens, User

from .conftest import PASSWORD, Client
from .test_pages_with_cookies import ACCESS, BROWSER, HTTPS, OWN, REFRESH, sent

START = "2027-01-01 12:00:00"
START_SECONDS = 1_798_804_800
LATER = "2027-01-01 12:05:30"
TOO_OLD = (
    'Bearer realm="api", error="insufficient_user_authentication", '
    'error_description="This resource needs a more recent login.", max_age="300"'
)
RULES = [Rule("/api"), Rule("/api/pay", fresh(300)), Rule("/api/vault", acr("mfa", "pin"))]


@pytest.fixture
def shop(visit: Any, guard: Any, store: MemoryStore, minter: TokenMinter) -> Client:
    """A site whose payments need a recent login, with pages for browsers that came by https."""
    login = LoginApp(store, minter, access_cookie=ACCESS)
    guarded = guard(
        credentials=(bearer, in_cookie(ACCESS)),
        sign_in="/auth/login",
        rules=RULES,
        revocations=RevocationList(store, max_staleness=0),
    )
    client: Client = visit(login.wrap(guarded, prefix="/auth"))
    client.cookiejar.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    client.extra_environ.update({**HTTPS, "HTTP_HOST": "app.example"})
    return client


def pay(site: Client, token: str, status: int) -> Any:
    """Call the path that needs a recent login."""
    site.authorization = None
    headers = {"Authorization": f"Bearer {token}"}
    return site.get("/api/pay", headers=headers, status=status)


def test_a_refresh_does_not_make_a_login_fresh(shop: Client) -> None:
    """`auth_time` is the time of the password: after five minutes the path asks for it again,
    whatever was refreshed meanwhile, and a new login opens it."""
    with freeze_time(START):
        first = shop.sign_in().json
        at = pay(shop, first["token"], 200).json["claims"]["auth_time"]
        assert at == START_SECONDS
    with freeze_time(LATER):
        fields = {"grant_type": "refresh_token", "refresh_token": first["refresh_token"]}
        second = shop.post_json("/auth/token", fields).json
        shop.secrets.add(second["refresh_token"])
        seen = shop.get("/api/me", headers={"Authorization": f"Bearer {second['token']}"}).json
        assert seen["claims"]["auth_time"] == at
        answer = pay(shop, second["token"], 401)
        assert answer.headers["WWW-Authenticate"] == TOO_OLD
        assert answer.json["error"] == "insufficient_user_authentication"
        assert answer.json["reason"] == "login_too_old"
        third = shop.sign_in().json
        assert pay(shop, third["token"], 200).json["claims"]["auth_time"] == at + 330


def test_a_stronger_login_is_named(shop: Client, forge: Any) -> None:
    """The challenge lists the classes that are enough, the preferred one first."""
    weak, strong = forge(acr="pwd"), forge(acr="pin")
    answer = shop.get("/api/vault", headers={"Authorization": f"Bearer {weak}"}, status=401)
    assert answer.headers["WWW-Authenticate"].endswith(', acr_values="mfa pin"')
    assert answer.json["reason"] == "login_too_weak"
    shop.get("/api/vault", headers={"Authorization": f"Bearer {strong}"}, status=200)


def test_without_a_token_it_is_an_ordinary_401(shop: Client) -> None:
    """Nobody is asked for a recent login before there is any."""
    answer = shop.get("/api/pay", status=401)
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="api"'


def test_the_claims_of_a_user_do_not_replace_the_time(
    visit: Any, guard: Any, store: MemoryStore, minter: TokenMinter
) -> None:
    """An `auth_time` in a user table would make an old login look new for ever."""

    class Users:
        def authenticate(self, username: str, password: str) -> User:
            return User(1, username, claims={"auth_time": 4_000_000_000})

        def get(self, user_id: str) -> User:
            return self.authenticate("ada", "")

    login = LoginApp(store, minter, users=Users())
    site = visit(login.wrap(guard(rules=RULES), prefix="/auth"))
    with freeze_time(START):
        assert site.sign_in().json["token"]
        assert site.get("/api/pay").json["claims"]["auth_time"] < 2_000_000_000


FORGED: dict[str, Any] = {
    "auth_time": 4_000_000_000,
    "acr": "mfa",
    "amr": ["otp"],
    "cnf": {"jkt": "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"},
}


@pytest.mark.parametrize("name", FORGED)
@pytest.mark.parametrize("way", ["password", "refresh", "issue"])
def test_a_user_table_says_nothing_of_a_login(
    way: str, name: str, visit: Any, guard: Any, store: MemoryStore, minter: TokenMinter
) -> None:
    """A claim of a login in a table of users would open what asks for a strong login to everybody
    whose row has it, after any login; the other claims of the row stay."""

    class Users:
        def authenticate(self, username: str, password: str) -> User:
            return User(1, username, claims={name: FORGED[name], "department": "engines"})

        def get(self, user_id: str) -> User:
            return self.authenticate("ada", "")

    login = LoginApp(store, minter, users=Users())
    rules = [*RULES, Rule("/api/otp", claim("amr", "otp"))]
    site = visit(login.wrap(guard(rules=rules), prefix="/auth"))
    fields = login.issue(Users().get("1")) if way == "issue" else site.sign_in().json
    if way == "refresh":
        asked = {"grant_type": "refresh_token", "refresh_token": fields["refresh_token"]}
        fields = site.post_json("/auth/token", asked).json
    site.secrets |= {fields["token"], fields["refresh_token"]}
    site.authorization = None
    headers = {"Authorization": f"Bearer {fields['token']}"}
    seen = site.get("/api/me", headers=headers).json["claims"]
    assert seen["department"] == "engines"
    assert seen.get(name) != FORGED[name]
    assert site.get("/api/vault", headers=headers, status=401).json["reason"] == "login_too_weak"
    assert site.get("/api/otp", headers=headers, status=403)


def test_a_personal_token_shows_no_login(visit: Any, guard: Any, store: MemoryStore) -> None:
    """Nobody typed a password for a machine's token, so it does not open the path."""
    token = store.add_token("ada", name="ci", scopes=("admin",), expires_at=time.time() + 900)
    opaque = OpaqueTokens(store, issuer="https://login.example/tokens")
    site = visit(guard(providers=[opaque], rules=RULES))
    site.secrets.add(token)
    assert pay(site, token, 401).json["reason"] == "login_too_old"
    site.get("/api/me", headers={"Authorization": f"Bearer {token}"}, status=200)


# ---------------------------------------------------------------- pages


def test_a_page_leads_to_the_password_and_back(shop: Client) -> None:
    """A navigation goes to the sign-in page, which asks for the password though the session is
    valid, and the form leads back."""
    with freeze_time(START):
        fields = {"username": "ada", "password": PASSWORD, "next": "/x"}
        cookies = sent(shop.post("/auth/login", fields, headers=OWN, status=303), ACCESS, REFRESH)
        shop.get("/api/pay?a=b", headers=BROWSER | cookies, status=200)
    with freeze_time(LATER):
        location = shop.get("/api/pay?a=b", headers=BROWSER | cookies, status=303)
        url = urlsplit(location.headers["Location"])
        assert url.path == f"{shop.mount}/auth/login"
        following = f"{shop.mount}/api/pay?a=b"
        assert parse_qs(url.query) == {"prompt": ["login"], "next": [following]}
        page = shop.get(f"/auth/login?{url.query}", headers=BROWSER | cookies, status=200)
        form = page.forms[0]
        assert (form.action, form["next"].value) == ("login", following)
        assert "Set-Cookie" not in page.headers, "the session is neither renewed nor ended"
        assert "hidden" not in page.html.find("form").attrs
        assert "hidden" in page.html.find("section").attrs
        fields = {"username": "ada", "password": PASSWORD, "next": following}
        answer = shop.post("/auth/login", fields, headers=OWN | cookies, status=303)
        assert urlsplit(answer.headers["Location"]).path == f"{shop.mount}/api/pay"
        shop.get("/api/pay?a=b", headers=BROWSER | sent(answer, ACCESS), status=200)


def test_a_wrong_password_changes_nothing(shop: Client) -> None:
    """The page says what was wrong and keeps the way back, and the session goes on."""
    with freeze_time(START):
        fields = {"username": "ada", "password": PASSWORD, "next": "/x"}
        cookies = sent(shop.post("/auth/login", fields, headers=OWN, status=303), ACCESS, REFRESH)
        fields = {"username": "ada", "password": "wrong", "next": "/api/pay"}
        page = shop.post("/auth/login", fields, headers=OWN | cookies, status=401)
        assert page.forms[0]["next"].value == "/api/pay"
        shop.get("/api/me", headers=BROWSER | cookies, status=200)


@pytest.mark.parametrize(
    "following", ["//evil.example", "https://evil.example", "/\\evil.example", "/%2f/evil"], ids=str
)
def test_the_way_back_stays_on_this_host(shop: Client, following: str) -> None:
    """`prompt=login` opens no redirect to a foreign page."""
    page = shop.get("/auth/login", {"prompt": "login", "next": following}, headers=BROWSER)
    assert page.forms[0]["next"].value == ""


def test_an_ordinary_401_does_not_ask_again(shop: Client) -> None:
    """A session that is still good leads back at once, without a password."""
    location = shop.get("/api/pay", headers=BROWSER, status=303).headers["Location"]
    assert "prompt" not in location


def test_a_page_without_a_sign_in_page_says_why(visit: Any, guard: Any, forge: Any) -> None:
    """People read that a recent login is needed, in their language."""
    site = visit(guard(rules=RULES))
    headers = {**BROWSER, "Authorization": f"Bearer {forge()}"}
    assert "recent" in site.get("/api/pay", headers=headers, status=401).text
    spanish = {**headers, "Accept-Language": "es"}
    assert "reciente" in site.get("/api/pay", headers=spanish, status=401).text


# ---------------------------------------------------------------- views, alternatives, reports


def paying(environ: Any, start_response: Any) -> Any:
    """A view that asks for a recent login itself."""
    try:
        caller = enforce(environ, fresh(300))
    except Refusal as refusal:
        return refusal_response(refusal, environ)(environ, start_response)
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [caller.subject.encode()]


def test_a_view_asks_for_a_recent_login(visit: Any, guard: Any, forge: Any) -> None:
    """`enforce` answers as a rule does: a challenge for programs, the sign-in page for people."""
    site = visit(guard(paying, rules=[Rule("/api", optional)], sign_in="/auth/login"))
    headers = {"Authorization": f"Bearer {forge(auth_time=1)}"}
    assert site.get("/api/x", headers=headers, status=401).headers["WWW-Authenticate"] == TOO_OLD
    location = site.get("/api/x", headers={**headers, **BROWSER}, status=303).headers["Location"]
    assert "prompt=login" in location


def test_the_scopes_come_first_as_the_rule_has_them(visit: Any, guard: Any, forge: Any) -> None:
    """The first requirement that fails is reported, as everywhere."""
    rules = [Rule("/api", scope("pay"), fresh(300)), Rule("/api/any", any_of(fresh(9), scope("a")))]
    site = visit(guard(rules=rules))
    headers = {"Authorization": f"Bearer {forge()}"}
    assert site.get("/api/x", headers=headers, status=403).json["reason"] == "scope"
    assert site.get("/api/any", headers=headers, status=401).json["reason"] == "login_too_old"
    headers = {"Authorization": f"Bearer {forge(scope='a')}"}
    site.get("/api/any", headers=headers, status=200)


def test_it_can_be_tried_first(
    visit: Any, guard: Callable[..., JWTMiddleware], forge: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """A report-only rule says whom it would have asked, and asks nobody."""
    rules = [Rule("/api"), Rule("/api/pay", fresh(300), report_only=True)]
    site = visit(guard(rules=rules))
    caplog.set_level(logging.INFO, "jwt_middleware")
    pay(site, forge(), 200)
    assert "would refuse GET" in caplog.text
    assert "login_too_old" in caplog.text


def test_a_client_is_led_to_another_login(visit: Any, guard: Any, forge: Any) -> None:
    """With metadata, the challenge names the scopes too: the new token needs them."""
    rules = [Rule("/api", scope("a"), fresh(300))]
    site = visit(guard(rules=rules, resource="https://api.example/api"))
    challenge = pay(site, forge(scope="a"), 401).headers["WWW-Authenticate"]
    assert 'max_age="300"' in challenge
    assert 'scope="a"' in challenge
    assert "resource_metadata=" in challenge
