"""What strangers may send to `POST /token`: whatever it is, it gets the answer of the table and
never a 500."""

import io
import json
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from webtest import TestRequest as Request

from jwt_middleware.login import LoginApp
from tests.kit.parts import examples

from .conftest import FORM, JSON, PASSWORD

LIMIT = 64 * 1024
# The client is made once for all examples: it keeps no state that one could leave to the next.
many = settings(
    deadline=None,
    max_examples=examples(60),
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)

no_text = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: (
        st.lists(inner | st.text(), max_size=3)
        | st.dictionaries(st.text(), inner | st.text(), max_size=3)
    ),
    max_leaves=6,
)


@pytest.fixture
def login(visit: Any, login_app: LoginApp) -> Any:
    """A client of the login app."""
    return visit(login_app)


def post(login: Any, body: bytes, content_type: str = JSON) -> Any:
    """Send a body with its length."""
    return login.send("/token", io.BytesIO(body), length=len(body), content_type=content_type)


def sign_in_with(size: int) -> bytes:
    """A good form of so many bytes."""
    form = urlencode({"username": "ada", "password": PASSWORD, "padding": ""}).encode()
    return form.ljust(size, b"x")


@many
@given(value=no_text, field=st.sampled_from(["username", "password"]))
@example(value=10**400, field="username")
def test_a_field_of_another_json_type(value: Any, field: str, login: Any) -> None:
    """Numbers, booleans, null, lists and objects are no names and no passwords."""
    answer = post(
        login, json.dumps({"username": "ada", "password": PASSWORD, field: value}).encode()
    )
    assert answer.status_int == 400


@many
@given(body=st.binary(max_size=200), content_type=st.sampled_from([JSON, FORM]))
@example(body=b"", content_type=JSON)
@example(body=b"\xff", content_type=FORM)
def test_any_bytes(body: bytes, content_type: str, login: Any) -> None:
    """Noise is refused; it signs nobody in and breaks nothing."""
    assert post(login, body, content_type).status_int in (400, 401)


@many
@given(value=st.text(max_size=40), field=st.sampled_from(["username", "password"]))
@example(value="\ud800", field="username")
@example(value="\udfff", field="password")
@example(value="\0", field="username")
@example(value=PASSWORD + "\0", field="password")
@example(value="x" * 1025, field="password")
@example(value="x" * 60_000, field="username")
def test_any_text(value: str, field: str, login: Any) -> None:
    """Any text, lone surrogates and NUL included, is a wrong one or no text at all."""
    answer = post(
        login, json.dumps({"username": "ada", "password": PASSWORD, field: value}).encode()
    )
    expected = (
        {200} if (field, value) in (("username", "ada"), ("password", PASSWORD)) else {400, 401}
    )
    assert answer.status_int in expected


BODIES = {
    "no JSON": b"{",
    "no object": b'["ada"]',
    "a text": b'"ada"',
    "null": b"null",
    "nothing": b"",
    "NaN": b'{"username": NaN, "password": "x"}',
    "a member twice": b'{"username": "ada", "username": "bob", "password": "x"}',
    "the same member twice": b'{"username": "ada", "username": "ada", "password": "x"}',
    "a member twice, once escaped": (
        rb'{"username": "ada", "\u0075sername": "ada", "password": "x"}'
    ),
    "a member twice, deep down": b'{"username": "ada", "password": "x", "y": {"z": 1, "z": 1}}',
    "a lone surrogate": rb'{"username": "\ud800", "password": "x"}',
    "not UTF-8": b'{"username": "\xff", "password": "x"}',
    "UTF-16": '{"username": "ada", "password": "x"}'.encode("utf-16"),
    "a byte order mark": b'\xef\xbb\xbf{"username": "ada", "password": "x"}',
    "two values": b'{"username": "ada", "password": "x"}{}',
    "nested a little too deep": b'{"username": "ada", "password": "x", "y": %s}'
    % (b"[" * 32 + b"]" * 32),
    "nested 30000 deep": b'{"username": ' + b"[" * 30_000 + b"]" * 30_000 + b"}",
    "objects 10000 deep": b'{"a":' * 10_000 + b"1" + b"}" * 10_000,
    "a number of 5000 digits": b'{"username": "ada", "password": "x", "y": %s}' % (b"9" * 5_000),
    "an infinite number": b'{"username": "ada", "password": "x", "y": 1e999}',
}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_json_that_is_not_well_formed(body: bytes, login: Any) -> None:
    """One text has one meaning, or is refused."""
    assert post(login, body).status_int == 400


