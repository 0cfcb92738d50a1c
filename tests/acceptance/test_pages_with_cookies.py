"""An app with pages of its own: signing in, going on and signing out without a script."""

import logging
from http.cookiejar import DefaultCookiePolicy
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest

from jwt_middleware import JWTMiddleware, RevocationList, Rule, bearer, in_cookie, public
from jwt_middleware.login import LoginApp, Throttle, TokenMinter
from jwt_middleware.stores import MemoryStore
from tests.acceptance.conftest import PASSWORD
from tests.kit.passwords import CHEAP

BROWSER = {"Accept": "text/html", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Site": "same-origin"}
OWN = {**BROWSER, "Origin": "https://app.example", "Host": "app.example"}
HTTPS = {"wsgi.url_scheme": "https"}
ACCESS, REFRESH = "__Host-jwt", "__Host-jwt_refresh"
MARKER = "__Host-jwt_session"  # says to scripts that there is a session, and nothing else


@pytest.fixture
def site(visit: Any, guard: Any, store: Any, minter: Any) -> Any:
    """A browser at a site with pages, which came by https."""
    throttle = Throttle(per_name_and_address="3/minute")
    login = LoginApp(store, minter, throttle=throttle, access_cookie=ACCESS)
    guarded = guard(
        credentials=(bearer, in_cookie(ACCESS)),
        sign_in="/auth/login",
        rules=[Rule("/api")],
        revocations=RevocationList(store, max_staleness=0),
    )
    client = visit(login.wrap(guarded, prefix="/auth"))
    client.cookiejar.set_policy(DefaultCookiePolicy(allowed_domains=[]))  # each test sends its own
    client.extra_environ.update({**HTTPS, "HTTP_HOST": "app.example"})
    return client


def sign_in(site: Any, password: str = PASSWORD, following: str = "/x", **options: Any) -> Any:
    """Send the form of the sign-in page."""
    fields = {"username": "ada", "password": password, "next": following}
    headers = options.pop("headers", OWN)
    return site.post("/auth/login", fields, headers=headers, **options)


def cookies_of(answer: Any) -> dict[str, str]:
    """The cookies that an answer sets: the whole header of each by its name."""
    return {line.partition("=")[0]: line for line in answer.headers.getall("Set-Cookie")}


def sent(answer: Any, *names: str) -> dict[str, str]:
    """The header by which a browser sends these cookies back."""
    set_ = cookies_of(answer)
    return {"Cookie": "; ".join(set_[name].partition(";")[0] for name in names)}


def test_signing_in_without_a_script(site: Any) -> None:
    """A form, 303 to the page that was asked for, and that page knows who is calling."""
    location = site.get("/api/page?a=b", headers=BROWSER, status=303).headers["Location"]
    page = site.get(
        urlsplit(location).path.removeprefix(site.mount) + "?" + urlsplit(location).query
    )
    form = page.forms[0]
    assert form.action == "login"
    following = form["next"].value
    assert following == f"{site.mount}/api/page?a=b"
    answer = sign_in(site, following=following, status=303)
    assert urlsplit(answer.headers["Location"]).path == f"{site.mount}/api/page"
    assert answer.headers["Cache-Control"] == "no-store"
    seen = site.get("/api/page?a=b", headers=BROWSER | sent(answer, ACCESS))
    assert seen.json["subject"] == "1"


def test_the_attributes_of_the_cookies(site: Any) -> None:
    """Neither can be read by scripts or sent unencrypted; the access cookie comes with links from
    other sites, the refresh cookie does not."""
    set_ = cookies_of(sign_in(site, status=303))
    assert {*set_} == {ACCESS, REFRESH, MARKER}
    for name, same_site in ((ACCESS, "Lax"), (REFRESH, "Strict")):
        parts = {part.strip() for part in set_[name].split(";")[1:]}
        assert {"Secure", "HttpOnly", "Path=/", f"SameSite={same_site}"} < parts
    assert "Max-Age=900" in set_[ACCESS]


def test_an_expired_access_cookie_is_renewed(site: Any) -> None:
    """The page leads to the sign-in page, that renews by the session and leads back."""
    answer = sign_in(site, status=303)
    location = site.get("/api", headers=BROWSER, status=303).headers["Location"]
    path = urlsplit(location)
    renewed = site.get(
        f"{path.path.removeprefix(site.mount)}?{path.query}",
        headers=BROWSER | sent(answer, REFRESH),
        status=303,
    )
    assert urlsplit(renewed.headers["Location"]).path == f"{site.mount}/api"
    assert {*cookies_of(renewed)} == {ACCESS, REFRESH, MARKER}
    assert site.get("/api", headers=BROWSER | sent(renewed, ACCESS)).json["subject"] == "1"


def test_a_page_that_refuses_good_cookies(
    visit: Any, store: Any, minter: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """Such as one of another issuer: the browser is led there a few times, then stays on the
    sign-in page, which shows how to sign out."""
    login = LoginApp(store, minter, access_cookie=ACCESS)
    other = TokenMinter.from_secret("t" * 32, issuer="https://other.example", audience="a")
    guarded = JWTMiddleware(
        login,
        providers=[other.provider],
        rules=[Rule("/api")],
        credentials=(in_cookie(ACCESS),),
        sign_in="/auth/login",
    )
    client = visit(login.wrap(guarded, prefix="/auth"))
    client.cookiejar.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    client.extra_environ.update({**HTTPS, "HTTP_HOST": "app.example"})
    jar = _received({}, sign_in(client, following="/api", status=303))
    statuses = []
    for _ in range(12):
        answer = client.get("/auth/login?next=/api", headers=BROWSER | _sent(jar))
        statuses.append(answer.status_int)
        jar = _received(jar, answer)
        if answer.status_int == 200:
            break
        assert client.get("/api", headers=BROWSER | _sent(jar)).status_int == 303
    assert statuses == [303, 303, 200]
    assert "hidden" in answer.html.find("form").attrs
    assert answer.html.find("main")["data-next"] == ""
    assert "does not accept it" in answer.html.find(id="message").text
    assert "loop: " in caplog.text
    away = client.get("/auth/login?next=/other", headers=BROWSER | _sent(jar), status=303)
    assert "jwt_returns" in cookies_of(away)


@pytest.mark.parametrize("secured", [True, False], ids=["https", "http at a loopback host"])
def test_a_sign_in_page_without_an_access_cookie(
    secured: bool, visit: Any, store: Any, minter: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """No page of the server accepts its sign-in. The script of the page is led there twice, then
    the page says so, to the operator too. Only a browser with a session is counted."""
    login = LoginApp(store, minter)
    guarded = JWTMiddleware(
        login,
        providers=[minter.provider],
        rules=[Rule("/api")],
        credentials=(in_cookie(ACCESS),),
        sign_in="/auth/login",
    )
    client = visit(login.wrap(guarded, prefix="/auth"))
    client.cookiejar.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    host = "app.example" if secured else "localhost:5000"
    scheme = "https" if secured else "http"
    client.extra_environ.update({"wsgi.url_scheme": scheme, "HTTP_HOST": host})
    page = client.get("/auth/login?next=/api", headers=BROWSER, status=200)
    assert "Set-Cookie" not in page.headers
    fields = {"username": "ada", "password": PASSWORD, "cookie": True}
    own = BROWSER | {"Origin": f"{scheme}://{host}"}
    jar = _received({}, client.post_json("/auth/token", fields, headers=own))
    ways = []
    for _ in range(3):
        client.get("/api", headers=BROWSER | _sent(jar), status=303)
        page = client.get("/auth/login?next=/api", headers=BROWSER | _sent(jar), status=200)
        ways.append(page.html.find("main")["data-next"])
        jar = _received(jar, page)
    assert ways == ["/api", "/api", ""]
    assert "does not accept it" in page.html.find(id="message").text
    assert "hidden" not in page.html.find("section").attrs
    assert [line.levelname for line in caplog.records if "loop: " in line.getMessage()] == [
        "WARNING"
    ]


def _received(jar: dict[str, str], answer: Any) -> dict[str, str]:
    """The cookies of a browser after an answer."""
    pairs = (line.partition(";")[0].split("=", 1) for line in cookies_of(answer).values())
    return {**jar, **dict(pairs)}


def _sent(jar: dict[str, str]) -> dict[str, str]:
    return {"Cookie": "; ".join(f"{name}={value}" for name, value in jar.items())}


def test_a_link_from_another_site(site: Any) -> None:
    """The browser leaves out the strict cookie, so the page asks for itself once, which adds it."""
    elsewhere = BROWSER | {"Sec-Fetch-Site": "cross-site"}
    page = site.get("/auth/login?next=/x", headers=elsewhere, status=200)
    assert _asks_again(page).startswith("0; url=login?")
    page = site.get("/auth/login?next=/x", headers=BROWSER, status=200)
    assert _asks_again(page) is None
    assert page.forms[0]["next"].value == "/x"


@pytest.mark.parametrize("following", ["", "/x", "/x?a=1&b=%2F", '/"><é'])
@pytest.mark.parametrize("fetch_site", ["cross-site", "same-site"])
def test_the_page_asks_for_itself_once(fetch_site: str, following: str, site: Any) -> None:
    """A browser that goes on saying that it comes from another site gets the form the second time,
    with the way back."""
    elsewhere = BROWSER | {"Sec-Fetch-Site": fetch_site}
    query = urlencode({"next": following}) if following else ""
    page = site.get(f"/auth/login?{query}", headers=elsewhere, status=200)
    address = _asks_again(page).removeprefix("0; url=")
    page = site.get(f"/auth/{address}", headers=elsewhere, status=200)
    assert _asks_again(page) is None
    assert page.forms[0]["next"].value == following


def _asks_again(page: Any) -> Any:
    """The refresh of a page, or None."""
    found = page.html.find("meta", {"http-equiv": "refresh"})
    return found and found["content"]


def test_a_session_that_has_ended(site: Any, store: Any) -> None:
    """The form is shown, and the dead cookie goes."""
    answer = sign_in(site, status=303)
    store.end_sessions("1")
    page = site.get("/auth/login?next=/x", headers=BROWSER | sent(answer, REFRESH), status=200)
    assert "hidden" not in page.html.find("form").attrs
    assert f"{REFRESH}=;" in cookies_of(page)[REFRESH]
    site.get("/api", headers=BROWSER | sent(answer, ACCESS), status=303)


def test_who_is_signed_in_sees_how_to_sign_out(site: Any) -> None:
    """Without `next` the page stays, and its form ends the session."""
    answer = sign_in(site, following="", status=303)
    assert answer.headers["Location"].endswith("login")
    page = site.get("/auth/login", headers=BROWSER | sent(answer, REFRESH))
    assert "hidden" in page.html.find("form").attrs
    assert "hidden" not in page.html.find("section").attrs
    out = site.post("/auth/logout", headers=OWN | sent(page, ACCESS, REFRESH), status=303)
    assert all("Max-Age=0" in line for line in cookies_of(out).values())
    assert {*cookies_of(out)} == {ACCESS, REFRESH, MARKER}
    for old in (answer, page):
        site.get("/api", headers=BROWSER | sent(old, ACCESS), status=303)


def test_the_access_cookie_alone_ends_the_session(site: Any) -> None:
    """A browser that has lost the refresh cookie signs out all the same."""
    answer = sign_in(site, status=303)
    site.post("/auth/logout", headers=OWN | sent(answer, ACCESS), status=303)
    site.get("/api", headers=BROWSER | sent(answer, ACCESS), status=303)


WRONG = {
    "a wrong password": ({"password": "no"}, 401, "wrong."),
    "no password": ({"password": ""}, 400, "enter your username"),
    "a foreign page": (
        {"headers": BROWSER | {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}},
        403,
        "another website",
    ),
    "a page by http at a name of the local network": (
        {"headers": {"Accept": "text/html", "Origin": "null", "Host": "192.168.1.5:8000"}},
        403,
        "without encryption. Please sign in on this page, opened with https://",
    ),
    "a proxy that changes Host": (
        {"headers": BROWSER | {"Origin": "https://app.example", "Host": "127.0.0.1:8000"}},
        403,
        "their proxy must pass on Host and X-Forwarded-Proto",
    ),
}


@pytest.mark.parametrize(("how", "status", "words"), WRONG.values(), ids=WRONG)
def test_the_page_says_what_was_wrong(
    how: dict[str, Any], status: int, words: str, site: Any
) -> None:
    """The page again with the status, a sentence and the way back; nothing else of the form."""
    page = sign_in(site, following="/api/x", status=status, **how)
    assert words in page.html.find(id="message").text
    assert page.forms[0]["next"].value == "/api/x"
    assert "ada" not in page.text
    assert "Set-Cookie" not in page.headers


def test_too_many_attempts(site: Any) -> None:
    """429 with the time to wait, in words."""
    for _ in range(3):
        sign_in(site, "no", status=401)
    page = sign_in(site, status=429)
    assert "Too many attempts. Try again in" in page.html.find(id="message").text
    assert "{" not in page.html.find(id="message").text
    assert int(page.headers["Retry-After"]) > 0


@pytest.mark.parametrize(
    "following",
    ["//evil.example", "https://evil.example", "/\\evil.example", "javascript:x", "x", "\r\nA: b"],
)
def test_no_way_to_another_host(following: str, site: Any) -> None:
    """A `next` that is not a path of this host is dropped."""
    answer = sign_in(site, following=following, status=303)
    assert answer.headers["Location"].endswith("login")


def test_a_way_back_with_odd_characters(site: Any) -> None:
    """It is quoted, so that it cannot break the header."""
    answer = sign_in(site, following="/é\r\nSet-Cookie: a=b", status=303)
    assert "\n" not in answer.headers["Location"]
    assert "a=b" not in answer.headers.get("Set-Cookie", "")


def test_foreign_pages_cannot_sign_out(site: Any) -> None:
    """The session goes on after a form of another site."""
    answer = sign_in(site, status=303)
    foreign = {"Origin": "https://evil.example", "Host": "app.example"}
    site.post("/auth/logout", headers=foreign | sent(answer, ACCESS, REFRESH), status=403)
    site.get("/api", headers=BROWSER | sent(answer, ACCESS), status=200)


def test_json_clients_in_cookie_mode_set_both(site: Any) -> None:
    """`POST /token` with `cookie` is what the script of the page sends before it navigates."""
    fields = {"username": "ada", "password": PASSWORD, "cookie": True}
    answer = site.post_json("/auth/token", fields, headers=OWN)
    assert {*cookies_of(answer)} == {ACCESS, REFRESH, MARKER}
    site.get("/api", headers=BROWSER | sent(answer, ACCESS), status=200)
    out = site.post_json(
        "/auth/revoke", {"cookie": True}, headers=OWN | sent(answer, ACCESS, REFRESH)
    )
    assert {*cookies_of(out)} == {ACCESS, REFRESH, MARKER}
    site.get("/api", headers=BROWSER | sent(answer, ACCESS), status=303)


def test_a_loopback_host(site: Any) -> None:
    """By plain http there the cookies have no prefix and are not Secure: WebKit would drop them."""
    site.extra_environ.update({"wsgi.url_scheme": "http", "HTTP_HOST": "localhost:5000"})
    own = {**BROWSER, "Origin": "http://localhost:5000", "Host": "localhost:5000"}
    answer = sign_in(site, headers=own, status=303)
    set_ = cookies_of(answer)
    assert {*set_} == {"jwt", "jwt_refresh", "jwt_session"}
    assert not any("Secure" in line for line in set_.values())
    headers = BROWSER | {"Host": "localhost:5000"} | sent(answer, "jwt")
    assert site.get("/api", headers=headers).json["subject"] == "1"


def test_a_token_that_no_cookie_holds(
    visit: Any, minter: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """503 when it would be minted, with a line for the operator; no session is left behind. Without
    a cookie the same user gets the token."""
    store = MemoryStore(password_method=CHEAP)
    store.add_user("ada", PASSWORD, claims={"groups": ["x" * 50] * 80})
    login = visit(LoginApp(store, minter, access_cookie=ACCESS))
    page = login.post("/login", {"username": "ada", "password": PASSWORD}, status=503)
    assert page.content_type == "text/html"
    assert "Set-Cookie" not in page.headers
    (record,) = [one for one in caplog.records if one.levelno == logging.WARNING]
    assert "the access token of user 1 has" in record.getMessage()
    fields = {"username": "ada", "password": PASSWORD}
    assert len(login.post_json("/token", fields).json["token"]) > 4096


def test_every_cookie_fits(visit: Any, minter: Any) -> None:
    """Whatever the size of the claims, a cookie that is set has at most 4,096 bytes."""
    for size in range(2500, 3400, 100):
        store = MemoryStore(password_method=CHEAP)
        store.add_user("ada", PASSWORD, claims={"x": "x" * size})
        login = visit(LoginApp(store, minter, access_cookie=ACCESS, throttle=None))
        answer = login.post("/login", {"username": "ada", "password": PASSWORD}, expect_errors=True)
        lines = answer.headers.getall("Set-Cookie")
        assert all(len(line) <= 4096 for line in lines)
        assert bool(lines) == (answer.status_int == 303)


def test_without_an_access_cookie_no_page_renews(visit: Any, store: Any, minter: Any) -> None:
    """`GET /login` then only shows the page: scripts renew."""
    login = visit(LoginApp(store, minter))
    login.extra_environ.update({**HTTPS, "HTTP_HOST": "app.example"})
    fields = {"username": "ada", "password": PASSWORD, "cookie": True}
    answer = login.post_json("/token", fields, headers=OWN)
    page = login.get("/login?next=/x", headers=BROWSER | sent(answer, REFRESH), status=200)
    assert {*cookies_of(page)} == {"jwt_returns"}


def test_public_pages_need_no_cookie(visit: Any, guard: Any) -> None:
    """A bad cookie on a public page is not read."""
    api = visit(guard(credentials=(in_cookie(ACCESS),), rules=[Rule("/", public)]))
    assert api.get("/", headers={"Cookie": f"{ACCESS}=a b"}).json["subject"] is None
