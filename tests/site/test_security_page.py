"""The security page: each line names a test that exists."""

import re

import pytest

from tests.kit import ROOT
from tests.kit.pages import DOCS

_PAGE = (DOCS / "security.md").read_text()
_NAMED = re.findall(r"`(tests/[\w/]+\.py)::(test_\w+)`", _PAGE)


@pytest.mark.parametrize(("file", "name"), sorted(set(_NAMED)))
def test_each_named_test_exists(file: str, name: str) -> None:
    """A test that the page names is in that file."""
    assert re.search(rf"^def {name}\(", (ROOT / file).read_text(), re.MULTILINE)


def test_each_line_of_the_tables_names_a_test() -> None:
    """No line of the three lists of requirements is without its proof."""
    rows = re.findall(r"^\| (?!---|section|requirement).*$", _PAGE, re.MULTILINE)
    assert len(rows) > 20
    assert [row for row in rows if "::test_" not in row] == []


def test_the_pages_of_a_project_are_there() -> None:
    """Where to report, which versions are supported, and how to contribute."""
    assert "Supported versions" in (ROOT / "SECURITY.md").read_text()
    assert "## A release" in (ROOT / "CONTRIBUTING.md").read_text()
