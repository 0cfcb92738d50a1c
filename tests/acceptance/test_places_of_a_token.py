"""Clients that cannot send a bearer header: cookies, headers of a gateway, Basic."""

from base64 import b64encode
from typing import Any

import pytest

from jwt_middleware import basic_password, bearer, in_cookie, in_header

COOKIE = "__Host-jwt"
PLACES = (bearer, in_cookie(COOKIE), in_header("Cf-Access-Jwt-Assertion"), basic_password)


def basic(name: str, password: str) -> str:
    """The Authorization header of a program that only knows names and passwords."""
    return f"Basic {b64encode(f'{name}:{password}'.encode()).decode()}"


@pytest.fixture
def api(visit: Any, guard: Any) -> Any:
    """A client of the app that is guarded at every place."""
    return visit(guard(credentials=PLACES, allowed_origins=("https://front.example",)))


@pytest.fixture
def headers(forge: Any) -> dict[str, dict[str, str]]:
    """A good token at each place."""
    token = forge()
    return {
        "bearer": {"Authorization": f"Bearer {token}"},
        "cookie": {"Cookie": f"{COOKIE}={token}"},
        "header": {"Cf-Access-Jwt-Assertion": token},
        "password": {"Authorization": basic("ada", token)},
        "name": {"Authorization": basic(token, "")},
    }


@pytest.mark.parametrize(
    ("place", "auth_type"),
    [
        ("bearer", "Bearer"),
        ("cookie", "Bearer"),
        ("header", "Bearer"),
        ("password", "Basic"),
        ("name", "Basic"),
    ],
)
def test_a_view_sees_the_caller(place: str, auth_type: str, api: Any, headers: Any) -> None:
    """At the first request and at the second, whose verdict is cached."""
    for _ in range(2):
        answer = api.get("/api/me", headers=headers[place])
        assert answer.json["subject"] == "1"
        assert answer.json["seen"]["AUTH_TYPE"] == auth_type


@pytest.mark.parametrize("place", ["cookie", "header", "password"])
def test_only_the_places_that_are_named_are_read(
    place: str, visit: Any, guard: Any, headers: Any
) -> None:
    """The default is the bearer header alone."""
    answer = visit(guard()).get("/api/me", headers=headers[place], status=401)
    expected = "unread_scheme" if place == "password" else "missing"
    assert answer.json["reason"] == expected
    assert answer.headers.getall("WWW-Authenticate") == ['Bearer realm="api"']


def test_another_scheme_is_told_apart_from_no_header(api: Any) -> None:
    """Both are 401 without an error code; the fixed text says which it is."""
    none = api.get("/api", status=401).json
    other = api.get("/api", headers={"Authorization": "Digest username=x"}, status=401).json
    assert none["detail"] != other["detail"]
    assert none["error"] is other["error"] is None
    assert api.get("/news", headers={"Authorization": "Digest username=x"}).json["subject"] is None


def test_a_password_is_asked_for_beside_a_token(api: Any) -> None:
    """Two challenges; a script in a browser gets only that of Bearer, or a dialog would open."""
    challenges = ['Bearer realm="api"', 'Basic realm="api", charset="UTF-8"']
    assert api.get("/api", status=401).headers.getall("WWW-Authenticate") == challenges
    script = {"Sec-Fetch-Mode": "cors"}
    answer = api.get("/api", headers=script, status=401)
    assert answer.headers.getall("WWW-Authenticate") == challenges[:1]


CHALLENGED_FIRST = {
    "Bearer": [(bearer, basic_password), (bearer, in_cookie(COOKIE), basic_password)],
    "Basic": [(basic_password, bearer), (basic_password,), (in_cookie(COOKIE), basic_password)],
}


@pytest.mark.parametrize(
    ("scheme", "credentials"),
    [(scheme, places) for scheme, found in CHALLENGED_FIRST.items() for places in found],
    ids=str,
)
def test_the_challenges_are_in_the_order_of_the_places(
    scheme: str, credentials: Any, visit: Any, guard: Any, headers: Any
) -> None:
    """Some clients, such as hg, fail at a first challenge that they do not know. So the owner
    decides which it is, without a token and with a bad one."""
    site = visit(guard(credentials=credentials))
    for sent in ({}, {"Authorization": basic("ada", "hunter2")}):
        found = site.get("/api", headers=sent, status=401).headers.getall("WWW-Authenticate")
        assert [value.partition(" ")[0] for value in found] == [
            scheme,
            *({"Bearer", "Basic"} - {scheme}),
        ]
    assert site.get("/api/me", headers=headers["password"]).json["subject"]


