"""The readings of a path."""

import re
from collections.abc import Callable
from functools import partial
from itertools import product
from time import process_time
from timeit import repeat
from urllib.parse import unquote_to_bytes

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from jwt_middleware.policy.paths import Place, methods_of, readings_of
from jwt_middleware.readings import has_one_reading, readings, to_wsgi
from jwt_middleware.testing.spellings import spellings
from tests.kit.parts import examples

MEANT_ALIKE = ("no first slash", "double slash", "dot segment", "backslash", "path parameter")
MEANT_ALIKE += ("broken UTF-8", "control character", "space", "percent-encoding")
MEANT_ALIKE += ("before the first slash", "virtual host")
"""The kinds of the users' list that some server reads as the path itself."""
ANOTHER = {
    "/api/..\xff/x",
    "/api/.\x00./x",
    "/api/x.",
    "/api/x/..",
    "/api/x\x00.html",
    "/api/x/%zz",
}
"""Of these kinds, but another path to everybody."""
HOSTILE = {
    f"{kind}: {path!r}": path
    for path, kind in spellings("/api/x").items()
    if kind in MEANT_ALIKE and path not in ANOTHER
}
TOGETHER = {
    "dot-dot over an empty segment": "/y//../../api/x",
    "dot-dot after merging": "/y//../api/x",
    "dots behind parameters": "/y/..;z/api/x",
    "dot-dot above the root": "/../../api/x",
    "parameters with a value": "/api;v=1/x",
    "backslash and dots": "/y\\..\\api/x",
    "invalid UTF-8 around a newline": "/api/x\xc3\n\xa9",
    "NUL and dots": "/y\x00/../api/x",
    "tab, space, DEL": "/\tap i\x7f/x",
    "two encoded slashes": "/%2fapi%2Fx",
    "encoded dots": "/y/%2e%2e/api/x",
    "encoded control": "/api%0a/x",
    "everything": "\\%2e/y;q/..;/%252e/%ffap%00i /x",
}
"""Several changes in one path, where the users' list has one change, or one again and again."""


@pytest.mark.parametrize("path", [*HOSTILE.values(), *TOGETHER.values()], ids=[*HOSTILE, *TOGETHER])
def test_a_hostile_spelling_has_the_plain_path_among_its_readings(path: str) -> None:
    """Whatever a server or framework makes of a spelling, the path it may mean is read too."""
    assert {"/api/x", "/api/x/"} & readings(path)
    assert not has_one_reading(path)


PLAIN = ["", "/", "/api", "/api/x", "/api/x/", "/a-b_c.d~e/!$&'()*+,:=@", "/a..b/c.", "/API/X"]


@pytest.mark.parametrize("path", PLAIN)
def test_a_plain_path_has_one_reading(path: str) -> None:
    """The fast path skips the readings only where there is nothing to read differently."""
    assert has_one_reading(path)
    assert readings(path) == {path or "/"}


@given(
    st.text(
        st.sampled_from("//..ab%;\\ \n\x7f\xff:@") | st.characters(max_codepoint=0xFF), max_size=8
    ).map("/".__add__)
)
@example("/a//")
def test_plain_means_one_reading(path: str) -> None:
    """The quick test and the readings agree, whatever the path."""
    assert not has_one_reading(path) or readings(path) == {path}


@given(st.text())
def test_every_text_has_readings(path: str) -> None:
    """No PATH_INFO raises, PEP 3333 text or not; a reading starts with a slash and keeps to one
    character per byte."""
    for reading in readings(path):
        assert reading.startswith("/")
        assert reading.encode("latin-1").decode("latin-1") == reading


# The stages once more, each as its sentence says it, without a thought for speed.
def _simple_readings(path: str) -> set[str]:
    found = {path}
    for stage in _SIMPLE_STAGES:
        found |= {reading for known in found for reading in stage(known)}
    return {reading if reading.startswith("/") else "/" + reading for reading in found}


def _unquoted(path: str) -> str:
    return unquote_to_bytes(path.encode("latin-1")).decode("latin-1")


def _recoded(path: str, errors: str) -> str:
    return to_wsgi(path.encode("latin-1").decode("utf-8", errors))


def _dots_resolved(path: str) -> str:
    resolved: list[str] = []
    for segment in path.removeprefix("/").split("/"):
        if segment == "..":
            del resolved[-1:]
        elif segment != ".":
            resolved.append(segment)
    return "/" + "/".join(resolved)


