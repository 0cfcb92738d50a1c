"""What a line says of methods, report-only rules and mounts."""

from typing import Any

import bottle
import falcon
import flask
import pytest
from webtest import TestApp
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.middleware.proxy_fix import ProxyFix

from jwt_middleware import (
    Rule,
    basic_password,
    bearer,
    in_cookie,
    in_header,
    optional,
    public,
    scope,
)
from jwt_middleware.inspection import coverage, site_at
from jwt_middleware.login import LoginApp
from jwt_middleware.stores import MemoryStore
from tests.inspection.sites import (
    MINTER,
    cherrypy_own_dispatcher,
    flask_wsgi,
    guard,
    hosts,
    logged_in,
)

pytestmark = pytest.mark.needs_frameworks


def site(*paths: str, methods: tuple[str, ...] = ("GET",)) -> Any:
    """A Flask app of these paths."""
    app = flask.Flask(__name__, static_folder=None)
    for path in paths:
        app.add_url_rule(path, path, lambda **_: "ok", methods=methods)
    return app.wsgi_app


def asked(app: Any) -> dict[tuple[str, str], str]:
    """What is asked, by method and path."""
    return {
        (name, one.route.path): one.asks for one in coverage(app).routes for name in one.methods
    }


def test_methods_with_other_rules_have_lines_of_their_own() -> None:
    """A route is shown once for each group of its methods that meets the same rules."""
    rules = Rule("/docs", scope("write")), Rule("/docs", public, methods=("GET", "HEAD"))
    found = asked(guard(site("/docs", methods=("GET", "POST")), *rules))
    assert found["GET", "/docs"] == found["HEAD", "/docs"] == "public"
    assert found["POST", "/docs"] == found["OPTIONS", "/docs"] == "scope('write')"


def test_a_report_only_rule_leaves_a_route_open() -> None:
    """A rule that refuses nobody closes nothing."""
    (one,) = coverage(guard(site("/api"), Rule("/api", report_only=True))).routes
    assert (one.kind, one.asks) == ("open", "OPEN")
    assert [rule.prefix for rule in one.rules] == ["/api"]


def test_two_middlewares_both_count() -> None:
    """A route behind two middlewares shows what both ask."""
    inner = guard(site("/api"), Rule("/api", scope("a")))
    assert asked(guard(inner, Rule("/", scope("b"))))["GET", "/api"] == "scope('b') and scope('a')"


WEAK = "asks more than other methods meet"
UNMET = "is met by no route"
SPELLED = "can be spelled"


