"""Counts redirects from the sign-in page to one guarded page, in a cookie.

A guard may refuse a cookie that was just renewed: its clock is ahead, or it trusts another issuer.
It sends the browser to the sign-in page, which renews the cookie and sends the browser back. That
would go on for ever, and would rotate the session each time. Without an access cookie, the script
of the page sends the browser back, and no guard of pages accepts it.
"""

import hashlib
from typing import Any

from werkzeug.wrappers import Request, Response

from ..wire.cookies import cookie_values

COOKIE = "jwt_returns"

_MOST = 2
_SECONDS = 10


def is_looping(request: Request, following: str) -> bool:
    """Return whether the browser was sent to `following`, and straight back, again and again."""
    return _count(request, following) >= _MOST


def count_return(
    request: Request, response: Response, following: str, attributes: dict[str, Any]
) -> None:
    """Count a redirect to `following`. `attributes` are those of the access cookie."""
    value = f"{_count(request, following) + 1}.{_digest(following)}"
    path = f"{request.root_path}{request.path}"
    response.set_cookie(COOKIE, value, max_age=_SECONDS, **{**attributes, "path": path})


def _count(request: Request, following: str) -> int:
    values = cookie_values(str(request.environ.get("HTTP_COOKIE", "")), COOKIE)
    if len(values) != 1:
        return 0
    count, _, digest = values[0].partition(".")
    is_ours = digest == _digest(following) and count in ("1", "2")
    return int(count) if is_ours else 0


def _digest(following: str) -> str:
    return hashlib.sha256(following.encode("utf-8", "surrogatepass")).hexdigest()[:16]
