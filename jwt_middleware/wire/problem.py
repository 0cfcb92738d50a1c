"""A refusal as an HTTP response: problem details (RFC 9457)."""

import json
from http import HTTPStatus

from werkzeug.wrappers import Response

from ..errors import Refusal, Unavailable
from .challenge import challenge
from .wsgi import WSGIApplication

NOSNIFF = {"X-Content-Type-Options": "nosniff"}
"""The header that keeps browsers from guessing another type than `Content-Type` (Fetch, 3.6)."""


def refusal_response(refusal: Refusal, realm: str) -> WSGIApplication:
    """Return the answer as a WSGI app: problem details with RFC 6750's challenge.

    A fault of ours has `Retry-After` instead of a challenge.
    """
    headers = {"Cache-Control": "no-store", **NOSNIFF}
    if isinstance(refusal, Unavailable):
        headers["Retry-After"] = str(refusal.retry_after)
    else:
        headers["WWW-Authenticate"] = challenge(refusal, realm)
    body = {
        "title": HTTPStatus(refusal.status).phrase,
        "status": refusal.status,
        "detail": refusal.description,
        "error": refusal.code,
        "reason": refusal.reason,
    }
    content_type = "application/problem+json"
    return Response(json.dumps(body) + "\n", refusal.status, headers, content_type=content_type)
