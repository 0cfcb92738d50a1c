r"""Reads a path in every way that a server or a framework might read it.

Frameworks disagree on what a path means. For the route `/api/x`, all of these reach the handler of
some framework: `//api/x` and `api/x` (Flask, Falcon), `/ap\xffi/x` and `/api/x\n` (Bottle),
`/x/../api/x` (Pyramid traversal). A guard that knows one meaning is bypassed by the others. So this
module reads a path in every way, and each reading counts.

Readings are made in stages. Each stage keeps its input and adds its own result. So every
combination occurs, in the order in which a server and a framework would apply the stages.

| stage | an example that then means `/api/x` | software that reads a path this way |
|---|---|---|
| unchanged | `/api/x` | all |
| percent-decoded again, up to twice | `/%61pi/x`, `/api%2fx` | apps that decode again |
| bytes that are not UTF-8 dropped | `/ap\xffi/x` | Bottle, WebOb |
| all bytes as Latin-1, if they are not UTF-8 | `/caf\xe9` for `/café` | CherryPy |
| control characters and spaces dropped | `/api/x\n`, `/a\0pi/x` | patterns with `$`; C libraries |
| backslash as slash | `/api\x` | apps that serve files on Windows, browsers |
| `;params` cut | `/api;v=1/x` | RFC 2396 parsers, proxies for Java |
| scheme and host cut | `http://host/api/x` | wsgiref with paste.urlmap |
| everything before the first slash cut | `x/api/x` | `wsgiref.util.shift_path_info` |
| slashes merged | `//api//x` | Flask, Falcon, nginx |
| dot segments resolved, before or after merging | `/y/../api/x` | Pyramid, Morepath, servers |
| `.` segments dropped, `..` left | `/./api/x/..` | `wsgiref.util.shift_path_info` |
| virtual host cut | `/VirtualHostBase/http/host/api/x` | Zope, repoze.vhm |

Replacing UTF-8 errors by U+FFFD does not need a reading. No prefix contains that character, so
nothing new would match. The tree of rules handles what a single segment may stand for (`@@x`, `+x`,
`x.json`). `policy.paths` handles what headers do to a path.

Every stage is a few passes at the speed of C, so a hostile path costs linear time. A `Reader`
counts the work before it is done, so that the work for a whole request can be bounded.

Readings are strings in PEP 3333's form: one character per byte.
"""

import re
from collections.abc import Callable
from functools import cache
from posixpath import normpath
from string import hexdigits

_match_plain_path: Callable[[str], object] = re.compile(
    r"(?:/[!-$&-,0-:<-\[\]-~-][!-$&-.0-:<-\[\]-~-]*+)*+/?"
).fullmatch

_CONTROLS_AND_SPACE = bytes([*range(0x21), 0x7F])
_PARAMETERS = re.compile(rb";[^/]*")
# Zope reads `/VirtualHostBase/http/host/VirtualHostRoot/_vh_x/api` as `/api`. It skips empty
# segments, while repoze.vhm counts them. Each run of slashes is tried once, from its start.
# Otherwise a path of slashes would cost the square of its length. These are strings: `re.sub`
# compiles them at the first such path, and not at every import.
_VIRTUAL_HOSTS = tuple(
    r"(?<!/)/++(?:VirtualHostBase(?=/|$)"
    rf"(?:{segment}){{0,2}}+|VirtualHostRoot(?=/|$)(?:/++_vh_[^/]*+)*+)"
    for segment in ("/++[^/]++", "/[^/]*+")
)
_SCHEME_AND_HOST = re.compile(r"https?:/+[^/]*", re.IGNORECASE)

# Nanoseconds of work on a usual machine. Each of these is charged for:
# - `_PER_TEXT`: a string that the path may stand for;
# - `_PER_TESTED_CHARACTER`: a character of a path that is tested for oddities;
# - `_PER_CHARACTER`: a character of a string at a stage;
# - `_PER_ESCAPE`, `_PER_PARAMETER`: a `%` and a `;`;
# - `_PER_HOST_CHARACTER`: a character of a reading with a virtual host of Zope's.
_PER_TEXT = 5000
_PER_TESTED_CHARACTER = 8
_PER_CHARACTER = 2
_PER_ESCAPE = 330
_PER_PARAMETER = 170
_PER_HOST_CHARACTER = 30


def has_one_reading(path: str) -> bool:
    """Tell whether a path has only one reading, itself.

    Such a path is printable ASCII without `%`, `;` and `\\`. It has no empty segment, no segment
    that starts with a dot, and no virtual host of Zope's.
    """
    return _match_plain_path(path) is not None and "/VirtualHost" not in path


def readings(path: str) -> set[str]:
    """Return all readings of the path, including the path itself. Each starts with a slash."""
    return Reader().read(path)


def to_wsgi(text: str) -> str:
    """Return a string in the environ's form (PEP 3333): each UTF-8 byte as one character."""
    return text if text.isascii() else text.encode("utf-8", "surrogatepass").decode("latin-1")


def _uncounted(work: float) -> None:
    """Do not bound the work."""


