"""Names of HTTP methods: those that a rule may name and those that a request may mean."""

import re
from collections.abc import Sequence
from urllib.parse import unquote

from .._options import require, tuple_of
from ..errors import PathTooLong

# IANA's "HTTP Method Registry" (RFC 9110 section 16.1.1), without its reserved names "*" and PRI,
# since requests never use them.
# fmt: off
REGISTERED = frozenset((
    "ACL", "BASELINE-CONTROL", "BIND", "CHECKIN", "CHECKOUT", "CONNECT", "COPY", "DELETE",
    "GET", "HEAD", "LABEL", "LINK", "LOCK", "MERGE", "MKACTIVITY", "MKCALENDAR", "MKCOL",
    "MKREDIRECTREF", "MKWORKSPACE", "MOVE", "OPTIONS", "ORDERPATCH", "PATCH", "POST",
    "PROPFIND", "PROPPATCH", "PUT", "QUERY", "REBIND", "REPORT", "SEARCH", "TRACE", "UNBIND",
    "UNCHECKOUT", "UNLINK", "UNLOCK", "UPDATE", "UPDATEREDIRECTREF", "VERSION-CONTROL", "PURGE",
))
# fmt: on
"""IANA's registered methods, including WebDAV's, and PURGE, which caches use."""


# In this order: Pecan and TurboGears; Masonite; Flask's recipe for method overrides. A match starts
# at the second underscore of `__method`.
_PARAMETER = re.compile(
    r"_method(?:_override__)?((?:[+\s]|%[012][0-9a-f]){0,64}+)=([^&;]*)", re.IGNORECASE
)
_LETTERS = {
    f"{ord(one):{form}}": one
    for letter in "_methodvri"
    for one in (letter, letter.upper())
    for form in ("x", "X")
}
"""The letters of those names, by the digits of their escapes."""

# A stranger can send any query. Reading one costs at most half a millisecond within these bounds.
_MOST_ESCAPES = 2048
"""Escapes in a query that is read."""
_MOST_NAMES = 64
"""Occurrences of `_method` in a query that is read, within other names and values too."""
_LONGEST = 256
"""Characters of such a parameter without its name."""


def methods_in(query: str) -> list[str]:
    """Return every value of `_method` and its relatives, since some frameworks use the first value
    and some the last.

    `PathTooLong` for a query that would cost too much to read. No honest client sends one.
    """
    if "%" in query:
        if query.count("%") > _MOST_ESCAPES:
            raise PathTooLong
        query = _with_letters(query)
    values: list[str] = []
    count = query.lower().count("_method")
    if not count:
        return values
    if count > _MOST_NAMES:
        raise PathTooLong
    for found in _PARAMETER.finditer(query):
        start = 1 + max(query.rfind("&", 0, found.start()), query.rfind(";", 0, found.start()))
        front = query[start : found.start()]
        is_name = "=" not in front
        if is_name and len(front) + len(found[2]) > _LONGEST:
            raise PathTooLong
        if is_name and not _decoded(found[1]).strip() and _decoded(front).lstrip() in ("", "_"):
            values.append(_decoded(found[2]))
    return values


def _with_letters(query: str) -> str:
    """Return the query with only the letters of those names decoded."""
    start, *parts = query.split("%")
    pieces = [start]
    for part in parts:
        letter = _LETTERS.get(part[:2])
        pieces += ("%", part) if letter is None else (letter, part[2:])
    return "".join(pieces)


def _decoded(part: str) -> str:
    return unquote(part.replace("+", " "), "latin-1")


def checked_methods(methods: Sequence[str]) -> frozenset[str]:
    """Return the methods of a rule in capitals, with HEAD added to GET. Raise `ConfigurationError`
    for an unknown name."""
    names = tuple_of(
        str,
        methods,
        f'methods must be a tuple of names, got {methods!r}; Rule("/api", methods=("GET",))',
    )
    upper = {name.upper() for name in names}
    unknown = sorted(upper - REGISTERED)
    require(
        not unknown,
        "methods must be registered HTTP methods (IANA's list, or PURGE), "
        f'got {", ".join(map(repr, unknown))}; methods=("GET", "HEAD", "OPTIONS")',
    )
    return frozenset(upper | {"HEAD"} if "GET" in upper else upper)
