"""Each extra alone, installed from the wheel into an empty environment, does what the README says
of it."""

from configparser import ConfigParser
from pathlib import Path

import pytest

from tests.kit.environments import FLOWS, ROOT, Environment, build_wheel

# For those who work on this package; everything else is for those who use it.
_FOR_US = {"test", "test-all", "bench", "docs"}
_SERVERS = {
    "mysql": ("MYSQL_URL", "mariadb_url"),
    "postgres": ("POSTGRESQL_URL", "postgresql_url"),
    "redis": ("REDIS_URL", "redis_url"),
}

pytestmark = pytest.mark.needs_tools


def _extras() -> list[str]:
    config = ConfigParser()
    config.read(ROOT / "setup.cfg")
    return ["", *(name for name in config["options.extras_require"] if name not in _FOR_US)]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel built from the files that git tracks or would track."""
    return build_wheel(tmp_path_factory.mktemp("wheel"))


@pytest.mark.parametrize("extra", _extras(), ids=lambda extra: extra or "none")
def test_an_extra_alone(
    extra: str, wheel: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """With one extra and nothing else, the flow of `flows.py` for that extra works."""
    environment = Environment(tmp_path / "venv")
    environment.install(f"{wheel}[{extra}]" if extra else str(wheel))
    env = {}
    if extra in _SERVERS:
        name, fixture = _SERVERS[extra]
        env[name] = request.getfixturevalue(fixture)
    folder = tmp_path / "empty"
    folder.mkdir()
    done = environment.run("-W", "error", str(FLOWS), extra, cwd=folder, env=env)
    assert done.returncode == 0, done.stdout + done.stderr
