"""Finds every path and every method that a request may mean, by its environ and its headers.

| a client sends | some app reads it as | rules that then count |
|---|---|---|
| `X-Vhm-Root: /r` with `/x` | `/r/x` (Pyramid traversal) | every rule |
| a prefix header with `/p` and `/p/x` | `/x` (Flask recipes, Radicale) | every rule |
| a prefix header with `/p` and `/x` | `/p/x` (`ProxyFix` before CherryPy) | longer rules |
| `SCRIPT_NAME: /p` with `/x`, or a real mount | `/p/x` (CherryPy, Quixote) | longer rules |
| `SCRIPT_NAME: /p` with `/p/x` | `/x` (Radicale, Quixote) | longer rules |
| both in a form that PEP 3333 does not allow | `/p/x` (a2wsgi, CherryPy) | every rule |

Prefix headers are `PREFIX_HEADERS`, and `X-Outside-URL` with the path of its URL. Recipes cut
prefixes off as strings, not by segments: `/p` with `/px` leaves `x`.

A longer rule has a longer prefix than every rule that matches without the header. So a mounted app
keeps its public paths, and a forged header only adds requirements.
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from .._frozen import Frozen, set_field
from ..errors import InvalidRequest, PathTooLong
from ..readings import Reader, has_one_reading
from .methods import methods_in

PREFIX_HEADERS = (
    "HTTP_X_SCRIPT_NAME",
    "HTTP_X_FORWARDED_PREFIX",
    "HTTP_X_FORWARDED_SCRIPT_NAME",
    "HTTP_X_INGRESS_PATH",
    "HTTP_X_FORWARDED_PATH",
)
"""Headers in which a proxy names the prefix of an app, the most common one first."""

PATH_HEADERS = (*PREFIX_HEADERS, "HTTP_X_OUTSIDE_URL", "HTTP_X_VHM_ROOT")
"""Every header that can change which path a request means."""

METHOD_HEADERS = (
    "HTTP_X_HTTP_METHOD_OVERRIDE",
    "HTTP_X_METHOD_OVERRIDE",
    "HTTP_X_HTTP_METHOD",
)
"""Headers in which a client names another method."""

_LONGEST_PATH = 2048
"""Characters of a path that has several readings. Bounds the cost of one request."""

_LONGEST_HEADER = 256
"""Characters of a header that changes the path or the method."""

_MOST_WORK = 700_000
"""Nanoseconds that reading one request may take: well under a millisecond on a usual machine. This
module, `readings` and `tree` charge them. `compare.py` shows the cost of the worst requests."""

# Nanoseconds of work: for the spellings of a prefix, for testing whether a path starts with one,
# and for the rest of such a path.
_PER_VALUE = 3000
_PER_PREFIX = 120
_PER_CUT = 300


class Place(Frozen):
    """The parts of an environ that decide which path is meant. Hashable, so that its rules can be
    cached."""

    __slots__ = ("path", "prefixes", "root", "script_name")
    path: str
    script_name: str
    root: str
    prefixes: tuple[str, ...]

    def __init__(
        self, path: str, script_name: str = "", root: str = "", prefixes: tuple[str, ...] = ()
    ) -> None:
        set_field(self, "path", path)
        set_field(self, "script_name", script_name)
        set_field(self, "root", root)
        set_field(self, "prefixes", prefixes)

    @classmethod
    def from_environ(cls, environ: Mapping[str, Any]) -> "Place":
        """Collect the parts. Raise `InvalidRequest` for a header that is too long."""
        path, script_name = environ.get("PATH_INFO", ""), environ.get("SCRIPT_NAME", "")
        if environ.keys().isdisjoint(PATH_HEADERS):
            return cls(path, script_name)
        values = [short_header(environ, header) for header in PREFIX_HEADERS]
        outside = short_header(environ, "HTTP_X_OUTSIDE_URL")
        named = dict.fromkeys([*values, outside, _path_of_url(outside)])
        return cls(
            path,
            script_name,
            short_header(environ, "HTTP_X_VHM_ROOT"),
            tuple(value for value in named if value.strip("/")),
        )

    @property
    def is_path_alone(self) -> bool:
        """Whether only the path counts."""
        return not (self.script_name or self.root or self.prefixes)


class Work:
    """The amount of work that one request may still cost."""

    __slots__ = ("_room",)

    def __init__(self, room: float = _MOST_WORK) -> None:
        self._room = room

    def charge(self, work: float) -> None:
        """Count nanoseconds of work before they are spent. Raise `PathTooLong` beyond the bound."""
        self._room -= work
        if self._room < 0:
            raise PathTooLong


class Paths(Frozen):
    """The readings of a request's path."""

    __slots__ = ("always", "longer")

    always: set[str]
    """Every rule that matches one of these must hold."""

    longer: set[str]
    """A rule that matches one of these must hold too if its prefix is longer."""


def short_header(environ: Mapping[str, Any], name: str) -> str:
    """Return the value of a header, or an empty string if it is missing. Raise `InvalidRequest` if
    it is too long."""
    value: str = environ.get(name, "")
    if len(value) > _LONGEST_HEADER:
        raise InvalidRequest("header_too_long")
    return value


