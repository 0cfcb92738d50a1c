"""Packages of npm, each installed into a temporary folder."""

import subprocess
from collections.abc import Mapping
from pathlib import Path

from tests.kit.parts import program

_INSTALL_TIMEOUT = 300  # seconds


def npm_install(folder: Path, *packages: str) -> Path:
    """Install packages, or those of the folder's package.json, and return the folder of their
    programs. No script of a package runs."""
    options = ["--no-audit", "--no-fund", "--no-package-lock", "--ignore-scripts"]
    run_tool(program("npm"), "install", *options, *packages, cwd=folder)
    return folder / "node_modules" / ".bin"


def run_tool(tool: str | Path, *words: str, cwd: Path, env: Mapping[str, str] | None = None) -> str:
    """Run a program to its end and return what it prints. A failure shows it."""
    done = subprocess.run(
        [tool, *words],
        cwd=cwd,
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=_INSTALL_TIMEOUT,
    )
    assert done.returncode == 0, done.stdout[-3000:]
    return done.stdout
