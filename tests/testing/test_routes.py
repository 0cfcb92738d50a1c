"""`assert_every_route_ruled`: no route is open because nobody thought of it."""

from typing import Any

import flask
import pytest

from jwt_middleware import ConfigurationError, JWTMiddleware, Rule
from jwt_middleware.login import TokenMinter
from jwt_middleware.testing import assert_every_route_ruled

MINTER = TokenMinter.from_secret("s" * 32, issuer="https://i.example", audience="a")


def site(*rules: Rule) -> Any:
    """A Flask app with three routes behind these rules."""
    app = flask.Flask("some", static_folder=None)
    for path in ("/", "/api/me", "/api/new"):
        app.add_url_rule(path, path, lambda: "ok")
    return JWTMiddleware(app.wsgi_app, providers=[MINTER.provider], rules=rules)


def test_every_route_has_a_rule() -> None:
    """Nothing is said where all have one, or where the open ones are named."""
    assert_every_route_ruled(site(Rule("/")))
    assert_every_route_ruled(site(Rule("/api")), but=["/"])


@pytest.mark.parametrize(
    "rules",
    [(Rule("/api/me"),), (Rule("/api", exact=True),), (Rule("/api", report_only=True),)],
    ids=["another path", "exact", "report only"],
)
def test_an_open_route_is_named(rules: tuple[Rule, ...]) -> None:
    """A rule for another path, for one path alone, or one that refuses nobody protects nothing."""
    with pytest.raises(AssertionError, match="/api/new"):
        assert_every_route_ruled(site(*rules), but=["/"])


def test_an_app_that_cannot_be_listed_is_no_success() -> None:
    """Neither is one without a middleware."""

    def plain(environ: Any, start_response: Any) -> list[bytes]:
        return []

    unlisted = JWTMiddleware(plain, providers=[MINTER.provider], rules=[Rule("/api")])
    with pytest.raises((AssertionError, ConfigurationError)):
        assert_every_route_ruled(unlisted)
    with pytest.raises((AssertionError, ConfigurationError)):
        assert_every_route_ruled(plain)


BELOW = {
    "nothing below": (["/api/*", "/admin/*"], "'/admin/\\*' in but is not an open route"),
    "by whole segments": (["/ap/*"], "/api/me .* is OPEN"),
    "no other star": (["/api*"], "/api/me .* is OPEN"),
    "not the path itself": (["/api/me/*"], "/api/me .* is OPEN"),
}


def test_all_below_a_path_may_be_open() -> None:
    """An entry that ends with `/*` stands for the routes below it."""
    assert_every_route_ruled(site(Rule("/", exact=True)), but=["/api/*"])


@pytest.mark.parametrize(("but", "fault"), BELOW.values(), ids=BELOW)
def test_what_is_not_below_is_named(but: list[str], fault: str) -> None:
    """An entry stands for routes below its path alone, of which there must be one."""
    with pytest.raises(AssertionError, match=fault):
        assert_every_route_ruled(site(Rule("/", exact=True)), but=but)


def test_an_app_without_a_middleware_says_so() -> None:
    """The first fault is that nothing guards it, and not that each route is open."""
    app = flask.Flask("some", static_folder=None)
    app.add_url_rule("/", "/", lambda: "ok")
    with pytest.raises(AssertionError, match=r"^[^\n]*\nthere is no JWTMiddleware in this app\n"):
        assert_every_route_ruled(app)


@pytest.mark.parametrize("but", [[5], [None], [b"/"], [["/"]]], ids=repr)
def test_an_entry_that_is_no_string(but: Any) -> None:
    """It is a `ConfigurationError` that shows the right form."""
    with pytest.raises(ConfigurationError, match="but must hold strings"):
        assert_every_route_ruled(site(Rule("/")), but=but)
