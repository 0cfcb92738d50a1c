"""The wheel, as a user gets it."""

import subprocess
import venv
from pathlib import Path
from zipfile import ZipFile

import pytest

from tests.kit.environments import build_wheel

pytestmark = pytest.mark.needs_tools


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel built from the files that git tracks or would track."""
    return build_wheel(tmp_path_factory.mktemp("wheel"))


def test_the_wheel_holds_the_package_and_nothing_else(wheel: Path) -> None:
    """Modules, the page's files and py.typed are in it; tests and examples are not."""
    names = ZipFile(wheel).namelist()
    assert {name.split("/")[0] for name in names if ".dist-info/" not in name} == {"jwt_middleware"}
    for file in (
        "py.typed",
        "login/page/login.html",
        "login/page/login.css",
        "cli/__init__.py",
        "stores/sql/store.py",
        "login/page/jwt-client.js",
        "login/page/tokens/tokens.html",
        "login/page/tokens/es.json",
    ):
        assert f"jwt_middleware/{file}" in names


def test_the_wheel_works_in_an_empty_environment(
    wheel: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With only the core's dependencies the package imports, and the command names the extra that
    it lacks."""
    monkeypatch.delenv(
        "PYTHONPATH", raising=False
    )  # where the package is there already, pip installs nothing
    venv.create(tmp_path / "venv", with_pip=True)
    bin_ = tmp_path / "venv" / "bin"
    subprocess.run([bin_ / "pip", "install", "-q", wheel], check=True, capture_output=True)
    subprocess.run([bin_ / "python", "-c", "import jwt_middleware"], check=True, cwd=tmp_path)
    login = subprocess.run(
        [bin_ / "python", "-c", "import jwt_middleware.login"], capture_output=True, cwd=tmp_path
    )
    assert login.stderr.endswith(
        b"ImportError: limits is missing: pip install 'wsgi-jwt-middleware[login]'\n"
    )
    command = subprocess.run(
        [bin_ / "jwt-middleware", "users", "list"], capture_output=True, text=True, cwd=tmp_path
    )
    assert command.returncode == 1
    assert command.stderr.count("\n") == 1
    assert "wsgi-jwt-middleware[login]" in command.stderr
