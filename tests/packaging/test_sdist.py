"""The source distribution, as a user or a distributor gets it."""

import subprocess
import sys
import tarfile
from pathlib import Path
from zipfile import ZipFile

import pytest

from tests.kit.environments import build_sdist, build_wheel

pytestmark = pytest.mark.needs_tools


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sdist, unpacked into an empty folder."""
    folder = tmp_path_factory.mktemp("unpacked")
    with tarfile.open(build_sdist(tmp_path_factory.mktemp("sdist"))) as archive:
        archive.extractall(folder, filter="data")
    (found,) = folder.iterdir()
    return found


def test_the_sdist_holds_no_test(unpacked: Path) -> None:
    """Tests need the whole repository, so none of them is in it: half of them could not run."""
    kept = {path.name for path in unpacked.iterdir()} - {"PKG-INFO"}
    assert {name for name in kept if not name.endswith(".egg-info")} == {
        *("CHANGELOG.md", "LICENSE", "MANIFEST.in", "README.md"),
        *("jwt_middleware", "pyproject.toml", "setup.cfg"),
    }
    assert not [*unpacked.rglob("test_*"), *unpacked.rglob("conftest.py")]


def test_the_sdist_makes_the_same_wheel(
    unpacked: Path, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """What is built from it alone has every file of the wheel that we build, byte for byte."""
    build = [sys.executable, "-m", "build", "--wheel", "-o", tmp_path, unpacked]
    subprocess.run(build, check=True, capture_output=True, timeout=300)
    wheels = [next(tmp_path.glob("*.whl")), build_wheel(tmp_path_factory.mktemp("wheel"))]
    first, second = (
        {
            name: archive.read(name)
            for name in archive.namelist()
            if ".dist-info/" not in name or name.endswith(("METADATA", "entry_points.txt"))
        }
        for archive in map(ZipFile, wheels)
    )
    assert first == second
