"""Whatever environ a server hands over, the login app and the middleware answer."""

from itertools import product
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.checks.fuzz import environs
from tests.kit.cases import case
from tests.kit.parts import examples

_LATIN = st.text(st.characters(max_codepoint=255), max_size=12)
_ANY_TEXT = st.text(max_size=12)  # of a hand-made environ, or a CGI server's
_NASTY = st.sampled_from(
    [
        "",
        " ",
        "*",
        "null",
        "\x00",
        "\xff\xfe",
        "\ud800",
        "%",
        "%ff%00",
        "[",
        "http://[",
        "https://[::1",
        "http://a:b:c",
        "http://x:99999999999",
        "://",
        environs.ORIGIN,
        "a" * 5000,
        "-1",
        "+1",
        " 5 ",
        "1_0",
        "0x10",
        "1e3",
        "٣",
        "²",
        "9" * 5000,
        "99999999999999999999",
        "0",
        "5",
        "10.0.0.1:80",
        "[::1]:80",
        "fe80::1%eth0",
        "unix:",
        "1.2.3.4, 5.6.7.8",
        "application/json",
        "application/json; charset=\xff",
        "application/x-www-form-urlencoded; boundary",
        "multipart/form-data; boundary=x",
        "application/json;" + ";" * 100,
        "de;q=x, \xff;q=1, *;q=-1, en;q=" + "9" * 400,
        "__Host-jwt_refresh=\xff; =; a=b=c; ;;",
        '__Secure-jwt_refresh="\\777\\0"',
        "a.example:port",
        "a.example:99999",
        "xn--\xff.example",
        "Bearer \xff",
        "bytes=0-0",
        "bytes=5-1,99999999999999999999-",
        'W/"x", "\xff',
        "Thu, 99 Foo 99999 99:99:99 GMT",
        "next=%ff",
        "next=//evil&next=/a",
        "next=/\xff\xfe%0d%0a",
        "next=" + "%2f" * 2000,
    ]
)
_VALUES = _LATIN | _ANY_TEXT | _NASTY
_METHODS = st.sampled_from(["GET", "HEAD", "POST", "OPTIONS", "PUT", "get", "", "FOO\xff"])
_ENVIRONS = st.fixed_dictionaries(
    {},
    optional={
        **dict.fromkeys(environs.NAMES, _VALUES),
        "HTTP_AUTHORIZATION": st.just(f"Bearer {environs.TOKEN}") | _VALUES,
        "REQUEST_METHOD": _METHODS,
        "PATH_INFO": st.sampled_from(environs.PATHS) | _VALUES,
        "CONTENT_TYPE": st.sampled_from(["application/json", "application/x-www-form-urlencoded"])
        | _VALUES,
        "CONTENT_LENGTH": st.integers(0, 60).map(str) | _VALUES,
        "wsgi.input_terminated": st.booleans(),
    },
)


@settings(max_examples=examples(200), deadline=None)
@given(_ENVIRONS, st.sampled_from(environs.BODIES) | st.binary(max_size=60))
def test_every_environ_is_answered(environ: dict[str, Any], body: bytes) -> None:
    """Odd, missing and broken keys, together: an answer with a status below 500, never an
    exception."""
    environs.check(environ, body)


_REQUESTS = {
    "a page": {"PATH_INFO": "/login"},
    "a page in front": {"PATH_INFO": "/auth/login"},
    "a sign-in": {"PATH_INFO": "/token", "REQUEST_METHOD": "POST"},
    "a sign-in in front": {"PATH_INFO": "/auth/token", "REQUEST_METHOD": "POST"},
    "a sign-out": {"PATH_INFO": "/auth/revoke", "REQUEST_METHOD": "POST"},
    "the app": {"PATH_INFO": "/api"},
    "a preflight": {
        "PATH_INFO": "/api",
        "REQUEST_METHOD": "OPTIONS",
        "HTTP_ORIGIN": environs.ORIGIN,
        "HTTP_ACCESS_CONTROL_REQUEST_METHOD": "PUT",
    },
}
_BODY = b'{"username": "ada", "password": "right", "cookie": true}'
_USUAL = {
    "REQUEST_METHOD": "GET",
    "SCRIPT_NAME": "",
    "QUERY_STRING": "",
    "CONTENT_TYPE": "application/json",
    "CONTENT_LENGTH": str(len(_BODY)),
    "REMOTE_ADDR": "192.0.2.1",
    "SERVER_NAME": "app.example",
    "SERVER_PORT": "443",
    "SERVER_PROTOCOL": "HTTP/1.1",
    "wsgi.url_scheme": "https",
    "HTTP_HOST": "app.example",
}


EACH_REQUEST = pytest.mark.parametrize("request_", _REQUESTS.values(), ids=_REQUESTS)
EACH_NAME = pytest.mark.parametrize("name", environs.NAMES)


@EACH_REQUEST
@settings(max_examples=examples(20 * len(environs.NAMES)), deadline=None)
@given(name=st.sampled_from(environs.NAMES), value=_VALUES)
def test_one_odd_key_in_a_usual_request(name: str, request_: dict[str, str], value: str) -> None:
    """Each key of a request that is answered otherwise may be odd."""
    environs.check({**_USUAL, **request_, name: value}, _BODY)


@EACH_NAME
def test_one_key_is_missing(name: str) -> None:
    """Each key may be missing, or None."""
    for odd, request_ in _REQUESTS.items():
        usual = {**_USUAL, **request_}
        with case(odd):
            environs.check({key: value for key, value in usual.items() if key != name}, _BODY)
            environs.check({**usual, name: None}, _BODY)


@EACH_NAME
def test_one_key_is_no_text(name: str) -> None:
    """A careless server or layer may put a number or bytes where PEP 3333 has a string."""
    values: list[object] = [b"x", 7, -1, 1.5, True, [], {}, ["GET"]]
    for (odd, request_), value in product(_REQUESTS.items(), values):
        with case(odd, value):
            environs.check({**_USUAL, **request_, name: value}, _BODY)


@EACH_REQUEST
@pytest.mark.parametrize(
    "input_",
    [
        None,
        environs.Unreadable(OSError("gone")),
        environs.Unreadable(ValueError("a malformed chunk")),
        environs.Unreadable(ConnectionResetError()),
        environs.Unreadable(TimeoutError()),
        environs.Unreadable(EOFError()),
        environs.Unreadable(RuntimeError("a server's own error")),
    ],
    ids=repr,
)
@pytest.mark.parametrize("is_terminated", [False, True])
def test_a_body_that_is_not_there(
    input_: Any, request_: dict[str, str], is_terminated: bool
) -> None:
    """The input may be missing, or raise whatever a server raises."""
    more = {"wsgi.input": input_, "wsgi.input_terminated": is_terminated}
    environs.check({**_USUAL, **request_, **more}, _BODY)
