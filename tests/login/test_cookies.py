"""Cookie mode: the refresh token in a cookie, and in no body."""

import time
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from webtest import TestApp
from webtest import TestResponse as Response

from jwt_middleware import ConfigurationError, JWTMiddleware, RevocationList, Rule
from jwt_middleware.login import LoginApp, TokenMinter
from jwt_middleware.login.cookies import HOST_NAME, LOOPBACK_NAME
from jwt_middleware.stores import MemoryStore
from tests.kit.clock import stopped
from tests.kit.passwords import CHEAP

HTTPS = {"wsgi.url_scheme": "https"}
SIGN_IN = {"username": "ada", "password": "analytical engine", "cookie": True}
REFRESH = {"grant_type": "refresh_token", "cookie": True}
FRONT_END = "https://front.example"


TAKEN = [
    prefix + name
    for prefix in ("__Host-", "__Secure-", "")
    for name in ("jwt_refresh", "jwt_session")
]


@pytest.mark.parametrize("name", TAKEN)
def test_the_access_cookie_has_a_name_of_its_own(name: str) -> None:
    """A cookie of ours already has the other names, by https or at a loopback host. There each
    would overwrite the other, and scripts would read the access token as the marker."""
    minter = TokenMinter.from_secret("s" * 32, issuer="https://example.com", audience="api")
    store = MemoryStore(password_method=CHEAP)
    with pytest.raises(ConfigurationError, match="must be the name of a cookie other"):
        LoginApp(store, minter, access_cookie=name)
    LoginApp(store, minter, access_cookie=f"{name}x")


class Browser:
    """A client that keeps the cookie by hand, whatever its attributes are. By https it is at
    example.com, by http at localhost."""

    def __init__(self, environ: dict[str, Any] | None = None) -> None:
        self.store = store = MemoryStore(password_method=CHEAP)
        store.add_user("ada", "analytical engine")
        minter = TokenMinter.from_secret("s" * 32, issuer="https://example.com", audience="api")
        rules, log = [Rule("/api")], RevocationList(store, max_staleness=0)
        guarded = JWTMiddleware(_app, providers=[minter.provider], rules=rules, revocations=log)
        login = LoginApp(store, minter, allowed_origins=[FRONT_END])
        self.client = TestApp(login.wrap(guarded, prefix="/auth"), extra_environ=environ)
        self.name = HOST_NAME if environ else LOOPBACK_NAME
        self.cookie = ""

    def post(
        self, path: str, fields: dict[str, Any], status: int = 200, **headers: str
    ) -> Response:
        """Send the fields as JSON, with the cookie if there is one, and take the cookie of the
        answer."""
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        if self.cookie:
            headers.setdefault("Cookie", f"{self.name}={self.cookie}")
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


def attributes_of(answer: Response) -> tuple[str, set[str]]:
    """The name of the refresh cookie that an answer sets, and its attributes but the expiry. The
    cookie that tells scripts of the session goes along, and differs in nothing but `HttpOnly`."""
    marker, header = answer.headers.getall("Set-Cookie")
    name, attributes = _parts(header)
    marker_name = name.replace("refresh", "session")
    assert _parts(marker) == (marker_name, attributes - {"HttpOnly"})
    assert marker.startswith(f"{marker_name}={'' if 'Max-Age=0' in attributes else '1'};")
    return name, attributes


def _parts(header: str) -> tuple[str, set[str]]:
    pair, *attributes = (part.strip() for part in header.split(";"))
    return pair.partition("=")[0], {each for each in attributes if not each.startswith("Expires=")}


ALWAYS = {"HttpOnly", "SameSite=Strict", "Path=/"}