def _latin_1(path: str) -> str:
    """All bytes as Latin-1, when they are not UTF-8."""
    try:
        path.encode("latin-1").decode()
    except UnicodeDecodeError:
        return to_wsgi(path)
    return path


def _single_dots_dropped(path: str) -> str:
    """What `wsgiref.util.shift_path_info` makes of it."""
    first, *middle, last = ["", *path.split("/")[1:]] if "/" in path else ["", path]
    return "/".join([first, *(segment for segment in middle if segment not in ("", ".")), last])


def _slashes_merged(path: str) -> str:
    return re.sub("/+", "/", "/" + path)


_SIMPLE_STAGES: tuple[Callable[[str], set[str]], ...] = (
    lambda path: {_unquoted(path), _unquoted(_unquoted(path))},
    lambda path: {_recoded(path, "ignore"), _recoded(path, "replace"), _latin_1(path)},
    lambda path: {re.sub(r"[\x00-\x20\x7f]", "", path)},
    lambda path: {path.replace("\\", "/")},
    lambda path: {re.sub(r";[^/]*", "", path)},
    lambda path: {re.sub("^[^/]+/", "/", path)},
    lambda path: {_slashes_merged(path)},
    lambda path: {_single_dots_dropped(path)},
    lambda path: {_dots_resolved(path)},
    lambda path: {_slashes_merged(path)},
)

_PIECES = [
    "/",
    "/",
    "a",
    "b",
    "c",
    "..",
    ".",
    "%2e",
    "%2f",
    "%5c",
    "%3b",
    "%252f",
    "%25",
    "%",
    "%ff",
]
_PIECES += ["\xff", "\xc3\xa9", "\x00", "\n", " ", "\\", ";", "..;"]
_PREFIXES = [
    to_wsgi(prefix)
    for prefix in ("/a", "/a/b", "/a/b/c", "/b", "/b/a", "/b/a/é", "/c", "/é", "/é/a")
]


def _governing(ways: set[str]) -> set[str]:
    """The longest prefix of each reading, by whole segments."""
    below = [[prefix for prefix in _PREFIXES if f"{way}/".startswith(f"{prefix}/")] for way in ways]
    return {max(prefixes, key=len, default="") for prefixes in below}


@settings(max_examples=examples(600), deadline=None)
@given(st.lists(st.sampled_from(_PIECES), max_size=14).map("".join))
@example("%2fa//b/c")
@example("/y/../a//b")
@example("/b//..//a")
@example("/a///../../b")
@example("/a\x00/..%2fb;/\xff/..//c")
def test_the_readings_find_the_rules_that_their_plain_definition_finds(path: str) -> None:
    """Speed lost no reading: the rules found are those of the stages written down literally."""
    assert _governing(readings(path)) == _governing(_simple_readings(path))


def test_the_number_of_readings_is_bounded() -> None:
    """Every odd thing at once, many times over: 3 x 3 x 2 x 2 x 2 texts, each divided in at most
    six ways."""
    odd = ["%2561", "\xff", "\n", "\\", ";x", "//", "/./", "/y/.."]
    for pieces in product(odd, repeat=3):
        assert len(readings("/" + "".join([*odd, *pieces]) * 5)) <= 432


def test_a_longer_hostile_path_costs_its_length() -> None:
    """Time is linear in the path: 16 times the length costs far less than 64 times the time."""
    short, long = "/%2f/x\xff;a/../\\/ " * 20, "/%2f/x\xff;a/../\\/ " * 320
    seconds = [
        min(repeat(partial(readings, path), number=times, repeat=7, timer=process_time)) / times
        for path, times in ((short, 16), (long, 1))
    ]
    assert seconds[1] < 64 * seconds[0]


ROOT, PREFIX, OUTSIDE = "HTTP_X_VHM_ROOT", "HTTP_X_SCRIPT_NAME", "HTTP_X_OUTSIDE_URL"

