"""Cross-origin resource sharing (the Fetch standard, section 3): decides which origins may read
answers."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

from werkzeug.wrappers import Response

from .._options import got, require
from ..errors import Forbidden
from .credentials import Places
from .origins import AllowedOrigins, checked_origins
from .problem import NOSNIFF, answering
from .same_site import is_own_origin
from .wsgi import StartResponse, WSGIApplication

T = TypeVar("T")

_NAME = r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,64}"
"""A method or the name of a header (RFC 9110 section 5.6.2), of a length that occurs in
practice."""

_MOST_HEADERS = 64
_USUAL_HEADERS = "authorization, content-type"
_MAX_AGE = "600"  # seconds for which a browser may cache the answer

EXPOSED = ("Access-Control-Expose-Headers", "WWW-Authenticate, Retry-After")
EXPOSED_WITH_DPOP = (EXPOSED[0], f"{EXPOSED[1]}, DPoP-Nonce")
_CREDENTIALS = ("Access-Control-Allow-Credentials", "true")


class Preflight:
    """The answer to a CORS preflight from an allowed origin, which allows what it asks for (Fetch,
    section 3.2)."""

    status = 204
    outcome = "preflight"  # what metrics call it

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        """Answer the preflight (PEP 3333)."""
        return preflight_response(environ)(environ, start_response)


class CrossOrigin:
    """The permissions of pages of other origins. False in a condition if there is nothing to check.

    - `allowed_origins`: see `checked_origins`.
    - `is_strict`: whether requests from any other origin are refused.
    - `places`: the places of tokens. Scripts may send cookies if one of them is a cookie.
    """

    def __init__(self, allowed_origins: Sequence[str], is_strict: bool, places: Places) -> None:
        self.allowed = checked_origins(allowed_origins)
        self._is_strict = is_strict
        self._places = places
        require(
            isinstance(is_strict, bool),
            f"strict_origins must be a boolean, got {got(is_strict)}; strict_origins=True",
        )
        require(
            not (is_strict and self.allowed.allows_all),
            "strict_origins must be False beside allowed_origins=['*'], which allows every origin",
        )

    def __bool__(self) -> bool:
        return self._is_strict or bool(self.allowed)

    def announced(
        self, environ: Mapping[str, Any], found: T, find: Callable[[Mapping[str, Any]], T]
    ) -> T | None:
        """Return what is found for a request, or for the one that its preflight announces. Return
        None unless it is a preflight from an allowed origin. `find` finds it for an environ.

        Raise `Forbidden("origin")` as `check` does if anything is found.
        """
        # The method that a preflight announces decides which rules its request will meet.
        method = self._announced_method(environ)
        announced = find({**environ, "REQUEST_METHOD": method}) if method else None
        if found or announced:
            self.check(environ)
        return found or announced if method else None

    def _announced_method(self, environ: Mapping[str, Any]) -> str | None:
        """Return the method that a preflight from an allowed origin announces, or None for any
        other request."""
        if not is_preflight(environ) or not may_read(environ, self.allowed):
            return None
        method: str = environ["HTTP_ACCESS_CONTROL_REQUEST_METHOD"]
        return method

    def check(self, environ: Mapping[str, Any]) -> None:
        """Raise `Forbidden("origin")` for an origin that is neither this host's nor allowed."""
        origin = environ.get("HTTP_ORIGIN")
        is_known = origin is None or origin in self.allowed or not self._is_strict
        if not is_known and not is_own_origin(environ, origin):
            raise Forbidden("origin")

    def allow(self, environ: Mapping[str, Any], start_response: StartResponse) -> StartResponse:
        """Return a `start_response` that lets scripts of an allowed origin read the answer."""
        with_credentials = self._places.take_cookies
        return allow_origin(
            start_response,
            environ,
            self.allowed,
            with_credentials=with_credentials,
            exposed=EXPOSED if self._places.dpop is None else EXPOSED_WITH_DPOP,
        )


def is_preflight(environ: Mapping[str, Any]) -> bool:
    """Return whether this is a real preflight: OPTIONS with an origin and the requested method
    (Fetch, section 3.3)."""
    asks = environ.get("HTTP_ORIGIN") and environ.get("HTTP_ACCESS_CONTROL_REQUEST_METHOD")
    return environ.get("REQUEST_METHOD") == "OPTIONS" and bool(asks)


def may_read(environ: Mapping[str, Any], allowed_origins: AllowedOrigins) -> bool:
    """Return whether scripts of the request's origin may read the answer."""
    return allowed_origins.may_read(environ.get("HTTP_ORIGIN"))


def preflight_response(environ: Mapping[str, Any], methods: str | None = None) -> WSGIApplication:
    """Return the answer to a preflight from an allowed origin as a WSGI app.

    It names these methods or the requested one, and the requested headers, if they have the form of
    RFC 9110. A `*` would be ignored with credentials (Fetch, section 3.3.5).
    """
    method = environ["HTTP_ACCESS_CONTROL_REQUEST_METHOD"]
    asked = environ.get("HTTP_ACCESS_CONTROL_REQUEST_HEADERS")
    headers = {
        "Access-Control-Allow-Methods": methods or (method if _is_name(method) else "GET"),
        "Access-Control-Allow-Headers": _named_headers(asked) or _USUAL_HEADERS,
        "Access-Control-Max-Age": _MAX_AGE,
        "Vary": "Access-Control-Request-Method, Access-Control-Request-Headers",
        **NOSNIFF,
    }
    response = Response(status=204, headers=headers)
    del response.headers["Content-Type"]  # 204 has no content.
    return answering(response)


def _named_headers(asked: object) -> str | None:
    if not isinstance(asked, str):
        return None
    names = [name.strip(" \t") for name in asked.split(",", _MOST_HEADERS)]
    return ", ".join(names) if all(map(_is_name, names)) else None


def _is_name(text: object) -> bool:
    return isinstance(text, str) and re.fullmatch(_NAME, text) is not None


def allow_origin(
    start_response: StartResponse,
    environ: Mapping[str, Any],
    allowed_origins: AllowedOrigins,
    *,
    with_credentials: bool = False,
    exposed: tuple[str, str] = EXPOSED,
) -> StartResponse:
    """Return a `start_response` that lets scripts of an allowed origin read the answer.

    Call this for every request with any origin, since `Vary: Origin` must tell caches that the
    answer to another origin may differ. Headers that the app set itself stay unchanged.
    `with_credentials` also lets the browser send and accept cookies.
    """
    if not allowed_origins:
        return start_response
    added: list[tuple[str, str]] = []
    if allowed_origins.allows_all:
        added = [("Access-Control-Allow-Origin", "*"), exposed]
    elif may_read(environ, allowed_origins):
        added = [("Access-Control-Allow-Origin", environ["HTTP_ORIGIN"]), exposed]
        if with_credentials:
            added.append(_CREDENTIALS)

    def start(status: str, headers: list[tuple[str, str]], *exc_info: Any) -> Any:
        own = [value for name, value in headers if name.lower() == "access-control-allow-origin"]
        if not own:
            # With "*", the answer is the same for every origin.
            varied = headers if allowed_origins.allows_all else vary_by("Origin", headers)
            headers = varied + added
        elif own != ["*"]:
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
