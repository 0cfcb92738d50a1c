"""Examples around apps that others wrote: each answers as its docstring says, and
`jwt-middleware routes` is right about it."""

import os
import subprocess
import sys
from base64 import b64encode
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from webtest import TestApp

from jwt_middleware.inspection import coverage
from jwt_middleware.stores import SQLStore
from jwt_middleware.testing.passwords import CHEAP
from tests.examples.walking import PASSWORD, loading
from tests.kit import ROOT
from tests.kit.clients import hide_bcrypt
from tests.kit.parts import program, skip
from tests.kit.waiting import PATIENCE

pytestmark = [
    pytest.mark.needs_frameworks,
    # What these apps do is theirs.
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::PendingDeprecationWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]

PACKAGES = {
    "wsgidav_app": "wsgidav",
    "klaus_app": "klaus",
    "radicale_app": "radicale",
}
# These change the process that imports them. Their clients call them by gunicorn, in
# `tests.servers.test_package_clients` and `test_devpi_clients`.
SERVED = {"pypiserver_app": "pypiserver", "devpi_app": "devpi_server"}
# Its packages are older than those of the other tests: `tests.browser.apps.test_mlflow`.
IN_AN_ENVIRONMENT = "mlflow_app"
Ask = Callable[..., int]


@pytest.fixture
def load(tmp_path: Path) -> Iterator[Callable[[str], Any]]:
    """Imports the example of this name, beside a folder and two repositories."""
    dav = tmp_path / "dav"
    for name in ("public", "private"):
        (dav / name).mkdir(parents=True)
        (dav / name / "a.txt").write_text(name)
    for name in ("open", "secret"):
        command = [program("git"), "init", "-q", "--bare", tmp_path / name]
        subprocess.run(command, check=True, timeout=60)
    environ = {
        "PASSWORD": PASSWORD,
        "DAV_FOLDER": str(dav),
        "CALENDARS": str(tmp_path / "calendars"),
        "REPOSITORIES": f"{tmp_path}/open {tmp_path}/secret",
        "DATABASE_URL": f"sqlite:///{tmp_path}/auth.db",
    }
    store = SQLStore(environ["DATABASE_URL"], password_method=CHEAP)  # of those without PASSWORD
    store.add_user("ada", PASSWORD, scopes=("read", "write"))
    store.add_user("grace", PASSWORD, scopes=("read",))
    store.close()
    with loading(environ, tmp_path) as load:
        yield lambda name: load(f"real_apps.{name}")


@pytest.fixture
def application(load: Callable[[str], Any], name: str) -> Any:
    """The example's application."""
    if name in PACKAGES and not find_spec(PACKAGES[name]):
        skip(f"{PACKAGES[name]} is not installed")
    return load(name).application


@pytest.fixture
def ask(application: Any) -> Ask:
    """Sends a request as a user, and returns the status."""
    client = TestApp(application, lint=False)

    def ask(user: str, method: str, path: str, *, as_password: bool = False) -> int:
        headers = {}
        if user:
            fields = {"username": user, "password": PASSWORD}
            token = client.post_json("/auth/token", fields).json["token"]
            basic = b64encode(f"token:{token}".encode()).decode()
            headers["Authorization"] = f"Basic {basic}" if as_password else f"Bearer {token}"
        return client.request(path, method=method, headers=headers, status="*").status_int

    return ask


def of(*rows: tuple[str, str, str, str, int]) -> pytest.MarkDecorator:
    """Requests to examples, and their statuses."""
    ids = [f"{name}: {user or 'nobody'} {method} {path}" for name, user, method, path, _ in rows]
    return pytest.mark.parametrize(("name", "user", "method", "path", "status"), rows, ids=ids)


