"""Each line is proved by a live request: what is called OPEN answers, what is called closed does
not."""

from dataclasses import replace
from typing import Any
from wsgiref.util import setup_testing_defaults

import pytest

from jwt_middleware.inspection import Route, RuledRoute, coverage
from tests.inspection.sites import GUARDED, guard, mounts

pytestmark = pytest.mark.needs_frameworks

SEGMENTS = (
    "by_path",
    "api",
    "health",
    "one",
    "two",
    "user",
    "edit",
    "raw",
    "docs",
    "zqx",
    "inner",
    "7",
)
PATHS = ["/", *(f"/{a}" for a in SEGMENTS), *(f"/{a}/{b}" for a in SEGMENTS for b in SEGMENTS)]
PATHS += [f"{path}/{last}" for path in PATHS[1:] for last in ("zqx", "edit")]


def status_of(app: Any, method: str, route: Route) -> tuple[int, bool]:
    """The status of a route's example, and whether a middleware refused the request."""
    environ: dict[str, Any] = {"PATH_INFO": route.example or "", "QUERY_STRING": route.query}
    environ |= {"REQUEST_METHOD": method, "SCRIPT_NAME": ""}
    if route.host:
        environ["HTTP_HOST"] = route.example_host
    setup_testing_defaults(environ)
    environ["CONTENT_LENGTH"] = "0"
    statuses: list[str] = []
    answer = app(environ, lambda status, headers, error=None: statuses.append(status))
    list(answer)
    getattr(answer, "close", lambda: None)()
    return int(statuses[0][:3]), "jwt_middleware.reason" in environ


def proof(app: Any, one: RuledRoute) -> str | None:
    """What is wrong with a line, by a request for each of its methods."""
    if one.route.example is None:  # the paths of resources are the app's to know
        return None
    for method in one.methods:
        method = {"*": "GET"}.get(method, method)
        status, is_refused = status_of(app, method, one.route)
        is_closed = one.kind == "rule"
        if is_closed != (status == 401 and is_refused):
            return f"{method} {one.route.path} is {one.kind} and answers {status}"
        if not is_closed and one.kind != "login" and status != 200:
            return f"{method} {one.route.path} is {one.kind}, {one.route.example}: {status}"
    return None


@pytest.mark.parametrize("name", GUARDED)
def test_every_line_is_true_of_a_live_request(name: str) -> None:
    """A line that says OPEN or public is answered 200 without a token, the others are refused; each
    example is a path that the app answers."""
    app = GUARDED[name]()
    found = coverage(app)
    assert not found.unlisted
    assert {one.kind for one in found.routes} >= {"open", "rule", "public"}
    lines = [one for one in found.routes if "/static/" not in one.route.path]
    assert [fault for one in lines if (fault := proof(app, one))] == []


@pytest.mark.parametrize("name", [name for name in GUARDED if not name.startswith("hosts")])
def test_no_other_path_or_argument_is_answered_where_none_is_listed(name: str) -> None:
    """A path that no line accepts is not answered 200: no route is missing."""
    app = GUARDED[name]()
    lines = [one.route for one in coverage(app).routes]
    for path in PATHS:
        for method in ("GET", "POST", "DELETE"):
            for host in {route.example_host for route in lines}:
                asked = replace(lines[0], example=path, query="", host=host)
                here = [route for route in lines if route.example_host in ("", host)]
                is_listed = any(route.accepts.fullmatch(path) for route in here)
                assert is_listed or status_of(app, method, asked)[0] != 200, (method, path, host)


@pytest.mark.parametrize(
    ("name", "paths"),
    [
        ("flask", {"/users/<int:id>", "/api/part/<uuid:id>", "/files/<path:rest>", "/form"}),
        ("bottle", {"/users/<id:int>", "/old/:name", "/api/mounted/inner/<name>", "/form"}),
        ("falcon", {"/users/{id:int}", "/files/{rest:path}", "/sink/{rest:path}"}),
        ("pyramid", {r"/users/{id:\d+}", "/files/*rest", "/form", "/by-name"}),
        ("cherrypy", {"/", "/user/{rest}", "/api/me", "/api/{rest}"}),
        ("cherrypy, tree", {"/", "/user/{rest}", "/api/me", "/api/{rest}"}),
        ("django", {"/users/<int:id>", "/api/<uuid:id>/", "/api/archive/<year>/<group_1_1>/"}),
        ("dispatcher", {"/api/me", "/bottle/users/<id:int>", "/own/users/{id:int}"}),
        ("login app, app.wsgi_app", {"/api/me", "/auth/token"}),
        ("bottle, vendored", {"/api/<n:int>"}),
        ("flask, subdomains", {"admin.site.example/only", "<team>.site.example/of/<int:id>"}),
        ("flask, hosts", {"a.example/api/x", "<any>.b.example/x"}),
        ("cherrypy, arguments", {"/one", "/one/{rest}", "/by_path/{rest}", "/by_query", "/inner/"}),
        ("cherrypy, virtual host", {"/team/page", "team.example/page", "team.example/page/{rest}"}),
        ("pyramid, resources", {"/", "/*resource", "/edit", "/*resource/edit", "/*resource/raw"}),
        ("hosts, paste", {"/api/me", "closed.example/api/me", "closed.example/falcon/api/me"}),
        ("hosts, cherrypy", {"/api/me", "closed.example/users/{id:int}"}),
    ],
)
def test_routes_are_shown_as_the_framework_writes_them(name: str, paths: set[str]) -> None:
    """Parameters, mounts, blueprints, includes, sinks and the login app are listed, once each."""
    found = [(one.route.shown, one.methods) for one in coverage(GUARDED[name]()).routes]
    assert paths <= {path for path, _ in found}
    assert len(set(found)) == len(found)


def test_an_app_beside_the_guard_is_open() -> None:
    """A mount that no middleware stands in front of is OPEN, even at a path that a rule names."""
    lines = {one.route.path: one for one in coverage(mounts()).routes}
    assert lines["/bottle/api/me"].kind == "open"
    assert lines["/own/api/me"].kind == "rule"


def test_an_app_without_routes_is_said() -> None:
    """An app that cannot be listed is named, not guessed."""

    def plain(environ: Any, start_response: Any) -> Any:
        return []

    found = coverage(guard(plain))
    assert found.routes == ()
    assert found.unlisted == (f"/: the routes of {__name__}.{plain.__qualname__} cannot be listed",)