@pytest.mark.parametrize("host", ["example.com", "localhost", "192.0.2.1", "localhost.example.com"])
def test_the_cookie_is_of_this_host_alone(host: str) -> None:
    """No script reads it, no foreign page sends it, no sibling host plants it (`__Host-`), no plain
    http carries it, and no body has what is in it."""
    browser = Browser(HTTPS)
    answer = browser.post("/auth/token", SIGN_IN, Host=host)
    secure = {"Secure", *ALWAYS}
    assert attributes_of(answer) == ("__Host-jwt_refresh", secure | {"Max-Age=604800"})
    assert "refresh_token" not in answer.json
    assert browser.cookie not in answer.text
    answer = browser.post("/auth/revoke", {"cookie": True}, Host=host)
    assert attributes_of(answer) == ("__Host-jwt_refresh", secure | {"Max-Age=0"})


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "LocalHost:8080",
        "app.localhost:8080",
        "127.0.0.1:5000",
        "127.9.9.9",
        "[::1]:80",
    ],
)
def test_the_cookie_on_plain_http_at_a_loopback_host(host: str) -> None:
    """WebKit drops Secure cookies there, so neither `Secure` nor the prefix that asks for it is
    there."""
    browser = Browser()
    for path, fields, age in (
        ("/auth/token", SIGN_IN, "Max-Age=604800"),
        ("/auth/token", REFRESH, "Max-Age=604800"),
        ("/auth/revoke", {"cookie": True}, "Max-Age=0"),
    ):
        answer = browser.post(path, fields, Host=host)
        assert attributes_of(answer) == ("jwt_refresh", {*ALWAYS, age})


@pytest.mark.parametrize(
    "host",
    [
        "example.com",
        "localhost.example.com",
        "127.0.0.1.example.com",
        "128.0.0.1",
        "[::2]",
        "a b",
    ],
)
def test_the_cookie_on_plain_http_elsewhere(host: str) -> None:
    """A proxy may end TLS in front: the cookie is Secure but at a loopback host."""
    answer = Browser().post("/auth/token", SIGN_IN, Host=host)
    name, attributes = attributes_of(answer)
    assert name == "__Host-jwt_refresh"
    assert "Secure" in attributes


NOT_THE_COOKIE = {
    "the name of a loopback host": "jwt_refresh={}",
    "that of an earlier version": "__Secure-jwt_refresh={}",
    "another case": "__host-jwt_refresh={}",
    "inside another value": "a=__Host-jwt_refresh={}",
    "another separator": "a=b, __Host-jwt_refresh={}",
}


@pytest.mark.parametrize("cookie", NOT_THE_COOKIE.values(), ids=NOT_THE_COOKIE)
def test_a_cookie_with_another_name(cookie: str) -> None:
    """One that a sibling host could set is not looked at."""
    browser = Browser(HTTPS)
    browser.post("/auth/token", SIGN_IN)
    planted = cookie.format(browser.cookie)
    answer = browser.post("/auth/token", REFRESH, status=400, Cookie=planted)
    assert answer.json["msg"] == "There is no session cookie."


@pytest.mark.parametrize("path", ["/auth/token", "/auth/revoke"])
@pytest.mark.parametrize("template", ["{0}; {1}", "{1}; {0}", "a=b;{0};{1};", "{0}; {0}"])
def test_two_cookies_are_refused(path: str, template: str) -> None:
    """Which of two was planted cannot be told: neither is used, and nothing ends."""
    browser, name = Browser(HTTPS), "__Host-jwt_refresh"
    browser.post("/auth/token", SIGN_IN)
    other = browser.client.post_json("/auth/token", {**SIGN_IN, "cookie": False}).json
    cookies = template.format(f"{name}={browser.cookie}", f"{name}={other['refresh_token']}")
    answer = browser.post(path, REFRESH, status=400, Cookie=cookies)
    assert answer.json["msg"] == "There is more than one session cookie."
    assert "Set-Cookie" not in answer.headers
    browser.post("/auth/token", REFRESH)


@given(cookie=st.text(st.characters(max_codepoint=255)) | st.text('=; \t"\\,_Host-jwt_refresh'))
@settings(deadline=None, suppress_health_check=list(HealthCheck))
def test_any_cookie_header_gets_an_answer(shared_browser: Browser, cookie: str) -> None:
    """Whatever a server hands over as `Cookie` is a refusal, never an error."""
    environ = {**HTTPS, "HTTP_COOKIE": cookie}
    answer = shared_browser.client.post_json(
        "/auth/token", REFRESH, extra_environ=environ, status=400
    )
    assert answer.json["error"] in ("invalid_request", "invalid_grant")


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
    answer = browser.post("/auth/token", REFRESH, status=400)
    assert answer.json["error"] == "invalid_request"
    assert answer.json["msg"] == "There is no session cookie."


