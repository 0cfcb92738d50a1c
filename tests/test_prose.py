"""The package's docstrings and comments are without the plainest faults of style."""

from pathlib import Path

import pytest

from tests.kit import ROOT
from tests.kit.laws import PACKAGE
from tests.kit.prose import FAULTS, prose_faults

FILES = sorted((ROOT / PACKAGE).rglob("*.py"))

PLANTED = {
    "a free-standing relative as a subject": (
        '"""Whoever calls here is refused."""',
        "x = 1  # What does not change is cached.",
        '"""Answer.\n\n    What a tab tells is sealed.\n    """',
    ),
    "is no ...": ("# It is no\n# list.", '"""Return whether the\nvalues are no numbers."""'),
    "can be had": ("# No token could be had.",),
    "is told": ('"""The caller is told the reason."""', "x = 1\n'''It must be told.'''"),
    "stands for a position or a fact": ('"""The comma stands in the value."""',),
    "is kept for is cached": ("# The verdict is kept for a while.",),
    "a text for a string": ('"""Return a text in capitals."""',),
    "a whole number for an integer": ('"""A whole number."""',),
    "who calls for a caller": ('"""Return who calls."""',),
    "goes round": ('"""It goes round the middleware."""',),
    "an inverted sentence": ('"""Do. Known is a caller."""', '"""Malformed is a header."""'),
}

CLEAN = (
    '"""What does the caller see? An error."""',
    '"""Return what the rule asks of a caller who logs in."""',
    '"""The token is no longer valid, and `what is no list` is code."""',
    '"""Return None if there are no keys."""',
    '"""`*` stands for one segment. It asks "What is no list"."""',
    "x = 'Whoever writes a string writes no prose'",
    "x = 1  # noqa: S105 (a name)",
)


def test_the_package_is_without_faults_of_style() -> None:
    """Docstrings and comments are plain sentences."""
    assert [
        fault
        for file in FILES
        for fault in prose_faults(str(file.relative_to(ROOT)), file.read_text())
    ] == []


@pytest.mark.parametrize(
    ("fault", "source"),
    [(fault, source) for fault, sources in PLANTED.items() for source in sources],
)
def test_a_planted_fault_is_found(fault: str, source: str) -> None:
    """A pattern that no sentence can match would prove nothing."""
    assert any(f": {fault}: " in found for found in prose_faults("x.py", source))


@pytest.mark.parametrize("source", CLEAN)
def test_plain_english_is_not_a_fault(source: str) -> None:
    """Questions, code, strings and other uses of the same words pass."""
    assert prose_faults("x.py", source) == []


def test_every_fault_is_planted() -> None:
    """None is taken on trust."""
    assert set(PLANTED) == set(FAULTS)


def test_the_package_has_files() -> None:
    """The law looks at the modules, not at an empty folder."""
    assert Path(ROOT / PACKAGE / "middleware.py") in FILES
