"""The body of a login request, read strictly: one meaning or a `LoginError`."""

import io
import json
from typing import Any
from urllib.parse import parse_qs, quote_plus, urlencode

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from werkzeug.wrappers import Request

from jwt_middleware.login.body import MAX_BODY_BYTES, read_fields, text_field
from jwt_middleware.login.errors import LoginError

FORM, JSON = "application/x-www-form-urlencoded", "application/json"
unicode_text = st.text(st.characters(exclude_categories=["Cs"]))
fields_of_text = st.dictionaries(unicode_text, unicode_text, max_size=5)


def read(body: bytes, content_type: str, **environ: Any) -> Any:
    """The fields of a body that comes with its length."""
    framing = {
        "CONTENT_LENGTH": str(len(body)),
        "CONTENT_TYPE": content_type,
        "wsgi.input": io.BytesIO(body),
    }
    return read_fields(Request({"REQUEST_METHOD": "POST"} | framing | environ))


def status_of(body: bytes, content_type: str, **environ: Any) -> int:
    """The status that the body is refused with, 200 if it is not."""
    try:
        read(body, content_type, **environ)
    except LoginError as problem:
        return problem.status
    return 200


@given(fields=fields_of_text)
@example(fields={"a": "+ %41&=;"})
def test_a_form_is_read_as_it_was_meant(fields: dict[str, str]) -> None:
    """Any fields come back as they were, however often escaped."""
    assert read(urlencode(fields).encode(), FORM) == fields


@given(fields=fields_of_text, ascii_only=st.booleans())
def test_json_is_read_as_it_was_meant(fields: dict[str, str], ascii_only: bool) -> None:
    """Escaped or not."""
    assert read(json.dumps(fields, ensure_ascii=ascii_only).encode(), JSON) == fields


@given(body=st.binary(max_size=80) | st.text("ab=&%+4c1;é").map(str.encode))
@example(body=b"a=1&a=2")
@example(body=b"%61=1&a=2")
def test_a_form_has_one_meaning(body: bytes) -> None:
    """What is read is what any other reader reads, and no field has two values."""
    if status_of(body, FORM) != 400:
        others = parse_qs(body.decode(), keep_blank_values=True, errors="strict")
        assert others == {name: [value] for name, value in read(body, FORM).items()}


@given(body=st.binary(max_size=80) | st.text('{}[]":,\\u1 ntre').map(str.encode))
def test_json_has_one_meaning(body: bytes) -> None:
    """What is read is what the standard library reads, and it is an object."""
    if status_of(body, JSON) != 400:
        fields = read(body, JSON)
        assert fields == json.loads(body)
        assert isinstance(fields, dict)


@pytest.mark.parametrize("content_type", [FORM, JSON])
@pytest.mark.parametrize(
    ("excess", "status"), [(0, 200), (1, 413), (2, 413), (MAX_BODY_BYTES * 20, 413)]
)
@pytest.mark.parametrize("chunked", [False, True], ids=["with a length", "chunked"])
def test_the_limit(content_type: str, excess: int, status: int, chunked: bool) -> None:
    """64 KiB and no byte more, whatever the form and the framing."""
    start, end = (b'{"a": "', b'"}') if content_type == JSON else (b"a=", b"")
    body = start + b"x" * (MAX_BODY_BYTES + excess - len(start + end)) + end
    framing = {"CONTENT_LENGTH": "", "wsgi.input_terminated": True} if chunked else {}
    assert status_of(body, content_type, **framing) == status


@pytest.mark.parametrize("lines", [1, 7, 4096, 65_536])
def test_a_body_in_pieces(lines: int) -> None:
    """A server may hand out less than was asked for; the body is whole all the same."""

    class Pieces(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            return super().read(min(size or lines, lines))

        def readinto(self, buffer: Any) -> int:
            piece = self.read(len(buffer))
            buffer[: len(piece)] = piece
            return len(piece)

    body = b"a=" + b"x" * 5_000
    framing = {"wsgi.input": Pieces(body), "CONTENT_LENGTH": "", "wsgi.input_terminated": True}
    assert read(b"", FORM, **framing) == {"a": "x" * 5_000}


@pytest.mark.parametrize("length", [4, 100, 65_536])
@pytest.mark.parametrize(
    "server", [{}, {"wsgi.input_terminated": True}], ids=["open end", "terminated by the server"]
)
def test_a_body_that_is_cut_off(length: int, server: dict[str, Any]) -> None:
    """Less than was announced is 400, not the part that came."""
    assert status_of(b"a=1", FORM, CONTENT_LENGTH=str(length), **server) == 400


@pytest.mark.parametrize(
    "value", [None, True, 0, 1.5, "", [], ["ada"], {}, {"a": "b"}, "a\0"], ids=repr
)
def test_what_is_no_text(value: Any) -> None:
    """A field is a text that is not empty and has no NUL; nothing is made into one."""
    with pytest.raises(LoginError) as caught:
        text_field({"name": value}, "name")
    assert (caught.value.status, caught.value.code) == (400, "invalid_request")
    assert caught.value.message == "The field name must be a string."


@given(value=unicode_text.filter(lambda value: value and "\0" not in value))
def test_what_is_a_text(value: str) -> None:
    """Any other text is taken as it is: nothing is stripped or normalised."""
    assert text_field(read(f"name={quote_plus(value)}".encode(), FORM), "name") == value


@pytest.mark.parametrize("count", [32, 33, 100_000])
def test_many_fields(count: int) -> None:
    """32 are enough; counting them costs little."""
    body = "&".join(f"{number}=" for number in range(count)).encode()[: MAX_BODY_BYTES - 1]
    assert status_of(body, FORM) == (200 if count == 32 else 400)


REPEATED = {
    b"": {},
    b"a=1": {"a": "1"},
    b"s=1": {"s": ["1"]},
    b"s=1&a=2&s=3": {"s": ["1", "3"], "a": "2"},
    b"s=&s=": {"s": ["", ""]},
}


@pytest.mark.parametrize(("body", "fields"), REPEATED.items(), ids=repr)
def test_a_repeatable_field(body: bytes, fields: dict[str, Any]) -> None:
    """Its value is a list in the order of the form; the others may still occur only once."""
    how = {"CONTENT_LENGTH": str(len(body)), "CONTENT_TYPE": FORM, "wsgi.input": io.BytesIO(body)}
    assert read_fields(Request({"REQUEST_METHOD": "POST"} | how), repeatable=("s",)) == fields
    assert status_of(b"s=1&s=2", FORM) == 400
