"""`LoginError`: a request that the login app refuses, and the answer that says so."""

import json
from collections.abc import Mapping
from typing import Any

from werkzeug.wrappers import Response

NO_STORE = {"Cache-Control": "no-store"}
"""RFC 6749 section 5.1: no cache may have an answer with a token in it."""


class LoginError(Exception):
    """A refused request: the status, the error code of RFC 6749 section 5.2 and a fixed sentence.

    The sentence never quotes the request. `headers` are added to those of the answer.
    """

    def __init__(
        self, status: int, code: str, message: str, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.headers = headers or {}

    def response(self) -> Response:
        """Return the answer. `msg` repeats the description for clients of Flask-JWT-Extended."""
        body = {"msg": self.message, "error": self.code, "error_description": self.message}
        return json_response(self.status, body, {**NO_STORE, **self.headers})


class ForeignSession(LoginError):
    """A refresh token of another login app: its session goes on, so its cookie may stay."""


def json_response(
    status: int, body: Mapping[str, Any], headers: Mapping[str, str] = NO_STORE
) -> Response:
    """Return an answer with a JSON object as its body."""
    return Response(json.dumps(body) + "\n", status, headers, content_type="application/json")
