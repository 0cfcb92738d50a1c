"""Finds every path and every method that a request may mean: its environ, and what headers do.

| what a client sends | what some app makes of it | how it counts |
|---|---|---|
| `X-Vhm-Root: /r` with `/x` | `/r/x` (Pyramid traversal) | every rule |
| a prefix header with `/p` and `/p/x` | `/x` (Flask recipes, Radicale) | every rule |
| a prefix header with `/p` and `/x` | `/p/x` (`ProxyFix` before CherryPy) | longer rules |
| `SCRIPT_NAME: /p` with `/x`, or a real mount | `/p/x` (CherryPy, Quixote) | longer rules |
| `SCRIPT_NAME: /p` with `/p/x` | `/x` (Radicale, Quixote) | longer rules |
| both in a form that PEP 3333 does not allow | `/p/x` (a2wsgi, CherryPy) | every rule |

Prefix headers are `PREFIX_HEADERS`, and `X-Outside-URL` by the path of its URL. Recipes cut them
off as text, not by segments: `/p` with `/px` leaves `x`.

A longer rule is one whose prefix is longer than that of every rule met without the header. So a
mounted app keeps its public paths, and a forged header only adds requirements.
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
"""Headers by which a proxy names the prefix that an app is served at, most used first."""

PATH_HEADERS = (*PREFIX_HEADERS, "HTTP_X_OUTSIDE_URL", "HTTP_X_VHM_ROOT")
"""Every header that can change which path a request means."""

METHOD_HEADERS = (
    "HTTP_X_HTTP_METHOD_OVERRIDE",
    "HTTP_X_METHOD_OVERRIDE",
    "HTTP_X_HTTP_METHOD",
)
"""Headers by which a client names another method."""

_LONGEST_PATH = 2048
"""Characters of a path that is read in several ways. Bounds what one request costs."""

_LONGEST_HEADER = 256
"""Characters of a header that changes the path or the method."""

_MOST_WORK = 700_000
"""Nanoseconds that reading one request may take, as they are charged here and in `readings` and
`tree`: well under a millisecond on a usual machine. `compare.py` shows what the worst take."""

_PER_VALUE = 3000
_PER_PREFIX = 120
_PER_CUT = 300
"""Nanoseconds of work: for the spellings of a prefix; to look whether a path starts with one; and
for what is left then."""


class Place(Frozen):
    """What of an environ decides which path is meant. Hashable, so that what it meets can be
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
        """Collect the parts. `InvalidRequest` for a header that is too long to be read."""
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
        """Whether nothing but the path counts."""
        return not (self.script_name or self.root or self.prefixes)


class Work:
    """The work that one request may still cost."""

    __slots__ = ("_room",)

    def __init__(self, room: float = _MOST_WORK) -> None:
        self._room = room

    def charge(self, work: float) -> None:
        """Count some nanoseconds before they are spent. `PathTooLong` beyond the bound."""
        self._room -= work
        if self._room < 0:
            raise PathTooLong


class Paths(Frozen):
    """The readings of a request's path."""

    __slots__ = ("always", "longer")

    always: set[str]
    """Every rule that one of these meets must hold."""

    longer: set[str]
    """A rule that one of these meets must hold too if its prefix is longer."""


def short_header(environ: Mapping[str, Any], name: str) -> str:
    """Return the value of a header, empty without one. `InvalidRequest` for one that is too long
    to be read."""
    value: str = environ.get(name, "")
    if len(value) > _LONGEST_HEADER:
        raise InvalidRequest("header_too_long")
    return value


def may_mean_another_method(environ: Mapping[str, Any]) -> bool:
    """Tell quickly whether something in a request may name a second method."""
    return bool(environ.get("QUERY_STRING")) or not environ.keys().isdisjoint(METHOD_HEADERS)


def methods_of(environ: Mapping[str, Any]) -> set[str]:
    """Return the methods that a request may mean, in capitals: its own, and those that a header or
    a query names.

    Frameworks take a method from `X-HTTP-Method-Override`, `X-Method-Override` or `X-HTTP-Method`,
    Pecan and TurboGears from `?_method=`, recipes from `?__METHOD_OVERRIDE__=`. A form's `_method`
    cannot be seen here; the request is a POST then. `InvalidRequest` for a header that is too long
    to be read.
    """
    named = [
        environ.get("REQUEST_METHOD", "GET"),
        *(short_header(environ, header) for header in METHOD_HEADERS),
    ]
    named += methods_in(environ.get("QUERY_STRING", ""))
    # An empty value names nothing; the method of the request counts even if it is empty.
    return {named[0].upper(), *(name.strip().upper() for name in named[1:] if name.strip())}


def readings_of(environ: Mapping[str, Any]) -> Paths:
    """Return every path that a request may mean, to be shown. A `Refusal` as `paths_of` raises."""
    return paths_of(Place.from_environ(environ), Work())


def paths_of(place: Place, work: Work) -> Paths:
    """Return every path that the request may mean. `PathTooLong` for one that costs too much."""
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
    """The path that devpi-server cuts off: a scheme and a host may be missing."""
    try:
        return urlsplit(url).path.partition(";")[0]
    except ValueError:  # such as "http://["
        return ""


def _joined(reader: Reader, front: str, inner: list[str]) -> set[str]:
    """The readings of a path below another one, with and without a slash between."""
    found: set[str] = set()
    for path in inner:
        for text in {front + path, front.rstrip("/") + "/" + path.lstrip("/")}:
            found |= reader.read(text)
    return found


def _is_wsgi(script_name: str, path: str) -> bool:
    """Whether both are as PEP 3333 wants them, so that a real mount may have set them."""
    is_mount = script_name.startswith("/") and not script_name.endswith("/")
    return is_mount and (not path or path.startswith("/"))


def _spellings_of_prefixes(values: tuple[str, ...]) -> tuple[str, ...]:
    """The prefixes as they were sent, and as recipes tidy them up: one of a list, with one slash in
    front and none at the end. A mere slash is sent by many proxies, and changes nothing."""
    found: dict[str, None] = {}
    for value in values:
        for item in (value, value.partition(",")[0].strip(), value.rpartition(",")[2].strip()):
            found |= dict.fromkeys((item, item.rstrip("/"), "/" + item.strip("/")))
    return tuple(item for item in found if item.strip("/"))


def _without_prefix(path: str, prefixes: tuple[str, ...]) -> list[str]:
    """What is left of a path when a prefix is cut off, as text: the recipes do not look for
    segments."""
    return [path[len(prefix) :] for prefix in prefixes if path.startswith(prefix)]


def _cut(reader: Reader, found: set[str], prefixes: tuple[str, ...]) -> set[str]:
    """The same of every reading, since an app may tidy up the path first."""
    rests: set[str] = set()
    for reading in found if prefixes else ():
        reader.charge(_PER_PREFIX + _PER_PREFIX * len(prefixes) / 4)
        if reading.startswith(prefixes):
            reader.charge(_PER_PREFIX * len(prefixes))
            cut = _without_prefix(reading, prefixes)
            reader.charge(_PER_CUT * len(cut))
            rests.update("/" + rest.lstrip("/") for rest in cut)
    return rests
