"""The wheel, and environments of their own that it is installed into."""

import os
import subprocess
import sys
import tempfile
import venv
from collections.abc import Mapping
from pathlib import Path

from tests.kit import ROOT
from tests.kit.parts import part, program, skip

FLOWS = ROOT / "tests" / "packaging" / "flows.py"


def build_wheel(out: Path) -> Path:
    """Build the wheel from the files that git tracks or would track."""
    return _build("--wheel", out, "*.whl")


def build_sdist(out: Path) -> Path:
    """Build the source distribution from the files that git tracks or would track."""
    return _build("--sdist", out, "*.tar.gz")


def _build(kind: str, out: Path, pattern: str) -> Path:
    listed = [program("git"), "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listed, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    with tempfile.TemporaryDirectory() as folder:
        for name in names.split("\0"):
            if name and (ROOT / name).is_file():
                (Path(folder) / name).parent.mkdir(parents=True, exist_ok=True)
                (Path(folder) / name).write_bytes((ROOT / name).read_bytes())
        part("build")
        build = [sys.executable, "-m", "build", kind, "-o", out, folder]
        subprocess.run(build, check=True, capture_output=True)
    return next(out.glob(pattern))


class Environment:
    """An empty environment in the folder, with what `install` brings."""

    def __init__(self, folder: Path) -> None:
        venv.create(folder, with_pip=False)
        self.bin = folder / "bin"

    def install(self, *requirements: str) -> None:
        """Install with the pip of the running Python, which is faster than to install a pip; skip
        the test where nothing can be installed."""
        pip = [sys.executable, "-m", "pip", "--python", str(self.bin / "python")]
        done = _run([*pip, "install", "-q", *requirements])
        if done.returncode:
            skip(f"nothing can be installed here:\n{done.stderr}")

    def run(
        self, *arguments: str, cwd: Path, env: Mapping[str, str] | None = None
    ) -> "subprocess.CompletedProcess[str]":
        """Run its Python in a folder."""
        return _run([str(self.bin / "python"), *arguments], cwd=cwd, env=env)


def _run(
    arguments: list[str], cwd: Path | None = None, env: Mapping[str, str] | None = None
) -> "subprocess.CompletedProcess[str]":
    # Without PYTHONPATH: where the package is on the path already, pip installs nothing.
    environ = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    return subprocess.run(
        arguments, cwd=cwd, env={**environ, **(env or {})}, capture_output=True, text=True
    )