def test_a_refusal_names_every_header_that_decided(api: Any) -> None:
    """`Vary` has the header of each place, and those of the browser that were looked at."""
    varying = api.get("/api", status=401).headers["Vary"].split(", ")
    assert {"Authorization", "Cookie", "Cf-Access-Jwt-Assertion", "Origin"} <= {*varying}
    refused = api.post("/api", headers={"Cookie": f"{COOKIE}=a.b.c"}, status=403)
    assert {"Origin", "Sec-Fetch-Site"} <= {*refused.headers["Vary"].split(", ")}


BAD = {
    "two cookies": ({"Cookie": f"{COOKIE}=a.b.c; {COOKIE}=a.b.d"}, 400, "cookie_malformed"),
    "a truncated cookie": (
        {"Cookie": f"{COOKIE}=eyJhbGciOiJIUzI1NiJ9.e30"},
        401,
        "cookie_malformed",
    ),
    "a cookie that is no token": ({"Cookie": f"{COOKIE}=a b"}, 401, "cookie_malformed"),
    "no colon": ({"Authorization": "Basic YWRh"}, 400, "basic_malformed"),
    "not UTF-8": ({"Authorization": "Basic /zr/"}, 400, "basic_malformed"),
    "an ordinary password": ({"Authorization": basic("ada", "hunter2")}, 401, "basic_malformed"),
    "two in a header": ({"Cf-Access-Jwt-Assertion": "a.b.c, a.b.c"}, 400, "header_malformed"),
}


@pytest.mark.parametrize(("sent", "status", "reason"), BAD.values(), ids=BAD)
def test_what_is_not_one_token(sent: dict[str, str], status: int, reason: str, api: Any) -> None:
    """400 for what cannot be one credential, 401 for one that is not good; nothing is echoed."""
    answer = api.get("/api", headers=sent, status=status)
    assert answer.json["reason"] == reason
    assert not any(value in answer.text for value in sent.values())


def test_a_forged_cookie_is_refused(api: Any, forge: Any) -> None:
    """A cookie is verified as a header is."""
    forged = forge(key="another secret, which is long enough")
    answer = api.get("/api", headers={"Cookie": f"{COOKIE}={forged}"}, status=401)
    assert answer.json["reason"] == "signature"


OWN = {"Sec-Fetch-Site": "same-origin"}
FOREIGN: dict[str, dict[str, str]] = {
    "neither header": {},
    "cross-site": {"Sec-Fetch-Site": "cross-site"},
    "same-site": {"Sec-Fetch-Site": "same-site"},
    "another origin": {"Origin": "https://evil.example"},
    "an opaque origin": {"Origin": "null"},
}


@pytest.mark.parametrize("foreign", FOREIGN.values(), ids=FOREIGN)
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_a_cookie_of_a_foreign_page_changes_nothing(
    method: str, foreign: dict[str, str], api: Any, headers: Any
) -> None:
    """403 `cross_site` unless a page of this site, or of a listed origin, made the request."""
    answer = api.request("/api", method=method, headers=headers["cookie"] | foreign, status=403)
    assert answer.json["reason"] == "cross_site"
    own = [OWN, {"Origin": "http://localhost"}, {"Origin": "https://front.example"}]
    for page in own:
        assert (
            api.request("/api", method=method, headers=headers["cookie"] | page).status_int == 200
        )


def test_links_and_images_of_foreign_pages_work(api: Any, headers: Any) -> None:
    """Safe methods change nothing, so a link to a page may come from anywhere."""
    link = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
    assert api.get("/api", headers=headers["cookie"] | link).json["subject"] == "1"


HIDDEN = {
    "a header": ("/api", {"X-HTTP-Method-Override": "DELETE"}),
    "a query": ("/api?_method=delete", {}),
    "a WebSocket": ("/api", {"Upgrade": "websocket", "Sec-WebSocket-Key": "x"}),
}


@pytest.mark.parametrize(("path", "more"), HIDDEN.values(), ids=HIDDEN)
def test_a_get_that_may_change_something(
    path: str, more: dict[str, str], api: Any, headers: Any
) -> None:
    """A method override and a WebSocket count as unsafe."""
    assert (
        api.get(path, headers=headers["cookie"] | more, status=403).json["reason"] == "cross_site"
    )
    assert api.get(path, headers=headers["cookie"] | more | OWN).json["subject"] == "1"


