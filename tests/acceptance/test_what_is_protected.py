"""`routes` and `explain`, at the root and below a mount: what they print is what the app does."""

import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from webtest import TestApp

from jwt_middleware.cli.root import root
from jwt_middleware.testing import assert_every_route_ruled
from tests.acceptance.conftest import AUDIENCE, ISSUER, SECRET

SITE = f"""
import bottle, flask
outer = flask.Flask("outer", static_folder=None)
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from jwt_middleware import JWTMiddleware, Rule, optional, public, scope
from jwt_middleware.login import LoginApp, TokenMinter
from jwt_middleware.stores import MemoryStore

PATHS = {{"/": "home", "/api/me": "me", "/api/health": "health", "/orgs/<id>/admin": "admin",
          "/orgs/<id>": "org", "/ajax-api/me": "forgotten"}}
by_flask, by_bottle = flask.Flask("site", static_folder=None), bottle.Bottle()
for path, name in PATHS.items():
    by_flask.add_url_rule(path, name, lambda **names: "ok")
    by_bottle.route(path, "GET", lambda **names: "ok")
minter = TokenMinter.from_secret({SECRET!r}, issuer={ISSUER!r}, audience={AUDIENCE!r})
RULES = [Rule("/", public, exact=True), Rule("/api"), Rule("/api/health", public),
         Rule("/orgs", optional), Rule("/orgs/*/admin", scope("admin"))]

def site(app, mount):
    guarded = JWTMiddleware(app, providers=[minter.provider], rules=RULES)
    whole = LoginApp(MemoryStore(), minter).wrap(guarded, prefix="/auth")
    return DispatcherMiddleware(outer, {{mount: whole}}) if mount else whole

flask_root, flask_sub = site(by_flask.wsgi_app, ""), site(by_flask.wsgi_app, "/sub")
bottle_root, bottle_sub = site(by_bottle, ""), site(by_bottle, "/sub")
"""


@pytest.fixture(params=["flask", "bottle"])
def name(
    request: pytest.FixtureRequest, mount: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> str:
    """The name by which a server would load the site, which is a module beside the test."""
    (tmp_path / "some_site.py").write_text(SITE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setitem(sys.modules, "some_site", sys)  # so that it is removed after the test
    del sys.modules["some_site"]
    return f"some_site:{request.param}_{'sub' if mount else 'root'}"


def command(*words: str, stdin: str = "") -> Any:
    """What a command comes to."""
    return CliRunner().invoke(root, words, input=stdin)


def loaded(name: str) -> Any:
    """The app of that name."""
    return getattr(sys.modules["some_site"], name.partition(":")[2])


def test_each_line_is_true_of_a_live_request(name: str, mount: str) -> None:
    """What `routes` calls open or public answers without a token, what it calls closed is 401."""
    listed = json.loads(command("routes", "--app", name, "--json").stdout)["routes"]
    assert {f"{mount}/api/me", f"{mount}/ajax-api/me"} <= {one["path"] for one in listed}
    client = TestApp(loaded(name))
    for one in listed:
        if one["kind"] == "login" or "GET" not in one["methods"]:
            continue
        is_open = one["asks"] in ("OPEN", "public", "optional")
        assert client.get(one["example"], status=200 if is_open else 401)


def test_a_forgotten_path_fails_the_build(name: str, mount: str) -> None:
    """`--strict` exits with 1 while a route has no rule, and names it; so does the suite's own
    check."""
    done = command("routes", "--app", name, "--strict")
    assert done.exit_code == 1
    assert re.search(rf"{mount}/ajax-api/me +.*OPEN", done.stdout)
    assert max(map(len, done.stdout.splitlines())) <= 80
    with pytest.raises(AssertionError, match="/ajax-api/me"):
        assert_every_route_ruled(loaded(name))
    assert_every_route_ruled(loaded(name), but=[f"{mount}/ajax-api/me"])


REQUESTS = [
    ("GET", "/", False),
    ("GET", "/api/me", False),
    ("GET", "/api/me", True),
    ("POST", "/api/me", False),
    ("GET", "//api/me", False),
    ("GET", "/api/health", False),
    ("GET", "/orgs/7", True),
    ("GET", "/orgs/7/admin", True),
    ("GET", "/orgs/7/admin", False),
    ("GET", "/ajax-api/me", False),
]


@pytest.mark.parametrize(("method", "path", "has_token"), REQUESTS)
def test_an_explanation_is_what_the_app_answers(
    method: str, path: str, has_token: bool, name: str, mount: str, forge: Any
) -> None:
    """The status and the reason of the answer; 0 where the app answers, 1 for a refusal."""
    token = forge(scope="read") if has_token else ""
    done = command("explain", "--app", name, method, f"{mount}{path}", stdin=token)
    headers = {"Authorization": f"Bearer {token}"} if has_token else {}
    request = TestApp.RequestClass.blank("/", {"PATH_INFO": f"{mount}{path}"}, method=method)
    request.headers.update(headers)
    answer = TestApp(loaded(name)).do_request(request, expect_errors=True)
    refusal = answer.json if answer.content_type == "application/problem+json" else None
    assert done.exit_code == (0 if refusal is None else 1)
    if refusal is not None:
        assert f"answer: {refusal['status']} {refusal['reason']}" in done.stdout
    assert not token or token not in done.stdout


def test_a_path_without_its_slash(name: str) -> None:
    """No client sends one: misuse, and no guess."""
    assert command("explain", "--app", name, "GET", "api/me").exit_code == 2
