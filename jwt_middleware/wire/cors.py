"""Cross-origin resource sharing (the Fetch standard, section 3): which origins may read an
answer."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from werkzeug.wrappers import Response

from ..errors import require, tuple_of
from .wsgi import StartResponse, WSGIApplication

# RFC 6454 section 7.1, and no path: what a browser sends
_ORIGIN = re.compile(r"https?://([a-z0-9.-]+|\[[0-9a-f:.]+\])(:[0-9]+)?")

_PREFLIGHT_HEADERS = {
    "Access-Control-Allow-Methods": "*",
    # with credentials a wildcard means nothing
    "Access-Control-Allow-Headers": "Authorization, Content-Type, *",
    "Access-Control-Max-Age": "600",
}
_SHARED_HEADERS = [
    ("Access-Control-Expose-Headers", "WWW-Authenticate, Retry-After"),
    ("Vary", "Origin"),
]


class Preflight:
    """The answer to a CORS preflight from a listed origin: any method and header (Fetch, section
    3.2)."""


def is_preflight(environ: Mapping[str, Any]) -> bool:
    """Whether this is a real preflight: OPTIONS with an origin and the method it asks for (Fetch,
    section 3.3)."""
    asks = environ.get("HTTP_ORIGIN") and environ.get("HTTP_ACCESS_CONTROL_REQUEST_METHOD")
    return environ.get("REQUEST_METHOD") == "OPTIONS" and bool(asks)


def preflight_response() -> WSGIApplication:
    """Return the answer to a preflight from a listed origin as a WSGI app."""
    response = Response(status=204, headers=_PREFLIGHT_HEADERS)
    del response.headers["Content-Type"]  # of no content
    return response


def share(
    start_response: StartResponse, origin: str, *, with_cookies: bool = False
) -> StartResponse:
    """Return a `start_response` that lets scripts of the origin read the answer, unless the app
    sees to that itself.

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
    right_form = (
        "allowed_origins is a list of exact origins: allowed_origins=['https://app.example']"
    )
    names = tuple_of(str, origins, right_form)
    require(all(map(_ORIGIN.fullmatch, names)), right_form)
    return frozenset(names)
