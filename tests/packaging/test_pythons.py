"""`.ci/pythons.py`: which interpreters it finds, and what its last lines say."""

import os
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import pytest

from tests.kit import ROOT

HERE = "%d.%d" % sys.version_info[:2]  # noqa: UP031


@pytest.fixture
def pythons(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> ModuleType:
    """The script, on a machine with no Python but the running one; nothing is installed."""
    spec = spec_from_file_location("ci_pythons", ROOT / ".ci" / "pythons.py")
    assert spec is not None
    assert spec.loader is not None
    script = module_from_spec(spec)
    spec.loader.exec_module(script)
    monkeypatch.setattr(script, "MANAGED", tmp_path)
    monkeypatch.setattr(script, "make_installer", lambda folder: "")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv(script.VARIABLE, raising=False)
    return script


def fake(path: Path, version: str) -> str:
    """Write a program that says that it is a Python of this version."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\necho {version}\n")
    path.chmod(0o755)
    return str(path)


def test_interpreters_are_found_in_three_places(
    pythons: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The environment's come first, then the version manager's, then those on PATH; what does not
    run, or is of another version, is passed over."""
    versions = [version for version in pythons.VERSIONS if version != HERE]
    named, managed, on_path, missing = versions
    listed = [fake(tmp_path / "named", named), str(tmp_path / "missing"), sys.executable]
    monkeypatch.setenv(pythons.VARIABLE, os.pathsep.join(listed))
    second = fake(tmp_path / "v" / "bin" / "python", managed)
    fake(tmp_path / "w" / "bin" / "python", named)
    fake(tmp_path / "x" / "bin" / "python", "2.7")
    third = fake(tmp_path / f"python{on_path}", on_path)
    broken = tmp_path / f"python{missing}"
    broken.write_text("#!/bin/sh\nexit 1\n")
    broken.chmod(0o755)
    found = pythons.find(pythons.VERSIONS)
    expected = {named: listed[0], managed: second, on_path: third, HERE: sys.executable}
    assert found == expected


@pytest.mark.parametrize(("result", "code"), [("passed: 3 passed", 0), ("failed: suite", 1)])
def test_the_last_lines_tell_of_every_version(
    result: str,
    code: int,
    pythons: ModuleType,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Each ran with a result or could not be found, and one failure fails the whole."""
    monkeypatch.setattr(sys, "argv", ["pythons.py"])
    monkeypatch.setattr(pythons, "run", lambda python, installer, folder: result)
    if code:
        with pytest.raises(SystemExit, match="1"):
            pythons.main()
    else:
        pythons.main()
    last = capsys.readouterr().out.splitlines()[-len(pythons.VERSIONS) :]
    for version, line in zip(pythons.VERSIONS, last, strict=True):
        told = result if version == HERE else "could not be found"
        assert line.startswith(f"Python {version} {told}")


def test_nothing_to_run_on_is_a_failure(
    pythons: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A version that nobody has proves nothing, and one that is not ours is a slip."""
    other = next(version for version in pythons.VERSIONS if version != HERE)
    for argument, told in ((other, "1"), ("3.9", "a version must be one of 3.11")):
        monkeypatch.setattr(sys, "argv", ["pythons.py", argument])
        with pytest.raises(SystemExit, match=told):
            pythons.main()