def test_an_access_token_stands_in_for_the_cookie(browser: Browser) -> None:
    """Who logs out in cookie mode without the cookie may name the session by the header."""
    token = browser.post("/auth/token", SIGN_IN).json["token"]
    browser.cookie = ""
    browser.post("/auth/revoke", {"cookie": True}, Authorization=f"Bearer {token}")
    browser.call(token, status=401)


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
    assert browser.post("/auth/revoke", {"cookie": True}).json == {"ended": "nothing"}


def test_the_cookie_of_another_login_app_stays() -> None:
    """Two login apps on one host share the cookie: a visit to one does not log out of the other."""
    browser = Browser()
    browser.post("/auth/token", SIGN_IN)
    minter = TokenMinter.from_secret("s" * 32, issuer="https://staff.example", audience="api")
    staff = TestApp(LoginApp(browser.store, minter))
    cookie = {"Cookie": f"{browser.name}={browser.cookie}"}
    answer = staff.post_json("/token", REFRESH, headers=cookie, status=400)
    assert answer.json["error"] == "invalid_grant"
    assert "Set-Cookie" not in answer.headers
    browser.post("/auth/token", REFRESH)


@pytest.mark.parametrize("ahead", [604_800, 604_800 + 1320, 10**8])
def test_the_cookie_stays_where_a_clock_is_ahead(ahead: float, browser: Browser) -> None:
    """A worker whose clock is ahead refuses the session, and does not take the cookie away: the
    other workers refresh it, and a logout ends it with its access tokens."""
    token = browser.post("/auth/token", SIGN_IN).json["token"]
    with stopped("time", time.time() + ahead):
        answer = browser.post("/auth/token", REFRESH, status=400)
        assert answer.json["error"] == "invalid_grant"
        assert "Set-Cookie" not in answer.headers
    browser.post("/auth/token", REFRESH)
    with stopped("time", time.time() + ahead):
        browser.post("/auth/revoke", {"cookie": True})
    assert browser.cookie == ""
    browser.call(token, status=401)


FOREIGN = {
    "a foreign origin": {"Origin": "https://evil.example"},
    "an origin that is none": {"Origin": "null"},
    "a name that starts alike": {"Origin": "http://localhost.evil.example"},
    "another scheme": {"Origin": "https://localhost"},
    "another scheme at the same port": {
        "Origin": "https://localhost:8080",
        "Host": "localhost:8080",
    },
    "another port": {"Origin": "http://localhost:8443"},
    "the default port of another scheme": {"Origin": "http://localhost:443"},
    "http behind a proxy that ends TLS": {"Origin": "http://example.com", "Host": "example.com"},
    "a listed origin of another site": {"Origin": FRONT_END, "Sec_Fetch_Site": "cross-site"},
    "a sister site": {"Sec_Fetch_Site": "same-site"},
    "a sister site with our origin": {"Origin": "http://localhost", "Sec_Fetch_Site": "same-site"},
    "no page at all": {"Sec_Fetch_Site": "none"},
    "a site that is none": {"Sec_Fetch_Site": ""},
    "a foreign page that hides its origin": {"Sec_Fetch_Site": "cross-site"},
    "headers that contradict": {"Origin": "https://evil.example", "Sec_Fetch_Site": "same-origin"},
    "no origin": {"Origin": ""},
    "an open bracket": {"Origin": "http://["},
    "an address that is none": {"Origin": "http://[::1"},
    "a port that is none": {"Origin": "http://localhost:x"},
    "an empty port": {"Origin": "http://localhost:"},
    "a path": {"Origin": "http://localhost/"},
    "a user": {"Origin": "http://ada@localhost"},
    "a list": {"Origin": "http://localhost http://localhost"},
    "a host alone": {"Origin": "localhost"},
    "no host": {"Origin": "http://"},
    "another protocol": {"Origin": "chrome-extension://localhost"},
    "other letters": {"Origin": "http://local\xe9"},
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
    "this host and its default port": {"Origin": "http://localhost:80"},
    "this host with the port named": {"Origin": "http://localhost", "Host": "localhost:80"},
    "this host at a port": {"Origin": "http://localhost:8080", "Host": "localhost:8080"},
    "in upper case": {"Origin": "HTTP://LocalHost"},
    "an address": {"Origin": "http://[::1]:8080", "Host": "[::1]:8080"},
    "behind a proxy that ends TLS": {"Origin": "https://example.com", "Host": "example.com"},
    "behind one that names a port": {"Origin": "https://example.com", "Host": "example.com:80"},
    "behind one at another port": {
        "Origin": "https://example.com:8443",
        "Host": "Example.com:8443",
    },
    "a listed origin": {"Origin": FRONT_END, "Sec_Fetch_Site": "same-site"},
}


