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

from jwt_middleware.readings import has_one_reading, readings, to_wsgi
from tests.kit.parts import examples

HOSTILE = {
    "leading slashes": "//api/x",
    "no leading slash": "api/x",
    "inner slashes": "/api//x",
    "dot segment": "/./api/x",
    "dot-dot": "/y/../api/x",
    "dot-dot above the root": "/../../api/x",
    "dot-dot over an empty segment": "/y//../../api/x",
    "dot-dot after merging": "/y//../api/x",
    "dots behind parameters": "/y/..;z/api/x",
    "parameters": "/api;v=1/x",
    "backslash": "\\api\\x",
    "backslash and dots": "/y\\..\\api/x",
    "invalid UTF-8": "/ap\xffi/x",
    "truncated UTF-8": "/api\xe2\x82/x",
    "invalid UTF-8 around a newline": "/api/x\xc3\n\xa9",
    "newline": "/api/x\n",
    "NUL": "/a\x00pi/x",
    "NUL and dots": "/y\x00/../api/x",
    "tab, space, DEL": "/\tap i\x7f/x",
    "encoded": "/%61pi/x",
    "encoded twice": "/%2561pi/x",
    "encoded slash": "/%2fapi%2Fx",
    "encoded dots": "/y/%2e%2e/api/x",
    "encoded invalid UTF-8": "/ap%ffi/x",
    "encoded control": "/api%0a/x",
    "everything": "\\%2e/y;q/..;/%252e/%ffap%00i /x",
}


@pytest.mark.parametrize("path", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_spelling_has_the_plain_path_among_its_readings(path: str) -> None:
    """Whatever a server or framework makes of a spelling, the path it may mean is read too."""
    assert "/api/x" in readings(path)
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
        assert len(readings("/" + "".join([*odd, *pieces]) * 20)) <= 432


def test_a_longer_hostile_path_costs_its_length() -> None:
    """Time is linear in the path: 16 times the length costs far less than 64 times the time."""
    short, long = "/%2f/x\xff;a/../\\/ " * 20, "/%2f/x\xff;a/../\\/ " * 320
    seconds = [
        min(repeat(partial(readings, path), number=times, repeat=7, timer=process_time)) / times
        for path, times in ((short, 16), (long, 1))
    ]
    assert seconds[1] < 64 * seconds[0]