@pytest.mark.parametrize(
    ("rules", "paths", "words"),
    [
        pytest.param(
            [Rule("/d"), Rule("/d", scope("write"), methods=("POST", "PUT"))], ["/d"], [WEAK],
            id="writing asks more",
        ),
        pytest.param(
            [Rule("/d", scope("r")), Rule("/d", scope("w"), methods=("POST",))], ["/d"], [WEAK],
            id="writing asks another thing",
        ),
        pytest.param([Rule("/d", methods=("GET", "POST"))], ["/d"], [WEAK], id="others open"),
        pytest.param(
            [Rule("/", public), Rule("/d", methods=("POST",))], ["/d", "/"], [WEAK],
            id="others public",
        ),
        pytest.param(
            [Rule("/d", optional), Rule("/d", methods=("POST",))], ["/d"], [WEAK],
            id="others optional",
        ),
        pytest.param(
            [Rule("/d", scope("w")), Rule("/d", scope("r"), methods=("GET", "HEAD"))], ["/d"], [],
            id="the safe recipe",
        ),
        pytest.param(
            [Rule("/d", scope("w")), Rule("/d", public, methods=("GET",))], ["/d"], [],
            id="the safe recipe, public",
        ),
        pytest.param(
            [Rule("/", scope("w")), Rule("/", scope("r"), methods=("GET",)),
             Rule("/", public, exact=True), Rule("/d", public)], ["/", "/d", "/e"], [],
            id="the safe recipe with a public start page",
        ),
        pytest.param(
            [Rule("/d", scope("w"), exact=True), Rule("/d", scope("r"), methods=("POST",))],
            ["/d", "/d/x"], [WEAK], id="below an exact rule",
        ),
        pytest.param(
            [Rule("/d"), Rule("/reset")], ["/d", "/stats/reset"], [UNMET], id="misspelled"
        ),
        pytest.param([Rule("/d"), Rule("/d/x")], ["/d/<path:rest>"], [], id="met by a value"),
        pytest.param(
            [Rule("/"), Rule("/public", public)], ["/<path:rest>"], [SPELLED], id="a path parameter"
        ),
        pytest.param(
            [Rule("/u"), Rule("/u/me", optional)], ["/u/<name>"], [SPELLED], id="a segment"
        ),
        pytest.param(
            [Rule("/u"), Rule("/u/me", optional)], ["/u/<name>", "/u/me"], [], id="tried first"
        ),
        pytest.param(
            [Rule("/u"), Rule("/u/me", optional)], ["/u/<int:id>", "/u/me"], [], id="no such value"
        ),
        pytest.param(
            [Rule("/"), Rule("/u", public)], ["/<n>/a", "/<n>/b", "/<n>/<m>", "/c"], [SPELLED],
            id="one line for a rule",
        ),
        pytest.param(
            [Rule("/u"), Rule("/u/me", scope("x"))], ["/u/<name>"], [], id="a stricter rule"
        ),
        pytest.param(
            [Rule("/api")], ["/<any(api,v2):v>/me"], [SPELLED], id="an alternative without a rule"
        ),
        pytest.param(
            [Rule("/api"), Rule("/v2")], ["/<any(api,v2):v>/me"], [], id="a rule for each"
        ),
        pytest.param(
            [Rule("/api")], ["/<any(api,v2):v>/me", "/v2/me"], [], id="another route answers it"
        ),
    ],
)  # fmt: skip
def test_rules_that_mislead_are_named(
    rules: list[Rule], paths: list[str], words: list[str]
) -> None:
    """Each kind of warning is given where it is true, and only there."""
    methods = ("GET", "POST", "PUT")
    lints = coverage(guard(site(*paths, methods=methods), *rules)).lints
    assert [
        next(word for word in (WEAK, UNMET, SPELLED) if word in line) for line in lints
    ] == words


def answer(app: Any, method: str, path: str) -> int:
    """The status of a request without a token."""
    return TestApp(app, lint=False).request(path, method=method, status="*").status_int


def test_a_parameter_that_reaches_another_rule_is_shown() -> None:
    """A git server's `/<repo>/` is public, but for one repository: both are shown, and true."""
    app = guard(
        site("/<repo>/", "/<repo>/<path:rev>", "/about/", "/new/<int:id>"),
        *(Rule("/", public), Rule("/secret"), Rule("/about", public), Rule("/new", public)),
    )
    found = {one.route.path: one for one in coverage(app).routes if "GET" in one.methods}
    assert found["/<repo>/"].asks == found["/<repo>/<path:rev>"].asks == "public or authenticated"
    assert found["/about/"].asks == found["/new/<int:id>"].asks == "public"
    assert [answer(app, "GET", path) for path in ("/x/", "/secret/", "/secret/a/b")] == [
        200, 401, 401,
    ]  # fmt: skip


def test_an_open_route_with_a_closed_value_is_open() -> None:
    """It counts as OPEN, since most of its values are; no rule of the others is left out."""
    (one,) = coverage(guard(site("/<path:rest>"), Rule("/api"), Rule("/health", public))).routes
    assert (one.kind, one.asks) == ("open", "OPEN or authenticated or public")


def _plain(environ: Any, start_response: Any) -> Any:
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"ok"]


AREA_RULES = (
    Rule("/", scope("w")),
    Rule("/", public, methods=("GET", "PROPFIND")),
    Rule("/", public, exact=True),
    Rule("/private", scope("r")),
    Rule("/*/hook", public),
    Rule("/mount/inner", public),
)


@pytest.mark.parametrize(
    "app",
    [
        guard(_plain, *AREA_RULES),
        guard(_plain, Rule("/private"), Rule("/health", public)),
        guard(DispatcherMiddleware(_plain, {"/mount": _plain}), *AREA_RULES),
        DispatcherMiddleware(_plain, {"/mount": guard(_plain, *AREA_RULES)}),
        guard(guard(_plain, Rule("/private", scope("x"))), *AREA_RULES),
    ],
    ids=["all closed", "rest open", "mounts in it", "mounted", "two"],
)
def test_an_app_without_routes_is_shown_by_its_rules(app: Any) -> None:
    """Each prefix that a rule names, and the rest, has a line; live requests prove each."""
    found = coverage(app)
    assert not found.routes
    assert found.unlisted
    assert {one.route.path for one in found.areas} >= {"/..."} or "/mount" in str(found.areas)
    for one in found.areas:
        for method in one.methods:
            asked = "POST" if method == "*" else method
            status = answer(app, asked, one.route.example or "")
            assert (status == 401) == (one.kind == "rule"), (asked, one)
            assert status in (200, 401)