def test_a_token_that_no_browser_adds_needs_no_proof(api: Any, headers: Any) -> None:
    """A script of a foreign page cannot send another one's token; programs send no proof."""
    for place in ("bearer", "header", "password", "name"):
        assert api.post("/api", headers=headers[place]).json["subject"] == "1"


@pytest.mark.parametrize("foreign", list(FOREIGN.values())[1:], ids=list(FOREIGN)[1:])
def test_a_header_that_a_gateway_adds(foreign: dict[str, str], api: Any, headers: Any) -> None:
    """A gateway knows a browser by its cookie, and adds the header to what a foreign page makes
    the browser send; so the page must be one of this site, or of a listed origin."""
    sent = headers["header"]
    for method in ("POST", "PUT", "DELETE"):
        answer = api.request("/api", method=method, headers=sent | foreign, status=403)
        assert answer.json["reason"] == "cross_site"
    assert api.get("/api", headers=sent | foreign).json["subject"] == "1"
    for page in (OWN, {"Origin": "http://localhost"}, {"Origin": "https://front.example"}):
        assert api.post("/api", headers=sent | page).json["subject"] == "1"


@pytest.mark.parametrize("place", ["cookie", "header", "password"])
def test_a_cached_verdict_does_not_stand_for_the_page(place: str, api: Any, headers: Any) -> None:
    """The page that sent a request is checked at every request, and for each place by itself."""
    for shown in ("bearer", place):
        api.get("/api", headers=headers[shown])
    foreign = headers[place] | {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}
    assert api.post("/api", headers=foreign, status=403).json["reason"] == "cross_site"


def test_a_password_that_a_browser_remembers(api: Any, headers: Any) -> None:
    """Once typed into the browser's dialog, it is sent with every request, as a cookie is."""
    foreign = headers["password"] | {"Origin": "https://evil.example"}
    assert api.post("/api", headers=foreign, status=403).json["reason"] == "cross_site"
    assert api.post("/api", headers=headers["password"] | OWN).json["subject"] == "1"


def test_no_token_in_a_query(api: Any, forge: Any) -> None:
    """URLs end in logs and histories, so a token there is never read."""
    for name in ("access_token", "token", "jwt"):
        assert api.get(f"/api?{name}={forge()}", status=401).json["reason"] == "missing"


def test_listed_origins_may_send_cookies(api: Any, visit: Any, guard: Any, forge: Any) -> None:
    """Only where a cookie is read does the answer say so, and never for any origin at all."""
    name = "Access-Control-Allow-Credentials"
    front = {"Origin": "https://front.example"}
    assert api.get("/api", headers=front, status=401).headers[name] == "true"
    alone = visit(guard(allowed_origins=("https://front.example",)))
    assert name not in alone.get("/api", headers=front, status=401).headers
    everybody = visit(guard(credentials=PLACES, allowed_origins=("*",)))
    answer = everybody.get("/api", headers=front, status=401)
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert name not in answer.headers
    cookie = {"Cookie": f"{COOKIE}={forge()}"}
    everybody.post("/api", headers=cookie | front, status=403)


STRICT = {
    "no origin": ({}, 200),
    "this host": ({"Origin": "http://localhost"}, 200),
    "a listed origin": ({"Origin": "https://front.example"}, 200),
    "another origin": ({"Origin": "https://evil.example"}, 403),
    "another port": ({"Origin": "http://localhost:8000"}, 403),
    "an opaque origin": ({"Origin": "null"}, 403),
    "a rebound name": ({"Origin": "http://evil.example", "Host": "evil.example"}, 403),
}


@pytest.mark.parametrize(("sent", "status"), STRICT.values(), ids=STRICT)
def test_strict_origins(
    sent: dict[str, str], status: int, visit: Any, guard: Any, headers: Any
) -> None:
    """A page of another origin gets nothing under a rule, not even with a good token; paths without
    a rule are not ours."""
    api = visit(guard(strict_origins=True, allowed_origins=("https://front.example",)))
    for path in ("/api", "/api/health", "/news"):
        answer = api.get(path, headers=headers["bearer"] | sent, status=status)
        assert status == 200 or answer.json["reason"] == "origin"
    assert api.get("/elsewhere", headers=sent).status_int == 200