FORMS = {
    "a parameter twice": b"username=ada&username=bob&password=x",
    "the same parameter twice": b"username=ada&password=x&password=x",
    "a parameter twice, once escaped": b"username=ada&%75sername=ada&password=x",
    "escaped bytes that are not UTF-8": b"username=%ff&password=x",
    "an escaped surrogate": b"username=%ed%a0%80&password=x",
    "bytes that are not UTF-8": b"username=\xff&password=x",
    "too many parameters": b"username=ada&password=x" + b"&a=b" * 5_000,
    "NUL": b"username=ada%00&password=x",
    "semicolons between": b"username=ada;password=x",
    "no parameters": b"&&&",
    "names without values": b"username&password",
}


@pytest.mark.parametrize("body", FORMS.values(), ids=FORMS)
def test_a_form_that_is_not_well_formed(body: bytes, login: Any) -> None:
    """Neither is a form that two readers could read in two ways."""
    assert post(login, body, FORM).status_int == 400


@pytest.mark.parametrize("chunked", [False, True], ids=["with a length", "chunked"])
@pytest.mark.parametrize(
    ("size", "status"), [(LIMIT, 200), (LIMIT + 1, 413), (LIMIT + 2, 413), (20_000_000, 413)]
)
def test_a_large_body(size: int, status: int, chunked: bool, login: Any) -> None:
    """64 KiB are read, one byte more is 413, and no part of a body is ever taken for the whole."""
    body = sign_in_with(size)
    answer = login.send("/token", io.BytesIO(body), length=None if chunked else size)
    assert answer.status_int == status


def test_a_length_that_lies(login: Any) -> None:
    """A body that is shorter than its length was cut off: 400, though what is there would do."""
    body = sign_in_with(100)
    assert login.send("/token", io.BytesIO(body), length=101).status_int == 400


def test_a_connection_that_breaks(login: Any) -> None:
    """As is one that breaks."""

    class Broken(io.BytesIO):
        def read(self, *args: Any) -> bytes:
            raise ConnectionResetError

        def readinto(self, buffer: Any) -> int:
            raise ConnectionResetError

    assert login.send("/token", Broken(), length=100).status_int == 400


@pytest.mark.parametrize("length", ["abc", "1e3", "0x10", ""])
def test_a_length_that_is_no_number(length: str, login_app: LoginApp) -> None:
    """A server that lets it through gets an answer all the same."""
    body = io.BytesIO(sign_in_with(100))
    environ = {
        "REQUEST_METHOD": "POST",
        "wsgi.input": body,
        "CONTENT_TYPE": FORM,
        "CONTENT_LENGTH": length,
    }
    assert Request.blank("/token", environ).get_response(login_app).status_int == 400


def test_a_chunked_body(login: Any) -> None:
    """Without a length, the end that the server tells is the end."""
    assert login.send("/token", io.BytesIO(sign_in_with(100)), length=None).status_int == 200


def test_a_refused_body_is_read_to_its_end(login: Any) -> None:
    """So that the client reads the answer and not a reset, whatever the refusal."""
    for path, content_type in (
        ("/token", "text/plain"),
        ("/token", FORM),
        ("/login", FORM),
        ("/nowhere", FORM),
    ):
        body = io.BytesIO(b"x" * 1_000_000)
        assert login.send(path, body, length=1_000_000, content_type=content_type).status_int in (
            404,
            405,
            413,
            415,
        )
        assert body.tell() == 1_000_000, path
