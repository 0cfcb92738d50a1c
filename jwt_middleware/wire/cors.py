"""Cross-origin resource sharing (the Fetch standard, section 3): which origins may read an
answer."""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from werkzeug.wrappers import Response

from .._options import require, tuple_of
from .problem import NOSNIFF, answering
from .wsgi import StartResponse, WSGIApplication

# RFC 6454 section 7.1, and no path: what a browser sends
_ORIGIN = re.compile(r"https?://([a-z0-9.-]+|\[[0-9a-f:.]+\])(:[0-9]+)?")

_PREFLIGHT_HEADERS = {
    "Access-Control-Allow-Methods": "*",
    # With credentials a wildcard means nothing, so the usual headers are named too.
    "Access-Control-Allow-Headers": "Authorization, Content-Type, *",
    "Access-Control-Max-Age": "600",
    **NOSNIFF,
}
_EXPOSED = ("Access-Control-Expose-Headers", "WWW-Authenticate, Retry-After")
_CREDENTIALS = ("Access-Control-Allow-Credentials", "true")


class Preflight:
    """The answer to a CORS preflight from a listed origin: any method and header (Fetch, section
    3.2)."""


def is_preflight(environ: Mapping[str, Any]) -> bool:
    """Return whether this is a real preflight: OPTIONS with an origin and the method it asks for
    (Fetch, section 3.3)."""
    asks = environ.get("HTTP_ORIGIN") and environ.get("HTTP_ACCESS_CONTROL_REQUEST_METHOD")
    return environ.get("REQUEST_METHOD") == "OPTIONS" and bool(asks)


def is_allowed(environ: Mapping[str, Any], allowed_origins: Collection[str]) -> bool:
    """Return whether the request comes from an allowed origin."""
    origin = environ.get("HTTP_ORIGIN")
    return isinstance(origin, str) and origin in allowed_origins


def preflight_response() -> WSGIApplication:
    """Return the answer to a preflight from a listed origin as a WSGI app."""
    response = Response(status=204, headers=_PREFLIGHT_HEADERS)
    del response.headers["Content-Type"]  # 204 has no content.
    return answering(response)


def allow_origin(
    start_response: StartResponse,
    environ: Mapping[str, Any],
    allowed_origins: Collection[str],
    *,
    with_credentials: bool = False,
) -> StartResponse:
    """Return a `start_response` that lets scripts of an allowed origin read the answer.

    Call it for every request, whatever its origin: caches must learn from `Vary: Origin` that the
    answer to another origin may differ. Headers that the app set itself stay as they are.
    `with_credentials` also lets the browser send and accept cookies.
    """
    if not allowed_origins:
        return start_response
    added: list[tuple[str, str]] = []
    if is_allowed(environ, allowed_origins):
        added = [("Access-Control-Allow-Origin", environ["HTTP_ORIGIN"]), _EXPOSED]
        if with_credentials:
            added.append(_CREDENTIALS)

    def start(status: str, headers: list[tuple[str, str]], *exc_info: Any) -> Any:
        own = [value for name, value in headers if name.lower() == "access-control-allow-origin"]
        if not own:
            headers = vary_by("Origin", headers) + added
        elif own != ["*"]:  # With "*" the answer is the same for every origin.
            headers = vary_by("Origin", headers)
        return start_response(status, headers, *exc_info)

    return start


def vary_by(name: str, headers: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return the headers with `Vary` naming this request header too (RFC 9110 section 12.5.5)."""
    merged = list(headers)
    at = [place for place, (key, _) in enumerate(merged) if key.lower() == "vary"]
    fields = {field.strip().lower() for place in at for field in merged[place][1].split(",")}
    if "*" in fields or name.lower() in fields:
        return merged
    if at and merged[at[0]][1].strip():
        key, value = merged[at[0]]
        merged[at[0]] = (key, f"{value}, {name}")
        return merged
    return [pair for place, pair in enumerate(merged) if place not in at[:1]] + [("Vary", name)]


def checked_origins(origins: Sequence[str]) -> frozenset[str]:
    """Return the exact origins of an `allowed_origins` option, or raise `ConfigurationError`."""
    right_form = (
        "allowed_origins is a list of exact origins: allowed_origins=['https://app.example']"
    )
    names = tuple_of(str, origins, right_form)
    require(all(map(_ORIGIN.fullmatch, names)), right_form)
    return frozenset(names)
