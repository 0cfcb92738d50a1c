"""What the middleware itself sends: a `Refusal` as an HTTP response, and the answer to a CORS preflight."""

import contextlib
import json
import re
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from http import HTTPStatus
from typing import Any, TypeAlias

from werkzeug.wrappers import Response
from werkzeug.wsgi import get_input_stream

from .bearer import challenge
from .errors import Refusal, Unavailable, require, tuple_of

StartResponse: TypeAlias = Callable[..., Any]
WSGIApplication: TypeAlias = Callable[[dict[str, Any], StartResponse], Iterable[bytes]]

# RFC 6454 section 7.1, and no path: what a browser sends
_ORIGIN = re.compile(r"https?://([a-z0-9.-]+|\[[0-9a-f:.]+\])(:[0-9]+)?")

_PREFLIGHT_HEADERS = {
    "Access-Control-Allow-Methods": "*",
    "Access-Control-Allow-Headers": "Authorization, Content-Type, *",  # with credentials a wildcard means nothing
    "Access-Control-Max-Age": "600",
}
_SHARED_HEADERS = [("Access-Control-Expose-Headers", "WWW-Authenticate, Retry-After"), ("Vary", "Origin")]
_DRAIN_BYTES, _CHUNK, _DRAIN_SECONDS = 8 * 1024 * 1024, 8 * 1024, 5


class Preflight:
    """The answer to a CORS preflight from a listed origin: any method and header (Fetch, section 3.2)."""


def is_preflight(environ: Mapping[str, Any]) -> bool:
    """Whether this is a real preflight: OPTIONS with an origin and the method it asks for (Fetch, section 3.3)."""
    asks = environ.get("HTTP_ORIGIN") and environ.get("HTTP_ACCESS_CONTROL_REQUEST_METHOD")
    return environ.get("REQUEST_METHOD") == "OPTIONS" and bool(asks)


def respond(answer: Refusal | Preflight, realm: str) -> WSGIApplication:
    """Return the answer as a WSGI app.

    A refusal is problem details (RFC 9457) with RFC 6750's challenge; a fault of ours has `Retry-After` instead.
    """
    if isinstance(answer, Preflight):
        response = Response(status=204, headers=_PREFLIGHT_HEADERS)
        del response.headers["Content-Type"]  # of no content
        return response
    headers = {"Cache-Control": "no-store"}
    if isinstance(answer, Unavailable):
        headers["Retry-After"] = str(answer.retry_after)
    else:
        headers["WWW-Authenticate"] = challenge(answer, realm)
    body = {"title": HTTPStatus(answer.status).phrase, "status": answer.status, "detail": answer.description}
    body |= {"error": answer.code, "reason": answer.reason}
    return Response(json.dumps(body) + "\n", answer.status, headers, content_type="application/problem+json")


def drain(environ: dict[str, Any]) -> None:
    """Read the request's body, at most 8 MiB, and no further chunk of 8 KiB after 5 seconds.

    A server that closes a connection with the body unread resets it, and the client never reads the answer.
    """
    left, deadline = _DRAIN_BYTES, time.monotonic() + _DRAIN_SECONDS
    with contextlib.suppress(Exception):  # the client is gone, or the server names its own errors: nothing to save
        body = get_input_stream(environ)  # ends where the request does: reading on would wait for ever
        while left > 0 and time.monotonic() < deadline and (chunk := body.read(min(_CHUNK, left))):
            left -= len(chunk)


def share(start_response: StartResponse, origin: str, *, with_cookies: bool = False) -> StartResponse:
    """Return a `start_response` that lets scripts of the origin read the answer, unless the app sees to that itself.

    `with_cookies` also lets them have the browser send and take cookies.
    """
    credentials = [("Access-Control-Allow-Credentials", "true")] if with_cookies else []
    added = [("Access-Control-Allow-Origin", origin), *_SHARED_HEADERS, *credentials]

    def start(status: str, headers: list[tuple[str, str]], *exc_info: Any) -> Any:
        if "access-control-allow-origin" not in {name.lower() for name, _ in headers}:
            headers = [*headers, *added]
        return start_response(status, headers, *exc_info)

    return start


def checked_origins(origins: Sequence[str]) -> frozenset[str]:
    """Return the exact origins of an `allowed_origins` option, or raise `ConfigurationError`."""
    right_form = "allowed_origins is a list of exact origins: allowed_origins=['https://app.example']"
    names = tuple_of(str, origins, right_form)
    require(all(map(_ORIGIN.fullmatch, names)), right_form)
    return frozenset(names)
