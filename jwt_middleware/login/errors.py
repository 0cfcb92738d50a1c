"""`LoginError`: the login app refuses a request. Also makes the JSON answers of the login app."""

import json
from collections.abc import Mapping
from typing import Any

from werkzeug.wrappers import Response

NO_STORE = {"Cache-Control": "no-store"}
"""A cache must not store an answer that contains a token: RFC 6749 section 5.1."""


class LoginError(Exception):
    """A refused request: the status, the error code of RFC 6749 section 5.2 and a fixed sentence.

    The sentence never quotes the request. `headers` are added to the headers of the answer, and
    `reason` to its body: a word that tells scripts apart what has one status and code.
    """

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        headers: Mapping[str, str] | None = None,
        *,
        reason: str | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.headers = headers or {}
        self.reason = reason

    def response(self) -> Response:
        """Return the answer. `msg` repeats the description for clients of Flask-JWT-Extended."""
        body = {"msg": self.message, "error": self.code, "error_description": self.message}
        if self.reason is not None:
            body["reason"] = self.reason
        return json_response(self.status, body, {**NO_STORE, **self.headers})


class SessionContinues(LoginError):
    """The refresh token is refused here, but its session may continue elsewhere. So the cookie must
    not be cleared."""


class ForeignSession(SessionContinues):
    """The refresh token belongs to another login app."""


def has_ended(error: LoginError) -> bool:
    """Return whether the error says that the session of the refresh cookie has ended everywhere."""
    return error.code == "invalid_grant" and not isinstance(error, SessionContinues)


def json_response(
    status: int, body: Mapping[str, Any], headers: Mapping[str, str] = NO_STORE
) -> Response:
    """Return an answer with a JSON object as its body."""
    return Response(json.dumps(body) + "\n", status, headers, content_type="application/json")
