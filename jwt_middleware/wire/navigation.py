"""Decides whether a person's browser asks for a page, and returns the address of that page.

Only then does a refusal become a page or a redirect to the sign-in page, since scripts and programs
could not use either.
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from werkzeug.datastructures import MIMEAccept
from werkzeug.http import parse_accept_header

# Characters that browsers do not escape in a path (RFC 3986 section 3.3), and in a query.
_IN_PATH = "/:@!$&'()*+,;=-._~"
_IN_QUERY = _IN_PATH + "?%"
_LONGEST_NEXT = 2048
"""Characters of the way back. A longer one is left out, since some servers refuse long URLs."""

DECIDING_HEADERS = ("Accept", "Sec-Fetch-Mode")
"""The headers that `wants_page` reads, for `Vary`."""


def wants_page(environ: Mapping[str, Any]) -> bool:
    """Return whether the request is a navigation, so that a person sees the answer.

    `Sec-Fetch-Mode` shows this (Fetch Metadata Request Headers, section 2.2). Without it, `Accept`
    must prefer `text/html` to JSON. `*/*` does not express a preference.
    """
    mode = environ.get("HTTP_SEC_FETCH_MODE")
    if mode is not None:
        return bool(mode == "navigate")
    accept = environ.get("HTTP_ACCEPT")
    if not isinstance(accept, str) or "html" not in accept:
        return False
    accepted = parse_accept_header(accept, MIMEAccept)
    json: float = max(
        accepted.quality("application/json"), accepted.quality("application/problem+json")
    )
    html: float = accepted.quality("text/html") if accepted.find("text/html") >= 0 else 0
    return bool(0 < html >= json)


def is_script(environ: Mapping[str, Any]) -> bool:
    """Return whether the request comes from a script or an element of a page."""
    return bool(environ.get("HTTP_SEC_FETCH_MODE", "navigate") != "navigate")


def local_address(environ: Mapping[str, Any]) -> str | None:
    """Return the path and query of the request as a URL of this host, or None if that is not
    possible.

    A client may send any SCRIPT_NAME and PATH_INFO. `//host` would be the address of another host.
    """
    parts = environ.get("SCRIPT_NAME") or "", environ.get("PATH_INFO") or ""
    query = environ.get("QUERY_STRING") or ""
    if not all(isinstance(part, str) for part in (*parts, query)):
        return None
    address = _quoted("".join(parts), _IN_PATH)
    if query:
        address = f"{address}?{_quoted(query, _IN_QUERY)}"
    is_local = address.startswith("/") and not address.startswith("//")
    return address if is_local and len(address) <= _LONGEST_NEXT else None


def mounted(environ: Mapping[str, Any], path: str) -> str:
    """Return the URL of a path below the mount of this app, on this host."""
    script_name = environ.get("SCRIPT_NAME") or ""
    prefix = _quoted(script_name, _IN_PATH) if isinstance(script_name, str) else ""
    # "//host" and "/\host" would lead a browser to another host. A backslash is already quoted.
    return "/" + f"{prefix}{path}".lstrip("/")


def _quoted(text: str, safe: str) -> str:
    return quote(text, safe, encoding="latin-1", errors="replace")
