"""Refuses requests that pages of foreign origins make in cookie mode (`cookies`)."""

from werkzeug.wrappers import Request

from ..wire.origins import AllowedOrigins
from ..wire.same_site import is_own_origin
from .errors import LoginError


def require_same_site(request: Request, allowed_origins: AllowedOrigins) -> None:
    """Raise `LoginError` 403 if the request comes from a page of a foreign origin.

    A page of this host, a page of a listed origin, and a client other than a browser may go on.
    Browsers do not send SameSite cookies across sites, so a listed origin of another site cannot
    use cookie mode.
    """
    origin = request.environ.get("HTTP_ORIGIN")
    fetch_site = request.environ.get("HTTP_SEC_FETCH_SITE")
    if origin in allowed_origins and fetch_site != "cross-site":
        return
    # Without both headers the client is a program, or a browser that only SameSite can protect.
    is_own_site = fetch_site in (None, "same-origin")
    if origin is not None:
        is_own_site = fetch_site in (None, "same-origin", "none") and is_own_origin(
            request.environ, origin
        )
    if not is_own_site:
        message = "This request must come from a page of this site."
        raise LoginError(403, "invalid_request", message, reason="cross_site")