@pytest.mark.parametrize("headers", OWN.values(), ids=OWN)
def test_a_page_of_ours_may(headers: dict[str, str], browser: Browser) -> None:
    """Pages of this host, listed origins and programs may use cookie mode."""
    answer = browser.post("/auth/token", SIGN_IN, **headers)
    assert browser.cookie
    listed = headers.get("Origin") == FRONT_END
    assert answer.headers.get("Access-Control-Allow-Credentials") == ("true" if listed else None)


SCHEMES = {
    "https, by https": ({"Origin": "https://example.com"}, 200),
    "https and the default port": ({"Origin": "https://example.com:443"}, 200),
    "http, by https": ({"Origin": "http://example.com"}, 403),
    "http at the port of https": ({"Origin": "http://example.com:443"}, 403),
    "http at a loopback host, by https": ({"Origin": "http://localhost", "Host": "localhost"}, 403),
}


@pytest.mark.parametrize(("headers", "status"), SCHEMES.values(), ids=SCHEMES)
def test_the_scheme_of_an_origin_counts(headers: dict[str, str], status: int) -> None:
    """A page by http may come from anybody on the network, so it is not one of this site."""
    Browser(HTTPS).post("/auth/token", SIGN_IN, status=status, **{"Host": "example.com"} | headers)


@pytest.fixture(scope="module")
def shared_browser() -> Browser:
    """A browser for many requests that end nothing."""
    return Browser()


@given(
    origin=st.text(st.characters(max_codepoint=255)) | st.text("htps:/[].@localhost0189"),
    host=st.none() | st.text(st.characters(max_codepoint=255)) | st.text("[]:.localhost0189"),
)
@example(origin="http://[", host="[")
@settings(deadline=None, suppress_health_check=list(HealthCheck))
def test_any_origin_gets_an_answer(shared_browser: Browser, origin: str, host: str | None) -> None:
    """Whatever a server hands over as `Origin` and `Host` is taken or refused, never an error."""
    environ = {"HTTP_ORIGIN": origin, "HTTP_HOST": host or "localhost"}
    answer = shared_browser.client.post_json(
        "/auth/revoke", {"cookie": True}, extra_environ=environ, expect_errors=True
    )
    assert answer.status_int in (200, 403)


def test_a_session_from_before_the_marker(browser: Browser) -> None:
    """The script of the client tells the browser of it, once, and again when it is unchanged."""
    browser.post("/auth/token", SIGN_IN)
    session = f"{LOOPBACK_NAME}={browser.cookie}"
    etag = browser.client.get("/auth/jwt-client.js").headers["ETag"]
    for more, status in (({}, 200), ({"If-None-Match": etag}, 304)):
        headers = {"Cookie": session, **more}
        answer = browser.client.get("/auth/jwt-client.js", headers=headers, status=status)
        assert _parts(answer.headers["Set-Cookie"])[0] == "jwt_session"
    for cookie in ("", "a=b", f"{session}; jwt_session=1", "jwt_session=1"):
        answer = browser.client.get("/auth/jwt-client.js", headers={"Cookie": cookie})
        assert "Set-Cookie" not in answer.headers


def test_a_marker_without_a_session_goes(browser: Browser) -> None:
    """A planted or left over one costs one request, not one with each page."""
    answer = browser.post("/auth/token", REFRESH, status=400, Cookie="jwt_session=1")
    (marker,) = answer.headers.getall("Set-Cookie")
    assert _parts(marker) == ("jwt_session", {"SameSite=Strict", "Path=/", "Max-Age=0"})
    answer = browser.post("/auth/token", REFRESH, status=400, Cookie="a=b")
    assert "Set-Cookie" not in answer.headers


def test_a_foreign_page_is_told_apart_in_the_body(browser: Browser) -> None:
    """The reason word is there, by which the script of the client explains it."""
    origin = "https://evil.example"
    answer = browser.post("/auth/token", SIGN_IN, status=403, Origin=origin)
    assert answer.json["reason"] == "cross_site"