@of(
    ("wsgidav_app", "", "GET", "/public/a.txt", 200),
    ("wsgidav_app", "", "PROPFIND", "/public/", 207),
    ("wsgidav_app", "", "GET", "/private/a.txt", 401),
    ("wsgidav_app", "", "MKCOL", "/public/new", 401),
    ("wsgidav_app", "grace", "GET", "/private/a.txt", 200),
    ("wsgidav_app", "grace", "MKCOL", "/private/new", 403),
    ("wsgidav_app", "grace", "MOVE", "/public/a.txt", 403),
    ("wsgidav_app", "grace", "COPY", "/public/a.txt", 403),
    ("wsgidav_app", "ada", "MKCOL", "/private/new", 201),
    ("wsgidav_app", "ada", "DELETE", "/public/a.txt", 204),
    ("klaus_app", "", "GET", "/", 200),
    ("klaus_app", "", "GET", "/open/info/refs?service=git-upload-pack", 200),
    ("klaus_app", "", "GET", "/secret/info/refs?service=git-upload-pack", 401),
    ("klaus_app", "", "POST", "/open/git-receive-pack", 401),
    ("klaus_app", "grace", "POST", "/open/git-receive-pack", 403),
    ("klaus_app", "grace", "POST", "/secret/git-receive-pack", 403),
    ("klaus_app", "grace", "GET", "/secret/info/refs?service=git-upload-pack", 200),
    ("radicale_app", "", "GET", "/.well-known/caldav", 301),
    ("radicale_app", "", "PROPFIND", "/ada/", 401),
    ("radicale_app", "ada", "MKCALENDAR", "/ada/work", 201),
    ("radicale_app", "ada", "MKCALENDAR", "/grace/work", 403),
)
def test_a_wrapped_app_answers_as_its_rules_say(
    ask: Ask, user: str, method: str, path: str, status: int
) -> None:
    """Reading, writing and what is public, by the methods that each app's own clients use."""
    assert ask(user, method, path) == status


@of(
    ("wsgidav_app", "grace", "PROPFIND", "/private/", 207),
    ("wsgidav_app", "grace", "MKCOL", "/private/new", 403),
    ("klaus_app", "grace", "GET", "/secret/info/refs?service=git-upload-pack", 200),
    ("klaus_app", "grace", "POST", "/secret/git-receive-pack", 403),
    ("radicale_app", "ada", "PROPFIND", "/ada/", 401),
)
def test_a_token_as_a_password(ask: Ask, user: str, method: str, path: str, status: int) -> None:
    """git and WebDAV clients send it so; Radicale's example does not ask for it."""
    assert ask(user, method, path, as_password=True) == status


@pytest.mark.parametrize("name", PACKAGES)
def test_routes_says_what_is_closed_and_what_is_not_listed(application: Any, name: str) -> None:
    """No line is OPEN; an app without a list of routes is shown by its rules. The one warning is of
    klaus: its repositories are values of a parameter, and the rules name one."""
    found = coverage(application)
    assert not found.open
    assert all("can be spelled" in line and name == "klaus_app" for line in found.lints)
    assert bool(found.unlisted) == (name in ("wsgidav_app", "radicale_app"))
    lines = [one for one in found.routes if one.kind != "login"] or found.areas
    client = TestApp(application, lint=False)
    for one in lines:
        for method in one.methods:
            asked = "BREW" if method == "*" else method
            answer = client.request(one.route.example, method=asked, status="*")
            assert (one.kind == "rule") == (answer.status_int == 401), (method, one)


_ROUTES = "from jwt_middleware.cli import main; main()"


@pytest.mark.parametrize("name", SERVED)
def test_routes_finds_nothing_open_in_a_process_of_its_own(name: str, tmp_path: Path) -> None:
    """`jwt-middleware routes` ends with 0 and shows a rule."""
    if not find_spec(SERVED[name]):
        skip(f"{SERVED[name]} is not installed")
    hide_bcrypt(tmp_path)
    scripts = Path(sys.executable).parent
    if name == "devpi_app":
        command = [scripts / "devpi-init", "--no-root-pypi", "--serverdir", tmp_path / "devpi"]
        subprocess.run(command, check=True, capture_output=True, timeout=3 * PATIENCE)
    environ = {**os.environ, "PYTHONPATH": str(ROOT), "DEVPISERVER_SERVERDIR": f"{tmp_path}/devpi"}
    command = [sys.executable, "-c", _ROUTES, "routes", "--strict", "--app"]
    done = subprocess.run(
        [*command, f"examples.real_apps.{name}"],
        cwd=tmp_path,
        env={**environ, "PACKAGES": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=3 * PATIENCE,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "scope('write')" in done.stdout


def test_every_example_of_an_app_is_tested() -> None:
    """And says how it is run."""
    names = {file.stem for file in (ROOT / "examples" / "real_apps").glob("*.py")}
    assert names == {*PACKAGES, *SERVED, IN_AN_ENVIRONMENT}
    for name in names:
        text = (ROOT / "examples" / "real_apps" / f"{name}.py").read_text()
        assert " ".join(f"gunicorn examples.real_apps.{name}".split()) in " ".join(text.split())
