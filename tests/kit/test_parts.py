"""What the quick suite takes, and what is skipped where a part is missing."""

import os
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.kit import ROOT, forking, parts

MODULES = {
    "one mark": ("pytestmark = pytest.mark.needs_servers\n", True),
    "several marks": ("pytestmark = [pytest.mark.needs_tools, pytest.mark.needs_time]\n", True),
    "a mark of one test": ("@pytest.mark.needs_time\ndef test_x(): ...\n", False),
    "another mark": ('pytestmark = pytest.mark.filterwarnings("ignore")\n', False),
}


@pytest.mark.parametrize("is_quick", [True, False])
@pytest.mark.parametrize(("text", "is_left_out"), MODULES.values(), ids=MODULES)
def test_a_module_without_a_quick_test_is_not_imported(
    text: str, is_left_out: bool, is_quick: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the quick suite, that is; the whole suite imports every module."""
    (tmp_path / "test_x.py").write_text(f"import pytest\n\n{text}")
    monkeypatch.setattr(parts, "is_quick", lambda: is_quick)
    assert parts.has_no_quick_test(tmp_path / "test_x.py") is (is_left_out and is_quick)
    assert not parts.has_no_quick_test(tmp_path)


def test_a_fixture_with_an_engine_makes_no_quick_test() -> None:
    """Each of them is known by its name, as the quick suite does not load them."""
    text = Path(ROOT, "tests/kit/engine_fixtures.py").read_text()
    names = re.findall(r"^@pytest\.fixture.*\ndef (\w+)", text, re.MULTILINE)
    assert len(names) > 15
    for name in names:
        assert parts.has_engine([name], [])
    assert parts.has_engine(["store"], ["pgbouncer"])
    assert not parts.has_engine(["store", "sqlite_store", "split_header"], ["sqlite", "memory"])


@pytest.mark.parametrize(
    ("fixture", "marker"),
    [("chromium", "needs_browser"), ("valkey_server", "needs_engines"), ("tmp_path", "quick")],
)
def test_a_fixture_tells_what_a_test_needs(fixture: str, marker: str) -> None:
    """Without a mark of its own, a test with a browser or an engine is not quick."""
    added: list[str] = []
    item: Any = SimpleNamespace(fixturenames=["request", fixture], add_marker=added.append)
    item.iter_markers = lambda: [SimpleNamespace(name=name) for name in added]
    parts.mark(item)
    assert added == [marker]


_MARK = "import pytest\npytestmark = pytest.mark.needs_frameworks\n"
_RUN = """def test_it():
    import subprocess, sys
    run = subprocess.run([sys.executable, '-c', 'import no_such'], capture_output=True, check={})
    assert run.returncode == 0, run.stderr
"""
WANTS = {
    "its_import": f"{_MARK}def test_it():\n    import no_such.inner",
    "its_module": f"{_MARK}import no_such",
    "its_fixture": f"{_MARK}@pytest.fixture\ndef it():\n    import no_such\ndef test_it(it): ...",
    "its_process": _MARK + _RUN.format(True),
    "its_message": _MARK + _RUN.format(False),
}
"""Files of a test whose package is not installed, and which says that it needs something."""
FAULTS = {
    "ours": f"{_MARK}def test_it():\n    import jwt_middleware.no_such",
    "quick": "def test_it():\n    import no_such",
    "quick_module": "import no_such",
    "assertion": f"{_MARK}def test_it():\n    assert not 'no_such is not installed'",
}
"""Files of a test that fails for another reason, or says that it needs nothing."""


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, str]]:
    """How each file ends at home and on a build machine, by the hooks of this suite."""
    folder, found = tmp_path_factory.mktemp("files"), {}
    for name, text in (WANTS | FAULTS).items():
        (folder / f"test_{name}.py").write_text(text)
    options = "-p tests.conftest -q -rsfE -W ignore --continue-on-collection-errors ."
    script = f"import pytest; pytest.main({options.split()})"
    for place, ci in (("at home", ""), ("on a build machine", "true")):
        env = {**os.environ, "CI": ci}
        told = forking.run(script, after=("tests.conftest",), cwd=folder, env=env).stdout
        lines = re.findall(r"^(SKIPPED|FAILED|ERROR) (?:\[1\] )?test_(\w+)", told, re.MULTILINE)
        found[place] = {name: outcome for outcome, name in lines}
    return found


@pytest.mark.parametrize("name", WANTS)
def test_a_test_whose_package_is_not_installed_is_skipped(
    name: str, outcomes: dict[str, dict[str, str]]
) -> None:
    """Whether it is imported by the test, its module, a fixture or a process; on a build machine
    the test fails."""
    assert outcomes["at home"][name] == "SKIPPED"
    assert outcomes["on a build machine"][name] in ("FAILED", "ERROR")


@pytest.mark.parametrize("name", FAULTS)
def test_no_other_failure_is_a_skip(name: str, outcomes: dict[str, dict[str, str]]) -> None:
    """Neither what is of this project nor what a quick test imports."""
    assert outcomes["at home"][name] in ("FAILED", "ERROR")