class Reader:
    """Reads the paths of one request, each once.

    A stranger decides how odd a path is. With every oddity at once, it stands for some 70 strings
    and has 200 readings. So the reader calls `charge` with the nanoseconds of work before it spends
    them, and `charge` may raise.
    """

    def __init__(self, charge: Callable[[float], None] = _uncounted) -> None:
        self.charge = charge
        self._found: dict[str, set[str]] = {}

    def read(self, path: str) -> set[str]:
        """Return all readings of the path, including the path itself. Each starts with a slash."""
        if path not in self._found:
            self._found[path] = self._read(path)
        return self._found[path]

    def _read(self, path: str) -> set[str]:
        self.charge(_PER_TEXT + _PER_TESTED_CHARACTER * len(path))
        if has_one_reading(path):
            return {path or "/"}
        divided: set[str] = set()
        for text in self._texts(path):
            self.charge(_work_to_divide(text))
            _divide(text.decode("latin-1"), divided)
        for reading in tuple(divided):
            if "/VirtualHost" in reading:
                self.charge(_PER_TEXT + _PER_HOST_CHARACTER * len(reading))
                divided |= {re.sub(pattern, "", reading) or "/" for pattern in _VIRTUAL_HOSTS}
        return divided

    def _texts(self, path: str) -> list[bytes]:
        """Return the results of the stages before the division into segments."""
        try:
            found = [path.encode("latin-1")]
        except UnicodeEncodeError:  # not a PEP 3333 string: the environ was made by hand
            found = [path.encode("utf-8", "surrogatepass")]
        for _ in range(2):  # percent-decode the path, then decode the result once more
            latest = found[-1]
            if b"%" in latest:
                self._add(found, latest, _PER_ESCAPE * latest.count(b"%"), _unquoted)
        for mark, work, stage in _STAGES:
            for text in tuple(found):
                if mark in text:
                    self._add(found, text, work * text.count(mark) if work else 0, stage)
        return found

    def _add(
        self, found: list[bytes], text: bytes, work: float, stage: Callable[[bytes], bytes]
    ) -> None:
        self.charge(work + _PER_CHARACTER * len(text))
        other = stage(text)
        if other not in found:
            self.charge(_PER_TEXT)
            found.append(other)


@cache  # made for the first `%`: it would take half a millisecond of every import
def _bytes_of_digits() -> dict[bytes, bytes]:
    return {
        f"{high}{low}".encode(): bytes([int(high + low, 16)])
        for high in hexdigits
        for low in hexdigits
    }


# `urllib.parse.unquote_to_bytes` slows down on each `%` that is not an escape; this does not.
def _unquoted(path: bytes) -> bytes:
    start, *parts = path.split(b"%")
    bytes_of_digits = _bytes_of_digits()
    pieces = [start]
    for part in parts:
        byte = bytes_of_digits.get(part[:2])
        pieces += (b"%", part) if byte is None else (byte, part[2:])
    return b"".join(pieces)


def _without_broken_utf_8(path: bytes) -> bytes:
    if path.isascii():
        return path
    return path.decode("utf-8", "ignore").encode()


# The result of `_without_broken_utf_8` is UTF-8 and stays unchanged here. So these two stages do
# not multiply the number of strings.
def _as_latin_1(path: bytes) -> bytes:
    try:
        path.decode()
    except UnicodeDecodeError:
        return path.decode("latin-1").encode()
    return path


# For each stage: the bytes that a string must contain for the stage to change it, the nanoseconds
# of work for each occurrence, and the stage itself. A stage receives the results of those before
# it.
_STAGES: tuple[tuple[bytes, int, Callable[[bytes], bytes]], ...] = (
    (b"", 0, _without_broken_utf_8),
    (b"", 0, _as_latin_1),
    (b"", 0, lambda path: path.translate(None, _CONTROLS_AND_SPACE)),
    (b"\\", 0, lambda path: path.replace(b"\\", b"/")),
    (b";", _PER_PARAMETER, lambda path: _PARAMETERS.sub(b"", path)),
)


def _work_to_divide(text: bytes) -> float:
    has_dots, has_empty = b"/." in text, b"//" in text
    per_text = 7000 if has_dots else 3000
    per_character = 6 + 24 * has_dots + 14 * has_empty + 16 * (has_dots and has_empty)
    times = 1 if text.startswith(b"/") else 3 if b":/" in text else 2
    return times * (per_text + per_character * len(text))


def _divide(text: str, found: set[str]) -> None:
    """Add the readings of a string, one for each way to divide it into segments."""
    if not text.startswith("/"):
        absolute = _SCHEME_AND_HOST.match(text)
        if absolute:
            _divide("/" + text[absolute.end() :], found)
        _, slash, rest = text.partition("/")
        if slash:
            _divide("/" + rest, found)
        text = "/" + text
    merged = _merged(text) if "//" in text else text
    found |= {text, merged}
    if "/." in text:
        resolved = _resolved(text)
        found.add(resolved)
        if merged is not text:
            found |= {_merged(resolved), _resolved(merged)}
        if "/./" in merged:
            found.add(_without_single_dots(merged))


def _merged(path: str) -> str:
    while "//" in path:
        path = path.replace("/////", "/").replace("//", "/")
    return path


def _without_single_dots(path: str) -> str:
    while "/./" in path:
        path = path.replace("/./", "/")
    return path


def _resolved(path: str) -> str:
    # Before CPython 3.11.5, `normpath` stops at a NUL. It also drops empty segments. Replace both
    # by other characters.
    path = path.replace("\0", "\1")
    if "//" not in path:
        return normpath(path)
    path = path.replace("//", "/\uffff/").replace("//", "/\uffff/")
    return normpath(path).replace("\uffff", "")