def may_mean_another_method(environ: Mapping[str, Any]) -> bool:
    """Tell quickly whether a request may name a second method."""
    return bool(environ.get("QUERY_STRING")) or not environ.keys().isdisjoint(METHOD_HEADERS)


def methods_of(environ: Mapping[str, Any]) -> set[str]:
    """Return the methods that a request may mean, in capitals: its own method, and those in a
    header or in the query.

    Frameworks read a method from `X-HTTP-Method-Override`, `X-Method-Override` or `X-HTTP-Method`.
    Pecan and TurboGears read it from `?_method=`, recipes from `?__METHOD_OVERRIDE__=`. A form's
    `_method` cannot be seen here; such a request is a POST. Raises `InvalidRequest` for a header
    that is too long.
    """
    if not may_mean_another_method(environ):
        return {environ.get("REQUEST_METHOD", "GET").upper()}
    named = [
        environ.get("REQUEST_METHOD", "GET"),
        *(short_header(environ, header) for header in METHOD_HEADERS),
    ]
    named += methods_in(environ.get("QUERY_STRING", ""))
    # Ignore empty values, but count the request's own method even if it is empty.
    return {named[0].upper(), *(name.strip().upper() for name in named[1:] if name.strip())}


def readings_of(environ: Mapping[str, Any]) -> Paths:
    """Return every path that a request may mean, for display. Raise a `Refusal` as `paths_of`
    does."""
    return paths_of(Place.from_environ(environ), Work())


def paths_of(place: Place, work: Work) -> Paths:
    """Return every path that the request may mean. Raise `PathTooLong` if they cost too much."""
    path = place.path
    if len(path) > _LONGEST_PATH and not has_one_reading(path):
        raise PathTooLong
    reader = Reader(work.charge)
    work.charge(_PER_VALUE * (1 + len(place.prefixes)))
    prefixes = _spellings_of_prefixes(place.prefixes)
    work.charge(_PER_PREFIX * len(prefixes))
    inner = [path, *dict.fromkeys(_without_prefix(path, prefixes))]
    always = {reading for text in inner for reading in reader.read(text)}
    always |= _cut(reader, always, prefixes)
    if place.root:
        for text in inner:
            always |= reader.read(place.root + text)
    longer = {reading for front in prefixes for reading in _joined(reader, front, inner)}
    if place.script_name:
        joined = _joined(reader, place.script_name, inner)
        longer |= _cut(reader, always, _spellings_of_prefixes((place.script_name,)))
        if _is_wsgi(place.script_name, path):
            longer |= joined
        else:
            always |= joined
    return Paths(always, longer)


def _path_of_url(url: str) -> str:
    """Return the path that devpi-server cuts off. The scheme and the host may be missing."""
    try:
        return urlsplit(url).path.partition(";")[0]
    except ValueError:  # such as "http://["
        return ""


def _joined(reader: Reader, front: str, inner: list[str]) -> set[str]:
    """Return the readings of paths appended to `front`, with and without a slash between them."""
    found: set[str] = set()
    for path in inner:
        for text in {front + path, front.rstrip("/") + "/" + path.lstrip("/")}:
            found |= reader.read(text)
    return found


def _is_wsgi(script_name: str, path: str) -> bool:
    """Tell whether both have the form of PEP 3333, so that a real mount may have set them."""
    is_mount = script_name.startswith("/") and not script_name.endswith("/")
    return is_mount and (not path or path.startswith("/"))


def _spellings_of_prefixes(values: tuple[str, ...]) -> tuple[str, ...]:
    """Return the prefixes as sent and as recipes normalize them.

    Recipes take one item of a list, and leave one slash in front and none at the end. Many proxies
    send a single slash, which changes nothing, so it is left out.
    """
    found: dict[str, None] = {}
    for value in values:
        for item in (value, value.partition(",")[0].strip(), value.rpartition(",")[2].strip()):
            found |= dict.fromkeys((item, item.rstrip("/"), "/" + item.strip("/")))
    return tuple(item for item in found if item.strip("/"))


def _without_prefix(path: str, prefixes: tuple[str, ...]) -> list[str]:
    """Return the rest of a path behind each prefix. Recipes cut prefixes off as strings, so this
    does not look for segments."""
    return [path[len(prefix) :] for prefix in prefixes if path.startswith(prefix)]


def _cut(reader: Reader, found: set[str], prefixes: tuple[str, ...]) -> set[str]:
    """Return the rest of every reading, since an app may normalize the path first."""
    rests: set[str] = set()
    for reading in found if prefixes else ():
        reader.charge(_PER_PREFIX + _PER_PREFIX * len(prefixes) / 4)
        if reading.startswith(prefixes):
            reader.charge(_PER_PREFIX * len(prefixes))
            cut = _without_prefix(reading, prefixes)
            reader.charge(_PER_CUT * len(cut))
            rests.update("/" + rest.lstrip("/") for rest in cut)
    return rests
