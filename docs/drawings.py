"""Draws the figures of the site from text, as SVG within the page: no browser and no network.

A text begins with `title:` and `alt:` lines. Then a sequence has `actors: A, B, C` and lines
`A -> B: words`, or `A: words` for what an actor does by itself. A flow has lines `step: words`, and
`else: words` for the outcome beside the step above.
"""

import re
from collections.abc import Iterable
from html import escape

_WIDTH = 700
_ROW = 46
_HEAD = 36


def figure(name: str, text: str) -> str:
    """Return the HTML of a drawing with its title and its alternative text."""
    fields = dict(re.findall(r"^(title|alt|actors): (.+)$", text, re.MULTILINE))
    lines = [line for line in text.splitlines() if line and not re.match("title|alt|actors", line)]
    draw = _sequence if "actors" in fields else _flow
    height, shapes = draw(lines, [a.strip() for a in fields.get("actors", "").split(",")])
    title, alt = escape(fields["title"]), escape(fields["alt"])
    head = (
        f'<figure class="drawing" tabindex="0" role="group" aria-label="{title}">'
        f'<svg viewBox="0 0 {_WIDTH} {height}" role="img" '
        f'aria-labelledby="{name}-title {name}-alt">'
        f'<title id="{name}-title">{title}</title><desc id="{name}-alt">{alt}</desc>'
    )
    return f"{head}{''.join(shapes)}</svg></figure>\n"


def _sequence(lines: list[str], actors: list[str]) -> tuple[int, list[str]]:
    step = _WIDTH / len(actors)
    column = {actor: step * (index + 0.5) for index, actor in enumerate(actors)}
    height = _HEAD + 20 + _ROW * len(lines)
    shapes = []
    for actor, x in column.items():
        shapes.append(_line(x, _HEAD, x, height - 8, dashed=True))
        shapes.append(_box(x - step / 2 + 6, 2, step - 12, _HEAD - 4))
        shapes.append(_text(x, 23, actor, "strong"))
    for index, line in enumerate(lines):
        y = _HEAD + 36 + _ROW * index
        if found := re.fullmatch(r"(.+?) -> (.+?): (.+)", line):
            start, end = column[found[1]], column[found[2]]
            shapes += [_line(start, y, end, y), _head(end, y, end > start)]
            shapes.append(_label((start + end) / 2, y - 8, found[3]))
        else:
            actor, words = line.split(": ", 1)
            width = 7.4 * len(words) + 16
            x = min(max(column[actor], width / 2 + 2), _WIDTH - width / 2 - 2)
            shapes += [_box(x - width / 2, y - 18, width, 26), _text(x, y, words)]
    return height, shapes


def _flow(lines: list[str], actors: list[str]) -> tuple[int, list[str]]:
    shapes, y = [], 4
    for index, line in enumerate(lines):
        kind, words = line.split(": ", 1)
        if kind == "else":
            shapes += [_line(410, y - 39, 446, y - 39), _head(446, y - 39, True)]
            shapes += [_box(448, y - 60, 246, 42), *_wrapped(571, y - 39, words, 32)]
            continue
        shapes += [_box(6, y, 404, 42), *_wrapped(208, y + 21, words, 54)]
        if any(later.startswith("step") for later in lines[index + 1 :]):
            shapes += [_line(208, y + 42, 208, y + 60), _head_down(208, y + 60)]
        y += 60
    return y - 12, shapes


def _wrapped(x: float, y: float, words: str, width: int) -> Iterable[str]:
    rows, row = [], ""
    for word in words.split():
        if len(row) + len(word) + 1 > width:
            rows.append(row)
            row = word
        else:
            row = f"{row} {word}".strip()
    rows.append(row)
    first = y + 5 - 8 * (len(rows) - 1)
    return [_text(x, first + 16 * index, row) for index, row in enumerate(rows)]


def _box(x: float, y: float, width: float, height: float) -> str:
    size = f'width="{width:.0f}" height="{height:.0f}"'
    return f'<rect class="box" x="{x:.0f}" y="{y:.0f}" {size} rx="4"/>'


def _line(x: float, y: float, to_x: float, to_y: float, *, dashed: bool = False) -> str:
    dash = ' stroke-dasharray="4 4"' if dashed else ""
    return f'<path class="line"{dash} d="M{x:.0f} {y:.0f} L{to_x:.0f} {to_y:.0f}"/>'


def _head(x: float, y: float, right: bool) -> str:
    back = x - 9 if right else x + 9
    return f'<path class="head" d="M{x:.0f} {y:.0f} L{back:.0f} {y - 5:.0f} V{y + 5:.0f} Z"/>'


def _head_down(x: float, y: float) -> str:
    return f'<path class="head" d="M{x:.0f} {y:.0f} L{x - 5:.0f} {y - 9:.0f} H{x + 5:.0f} Z"/>'


def _label(x: float, y: float, words: str) -> str:
    """A label that may be wider than its arrow, but never wider than the drawing."""
    half = 3.6 * len(words)
    return _text(min(max(x, half + 2), _WIDTH - half - 2), y, words, "label")


def _text(x: float, y: float, words: str, style: str = "") -> str:
    kind = f' class="{style}"' if style else ""
    return f'<text{kind} x="{x:.0f}" y="{y:.0f}" text-anchor="middle">{escape(words)}</text>'
