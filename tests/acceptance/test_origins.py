"""Front ends from other origins: `allowed_origins` of the middleware and of the login app (Fetch,
CORS protocol)."""

from typing import Any

import pytest

from jwt_middleware import Rule, bearer, in_cookie, public
from jwt_middleware.login import LoginApp
from tests.kit.parts import part

FRONT = "https://front.example"
STRANGERS = [
    "https://evil.example",
    f"{FRONT}.evil.example",
    "http://front.example",
    f"{FRONT}/",
    "null",
    "*",
]
PREFLIGHT = {
    "Access-Control-Request-Method": "GET",
    "Access-Control-Request-Headers": "authorization",
}
CORS_HEADERS = (
    "Access-Control-Allow-Origin",
    "Access-Control-Expose-Headers",
    "Access-Control-Allow-Headers",
)


@pytest.fixture
def api(visit: Any, guard: Any) -> Any:
    """A client of the guarded app that is shared with one front end."""
    return visit(guard(allowed_origins=(FRONT,)))


def assert_shared(answer: Any) -> None:
    """The front end's scripts may read the answer, its refusals and its delays."""
    assert answer.headers["Access-Control-Allow-Origin"] == FRONT
    assert answer.headers["Access-Control-Expose-Headers"] == "WWW-Authenticate, Retry-After"
    assert "Origin" in answer.headers["Vary"]


def assert_not_shared(answer: Any) -> None:
    """No header of the CORS protocol is there."""
    assert not [name for name in CORS_HEADERS if name in answer.headers]


@pytest.mark.parametrize(
    "path", ["/api", "/api/health", "/news"], ids=["refused", "public", "optional"]
)
def test_a_listed_origin_may_read_every_answer_under_a_rule(path: str, api: Any) -> None:
    """The app's answers and the refusals alike."""
    assert_shared(api.get(path, headers={"Origin": FRONT}, expect_errors=True))


@pytest.mark.parametrize("origin", STRANGERS)
def test_an_unlisted_origin_may_not(origin: str, api: Any) -> None:
    """Origins are compared exactly."""
    assert_not_shared(api.get("/api", headers={"Origin": origin}, status=401))
    assert_not_shared(api.options("/api", headers={"Origin": origin, **PREFLIGHT}, status=401))


def test_a_path_without_a_rule_is_not_ours(api: Any) -> None:
    """No header is added where no rule governs."""
    assert_not_shared(api.get("/elsewhere", headers={"Origin": FRONT}))


def test_a_preflight_is_answered_by_the_middleware(visit: Any, guard: Any) -> None:
    """204, and the app is not called: its own OPTIONS handler would run without a token."""

    def app(environ: Any, start_response: Any) -> list[bytes]:
        raise AssertionError("the app was called")

    api = visit(guard(app, allowed_origins=(FRONT,)))
    answer = api.options("/api", headers={"Origin": FRONT, **PREFLIGHT}, status=204)
    assert_shared(answer)
    assert answer.headers["Access-Control-Allow-Methods"] == "GET"
    assert answer.headers["Access-Control-Allow-Headers"] == "authorization"
    assert answer.body == b""


@pytest.mark.parametrize("missing", ["Origin", "Access-Control-Request-Method"])
def test_options_that_is_no_preflight_is_refused(missing: str, api: Any) -> None:
    """Only a real preflight is exempt from the token."""
    headers = {
        name: value for name, value in {"Origin": FRONT, **PREFLIGHT}.items() if name != missing
    }
    api.options("/api", headers=headers, status=401)


def test_preflights_under_public(api: Any) -> None:
    """One from a listed origin is answered, so that a sign-up view there works; any other is the
    app's."""
    answer = api.options("/api/health", headers={"Origin": FRONT, **PREFLIGHT}, status=204)
    assert_shared(answer)
    stranger = {"Origin": STRANGERS[0], **PREFLIGHT}
    assert api.options("/api/health", headers=stranger, status=200).json["subject"] is None


