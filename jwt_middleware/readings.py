"""The readings of a PATH_INFO.

Frameworks disagree on what a path means. For the route `/api/x` all of these reach the handler of
some framework: `//api/x` and `api/x` (Flask, Falcon), `/ap\\xffi/x` and `/api/x\\n` (Bottle),
`/x/../api/x` (Pyramid traversal). A guard that knows one meaning is bypassed by the others. So a
path is read in every way one might, and each reading counts.

Readings are made in stages, `_STAGES` and then `_segmented`. Each keeps what it was given and adds
what it makes of it, so that every combination occurs in the order in which a server and a framework
would apply them. UTF-8 errors replaced by U+FFFD need no reading: no prefix holds that character,
so nothing new would match. Every stage is one pass at the speed of C, and there are at most 240
readings, so a hostile path costs linear time.

Readings are PEP 3333's form of text: one character per byte.
"""

import re
from collections.abc import Callable
from posixpath import normpath
from urllib.parse import unquote_to_bytes

is_plain: Callable[[str], object] = re.compile(
    r"(?:/[!-$&-,0-:<-\[\]-~-][!-$&-.0-:<-\[\]-~-]*+)*+/?"
).fullmatch
"""True for a path that has one reading: printable ASCII but `%`, `;`, `\\`; no empty segment, none
with a dot first."""

_CONTROLS_AND_SPACE = bytes([*range(0x21), 0x7F])
_PARAMETERS = re.compile(rb";[^/]*")


def readings(path: str) -> set[str]:
    """Return every way to read the path, itself among them, each starting with a slash."""
    try:
        found = {path.encode("latin-1")}
    except UnicodeEncodeError:  # no PEP 3333 text: a hand-made environ
        found = {path.encode("utf-8", "surrogatepass")}
    for stage in _STAGES:
        found |= {stage(known) for known in found}
    return {way for reading in found for way in _segmented(reading.decode("latin-1"))}


def to_wsgi(text: str) -> str:
    """Return a text as PEP 3333 puts it into the environ: its UTF-8 bytes as one character each."""
    return text if text.isascii() else text.encode("utf-8", "surrogatepass").decode("latin-1")


_STAGES: tuple[Callable[[bytes], bytes], ...] = (
    unquote_to_bytes,
    unquote_to_bytes,  # of a percent-encoded text once more
    lambda path: path.decode("utf-8", "ignore").encode(),
    lambda path: path.translate(None, _CONTROLS_AND_SPACE),
    lambda path: path.replace(b"\\", b"/"),
    lambda path: _PARAMETERS.sub(b"", path),
)


def _segmented(path: str) -> set[str]:
    """The ways to divide a path into segments: as is; empty ones dropped; dots resolved before,
    after or alone."""
    path = path if path.startswith("/") else "/" + path
    merged = _merged(path)
    if "/." not in path:
        return {path, merged}
    resolved = _resolved(path)
    return {path, merged, resolved, _merged(resolved), _resolved(merged)}


def _merged(path: str) -> str:
    while "//" in path:
        path = path.replace("//", "/")
    return path


def _resolved(path: str) -> str:
    # To `normpath` an empty segment is none, and before CPython 3.11.5 a NUL is the end: both get
    # another name.
    path = path.replace("\0", "\1").replace("//", "/\uffff/").replace("//", "/\uffff/")
    return normpath(path).replace("\uffff", "")
