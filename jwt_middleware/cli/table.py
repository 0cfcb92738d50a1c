"""Prints tables that fit a terminal of 80 columns. Elsewhere each row is a line, for `grep`."""

import re
import sys
from collections.abc import Sequence

import click

_NOT_PRINTABLE = re.compile(r"[^\x20-\x7e]")
_WIDTH = 80
_GAP = 2


def print_table(rows: Sequence[Sequence[str]]) -> None:
    """Print rows in columns. On a terminal, a cell that is too wide for its column continues on
    the next line."""
    widths = _widths(rows)
    for row in rows:
        cells = [_wrapped(text, width) for text, width in zip(row, widths, strict=True)]
        for number in range(max(map(len, cells))):
            texts = [cell[number] if number < len(cell) else "" for cell in cells]
            line = (" " * _GAP).join(
                text.ljust(width) for text, width in zip(texts, widths, strict=True)
            )
            click.echo(line.rstrip())


def print_text(text: str, *, indent: str = "") -> None:
    """Print a sentence; on a terminal in lines of 80 columns, with `indent` before all lines except
    the first."""
    if not _is_terminal():
        click.echo(text)
        return
    first, *rest = _wrapped(text, _WIDTH - len(indent))
    click.echo(first)
    for line in rest:
        click.echo(indent + line)


def printable(text: str) -> str:
    """Return a string as printable ASCII, since a path may contain control codes for terminals."""
    return _NOT_PRINTABLE.sub(lambda match: ascii(match[0])[1:-1], text)


def _is_terminal() -> bool:
    return sys.stdout.isatty()


def _widths(rows: Sequence[Sequence[str]]) -> list[int]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    while _is_terminal() and sum(widths) + _GAP * (len(widths) - 1) > _WIDTH:
        widths[widths.index(max(widths))] -= 1  # shrink the widest column
    return widths


def _wrapped(text: str, width: int) -> list[str]:
    lines, rest = [], text
    while len(rest) > width:
        at = rest.rfind(" ", 1, width + 1)
        if at <= 0:
            at = rest.rfind("/", 1, width + 1)  # a long path goes on with a slash
        cut = at if at > 0 else width
        lines.append(rest[:cut].rstrip())
        rest = rest[cut:].lstrip()
    return [*lines, rest]