def test_an_exact_rule_has_an_area_of_its_own() -> None:
    """The path alone, beside what is below it."""
    found = {one.route.path: one.kind for one in coverage(guard(_plain, *AREA_RULES)).areas}
    assert found["/"] == "public"
    assert "/private/..." in found
    assert "/private" not in found


class _Static:
    """Answers paths of its own, as WhiteNoise does."""

    def __init__(self, app: Any) -> None:
        self.app = app

    def __call__(self, environ: Any, start_response: Any) -> Any:
        mine = environ["PATH_INFO"].startswith("/assets/")
        return (_plain if mine else self.app)(environ, start_response)


def test_a_header_that_a_proxy_must_overwrite_is_reminded_of() -> None:
    """A note and not a warning, since nothing in the app can show what the proxy does."""
    places = (bearer, in_cookie("__Host-jwt"), basic_password, in_header("X-Token"))
    found = coverage(guard(flask_wsgi(), credentials=places))
    (note,) = found.notes
    assert "header X-Token" in note
    assert not found.lints
    assert not coverage(guard(flask_wsgi(), credentials=places[:3])).notes


def test_what_wraps_an_app_is_named() -> None:
    """An unknown wrapper may answer by itself: it is said, and no rule behind it is called unmet.
    A wrapper that passes everything on is not."""
    rules = Rule("/api"), Rule("/assets", public)
    behind = coverage(guard(_Static(flask_wsgi()), *rules))
    (note,) = behind.notes
    assert f"{__name__}._Static" in note
    assert not behind.lints
    ahead = coverage(_Static(guard(flask_wsgi(), *rules)))
    assert len(ahead.notes) == 1
    assert UNMET in ahead.lints[0]
    assert not coverage(guard(ProxyFix(flask_wsgi()))).notes


def _broken() -> Any:
    """An object of a class that is only called like a framework's."""
    called = type("Bottle", (), {"__module__": "shop.bottle", "__call__": _plain_method})
    return called()


def _plain_method(self: Any, environ: Any, start_response: Any) -> Any:
    return _plain(environ, start_response)


def test_a_class_of_the_same_name_is_not_listed() -> None:
    """An app's own class `bottle.Bottle` has no routes to read: it is said, without a traceback."""
    found = coverage(guard(_broken()))
    assert found.unlisted == ("/: the routes of shop.bottle.Bottle cannot be listed",)
    assert [one.kind for one in found.areas] == ["rule", "public", "open"]


def test_a_dispatcher_of_the_apps_own_is_not_guessed() -> None:
    """CherryPy's tree says nothing if another dispatcher finds the handlers."""
    found = coverage(guard(cherrypy_own_dispatcher()))
    assert not found.routes
    assert len(found.unlisted) == 1


def test_the_login_app_has_its_methods() -> None:
    """Its paths are shown with the methods that they answer."""
    found = {one.route.path: one.methods for one in coverage(logged_in()).routes}
    assert found["/auth/token"] == ("POST",)
    assert found["/auth/health"] == ("GET", "HEAD")
    assert answer(logged_in(), "GET", "/auth/token") == 405


def _beside_the_login_app(app: Any, **options: Any) -> Any:
    return LoginApp(MemoryStore(), MINTER).wrap(guard(app, **options), prefix="/auth")


def _flask_with_login_paths() -> Any:
    return site("/auth/logout", "/auth/mine", "/auth/<name>", "/logout")


def _bottle_with_login_paths() -> Any:
    app = bottle.Bottle()
    for path in ("/auth/logout", "/auth/mine", "/auth/<name>", "/logout"):
        app.route(path, "GET", _plain)
    return app


def _falcon_with_login_paths() -> Any:
    app = falcon.App()
    for path in ("/auth/logout", "/auth/mine", "/logout"):
        app.add_route(path, type("Page", (), {"on_get": _plain_method})())
    return app