# What a request may mean: the paths that always count, and those whose rules count if longer.
MEANT: dict[str, tuple[dict[str, str], set[str], set[str]]] = {
    "a path alone": ({"PATH_INFO": "/X"}, {"/X"}, set()),
    "no path": ({}, {"/"}, set()),
    "a virtual root": ({"PATH_INFO": "/X", ROOT: "/R"}, {"/X", "/R/X"}, set()),
    "a prefix": ({"PATH_INFO": "/X", PREFIX: "/P"}, {"/X"}, {"/P/X"}),
    "a prefix that ends with a slash": (
        {"PATH_INFO": "/XaX", PREFIX: "/XpX/"},
        {"/XaX"},
        {"/XpX/XaX", "/XpX//XaX"},
    ),
    "a prefix without a slash": ({"PATH_INFO": "/X", PREFIX: "P"}, {"/X"}, {"/X", "/P/X"}),
    "a prefix that the path starts with": (
        {"PATH_INFO": "/XpX/XaX/", PREFIX: "/XpX"},
        {"/XpX/XaX/", "/XaX/"},
        {"/XpX/XaX/", "/XpX/XpX/XaX/"},
    ),
    "a prefix of one letter": (
        {"PATH_INFO": "/X/P", PREFIX: "/X"},
        {"/X/P", "/P"},
        {"/X/P", "/X/X/P"},
    ),
    "a list of prefixes": (
        {"PATH_INFO": "/X", PREFIX: "/P,/O,/Q"},
        {"/X"},
        {"/P/X", "/Q/X", "/P,/O,/Q/X"},
    ),
    "a prefix and a virtual root": (
        {"PATH_INFO": "/P/X", PREFIX: "/P", ROOT: "/R"},
        {"/P/X", "/X", "/R/P/X", "/R/X"},
        {"/P/P/X", "/P/X"},
    ),
    "a mount": ({"PATH_INFO": "/X", "SCRIPT_NAME": "/P"}, {"/X"}, {"/P/X"}),
    "the root of a mount": ({"PATH_INFO": "", "SCRIPT_NAME": "/P"}, {"/"}, {"/P", "/P/"}),
    "a mount that the path starts with": (
        {"PATH_INFO": "/P/X", "SCRIPT_NAME": "/P"},
        {"/P/X"},
        {"/X", "/P/P/X"},
    ),
    "a mount and a prefix": (
        {"PATH_INFO": "/X", "SCRIPT_NAME": "/P", PREFIX: "/Q"},
        {"/X"},
        {"/P/X", "/Q/X"},
    ),
    "a mount and its prefix": (
        {"PATH_INFO": "/P/X", "SCRIPT_NAME": "/P", PREFIX: "/P"},
        {"/P/X", "/X"},
        {"/X", "/P/X", "/P/P/X"},
    ),
    "a mount that ends with a slash": (
        {"PATH_INFO": "/X", "SCRIPT_NAME": "/P/"},
        {"/X", "/P/X", "/P//X"},
        set(),
    ),
    "a mount that ends with the only slash": (
        {"PATH_INFO": "X", "SCRIPT_NAME": "/P/"},
        {"/X", "/P/X"},
        set(),
    ),
    "a mount before no slash": (
        {"PATH_INFO": "X", "SCRIPT_NAME": "/P"},
        {"/X", "/PX", "/P/X"},
        set(),
    ),
    "an empty mount": ({"PATH_INFO": "/X", "SCRIPT_NAME": ""}, {"/X"}, set()),
    "a header of slashes": ({"PATH_INFO": "/X", PREFIX: "//"}, {"/X"}, set()),
}


@pytest.mark.parametrize(("environ", "always", "longer"), MEANT.values(), ids=MEANT)
def test_what_a_request_may_mean(
    environ: dict[str, str], always: set[str], longer: set[str]
) -> None:
    """As the table of the module says: what is put before the path, and what is cut off it."""
    found = readings_of(environ)
    assert (found.always, found.longer) == (always, longer)


SPACED: dict[str, tuple[dict[str, str], set[str], set[str]]] = {
    "a space before the path": ({"PATH_INFO": " /X", PREFIX: "/P"}, set(), {"/P/ /X", "/P /X"}),
    "a space behind a prefix": ({"PATH_INFO": "/X", PREFIX: "/P /"}, set(), {"/P /X", "/P //X"}),
    "a prefix that is a space": ({"PATH_INFO": "/X", PREFIX: " "}, set(), {"/ /X", "//X"}),
    "a prefix that is a no-break space": (
        {"PATH_INFO": "\xa0\xe9X", PREFIX: "\xa0"},
        {"/\xc3\xa9X"},
        set(),
    ),
    "a slash that only the prefix has": ({"PATH_INFO": "P..", PREFIX: "P/"}, {"/"}, set()),
    "spaces in a list": ({"PATH_INFO": "/X", PREFIX: "/P , /Q"}, set(), {"/P/X", "/Q/X"}),
    "a space and a rest": ({"PATH_INFO": "/P/ X", PREFIX: "/P"}, {"/ X", "/X"}, {"/P/ X"}),
    "a mount that ends with a space": (
        {"PATH_INFO": "/X", "SCRIPT_NAME": "/P "},
        set(),
        {"/P /X", "/P/X"},
    ),
}


