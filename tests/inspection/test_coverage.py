"""What a line says of methods, report-only rules and mounts."""

from typing import Any

import flask
import pytest

from jwt_middleware import Rule, optional, public, scope
from jwt_middleware.inspection import coverage
from tests.inspection.sites import flask_wsgi, guard


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
            [Rule("/u"), Rule("/u/me", scope("x"))], ["/u/<name>"], [], id="a stricter rule"
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
