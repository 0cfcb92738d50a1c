"""The readings of a PATH_INFO.

Frameworks disagree on what a path means. For the route `/api/x` all of these reach the handler of some framework:
`//api/x` and `api/x` (Flask, Falcon), `/ap\\xffi/x` and `/api/x\\n` (Bottle), `/x/../api/x` (Pyramid
traversal). A guard that knows one meaning is bypassed by the others. So a path is read in every way one might, and
each reading counts.

Readings are made in stages. Each stage keeps what it was given and adds what it makes of it, so that every
combination occurs in the order in which a server and a framework would apply them:

    percent-decoded again (twice)   UTF-8 errors ignored or replaced   control characters and spaces dropped
    backslash as slash   `;params` cut   dot segments resolved, with and without merging slashes   slashes merged

All readings stay in PEP 3333's form of text: one character per byte.
"""

import re
from collections.abc import Callable, Iterator
from urllib.parse import unquote_to_bytes

is_plain: Callable[[str], object] = re.compile(r"(?:/[!-$&-,0-:<-\[\]-~-][!-$&-.0-:<-\[\]-~]*)*/?").fullmatch
"""True for a path that has one reading: printable ASCII but `%`, `;`, `\\`; no empty segment, none with a dot first."""

_CONTROL_OR_SPACE = re.compile(r"[\x00-\x20\x7f]")
_PARAMETERS = re.compile(r";[^/]*")
_SLASHES = re.compile(r"/+")


def readings(path: str) -> set[str]:
    """Return every way to read the path, itself among them, each starting with a slash."""
    found = {path}
    for stage in _STAGES:
        found |= {reading for known in found for reading in stage(known)}
    return {reading if reading.startswith("/") else "/" + reading for reading in found}


def to_wsgi(text: str) -> str:
    """Return a text as PEP 3333 puts it into the environ: its UTF-8 bytes as one character each."""
    return text if text.isascii() else text.encode("utf-8", "surrogatepass").decode("latin-1")


def _to_bytes(path: str) -> bytes:
    try:
        return path.encode("latin-1")
    except UnicodeEncodeError:  # no PEP 3333 text: a hand-made environ
        return path.encode("utf-8", "surrogatepass")


def _percent_decoded(path: str) -> Iterator[str]:
    if "%" in path:
        once = unquote_to_bytes(_to_bytes(path))
        yield once.decode("latin-1")
        yield unquote_to_bytes(once).decode("latin-1")


def _utf8_mended(path: str) -> Iterator[str]:
    raw = _to_bytes(path)
    if not raw.isascii():
        yield to_wsgi(raw.decode("utf-8", "ignore"))
        yield to_wsgi(raw.decode("utf-8", "replace"))


def _controls_dropped(path: str) -> Iterator[str]:
    yield _CONTROL_OR_SPACE.sub("", path)


def _backslash_as_slash(path: str) -> Iterator[str]:
    yield path.replace("\\", "/")


def _parameters_cut(path: str) -> Iterator[str]:
    yield _PARAMETERS.sub("", path)


def _slashes_merged(path: str) -> Iterator[str]:
    yield _SLASHES.sub("/", "/" + path)


def _dots_resolved(path: str) -> Iterator[str]:
    if "/." in path or path.startswith("."):
        resolved: list[str] = []
        for segment in path.removeprefix("/").split("/"):
            if segment == "..":
                del resolved[-1:]
            elif segment != ".":
                resolved.append(segment)
        yield "/" + "/".join(resolved)


_STAGES = (
    _percent_decoded,
    _utf8_mended,
    _controls_dropped,
    _backslash_as_slash,
    _parameters_cut,
    _slashes_merged,
    _dots_resolved,
    _slashes_merged,
)
