"""Reads the body of a login request, JSON or a form, into its fields. Refuses a body with more than
one meaning."""

from collections.abc import Collection, Mapping
from io import BytesIO
from typing import Any
from urllib.parse import parse_qsl

from werkzeug.exceptions import ClientDisconnected, RequestEntityTooLarge
from werkzeug.wrappers import Request

from ..errors import InvalidToken
from ..trust.jws import parse_object
from ..wire.wsgi import reading_deadline
from .errors import LoginError

MAX_BODY_BYTES = 64 * 1024
"""Bytes of a body: far more than a login needs, and little memory."""

_READ_SECONDS = 10
"""Seconds for a whole body, so that a client that sends slowly cannot hold a thread."""

_MAX_FIELDS = 32
"""Fields of a form: a login has fewer than ten."""

_MAX_REPEATED = 1024
"""Fields of a form with a repeatable field: more than a user has scopes."""

_JSON_NEEDS_ITS_TYPE = "JSON needs Content-Type: application/json"
_FORM_FLAGS = {"true": True, "false": False}


def read_fields(
    request: Request, *, may_be_absent: bool = False, repeatable: Collection[str] = ()
) -> Mapping[str, Any]:
    """Return the fields of a JSON object or a form (application/x-www-form-urlencoded).

    With `may_be_absent`, a request without a body and a Content-Type has no fields. A form may have
    a `repeatable` field any number of times, as checkboxes have, so its value is a list. Raise
    `LoginError` 413 for more than 64 KiB and 415 for another type. Raise 400 for a body that is
    truncated, malformed, or has a field twice.
    """
    if may_be_absent and not request.mimetype and not _read(request):
        return {}
    if request.mimetype not in _READERS:
        raise LoginError(415, "invalid_request", f"Send a form or JSON. {_JSON_NEEDS_ITS_TYPE}.")
    return _READERS[request.mimetype](_read(request), repeatable)


def text_field(fields: Mapping[str, Any], name: str) -> str:
    """Return a required field, a string that is not empty (RFC 6749 section 3.2). Any other value
    raises `LoginError` 400.

    NUL is refused too, because each database driver raises another error for it.
    """
    value = fields.get(name)
    if not isinstance(value, str) or not value or "\0" in value:
        raise LoginError(400, "invalid_request", f"The field {name} must be a string.")
    return value


def flag_field(request: Request, fields: Mapping[str, Any], name: str) -> bool:
    """Return an optional field: a boolean in JSON, the word true or false in a form. Return False
    if the field is absent.

    Any other value raises `LoginError` 400, since a misspelled flag must not count as unset.
    """
    value = fields.get(name, False)
    if request.mimetype != "application/json":
        value = _FORM_FLAGS.get(value, value)
    if not isinstance(value, bool):
        raise LoginError(400, "invalid_request", f"The field {name} must be true or false.")
    return value


def _read(request: Request) -> bytes:
    # Werkzeug silently cuts a chunked body at the limit. Set the limit one higher to notice it.
    request.max_content_length = MAX_BODY_BYTES + 1
    try:
        with reading_deadline(request.environ, _READ_SECONDS):
            body = request.get_data(cache=False)
        if "wsgi.input_terminated" not in request.environ:
            # The stream of such a server has no end: reading it again would block forever.
            request.environ["wsgi.input"] = BytesIO()
        if len(body) > MAX_BODY_BYTES:
            raise RequestEntityTooLarge
        if len(body) < (request.content_length or 0):
            raise ClientDisconnected
    except RequestEntityTooLarge:
        raise LoginError(413, "invalid_request", "The request is larger than 64 KiB.") from None
    except ClientDisconnected:
        raise LoginError(400, "invalid_request", "The request ends before its length.") from None
    except Exception as error:  # Each server raises its own errors for a malformed chunk.
        raise LoginError(400, "invalid_request", "The request cannot be read.") from error
    return body


def _read_json(body: bytes, _: Collection[str]) -> Mapping[str, Any]:
    try:
        return parse_object(body)
    except InvalidToken:
        raise LoginError(
            400, "invalid_request", "The request is not a well-formed JSON object in UTF-8."
        ) from None


def _read_form(body: bytes, repeatable: Collection[str]) -> Mapping[str, Any]:
    if body.lstrip().startswith(b"{"):
        raise LoginError(400, "invalid_request", f"This form is JSON. {_JSON_NEEDS_ITS_TYPE}.")
    try:
        most = _MAX_REPEATED if repeatable else _MAX_FIELDS
        pairs = parse_qsl(
            body.decode(), keep_blank_values=True, errors="strict", max_num_fields=most
        )
    except ValueError:
        raise LoginError(
            400, "invalid_request", "The request is not a well-formed form in UTF-8."
        ) from None
    single = [pair for pair in pairs if pair[0] not in repeatable]
    if len(dict(single)) != len(single):
        raise LoginError(400, "invalid_request", "A field occurs twice.")
    lists = {name: [value for key, value in pairs if key == name] for name in repeatable}
    return {**dict(single), **{name: values for name, values in lists.items() if values}}


_READERS = {"application/json": _read_json, "application/x-www-form-urlencoded": _read_form}
