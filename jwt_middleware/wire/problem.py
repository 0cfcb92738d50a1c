"""Turns a refusal into an HTTP response with problem details (RFC 9457)."""

import json
from collections.abc import Iterable
from http import HTTPStatus
from typing import Any

from werkzeug.wrappers import Response

from ..errors import Refusal
from .challenge import challenge
from .wsgi import StartResponse, WSGIApplication

NOSNIFF = {"X-Content-Type-Options": "nosniff"}
"""Keeps browsers from guessing another type than `Content-Type` (Fetch, section 3.6)."""


def refusal_response(refusal: Refusal, realm: str) -> WSGIApplication:
    """Return the answer as a WSGI app: problem details with RFC 6750's challenge.

    If the fault is on our side, the answer has `Retry-After` instead of a challenge.
    """
    headers = {"Cache-Control": "no-store", **NOSNIFF}
    if refusal.retry_after is None:
        headers["WWW-Authenticate"] = challenge(refusal, realm)
    else:
        headers["Retry-After"] = str(refusal.retry_after)
    body = {
        "title": HTTPStatus(refusal.status).phrase,
        "status": refusal.status,
        "detail": refusal.description,
        "error": refusal.code,
        "reason": refusal.reason,
    }
    content_type = "application/problem+json"
    text = json.dumps(body) + "\n"
    return answering(Response(text, refusal.status, headers, content_type=content_type))


def answering(response: Response) -> WSGIApplication:
    """Return the response as a WSGI app that also answers an environ without a method."""

    def application(environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        if not isinstance(environ.get("REQUEST_METHOD"), str):
            environ = {**environ, "REQUEST_METHOD": "GET"}
        return response(environ, start_response)

    return application
