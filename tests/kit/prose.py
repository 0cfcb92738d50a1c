"""The law of the package's prose: docstrings and comments without the plainest faults of style.

Each fault is a pattern with the form to write instead. The patterns know no grammar, so they only
match words that are a fault in every sentence. A question may start with "What".
"""

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from typing import Any

FAULTS = {
    "a free-standing relative as a subject": r"(?:^|[.:;!] )(?:Who|What|Whatever|Whoever) "
    r"(?![^.?!]*\?)",
    "is no ...": r"(?<!there )\b(?:is|are|was|were) no (?!longer\b|more\b|later\b)",
    "can be had": r"\bbe had\b",
    "is told": r"\b(?:is|are|was|were|be|been) told\b",
    "stands for a position or a fact": r"\bstands? (?:in|on|above|below|beside|before|behind|here|"
    r"there|seven|as)\b",
    "is kept for is cached": r"\b(?:is|are|was|were) kept\b",
    "a text for a string": r"\b(?:a|the caller's) texts?\b(?! (?:rule|option|field|file|form)\b)",
    "a whole number for an integer": r"\bwhole numbers?\b",
    "who calls for a caller": r"\bwho calls\b",
    "goes round": r"\bgo(?:es)? round\b",
    "an inverted sentence": r"(?:^|[.:;!] )(?:Known|Malformed|Refused|Cached) is\b",
}
"""What is wrong, and how it shows."""

_FAULT = {name: re.compile(pattern, re.MULTILINE) for name, pattern in FAULTS.items()}
_DIRECTIVE = re.compile(r"#!?\s*(?:noqa|type:|fmt:|pragma)[^(]*")


def prose_faults(name: str, source: str) -> list[str]:
    """Return the faults in the docstrings and comments of a module, each with its place."""
    return [
        f"{name}:{line}: {fault}: {found[0].strip()!r}"
        for line, text in _prose(source)
        for fault, pattern in _FAULT.items()
        for found in pattern.finditer(_without_code(text))
    ]


def _prose(source: str) -> Iterator[tuple[int, str]]:
    """Yield each docstring and each block of comments, as one line of text."""
    for statement in statements(ast.parse(source)):
        if _is_docstring(statement):
            for paragraph in re.split(r"\n\s*(?:\n|(?=[-|]))", statement.value.value):
                yield statement.lineno, _joined(paragraph)
    block: list[str] = []
    last = 0
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            if token.start[0] != last + 1 and block:
                yield last, _joined(" ".join(block))
                block = []
            block.append(_DIRECTIVE.sub("", token.string).lstrip("#:! "))
            last = token.start[0]
    if block:
        yield last, _joined(" ".join(block))


def statements(node: ast.AST) -> Iterator[Any]:
    """Yield every statement within a node, and none of the many expressions."""
    for _, value in ast.iter_fields(node):
        for inner in value if isinstance(value, list) else ():
            if isinstance(inner, ast.stmt):
                yield inner
            if isinstance(inner, ast.stmt | ast.excepthandler | ast.match_case):
                yield from statements(inner)


def _is_docstring(statement: ast.stmt) -> bool:
    """Return whether a statement is a string: the docstring of what it begins or follows."""
    is_constant = isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
    return is_constant and isinstance(statement.value.value, str)  # type: ignore[attr-defined]


def _joined(text: str) -> str:
    return " ".join(text.split())


def _without_code(text: str) -> str:
    """Return the text without code, whose words are not prose."""
    return re.sub(r"``[^`]*``|`[^`]*`|\"[^\"]*\"", "`", text)