HIDING = {
    "flask": lambda: _beside_the_login_app(_flask_with_login_paths()),
    "bottle": lambda: _beside_the_login_app(_bottle_with_login_paths()),
    "falcon": lambda: _beside_the_login_app(_falcon_with_login_paths()),
    "guard in front": lambda: guard(
        LoginApp(MemoryStore(), MINTER).wrap(_flask_with_login_paths(), prefix="/auth")
    ),
    "mounted below": lambda: _beside_the_login_app(
        DispatcherMiddleware(site("/logout"), {"/auth": site("/logout", "/mine")})
    ),
    "an inner mount": lambda: DispatcherMiddleware(
        site("/auth/logout"), {"/inner": _beside_the_login_app(_flask_with_login_paths())}
    ),
    "two login apps": lambda: LoginApp(MemoryStore(), MINTER).wrap(
        _beside_the_login_app(_flask_with_login_paths()), prefix="/other"
    ),
}


@pytest.mark.parametrize("name", HIDING)
def test_a_route_that_a_login_app_answers_is_hidden(name: str) -> None:
    """Of the routes behind a login app, exactly the one whose path it answers is marked, with a
    warning; a path that is only below its prefix, or a parameter that may be its path, is not."""
    found = coverage(HIDING[name]())
    prefix = "/inner" if name == "an inner mount" else ""
    hidden = [(one.route.path, one.asks) for one in found.routes if one.kind == "hidden"]
    assert hidden == [(f"{prefix}/auth/logout", "answered by login app")]
    (warning,) = [line for line in found.lints if "answered by" in line]
    assert warning.startswith(f"{prefix}/auth/logout: answered by login app")
    assert not [one for one in found.open if one.route.path == f"{prefix}/auth/logout"]


def test_a_hidden_route_is_one_that_a_request_does_not_reach() -> None:
    """Live, the login app answers at the path of the marked route, and the app at the others."""
    app = TestApp(HIDING["flask"]())
    assert app.get("/auth/mine").text == app.get("/logout").text == "ok"
    assert app.get("/auth/logout", status="*").text != "ok"


def test_a_login_app_hides_nothing_before_it_or_beside_it() -> None:
    """Mounted beside an app, or at another prefix, it leaves every route."""
    login = LoginApp(MemoryStore(), MINTER)
    beside = DispatcherMiddleware(site("/logout"), {"/auth": login})
    for app in beside, login.wrap(_flask_with_login_paths(), prefix="/session"), logged_in():
        assert not [one for one in coverage(app).routes if one.kind == "hidden"]


@pytest.mark.parametrize(
    ("host", "path", "kind", "guards"),
    [
        ("", "/api/me", "Flask", 0),
        ("x.example", "/falcon/api/me", "Flask", 0),
        ("closed.example", "/api/me", "Flask", 1),
        ("CLOSED.example:8080", "/falcon/api/me", "Falcon", 1),
    ],
)
def test_the_app_of_a_host_is_found(host: str, path: str, kind: str, guards: int) -> None:
    """The Host header decides which app answers, and so which middleware stands before it."""
    found = site_at(hosts(), path, host)
    assert (found.kind, len(found.guards)) == (kind, guards)


def test_what_cannot_be_listed_gives_no_warning_of_unmet_rules() -> None:
    """Behind an app without a list of routes nobody can tell what is met."""

    def plain(environ: Any, start_response: Any) -> Any:
        return []

    found = coverage(guard(plain, Rule("/api")))
    assert (found.lints, len(found.unlisted)) == ((), 1)


_held = guard(flask_wsgi())


def _by_global(environ: Any, start_response: Any) -> Any:
    return _held(environ, start_response)


class _ByGlobal:
    def __call__(self, environ: Any, start_response: Any) -> Any:
        return _held(environ, start_response)


def _closing_over(app: Any) -> Any:
    def application(environ: Any, start_response: Any) -> Any:
        return app(environ, start_response)

    return application


@pytest.mark.parametrize(
    "app", [_by_global, _ByGlobal(), _closing_over(_held), _closing_over(_by_global)],
    ids=["global", "global of a class", "closure", "closure, then global"],
)  # fmt: skip
def test_a_middleware_behind_a_plain_function_is_found(app: Any) -> None:
    """A function that closes over the middleware, or names it as a global, hides nothing."""
    found, held = coverage(app), coverage(_held)
    assert (found.routes, found.lints, found.unlisted) == (held.routes, held.lints, ())
    assert asked(app)["GET", "/api/me"] == "authenticated"
