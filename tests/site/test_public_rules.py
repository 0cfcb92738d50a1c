"""Public rules of the pages and the examples open what they say, and nothing below it."""

import re
from pathlib import Path

import pytest

from tests.kit import ROOT
from tests.kit.pages import README, pages

FOLDERS = {"/.web", "/.well-known", "/api/token", "/open", "/public", "/static", "/static-files"}
"""What is meant to be open with all that lies below it."""

_IN_PYTHON = re.compile(r"""Rule\(f?"([^"]+)", public([^)]*)\)""")
_AS_TEXT = re.compile(r"(?<!\w)(/[\w./-]*) public\b( exact)?")

FILES = {
    str(file.relative_to(ROOT)): file
    for file in (
        README,
        *pages().values(),
        *(ROOT / "examples").rglob("*.py"),
        *(ROOT / "examples").rglob("*.ini"),
    )
}


def open_below(text: str) -> list[str]:
    """The paths that a text opens with all below them, although none is a folder."""
    found = [
        (path, "exact" in rest)
        for way in (_IN_PYTHON, _AS_TEXT)
        for path, rest in way.findall(text)
    ]
    return [path for path, is_exact in found if not is_exact and path not in FOLDERS]


@pytest.mark.parametrize("file", FILES.values(), ids=FILES)
def test_a_public_rule_is_exact(file: Path) -> None:
    """Readers copy rules. One that is public opens one path alone, unless it names a folder."""
    assert open_below(file.read_text()) == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('Rule("/healthz", public)', ["/healthz"]),
        ('Rule("/healthz", public, methods=("GET",))', ["/healthz"]),
        ('Rule("/healthz", public, exact=True)', []),
        ('Rule("/static", public)', []),
        ("/, /login public, /x", ["/login"]),
        ("    /livez public exact\n", []),
    ],
    ids=["python", "with methods", "exact", "a folder", "text", "exact text"],
)
def test_a_rule_that_opens_more_is_found(text: str, found: list[str]) -> None:
    """The law sees both spellings of a rule."""
    assert open_below(text) == found


def test_rules_are_found() -> None:
    """The law looks at rules, not at none."""
    rules = [file for file in FILES.values() if "public" in file.read_text()]
    assert sum(len(_IN_PYTHON.findall(file.read_text())) for file in rules) > 10
    assert sum(len(_AS_TEXT.findall(file.read_text())) for file in rules) > 3