def test_what_the_app_says_of_origins_stays(visit: Any, guard: Any) -> None:
    """An app with a CORS extension of its own keeps its headers, each once."""

    def app(environ: Any, start_response: Any) -> list[bytes]:
        start_response(
            "200 OK", [("Content-Type", "text/plain"), ("access-control-allow-origin", "*")]
        )
        return [b"ok"]

    api = visit(guard(app, rules=[Rule("/", public)], allowed_origins=(FRONT,)))
    assert api.get("/", headers={"Origin": FRONT}).headers.getall(
        "Access-Control-Allow-Origin"
    ) == ["*"]


KINDS = {
    "exact": (FRONT, FRONT, None),
    "one label": ("https://*.preview.example", "https://pr-7.preview.example", None),
    "two labels": ("https://*.preview.example", "https://a.b.preview.example", ""),
    "no label": ("https://*.preview.example", "https://preview.example", ""),
    "capacitor": ("capacitor://localhost", "capacitor://localhost", None),
    "tauri": ("tauri://localhost", "tauri://localhost", None),
    "another scheme": ("tauri://localhost", "capacitor://localhost", ""),
    "an extension": (f"chrome-extension://{'a' * 32}", f"chrome-extension://{'a' * 32}", None),
    "another extension": (f"chrome-extension://{'a' * 32}", f"chrome-extension://{'b' * 32}", ""),
    "any": ("*", "https://evil.example", "*"),
    "any, opaque": ("*", "null", "*"),
}


@pytest.mark.parametrize(("named", "origin", "expected"), KINDS.values(), ids=KINDS)
def test_every_kind_of_origin(
    named: str, origin: str, expected: str | None, visit: Any, guard: Any
) -> None:
    """Answers and preflights, refused or public, are shared with the origins that the option means
    and with no other; only a named one may send cookies."""
    places = (bearer, in_cookie("__Host-jwt"))
    api = visit(guard(allowed_origins=(named,), credentials=places))
    shared = origin if expected is None else expected
    sent = {"Origin": origin}
    answers = [api.get(path, headers=sent, expect_errors=True) for path in ("/api", "/api/health")]
    if shared:
        preflight = {**sent, **PREFLIGHT}
        answers += [api.options(path, headers=preflight, status=204) for path in ("/api", "/news")]
    for answer in answers:
        assert answer.headers.get("Access-Control-Allow-Origin", "") == shared
        allows = "Access-Control-Allow-Credentials" in answer.headers
        assert allows == (shared not in ("", "*"))


@pytest.mark.needs_frameworks
def test_flask_cors_inside(visit: Any, guard: Any) -> None:
    """An app's own flask-cors answers for what it shares: each header is there once, and refusals
    are shared by the middleware."""
    flask, flask_cors = part("flask"), part("flask_cors")
    app = flask.Flask(__name__)
    app.add_url_rule("/api/health", view_func=lambda: "well", methods=["GET", "POST"])
    flask_cors.CORS(app, origins=[FRONT, "https://partner.example"])
    api = visit(guard(app.wsgi_app, allowed_origins=(FRONT,)))
    name = "Access-Control-Allow-Origin"
    for origin in (FRONT, "https://partner.example"):
        headers = {"Origin": origin}
        answer = api.post("/api/health", headers=headers)
        assert answer.headers.getall(name) == [origin]
        answer = api.options("/api/health", headers={**headers, **PREFLIGHT})
        assert answer.headers.getall(name) == [origin]
    assert api.get("/api", headers={"Origin": FRONT}, status=401).headers.getall(name) == [FRONT]


def test_origins_of_the_login_app(visit: Any, store: Any, minter: Any) -> None:
    """A listed front end may sign in, an unlisted one gets no header, and its preflight 405."""
    login = visit(LoginApp(store, minter, allowed_origins=(FRONT,)))
    assert_shared(login.post_json("/token", {}, headers={"Origin": FRONT}, status=400))
    preflight = login.options("/token", headers={"Origin": FRONT, **PREFLIGHT}, status=204)
    assert_shared(preflight)
    assert_not_shared(
        login.post_json("/token", {}, headers={"Origin": "https://evil.example"}, status=400)
    )
    assert_not_shared(
        login.options("/token", headers={"Origin": "https://evil.example", **PREFLIGHT}, status=405)
    )
