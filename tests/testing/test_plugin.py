"""The fixtures as an owner gets them: from the installed plugin, in a suite of its own, in a
process of its own."""

import inspect
import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from importlib.metadata import entry_points
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from jwt_middleware import ConfigurationError, JWTMiddleware, pytest_plugin
from jwt_middleware.testing import Client, assert_protected
from tests.kit import forking
from tests.kit.apps import flask_app, guarded
from tests.kit.forking import APPS
from tests.kit.parts import skip

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
SECRET = "a secret of thirty-two bytes ...."
minter = TokenMinter.from_secret(SECRET, issuer="https://example.com", audience="api")
guarded = JWTMiddleware(
    app.wsgi_app,
    providers=[minter.provider],
    revocations=RevocationList(store),
    rules=[Rule("/api")],
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
ONE_CLIENT_OF_A_MODULE = """
import pytest
from jwt_middleware import ConfigurationError
from myapp import app

@pytest.fixture(scope="module")
def client(jwt_module_client):
    return jwt_module_client(app)

@pytest.fixture(scope="module")
def ada(client):
    return client.as_user("ada")

@pytest.mark.parametrize("turn", [1, 2])
def test_me(ada, turn):
    assert ada.get("/api/me").json["id"] == "ada"

def test_beside_one_of_the_test(ada, jwt_client, jwt_module_tokens):
    assert jwt_client(app).as_user("bob").get("/api/me").json["id"] == "bob"
    assert ada.with_token(jwt_module_tokens(app).good("eve")).get("/api/me").json["id"] == "eve"

def test_after_it(ada):
    ada.get("/api/me")
"""
KEPT = """
import pytest
from jwt_middleware import ConfigurationError
from myapp import app

kept = []

def test_keeps(jwt_client):
    client = jwt_client(app)
    kept.extend([client, client.as_user("ada"), client.anonymous])
    kept[1].get("/api/me")

@pytest.mark.parametrize("number", range(3))
@pytest.mark.parametrize("use", ["get", "post_json", "as_user"])
def test_uses(number, use):
    with pytest.raises(ConfigurationError, match="that test is over: ask jwt_client"):
        getattr(kept[number], use)("/api/me")
"""
BEGINS_LATE = """
from myapp import app

kept = []

def test_begins_late(jwt_client, request):
    jwt_client(app).as_user("bob").get("/api/me", status=200)
    kept.append(request.getfixturevalue("jwt_module_client")(app).as_user("cy"))

def test_goes_on():
    kept[0].get("/api/me", status=200)
"""
STRICT = ("-W", "error", "-p", "no:dash", "-p", "no:hypothesispytest")
"""Without the plugins of Dash (see setup.cfg) and Hypothesis, which takes as long as our suites."""


Project = Callable[..., str]


def _project(folder: Path) -> Project:
    """A folder with an app, and what runs a module of Python in it. See the fixture."""
    (folder / "myapp.py").write_text(APP)

    def run(suites: Mapping[str, str], *arguments: str) -> str:
        for name, suite in suites.items():
            (folder / f"test_{name}.py").write_text(suite)
        command = [sys.executable, "-m", *arguments]
        done = subprocess.run(
            command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        assert done.returncode == 0, done.stdout
        return done.stdout

    return run


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Run a module of Python in a folder with an app and suites, name to text, and return what it
    prints. It must end well."""
    return _project(tmp_path)


SUITES = {
    "five_lines": (FIVE_LINES, 1),
    "unittest": (WITH_UNITTEST, 2),
    "names": (NOTHING_TO_COLLECT, 1),
    "module": (ONE_CLIENT_OF_A_MODULE, 4),
    "kept": (KEPT, 10),
    "begins_late": (BEGINS_LATE, 2),
}


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What pytest tells of each test of the suites, all in one run."""
    run = _project(tmp_path_factory.mktemp("project"))
    suites = {name: suite for name, (suite, _) in SUITES.items()}
    return run(suites, "pytest", "-v", *STRICT)


@pytest.mark.parametrize(("name", "count"), [(name, count) for name, (_, count) in SUITES.items()])
def test_a_fresh_suite_needs_no_more(name: str, count: int, told: str) -> None:
    """Nothing is configured, no warning is given (not even of WebOb's `cgi`), and nothing but the
    tests is collected; a client of a module lasts as long, also one that is made when a test trusts
    the app already; and one kept beyond its test says so."""
    assert len(re.findall(rf"^test_{name}\.py::\S+ PASSED", told, re.MULTILINE)) == count
    assert f" {sum(count for _, count in SUITES.values())} passed in " in told


def test_unittest_needs_no_pytest(tmp_path: Path) -> None:
    """The same case runs under `python -m unittest`."""
    (tmp_path / "myapp.py").write_text(APP)
    (tmp_path / "test_myapp.py").write_text(WITH_UNITTEST)
    script = "import runpy; runpy.run_module('unittest', run_name='__main__', alter_sys=True)"
    done = forking.run(
        f"import sys; sys.modules['pytest'] = None\n{script}", "-q", after=APPS, cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    assert "Ran 2 tests" in done.stderr


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
        # pytest 8.4 wraps a fixture, earlier ones mark the function
        if "fixture" in type(value).__name__.lower() or hasattr(value, "_pytestfixturefunction")
    ]
    assert len(defined) == 9
    assert all(
        name.startswith("jwt_") and inspect.getdoc(getattr(pytest_plugin, name)) for name in defined
    )


def test_the_plugin_is_cheap_to_load() -> None:
    """Every run of pytest loads it, those that never use it, too: nothing comes with it but the
    core."""
    script = (
        "import sys, pytest, jwt_middleware; before = set(sys.modules)\nimport "
        "jwt_middleware.pytest_plugin\n"
    )
    script += "print(*sorted(set(sys.modules) - before))"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["jwt_middleware.pytest_plugin"]


COVERAGE = {
    "coverage": ("coverage", "run", "--source=.", "--branch", "-m", "pytest", "-q"),
    "pytest-cov": ("pytest", "-q", "--cov=myapp", "--cov-branch"),
}


@pytest.mark.needs_time
@pytest.mark.parametrize("tool", COVERAGE)
def test_coverage_of_an_app_is_whole(tool: str, project: Project) -> None:
    """The plugin, which pytest loads before anything is measured, hides no line of the app."""
    if not find_spec(tool.replace("-", "_")):
        skip(f"{tool} is not installed")
    project({"myapp": FIVE_LINES}, *COVERAGE[tool])
    told = project({}, "coverage", "report", "--include=myapp.py", "--fail-under=100")
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


NOT_A_SUBJECT: dict[str, Any] = {
    "an integer": 1,
    "nothing": None,
    "bytes": b"ada",
    "a list": ["ada"],
    "a user": object(),
}


@pytest.mark.parametrize("subject", NOT_A_SUBJECT.values(), ids=NOT_A_SUBJECT)
def test_a_subject_is_a_string(
    subject: Any, jwt_client: Any, jwt_headers: Any, jwt_environ: Any, site: JWTMiddleware
) -> None:
    """`as_user(1)` says so at once, as every other maker of tokens does: no unexplained 401."""
    client = jwt_client(site)
    for made in (
        lambda: client.as_user(subject),
        lambda: client.tokens.good(subject),
        lambda: client.tokens.bad("expired", subject),
        lambda: jwt_headers(site, subject),
        lambda: jwt_environ(subject),
        lambda: assert_protected(site, "/api/me", subject=subject),
    ):
        with pytest.raises(ConfigurationError, match="subject must be a string, got "):
            made()


@pytest.mark.parametrize(
    "value",
    [object(), {1}, b"x", float("nan"), [float("inf")]],
    ids=["object", "set", "bytes", "nan", "inf"],
)
def test_a_claim_is_a_value_of_json(value: Any, jwt_client: Any, site: JWTMiddleware) -> None:
    """Anything else is named with its claim, good token or bad."""
    client = jwt_client(site)
    for made in (client.as_user, lambda *a, **b: client.tokens.bad("expired", *a, **b)):
        with pytest.raises(ConfigurationError, match="'role' must be a JSON value, got "):
            made("ada", role=value)


def test_other_slips_are_configuration_errors_too(jwt_client: Any, site: JWTMiddleware) -> None:
    """A token, a flaw, an issuer and a path of another type."""
    client = jwt_client(site)
    for made in (
        lambda: client.with_token(1),
        lambda: client.with_token(None),
        lambda: client.tokens.bad(["expired"]),
        lambda: client.as_user("ada", issuer=1),
        lambda: assert_protected(site, 1),  # type: ignore[arg-type]
    ):
        with pytest.raises(ConfigurationError):
            made()
