"""Cookie mode, for front ends in a browser: the refresh token is in a cookie that scripts cannot
read.

The cookie is `__Host-jwt_refresh`: `HttpOnly; Secure; SameSite=Strict; Path=/`. A browser accepts a
cookie whose name starts with `__Host-` only from the host itself (RFC 6265bis section 4.1.3.2). So
a sibling host cannot plant a session. Over plain http at a loopback host the cookie is
`jwt_refresh` without `Secure`, because WebKit drops Secure cookies there.

A browser sends the cookie with every request, also with one that a foreign page causes. So a
request that uses or sets the cookie must come from a page of this host or of a listed origin.
Otherwise a foreign page could log its visitor in as another user.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from werkzeug.wrappers import Request, Response

from ..wire.cookies import cookie_values, loopback_cookie_name
from ..wire.origins import AllowedOrigins
from ..wire.same_site import is_own_origin, is_plain_loopback
from .errors import ForeignSession, LoginError, json_response
from .grants import Grants, Peer

HOST_NAME = "__Host-jwt_refresh"
LOOPBACK_NAME = loopback_cookie_name(HOST_NAME)

_MAX_AGE = 34_560_000
"""Seconds, 400 days: browsers store no cookie longer (RFC 6265bis section 5.5)."""


class CookieMode:
    """Answers `POST /token` and `POST /revoke` with the refresh token in the cookie only, never in
    a body."""

    def __init__(self, grants: Grants, *, allowed_origins: AllowedOrigins, max_age: float) -> None:
        self._grants = grants
        self._allowed_origins = allowed_origins
        self._max_age = min(int(max_age), _MAX_AGE)

    def token(self, request: Request, fields: Mapping[str, Any], peer: Peer) -> Response:
        """Answer `POST /token`. Ignore a refresh token in the body.

        A token from the body must not move into the cookie: it would end the session there.
        """
        require_same_site(request, self._allowed_origins)
        fields = {name: value for name, value in fields.items() if name != "refresh_token"}
        is_refresh = fields.get("grant_type") == "refresh_token"
        if is_refresh:
            fields["refresh_token"] = _require_cookie(request)
        try:
            answer = self._grants.grant(fields, peer)
        except LoginError as error:
            response = error.response()
            has_ended = error.code == "invalid_grant" and not isinstance(error, ForeignSession)
            if is_refresh and has_ended:
                # Otherwise the browser would send the dead cookie and get the same error again.
                clear_cookie(request, response)
            return response
        refresh_token = answer.pop("refresh_token")
        response = json_response(200, answer)
        set_cookie(request, response, refresh_token, self._max_age)
        return response

    def revoke(
        self, request: Request, tokens: Sequence[str], peer: Peer, *, everywhere: bool
    ) -> Response:
        """Answer `POST /revoke`. Revoke the cookie and `tokens`, those of the body and the header.

        The cookie alone may belong to a session that has already ended.
        """
        require_same_site(request, self._allowed_origins)
        cookie = read_cookie(request)
        self._grants.revoke([cookie, *tokens] if cookie else tokens, peer, everywhere=everywhere)
        response = json_response(200, {})
        clear_cookie(request, response)
        return response


def require_same_site(request: Request, allowed_origins: AllowedOrigins) -> None:
    """Raise `LoginError` 403 if the request comes from a page of a foreign origin.

    A page of this host, a page of a listed origin, and a client other than a browser may go on.
    Browsers send no SameSite cookie across sites, so a listed origin of another site cannot use
    cookie mode.
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
        raise LoginError(403, "invalid_request", "This request must come from a page of this site.")


def read_cookie(request: Request) -> str | None:
    """Return the refresh token in the cookie, or None without one. Two cookies of this name raise
    `LoginError` 400.

    A browser sends the cookie with the longer path first, so the first one may be planted by an
    attacker.
    """
    values = cookie_values(str(request.environ.get("HTTP_COOKIE", "")), _name(request))
    if len(values) > 1:
        raise LoginError(400, "invalid_request", "There is more than one session cookie.")
    return values[0] if values and values[0] else None


def set_cookie(request: Request, response: Response, refresh_token: str, max_age: int) -> None:
    """Set the cookie to a refresh token, for `max_age` seconds."""
    response.set_cookie(_name(request), refresh_token, max_age=max_age, **_attributes(request))


def clear_cookie(request: Request, response: Response) -> None:
    """Tell the browser to delete the cookie."""
    response.delete_cookie(_name(request), **_attributes(request))


def _require_cookie(request: Request) -> str:
    token = read_cookie(request)
    if token is None:
        raise LoginError(400, "invalid_request", "There is no session cookie.")
    return token


def _name(request: Request) -> str:
    return LOOPBACK_NAME if is_plain_loopback(request.environ) else HOST_NAME


def _attributes(request: Request) -> Any:
    is_secure = not is_plain_loopback(request.environ)
    return {"path": "/", "secure": is_secure, "httponly": True, "samesite": "Strict"}
