"""The example with Vite and React in a browser: its development server, and its build served by
Flask."""

import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.kit import ROOT
from tests.kit.answers import exchange
from tests.kit.npm import npm_install, run_tool
from tests.kit.parts import program
from tests.kit.serving import free_port, gunicorn, started
from tests.kit.waiting import PATIENCE

pytestmark = [pytest.mark.needs_browser, pytest.mark.needs_tools]

PASSWORD = "analytical engine"
LIFETIME = 2  # seconds


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the example, with its packages and its build."""
    folder = tmp_path_factory.mktemp("vite") / "example"
    ignored = shutil.ignore_patterns("node_modules", "dist", "__pycache__", "package-lock.json")
    shutil.copytree(ROOT / "examples" / "vite_react", folder, ignore=ignored)
    programs = npm_install(folder)
    run_tool(programs / "vite", "build", cwd=folder)
    return folder


def production(folder: Path) -> AbstractContextManager[str]:
    """Flask serves the API and the build."""
    environ = {"PASSWORD": PASSWORD, "TOKEN_LIFETIME": str(LIFETIME)}
    return gunicorn("app", "--threads", "4", cwd=folder, env=environ)


@contextmanager
def development(folder: Path) -> Iterator[str]:
    """Vite serves the sources and passes the paths of the API on to Flask."""
    port = free_port()
    with production(folder) as api:
        command = [folder / "node_modules" / ".bin" / "vite", "--port", str(port)]
        command += ["--strictPort", "--host", "127.0.0.1"]

        def is_up() -> bool:
            try:
                return exchange(port, b"/").status == 200
            except OSError:
                return False

        env = {**os.environ, "API": api}
        with started(command, folder / "vite.log", is_up, cwd=folder, env=env):
            yield f"http://127.0.0.1:{port}"


WAYS: dict[str, Callable[[Path], AbstractContextManager[str]]] = {
    "production": production,
    "development": development,
}


@pytest.fixture
def page(chromium: Any) -> Iterator[Any]:
    """A page in a fresh profile. An uncaught error or a line of an error in its console fails the
    test."""
    context = chromium.new_context()
    context.set_default_timeout(PATIENCE * 1000)
    wrong: list[str] = []
    context.on("weberror", lambda error: wrong.append(str(error.error)))
    context.on("console", lambda line: line.type == "error" and wrong.append(line.text))
    yield context.new_page()
    context.close()
    assert wrong == []


@pytest.mark.parametrize("serve", WAYS.values(), ids=WAYS)
def test_the_front_end(serve: Callable[..., Any], built: Path, page: Any) -> None:
    """A first visit asks nothing of the login app. Signed in, it calls the API, renews an expired
    token, is signed in after a reload, and signs out for good."""
    asked: list[str] = []
    page.on("request", lambda each: each.method == "POST" and asked.append(each.url))
    with serve(built) as address:
        page.goto(address)
        page.get_by_label("User name").wait_for()
        assert asked == []
        page.get_by_label("User name").fill("ada")
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        page.get_by_text("Signed in as ada").wait_for()
        call = page.get_by_role("button", name="Call the API")
        call.click()
        page.locator("li", has_text="200: 1").first.wait_for()
        page.wait_for_timeout(LIFETIME * 1000 + 100)
        before = len(asked)
        call.click()
        page.locator("li:nth-child(2)", has_text="200: 1").wait_for()
        assert len(asked) == before + 1
        page.reload()
        page.get_by_text("Signed in as user 1").wait_for()  # the session does not keep the name
        page.get_by_role("button", name="Sign out").click()
        page.get_by_label("User name").wait_for()
        page.reload()
        page.get_by_label("User name").wait_for()
        assert asked[-1].endswith("/auth/revoke")


def test_the_versions_are_exact_and_no_registry_is_named() -> None:
    """package.json fixes each version, and no lock file is beside it, which would name a host."""
    folder = ROOT / "examples" / "vite_react"
    package = json.loads((folder / "package.json").read_text())
    versions = package["dependencies"] | package["devDependencies"]
    assert all(version.replace(".", "").isdigit() for version in versions.values())
    listed = run_tool(program("git"), "ls-files", str(folder), cwd=ROOT)
    assert "lock" not in listed
    assert "node_modules" not in listed
