"""The body of a login request as its fields, read strictly: JSON or form, one meaning or a
refusal."""

from collections.abc import Mapping
from io import BytesIO
from typing import Any
from urllib.parse import parse_qsl

from werkzeug.exceptions import ClientDisconnected, RequestEntityTooLarge
from werkzeug.wrappers import Request

from ..errors import InvalidToken
from ..trust.jws import parse_object

MAX_BODY_BYTES = 64 * 1024
_MAX_FIELDS = 32
_JSON_NEEDS_ITS_TYPE = "JSON needs Content-Type: application/json"


class Problem(Exception):
    """A request that is refused: the status, the error code of RFC 6749 section 5.2 and a fixed
    sentence."""

    status: int
    code: str
    message: str
    headers: Mapping[str, str]

    def __init__(
        self, status: int, code: str, message: str, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(message)
        self.status, self.code, self.message, self.headers = status, code, message, headers or {}


def read_fields(request: Request) -> Mapping[str, Any]:
    """Return the fields of a JSON object or a form (application/x-www-form-urlencoded).

    `Problem` 413 over 64 KiB, 415 for another type, 400 for what is cut off, not well-formed or
    names a field twice.
    """
    if request.mimetype not in _READERS:
        raise Problem(415, "invalid_request", f"Send a form or JSON. {_JSON_NEEDS_ITS_TYPE}.")
    return _READERS[request.mimetype](_read(request))


def text_field(fields: Mapping[str, Any], name: str) -> str:
    """Return a field that must be there, a text and not empty (RFC 6749 section 3.2), else
    `Problem` 400.

    Nor may it hold NUL, at which drivers of databases raise errors of many kinds.
    """
    value = fields.get(name)
    if not isinstance(value, str) or not value or "\0" in value:
        raise Problem(400, "invalid_request", f"The field {name} must be a text.")
    return value


def _read(request: Request) -> bytes:
    request.max_content_length = (
        MAX_BODY_BYTES + 1
    )  # where the limit is, a chunked body ends without a word
    try:
        body = request.get_data(cache=False)
        if (
            "wsgi.input_terminated" not in request.environ
        ):  # on such servers reading on would wait for ever
            request.environ["wsgi.input"] = BytesIO()
        if len(body) > MAX_BODY_BYTES:
            raise RequestEntityTooLarge
        if len(body) < (request.content_length or 0):
            raise ClientDisconnected
    except RequestEntityTooLarge:
        raise Problem(413, "invalid_request", "The request is larger than 64 KiB.") from None
    except ClientDisconnected:
        raise Problem(400, "invalid_request", "The request ends before its length.") from None
    except Exception as error:  # A server raises errors of its own for a malformed chunk.
        raise Problem(400, "invalid_request", "The request cannot be read.") from error
    return body


def _read_json(body: bytes) -> Mapping[str, Any]:
    try:
        return parse_object(body)
    except InvalidToken:
        raise Problem(
            400, "invalid_request", "The request is not a well-formed JSON object in UTF-8."
        ) from None


def _read_form(body: bytes) -> Mapping[str, Any]:
    if body.lstrip().startswith(b"{"):
        raise Problem(400, "invalid_request", f"This form is JSON. {_JSON_NEEDS_ITS_TYPE}.")
    try:
        pairs = parse_qsl(
            body.decode(), keep_blank_values=True, errors="strict", max_num_fields=_MAX_FIELDS
        )
    except ValueError:
        raise Problem(
            400, "invalid_request", "The request is not a well-formed form in UTF-8."
        ) from None
    if len(dict(pairs)) != len(pairs):
        raise Problem(400, "invalid_request", "A field is there twice.")
    return dict(pairs)


_READERS = {"application/json": _read_json, "application/x-www-form-urlencoded": _read_form}
