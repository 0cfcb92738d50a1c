"""Turns a refusal into an HTTP response with problem details (RFC 9457)."""

import json
from collections.abc import Iterable
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
    body = {
        "title": HTTPStatus(refusal.status).phrase,
        "status": refusal.status,
        "detail": refusal.description,
        "msg": refusal.description,
        "error": refusal.code,
        "reason": refusal.reason,
    }
    content_type = "application/problem+json"
    return Response(json.dumps(body) + "\n", refusal.status, content_type=content_type)


def answering(response: Response) -> WSGIApplication:
    """Return the response as a WSGI app that also answers an environ without a method."""

    def application(environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        if not isinstance(environ.get("REQUEST_METHOD"), str):
            environ = {**environ, "REQUEST_METHOD": "GET"}
        return response(environ, start_response)

    return application
