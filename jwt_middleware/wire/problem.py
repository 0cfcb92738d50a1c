"""Turns a refusal into an HTTP response with problem details (RFC 9457)."""

import json
from collections.abc import Iterable
from functools import lru_cache
from http import HTTPStatus
from typing import Any

from werkzeug.wrappers import Response

from ..errors import Refusal
from .wsgi import StartResponse, WSGIApplication

NOSNIFF = {"X-Content-Type-Options": "nosniff"}
"""Keeps browsers from guessing another type than `Content-Type` (Fetch, section 3.6)."""


def problem_of(refusal: Refusal) -> Response:
    """Return the refusal as a response without our headers: problem details (RFC 9457).

    Front ends for Flask-JWT-Extended read `msg`.
    """
    body = _body_of(refusal.status, refusal.description, refusal.code, refusal.reason)
    return Response(body, refusal.status, content_type="application/problem+json")


@lru_cache(maxsize=64)  # there are few texts, and many refusals with the same one
def _body_of(status: int, description: str, code: str | None, reason: str) -> bytes:
    body = {
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": description,
        "msg": description,
        "error": code,
        "reason": reason,
    }
    return f"{json.dumps(body)}\n".encode()


def answering(response: Response) -> WSGIApplication:
    """Return the response as a WSGI app that also answers an environ without a method."""

    def application(environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        if not isinstance(environ.get("REQUEST_METHOD"), str):
            environ = {**environ, "REQUEST_METHOD": "GET"}
        return response(environ, start_response)

    return application
