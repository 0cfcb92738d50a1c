"""Cookie mode: the refresh token in a cookie that no script can read, for front ends in a browser.

The cookie is `HttpOnly; Secure; SameSite=Strict`, its name starts with `__Secure-` (RFC 6265bis
section 4.1.3), and it goes only to the login app. A browser sends it by itself, so a request that
uses it, or would set one, must come from a page of this host or of a listed origin: otherwise a
foreign page could sign its visitor in as somebody else.
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from werkzeug.wrappers import Request, Response

from .body import Problem

NAME = "__Secure-jwt_refresh"

# Without a path it is for where the answer came from (RFC 6265 section 5.1.4): the login app, as
# the browser sees it, behind a proxy's prefix too of which nobody here knows.
_SCOPE: Any = {"path": None, "secure": True, "httponly": True, "samesite": "Strict"}


def is_wanted(fields: Mapping[str, Any]) -> bool:
    """Whether the request asks for cookie mode."""
    return fields.get("cookie") in (True, "true")


def require_own_page(request: Request, allowed_origins: frozenset[str]) -> None:
    """Return if the request comes from a page of this host, a listed origin, or no browser; else
    `Problem` 403.

    To a listed origin of another site a browser gives no SameSite cookie, so cookie mode is not for
    it.
    """
    origin = request.headers.get("Origin")
    fetch_site = request.headers.get("Sec-Fetch-Site", "same-origin")
    if origin in allowed_origins and fetch_site != "cross-site":
        return
    try:
        is_foreign = origin is not None and urlsplit(origin).netloc != request.host
    except ValueError:  # "http://["
        is_foreign = True
    if is_foreign or fetch_site not in ("same-origin", "none"):
        raise Problem(403, "invalid_request", "This request must come from a page of this site.")


def read(request: Request) -> str | None:
    """Return the refresh token in the cookie."""
    return request.cookies.get(NAME)


def put(response: Response, refresh_token: str, max_age: float) -> None:
    """Put the refresh token into the cookie, for `max_age` seconds."""
    response.set_cookie(NAME, refresh_token, max_age=int(max_age), **_SCOPE)


def clear(response: Response) -> None:
    """Have the browser forget the cookie."""
    response.delete_cookie(NAME, **_SCOPE)
