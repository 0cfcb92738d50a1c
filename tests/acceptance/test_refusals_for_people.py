"""What a person sees who is refused: the sign-in page, a page of ours, or one of the owner's."""

import logging
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from jwt_middleware import Rule, bearer, in_cookie, scope

BROWSER = {
    "Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
    "Sec-Fetch-Mode": "navigate",
}
OLD_BROWSER = {"Accept": BROWSER["Accept"]}
SECRET_PATH = "/api/<script>alert(1)</script>"


@pytest.fixture
def pages(visit: Any, guard: Any) -> Any:
    """A client of an app with pages, whose sign-in page is named."""
    return visit(guard(credentials=(bearer, in_cookie("__Host-jwt")), sign_in="/auth/login"))


@pytest.mark.parametrize("browser", [BROWSER, OLD_BROWSER], ids=["new", "old"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_navigation_is_sent_to_the_sign_in_page(
    method: str, browser: dict[str, str], pages: Any, mount: str
) -> None:
    """303 with the way back: path and query, below the mount."""
    answer = pages.request("/api/a%20b?c=d&e=%2Ff", method=method, headers=browser, status=303)
    target = urlsplit(answer.headers["Location"])
    assert (target.scheme, target.netloc) in {("", ""), ("http", "localhost")}
    assert target.path == f"{mount}/auth/login"
    assert parse_qs(target.query) == {"next": [f"{mount}/api/a%20b?c=d&e=%2Ff"]}
    assert answer.headers["Cache-Control"] == "no-store"
    assert "WWW-Authenticate" not in answer.headers
    assert {"Cookie", "Accept", "Sec-Fetch-Mode"} <= {*answer.headers["Vary"].split(", ")}


def test_an_expired_cookie_leads_there_too(pages: Any, forge: Any) -> None:
    """Every 401 does; a forged one as well."""
    for token in (forge(exp=1), forge(key="another secret, which is long enough"), "a.b.c", "a b"):
        pages.get("/api", headers=BROWSER | {"Cookie": f"__Host-jwt={token}"}, status=303)


NO_NAVIGATION = {
    "a script": {"Accept": BROWSER["Accept"], "Sec-Fetch-Mode": "cors"},
    "an image": {"Accept": "image/avif,*/*", "Sec-Fetch-Mode": "no-cors"},
    "a WebSocket": {"Sec-Fetch-Mode": "websocket"},
    "curl": {"Accept": "*/*"},
    "a program": {"Accept": "application/json, text/html;q=0.5"},
    "no header": {},
    "html refused": {"Accept": "text/html;q=0, */*"},
}


@pytest.mark.parametrize("headers", NO_NAVIGATION.values(), ids=NO_NAVIGATION)
def test_scripts_and_programs_get_problem_details(headers: dict[str, str], pages: Any) -> None:
    """A redirect to a page would be no answer for them. `msg` is what some front ends read."""
    answer = pages.get("/api", headers=headers, status=401)
    assert answer.content_type == "application/problem+json"
    assert answer.json["msg"] == answer.json["detail"]


def test_a_form_is_not_repeated(pages: Any) -> None:
    """Only a GET can be repeated after signing in: a POST gets the page with the link, without
    `next`."""
    answer = pages.post("/api", headers=BROWSER, status=401)
    assert answer.content_type == "text/html"
    assert answer.html.find("a")["href"].endswith("/auth/login")


def test_the_sign_in_page_does_not_lead_to_itself(visit: Any, guard: Any) -> None:
    """Where a rule governs it by mistake, the browser does not go round in circles."""
    api = visit(guard(rules=[Rule("/")], sign_in="/auth/login"))
    assert api.get("/auth/login", headers=BROWSER, status=401).content_type == "text/html"


@pytest.mark.parametrize("path", ["//evil.example/api", "/\\evil.example", "/api/../x"])
def test_no_way_back_to_another_host(path: str, visit: Any, guard: Any, mount: str) -> None:
    """Whatever the path, the page is on this host, and what comes back is a path of this host."""
    client = visit(guard(rules=[Rule("/")], sign_in="/auth/login"))
    environ = {"PATH_INFO": path, "HTTP_SEC_FETCH_MODE": "navigate"}
    request = client.RequestClass.blank("/", environ | {"PATH_INFO": path})
    location = client.do_request(request, status=303).headers["Location"]
    target = urlsplit(location)
    assert target.path == f"{mount}/auth/login"
    following = parse_qs(target.query).get("next", ["/"])[0]
    assert following.startswith("/")
    assert not following.startswith(("//", "/\\"))


@pytest.mark.parametrize(
    ("language", "heading"),
    [
        ("", "Please sign in"),
        ("es-MX,es;q=0.9,en;q=0.5", "Inicia sesión"),
        ("fr, en-GB;q=0.8, es;q=0.1", "Please sign in"),
        ("es;q=0", "Please sign in"),
    ],
)
def test_a_page_for_people(language: str, heading: str, api: Any) -> None:
    """Without a sign-in page: what is missing and the reason, in the reader's language."""
    answer = api.get("/api", headers=BROWSER | {"Accept-Language": language}, status=401)
    assert answer.content_type == "text/html"
    assert answer.html.find("h1").text == heading
    assert answer.html.find("code").text == "missing"
    assert answer.html.find("a") is None
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="api"'
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert "Accept-Language" in answer.headers["Vary"]


def test_a_page_names_the_permission_that_is_missing(pages: Any, forge: Any) -> None:
    """The scopes of the rule, and a link to sign in as somebody else: without `next`, since who is
    signed in would come straight back."""
    cookie = {"Cookie": f"__Host-jwt={forge(scope='read')}"}
    answer = pages.get("/api/admin", headers=BROWSER | cookie, status=403)
    assert [code.text for code in answer.html.find_all("code")] == ["admin", "scope"]
    assert answer.html.find("a")["href"].endswith("/auth/login")


def test_nothing_of_the_request_is_on_the_page(visit: Any, guard: Any) -> None:
    """Neither its path nor its headers; its address is only in the link, and escaped there."""
    api = visit(guard(rules=[Rule("/", scope("x"))]))
    hostile = BROWSER | {"Accept-Language": '"><b>', "User-Agent": "<b>", "Cookie": "a=<b>"}
    answer = api.get(SECRET_PATH, headers=hostile, status=401)
    assert "alert" not in answer.text
    assert "<b>" not in answer.text


def page(environ: Any, start_response: Any) -> list[bytes]:
    """A page of the owner's, which sets what it may and what it may not."""
    headers = [
        ("Content-Type", "text/html; charset=utf-8"),
        ("Set-Cookie", "a=b"),
        ("WWW-Authenticate", "Basic"),
        ("Cache-Control", "public, max-age=3600"),
        ("X-Content-Type-Options", "any"),
        ("Retry-After", "1"),
        ("Vary", "X-Theme"),
        ("Transfer-Encoding", "chunked"),
        ("Connection", "keep-alive, X-Name"),
    ]
    start_response("200 Fine", headers)
    return [b"<h1>", b"Sorry", b"</h1>"]


def test_the_owners_own_answer(visit: Any, guard: Any) -> None:
    """Its body and headers; status, challenge and the headers for safety stay ours."""
    seen: list[Any] = []

    def on_refusal(refusal: Any, environ: Any) -> Any:
        seen.append((refusal.reason, environ["REQUEST_METHOD"]))
        environ["PATH_INFO"] = "/changed"
        return page

    api = visit(guard(on_refusal=on_refusal))
    answer = api.get("/api", status=401)
    assert answer.text == "<h1>Sorry</h1>"
    assert answer.headers.getall("WWW-Authenticate") == ['Bearer realm="api"']
    assert answer.headers.getall("Cache-Control") == ["no-store"]
    assert answer.headers.getall("X-Content-Type-Options") == ["nosniff"]
    assert answer.headers["Set-Cookie"] == "a=b"
    for name in ("Retry-After", "Transfer-Encoding", "Connection"):
        assert name not in answer.headers
    assert answer.headers["Vary"].startswith("X-Theme, Authorization")
    assert api.head("/api", status=401).body == b""
    assert seen == [("missing", "GET"), ("missing", "HEAD")]


def test_none_leaves_the_answer_to_us(visit: Any, guard: Any) -> None:
    """An owner answers only what it wants to."""
    api = visit(guard(on_refusal=lambda refusal, environ: None))
    assert api.get("/api", status=401).json["reason"] == "missing"


def _raises(refusal: Any, environ: Any) -> Any:
    raise KeyError("a secret")


def _fails_half_way(environ: Any, start_response: Any) -> Any:
    start_response("200 OK", [("Content-Type", "text/plain")])
    yield b"half"
    raise KeyError("a secret")


def _sends_an_odd_header(environ: Any, start_response: Any) -> list[bytes]:
    start_response("200 OK", [("Content-Type", "text/plain"), ("X-Name", "\u2603")])
    return [b"sorry"]


BROKEN = {
    "raises": _raises,
    "its app raises": lambda refusal, environ: lambda *_: {}["a secret"],
    "its app fails half-way": lambda refusal, environ: _fails_half_way,
    "its app never starts": lambda refusal, environ: lambda *_: [b""],
    "its header is not Latin-1": lambda refusal, environ: _sends_an_odd_header,
    "is not an app": lambda refusal, environ: "sorry",
}


@pytest.mark.parametrize("on_refusal", BROKEN.values(), ids=BROKEN)
def test_an_owners_answer_that_fails(
    on_refusal: Any, visit: Any, guard: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """Ours is given, whole, and one log line says so without the error's text."""
    api = visit(guard(on_refusal=on_refusal))
    assert api.get("/api", status=401).json["reason"] == "missing"
    (record,) = [one for one in caplog.records if one.levelno == logging.ERROR]
    assert "on_refusal" in record.getMessage()
    assert "secret" not in record.getMessage()


def test_the_owners_answer_to_an_allowed_origin(visit: Any, guard: Any) -> None:
    """A script of a listed origin may read it."""
    origin = "https://front.example"
    api = visit(guard(on_refusal=lambda refusal, environ: page, allowed_origins=(origin,)))
    answer = api.get("/api", headers={"Origin": origin}, status=401)
    assert answer.headers["Access-Control-Allow-Origin"] == origin
