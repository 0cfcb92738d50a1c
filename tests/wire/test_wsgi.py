"""Odd environs that servers hand over."""

from typing import Any

import pytest

from jwt_middleware.wire.wsgi import tidy_environ

ODD: dict[str, tuple[dict[str, Any], dict[str, str]]] = {
    "an empty one": ({}, {"REQUEST_METHOD": "GET", "PATH_INFO": "", "wsgi.url_scheme": "http"}),
    "a port that is a number": ({"REMOTE_PORT": 60144}, {"REMOTE_PORT": "60144"}),
    "another port": ({"SERVER_PORT": 8000}, {"SERVER_PORT": "8000"}),
    "a length that is a number": ({"CONTENT_LENGTH": 5}, {"CONTENT_LENGTH": "5"}),
    "no address": ({"REMOTE_ADDR": None, "SERVER_NAME": None}, {"SERVER_NAME": "localhost"}),
    "a query that is not UTF-8": ({"QUERY_STRING": "a=\xff"}, {"QUERY_STRING": "a=%FF"}),
}


@pytest.mark.parametrize(("given", "expected"), ODD.values(), ids=ODD)
def test_what_can_be_read(given: dict[str, Any], expected: dict[str, str]) -> None:
    """What is missing or a number gets the form of PEP 3333."""
    tidy = tidy_environ(given)
    assert tidy is not None
    assert expected.items() <= tidy.items()


@pytest.mark.parametrize(
    "value",
    [b"x", ["x"], 1.5, True, "\u20ac", object()],
    ids=lambda value: "an object" if type(value) is object else repr(value),
)
def test_what_is_malformed(value: Any) -> None:
    """A variable that is not the text of bytes makes the environ malformed."""
    assert tidy_environ({"HTTP_X": value}) is None
    assert tidy_environ({"my.own": value}) is not None
