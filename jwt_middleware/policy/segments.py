"""Finds the other names that a segment of a request may stand for.

| segment | then means `x` | software that reads a segment this way |
|---|---|---|
| view name | `@@x`, `+x` | Pyramid; Morepath |
| `.suffix` of the last segment | `x.json`, `x.` | Django REST framework, Pecan, TurboGears |
| one punctuation mark for another | `a_b`, `a.b` for `a-b` | CherryPy, TurboGears: all are `_` |
| no name at all: the path ends before it | `@@`, `+` | Pyramid; Morepath |
| | `.x` as the last segment | Django REST framework's root of an API |
| | `index`, `index.x` | CherryPy, Pecan, TurboGears |

A rule may literally name a last segment, a segment with punctuation, or `index`. Then it means just
that segment. So an owner can let `/app.js` through beside a guarded `/app`. A `*` does not name a
segment.
"""

import string
from collections.abc import Iterable

from .prefixes import WILDCARD

INDEX = "index"
"""The method of CherryPy, Pecan and TurboGears that answers for the path above it."""

_AS_UNDERSCORES = str.maketrans(string.punctuation, "_" * len(string.punctuation))


class SegmentNames:
    """The other names of segments, for rules whose prefixes have these segments."""

    def __init__(self, segments: Iterable[str]) -> None:
        self._punctuated: dict[str, set[str]] = {}
        """Segments of rules with punctuation, by the name that CherryPy and TurboGears give
        them."""
        for segment in {*segments} - {WILDCARD}:
            if not segment.isalnum():
                names = self._punctuated.setdefault(segment.translate(_AS_UNDERSCORES), set())
                names.add(segment)
        self._longest_punctuated = max(map(len, self._punctuated), default=0)
        self.are_punctuated = bool(self._punctuated)

    def others_of(self, segment: str, is_last: bool) -> tuple[list[str], list[str]]:
        """Return the names that a segment may also stand for, in two lists: names of views, and
        names that count only if no rule literally names the segment. An empty name means that the
        path ends before the segment."""
        views: list[str] = []
        if segment[0] == "+":
            views.append(segment.lstrip("+"))
        elif segment[:2] == "@@":
            views.append(segment[2:])
        names = [segment, *views]
        if is_last:
            names += [name.rpartition(".")[0] for name in names if "." in name]
        others = names[1 + len(views) :]
        if INDEX in names:
            others.append("")
        if self._punctuated:
            for name in names:
                if len(name) <= self._longest_punctuated:  # both have the same length
                    others += self._punctuated.get(name.translate(_AS_UNDERSCORES), ())
        return views, others
