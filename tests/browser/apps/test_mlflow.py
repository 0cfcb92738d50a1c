"""MLflow, its page and its command, in an environment of its own: it asks for older versions of
gunicorn and others than the tests beside it."""

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.kit import ROOT
from tests.kit.answers import call, exchange, sign_in
from tests.kit.clients import PASSWORD, Shell
from tests.kit.environments import Environment, build_wheel
from tests.kit.serving import gunicorn
from tests.kit.waiting import PATIENCE, wait_for

from .conftest import is_up, serve
from .journey import Journey, link

pytestmark = [pytest.mark.needs_servers, pytest.mark.needs_tools]

EXAMPLE = "examples.real_apps.mlflow_app"


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Environment]:
    """MLflow, and what the login app needs. The package itself is the one under test."""
    folder = tmp_path_factory.mktemp("mlflow")
    made = Environment(folder / "venv")
    made.install(f"{build_wheel(folder)}[login]", "mlflow>=3,<4")
    # Its first import compiles it, which takes longer than a test waits for a server to start.
    env = {"PASSWORD": PASSWORD, "PYTHONPATH": str(ROOT)}
    first = made.run("-c", f"import {EXAMPLE}", cwd=folder, env=env)
    assert first.returncode == 0, first.stderr
    yield made
    shutil.rmtree(folder)  # it has 850 MB, and pytest keeps the folders of three runs


@pytest.fixture(scope="module")
def address(environment: Environment, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The example, whose users `ada` and `grace` may write and read."""
    folder = tmp_path_factory.mktemp("example")
    served = gunicorn(
        EXAMPLE,
        *("--threads", "8", "--timeout", "120"),
        cwd=folder,
        env={"PASSWORD": PASSWORD},
        python=environment.bin / "python",
    )
    with served as found:
        assert wait_for(lambda: is_up(found), say=(folder / "gunicorn.log").read_text)
        yield found


def _token(address: str, user: str) -> str:
    return str(sign_in(address, user, PASSWORD).body["token"]) if user else ""


def _new_experiment(page: Any) -> None:
    page.get_by_role("button", name="Create").first.click()
    page.get_by_placeholder("Input an experiment name").fill("analytical")
    page.get_by_role("dialog").get_by_role("button", name="Create").click()
    page.get_by_text("analytical").first.wait_for()


@pytest.mark.needs_browser
def test_a_journey(
    environment: Environment, new_context: Callable[[], Any], tmp_path: Path
) -> None:
    """A deep page leads to the sign-in page and back, a form and a download work, the app's own
    scripts and tokens too, and signing out in one tab ends the other."""
    download = link("/static-files/manifest.json")
    journey = Journey("mlflow_app", (), "/?from=mail#/experiments", _new_experiment, download)
    with serve(journey.module, tmp_path, python=environment.bin / "python") as address:
        journey.walk("MLflow", address, new_context())


@pytest.mark.parametrize(
    ("user", "path", "fields", "status"),
    [
        ("", "/", None, 200),
        ("", "/ajax-api/2.0/mlflow/experiments/search", None, 401),
        ("grace", "/api/2.0/mlflow/experiments/search", {"max_results": 9}, 200),
        ("grace", "/api/2.0/mlflow/experiments/create", {"name": "of grace"}, 403),
        ("ada", "/api/2.0/mlflow/experiments/create", {"name": "of ada"}, 200),
    ],
    ids=["page", "a script of nobody", "reader searches", "reader writes", "writer writes"],
)
def test_it_answers_as_its_rules_say(
    address: str, user: str, path: str, fields: object, status: int
) -> None:
    """Its start page is public, a search is a POST that reads, and writing asks for a scope."""
    assert call(address + path, fields, token=_token(address, user)).status == status


def test_routes_says_what_is_closed(environment: Environment, address: str, tmp_path: Path) -> None:
    """`jwt-middleware routes --strict` finds nothing open, not listed or worth a warning, and each
    of its lines is right for somebody without a token."""
    command = [str(environment.bin / "jwt-middleware"), "routes", "--strict", "--json", "--app"]
    done = environment.run(*command, EXAMPLE, cwd=tmp_path, env={"PYTHONPATH": str(ROOT)})
    assert done.returncode == 0, done.stdout + done.stderr
    routes = [one for one in json.loads(done.stdout)["routes"] if one["kind"] != "login"]
    assert len(routes) > 100
    port = int(address.rpartition(":")[2])
    for one in routes:
        for method in one["methods"]:
            asked = b"BREW" if method == "*" else method.encode()
            answer = exchange(port, one["example"].encode(), method=asked)
            assert (one["kind"] == "rule") == (answer.status == 401), (method, one)


@pytest.mark.parametrize(
    ("user", "arguments", "status", "said"),
    [
        ("grace", ("search",), 0, "Default"),
        ("ada", ("create", "--experiment-name", "engine"), 0, "Created experiment 'engine'"),
        ("grace", ("create", "--experiment-name", "loom"), 1, "403"),
        ("", ("search",), 1, "401"),
    ],
    ids=["reader searches", "writer writes", "reader writes", "nobody searches"],
)
def test_its_own_command(
    environment: Environment,
    address: str,
    tmp_path: Path,
    user: str,
    arguments: tuple[str, ...],
    status: int,
    said: str,
) -> None:
    """`mlflow experiments` sends MLFLOW_TRACKING_TOKEN, and says what the refusal was."""
    token = _token(address, user)
    env = {"MLFLOW_TRACKING_URI": address, "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0"}
    env |= {"MLFLOW_TRACKING_TOKEN": token} if token else {}
    shell = Shell(tmp_path, {"token": token} if token else {})
    done = shell.run(
        environment.bin / "mlflow", "experiments", *arguments, env=env, seconds=3 * PATIENCE
    )
    assert said in done.text
    assert done.status == status
