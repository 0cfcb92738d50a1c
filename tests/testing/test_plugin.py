"""The fixtures as an owner gets them: from the installed plugin, in a suite of its own, in a
process of its own."""

import inspect
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib.metadata import entry_points
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from jwt_middleware import ConfigurationError, JWTMiddleware, pytest_plugin
from jwt_middleware.testing import Client
from tests.kit.apps import flask_app, guarded

APP = """
from flask import Flask, request
from jwt_middleware import Identity, JWTMiddleware, RevocationList, Rule
from jwt_middleware.login import LoginApp, TokenMinter
from jwt_middleware.stores import SQLStore

app = Flask(__name__)

@app.get("/api/me")
def me():
    return {"id": Identity.from_environ(request.environ).subject}

store = SQLStore("sqlite:///auth.db")
minter = TokenMinter.from_secret("a secret of thirty-two bytes ....", issuer="https://example.com", audience="api")
guarded = JWTMiddleware(
    app.wsgi_app, providers=[minter.provider], revocations=RevocationList(store), rules=[Rule("/api")]
)
app.wsgi_app = LoginApp(store, minter).wrap(guarded, prefix="/auth")
"""
FIVE_LINES = """
from myapp import app

def test_me(jwt_client):
    client = jwt_client(app)
    assert client.as_user("ada").get("/api/me").json["id"] == "ada"
"""
WITH_UNITTEST = """
import unittest
from jwt_middleware.testing import Client, trusting
from myapp import app

class MeTest(unittest.TestCase):
    def setUp(self):
        self.client = Client(app, self.enterContext(trusting(app)))

    def test_me(self):
        self.assertEqual(self.client.as_user("ada").get("/api/me").json, {"id": "ada"})

    def test_a_stranger(self):
        self.client.get("/api/me", status=401)
"""
NOTHING_TO_COLLECT = '''
from jwt_middleware.testing import *

def test_client(jwt_client):
    """A fixture of ours replaces no fixture of theirs."""
'''
STRICT = ("-W", "error")


@pytest.fixture
def project(tmp_path: Path) -> Callable[..., str]:
    """Run a module of Python in a folder with an app and a suite, and return what it prints. It
    must end well."""
    (tmp_path / "myapp.py").write_text(APP)

    def run(suite: str, *arguments: str) -> str:
        (tmp_path / "test_myapp.py").write_text(suite)
        command = [sys.executable, "-m", *arguments]
        done = subprocess.run(
            command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        assert done.returncode == 0, done.stdout
        return done.stdout

    return run


@pytest.mark.parametrize(
    ("suite", "outcome"),
    [(FIVE_LINES, "1 passed"), (WITH_UNITTEST, "2 passed"), (NOTHING_TO_COLLECT, "1 passed")],
    ids=["five lines", "unittest", "names"],
)
def test_a_fresh_suite_needs_no_more(suite: str, outcome: str, project: Callable[..., str]) -> None:
    """Nothing is configured, no warning is given, and nothing but the tests is collected."""
    assert f"\n{outcome} in " in project(suite, "pytest", "-q", *STRICT)


def test_unittest_needs_no_pytest(project: Callable[..., str]) -> None:
    """The same case runs under `python -m unittest`."""
    assert "Ran 2 tests" in project(WITH_UNITTEST, "unittest", "-q")


def test_the_plugin_is_installed() -> None:
    """pytest finds it by its entry point."""
    assert "jwt_middleware.pytest_plugin" in [
        found.value for found in entry_points(group="pytest11")
    ]


def test_every_fixture_has_our_prefix() -> None:
    """So it replaces nobody's `client` or `app`."""
    defined = [
        name
        for name, value in vars(pytest_plugin).items()
        if "fixture" in type(value).__name__.lower()
    ]
    assert len(defined) == 9
    assert all(
        name.startswith("jwt_") and inspect.getdoc(getattr(pytest_plugin, name)) for name in defined
    )


def test_the_plugin_is_cheap_to_load() -> None:
    """Every run of pytest loads it, those that never use it, too: nothing comes with it but the
    core."""
    script = "import sys, pytest, jwt_middleware; before = set(sys.modules)\nimport jwt_middleware.pytest_plugin\n"
    script += "print(*sorted(set(sys.modules) - before))"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["jwt_middleware.pytest_plugin"]


COVERAGE = {
    "coverage": ("coverage", "run", "--source=.", "--branch", "-m", "pytest", "-q"),
    "pytest-cov": ("pytest", "-q", "--cov=myapp", "--cov-branch"),
}


@pytest.mark.parametrize("tool", COVERAGE)
def test_coverage_of_an_app_is_whole(tool: str, project: Callable[..., str]) -> None:
    """The plugin, which pytest loads before anything is measured, hides no line of the app."""
    if not find_spec(tool.replace("-", "_")):
        pytest.skip(f"{tool} is not installed")
    project(FIVE_LINES, *COVERAGE[tool])
    told = project(FIVE_LINES, "coverage", "report", "--include=myapp.py", "--fail-under=100")
    assert re.search(r"myapp\.py +1\d .* 100%", told)


# ---------------------------------------------------------------- the fixtures, here


@pytest.fixture
def site() -> JWTMiddleware:
    """A guarded Flask app."""
    return guarded(flask_app())


def test_headers_are_for_any_client(jwt_headers: Callable[..., dict[str, str]]) -> None:
    """Such as Flask's; each call makes a token, and the app goes on trusting all of them."""
    app = flask_app()
    app.wsgi_app = guarded(app.wsgi_app)
    made = [jwt_headers(app, f"user{number}", role="x") for number in range(3)]
    for number, headers in enumerate(made):
        assert app.test_client().get("/api/me", headers=headers).json == {"id": f"user{number}"}
    assert app.test_client().get("/api/me").status_code == 401


def test_clients_of_one_app_share_its_tokens(
    site: JWTMiddleware, jwt_client: Any, jwt_tokens: Any
) -> None:
    """However often the app is asked for, it comes to trust one key, and each app another."""
    first, second, other = jwt_client(site), jwt_client(site), jwt_client(guarded())
    assert first.tokens is second.tokens is jwt_tokens(site)
    assert isinstance(second, Client)
    other.with_token(first.tokens.good("ada")).get("/api/me", status=401)


@pytest.fixture
def untouched() -> Iterator[JWTMiddleware]:
    """An app that must be, when the test is over, as it was before."""
    site = guarded(flask_app())
    before = site.verifier.providers
    yield site
    assert site.verifier.providers is before


def test_trust_ends_with_the_test(
    untouched: JWTMiddleware, jwt_client: Any, jwt_headers: Any
) -> None:
    """Whichever fixtures a test has used."""
    jwt_client(untouched).as_user("ada").get("/api/me")
    jwt_headers(untouched, "ada")


def test_a_text_is_no_list_of_scopes(
    jwt_environ: Any, jwt_headers: Any, site: JWTMiddleware
) -> None:
    """All fixtures take subject, scopes and claims alike, and refuse what the tokens refuse."""
    assert (
        jwt_environ("ada", scopes=["read"], role="x")["jwt_middleware.identity"].claims["role"]
        == "x"
    )
    for made in (
        lambda: jwt_environ("ada", scopes="read"),
        lambda: jwt_headers(site, "ada", scopes="read"),
    ):
        with pytest.raises(ConfigurationError, match="scopes"):
            made()
