"""What the quick suite takes."""

import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.kit import ROOT, parts

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