@pytest.mark.parametrize(("environ", "always", "longer"), SPACED.values(), ids=SPACED)
def test_a_space_is_part_of_a_name(
    environ: dict[str, str], always: set[str], longer: set[str]
) -> None:
    """Only slashes are cut off what a header or the path begins and ends with. The items of a list
    are an exception, since a space follows each comma."""
    found = readings_of(environ)
    assert always <= found.always
    assert longer <= found.longer


PREFIXES: dict[str, tuple[dict[str, str], tuple[str, ...]]] = {
    "none": ({"HTTP_X_VHM_ROOT": "/r"}, ()),
    "slashes": ({PREFIX: "/", "HTTP_X_FORWARDED_PREFIX": "//"}, ()),
    "one letter": ({PREFIX: "X"}, ("X",)),
    "one twice": ({PREFIX: "/x", "HTTP_X_FORWARDED_PREFIX": "/x"}, ("/x",)),
    "two": ({PREFIX: "/x", "HTTP_X_INGRESS_PATH": "/y"}, ("/x", "/y")),
    "a URL": ({OUTSIDE: "http://h/x"}, ("http://h/x", "/x")),
    "a URL with parameters": ({OUTSIDE: "http://h/x;v;w"}, ("http://h/x;v;w", "/x")),
    "a URL without a path": ({OUTSIDE: "http://h"}, ("http://h",)),
    "a broken URL": ({OUTSIDE: "http://["}, ("http://[",)),
}


@pytest.mark.parametrize(("environ", "prefixes"), PREFIXES.values(), ids=PREFIXES)
def test_the_prefixes_that_headers_name(environ: dict[str, str], prefixes: tuple[str, ...]) -> None:
    """Each value once, and of a URL its path too; slashes alone name nothing."""
    place = Place.from_environ({"PATH_INFO": "/p", **environ})
    assert place.prefixes == prefixes
    assert place == Place("/p", root=environ.get("HTTP_X_VHM_ROOT", ""), prefixes=prefixes)


ALONE: dict[str, tuple[Place, bool]] = {
    "a path": (Place("/x"), True),
    "a mount": (Place("/x", "/p"), False),
    "a virtual root": (Place("/x", "", "/r"), False),
    "a prefix": (Place("/x", "", "", ("/p",)), False),
    "a mount and a root": (Place("/x", "/p", "/r"), False),
    "a root and a prefix": (Place("/x", "", "/r", ("/p",)), False),
}


@pytest.mark.parametrize(("place", "is_alone"), ALONE.values(), ids=ALONE)
def test_a_path_is_alone_beside_nothing_else(place: Place, is_alone: bool) -> None:
    """What stands before the path, whoever names it, means that the path has several readings."""
    assert place.is_path_alone is is_alone


NAMED: dict[str, tuple[dict[str, str], set[str]]] = {
    "none": ({}, {"GET"}),
    "none, and a query": ({"QUERY_STRING": "a=1"}, {"GET"}),
    "one": ({"REQUEST_METHOD": "Put"}, {"PUT"}),
    "one, and a query": ({"REQUEST_METHOD": "Put", "QUERY_STRING": "a=1"}, {"PUT"}),
    "an empty one": ({"REQUEST_METHOD": ""}, {""}),
    "an empty one, and a query": ({"REQUEST_METHOD": "", "QUERY_STRING": "a=1"}, {""}),
    "the first header": ({"HTTP_X_HTTP_METHOD_OVERRIDE": " Put "}, {"GET", "PUT"}),
    "the second header": ({"HTTP_X_METHOD_OVERRIDE": "put"}, {"GET", "PUT"}),
    "the third header": ({"HTTP_X_HTTP_METHOD": "put"}, {"GET", "PUT"}),
    "an empty header": ({"HTTP_X_HTTP_METHOD": " "}, {"GET"}),
    "a header and a query": (
        {"HTTP_X_HTTP_METHOD": "put", "QUERY_STRING": "_method=patch", "REQUEST_METHOD": "POST"},
        {"POST", "PUT", "PATCH"},
    ),
}


@pytest.mark.parametrize(("environ", "methods"), NAMED.values(), ids=NAMED)
def test_the_methods_that_a_request_names(environ: dict[str, str], methods: set[str]) -> None:
    """Its own, and each that a header or the query names, in capitals and without spaces."""
    assert methods_of(environ) == methods
