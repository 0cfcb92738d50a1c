"""Run the quick suite on every Python that setup.cfg names, each in an environment of its own.

    python .ci/pythons.py [VERSION...]

Interpreters are looked for in PYTHONS_TO_TEST (paths, separated as in PATH; no name of ours, which
would be an option of the package), in the version manager's folder ~/.pyenv/versions, and as
pythonX.Y on PATH. The last lines say which version ran with what result, and which could not be
found. Exit with 1 if one fails.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
VARIABLE = "PYTHONS_TO_TEST"
VERSIONS = ("3.11", "3.12", "3.13", "3.14", "3.15")
MANAGED = Path.home() / ".pyenv" / "versions"

_ASK = "import sys, venv; print('%d.%d' % sys.version_info[:2])"
_LONGEST = 1800  # seconds of one step, on a busy machine


def candidates() -> Iterator[str]:
    """Yield the paths of interpreters that may be there, those that the environment names first."""
    yield from filter(None, os.environ.get(VARIABLE, "").split(os.pathsep))
    yield from (str(path) for path in sorted(MANAGED.glob("*/bin/python")))
    yield from filter(None, (shutil.which(f"python{version}") for version in VERSIONS))
    yield sys.executable


def version_of(python: str) -> str | None:
    """Return the version of an interpreter as X.Y; None if it does not run or has no `venv`."""
    try:
        done = subprocess.run([python, "-c", _ASK], capture_output=True, text=True, timeout=60)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def find(versions: tuple[str, ...]) -> dict[str, str]:
    """Return the first interpreter of each version, by version."""
    found: dict[str, str] = {}
    for python in candidates():
        version = version_of(python)
        if version in versions:
            found.setdefault(version, python)
    return found


def make_installer(folder: Path) -> str:
    """Return the Python of an environment with the newest pip, which knows the newest Pythons.

    It installs into the other environments too, since some interpreters come without a pip.
    """
    python = str(folder / "bin" / "python")
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    subprocess.run([python, "-m", "pip", "install", "-q", "--upgrade", "pip"], check=True)
    return python


def run(python: str, installer: str, folder: Path) -> str:
    """Install the package with the extra `test` for an interpreter, run the quick suite, and return
    the result in words, of which the first is "passed" or "failed"."""
    environment = folder / "venv"
    inside = str(environment / "bin" / "python")
    pip = [installer, "-m", "pip", "--python", inside, "install", "-q", "-e", f"{ROOT}[test]"]
    suite = [inside, "-m", "pytest", "-m", "quick", "-n", "4", "-q"]
    steps = {
        "environment": [python, "-m", "venv", "--without-pip", str(environment)],
        "install": pip,
        "suite": suite,
    }
    environ = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    last = ""
    for step, command in steps.items():
        try:
            done = subprocess.run(
                command,
                cwd=ROOT,
                env=environ,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                timeout=_LONGEST,
            )
        except subprocess.TimeoutExpired:
            return f"failed: {step} took more than {_LONGEST} s"
        if done.returncode:
            print(done.stdout, flush=True)
            return f"failed: {step}, exit status {done.returncode}"
        last = (done.stdout.strip().splitlines() or [""])[-1]
    return f"passed: {last.strip('= ')}"


def main() -> None:
    """Run on each version that was found, one after the other, and report."""
    wanted = tuple(sys.argv[1:]) or VERSIONS
    if unknown := set(wanted) - set(VERSIONS):
        shown = ", ".join(sorted(unknown))
        sys.exit(f"a version must be one of {', '.join(VERSIONS)}, got {shown}")
    found = find(wanted)
    results: dict[str, str] = {}
    with tempfile.TemporaryDirectory() as name:
        installer = make_installer(Path(name) / "installer") if found else ""
        for version in (version for version in wanted if version in found):
            print(f"Python {version} ...", flush=True)
            begin = time.monotonic()
            result = run(found[version], installer, Path(name) / version)
            results[version] = f"{result} ({time.monotonic() - begin:.0f} s with the install)"
    for version in wanted:
        print(f"Python {version} {results.get(version, 'could not be found')}")
    if not results or any(result.startswith("failed") for result in results.values()):
        sys.exit(1)


if __name__ == "__main__":
    main()
