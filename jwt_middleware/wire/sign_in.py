"""Redirects a person without a valid token to the sign-in page, with the way back."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from werkzeug.wrappers import Response

from .._options import got, require
from ..errors import Refusal
from ..readings import readings, to_wsgi
from .navigation import local_address, mounted, wants_page

PROMPT = "prompt=login"
"""Asks the sign-in page for another login."""

STEP_UP = "insufficient_user_authentication"  # RFC 9470 section 3


def checked_sign_in(path: object) -> str | None:
    """Return the path of a `sign_in` option as a PEP 3333 string, or raise `ConfigurationError`."""
    if path is None:
        return None
    is_path = isinstance(path, str) and path.startswith("/") and path.isprintable()
    require(
        is_path
        and not set("?#%\\ ").intersection(str(path))
        and not any(reading.startswith("//") for reading in readings(to_wsgi(str(path)))),
        "sign_in must be the path of a page on this host, without a query, "
        f"got {got(path)}; sign_in='/auth/login'",
    )
    return to_wsgi(str(path))


def sign_in_page(environ: Mapping[str, Any], sign_in: str) -> str:
    """Return the URL of the sign-in page."""
    return mounted(environ, quote(sign_in, "/:@!$&'()*+,;=-._~", encoding="latin-1"))


def sign_in_url(refusal: Refusal, environ: Mapping[str, Any], sign_in: str) -> str:
    """Return the URL of the sign-in page, with `next` if the request can be repeated by a GET.

    For a `StepUp` it has `prompt=login` too (OpenID Connect Core 1.0 section 3.1.2.1): the page
    must ask for the password, though the session is valid.
    """
    page = sign_in_page(environ, sign_in)
    query = [PROMPT] if refusal.code == STEP_UP else []
    following = None
    if environ.get("REQUEST_METHOD") in ("GET", "HEAD"):
        following = local_address(environ)
    query += [] if following is None else [f"next={quote(following, '/')}"]
    return f"{page}?{'&'.join(query)}" if query else page


def leads_to_sign_in(refusal: Refusal, environ: Mapping[str, Any], sign_in: str) -> bool:
    """Return whether to redirect a person to the sign-in page instead of answering this refusal.

    Do not redirect from that page itself. If a rule governs it, the browser would loop.
    """
    return (
        refusal.status == 401
        and environ.get("REQUEST_METHOD") in ("GET", "HEAD")
        and environ.get("PATH_INFO") != sign_in
        and wants_page(environ)
    )


def redirect_to_sign_in(refusal: Refusal, environ: Mapping[str, Any], sign_in: str) -> Response:
    """Return a 303 redirect to the sign-in page (RFC 9110 section 15.4.4)."""
    return Response(status=303, headers={"Location": sign_in_url(refusal, environ, sign_in)})
