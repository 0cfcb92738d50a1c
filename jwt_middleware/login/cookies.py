"""Cookie mode: the refresh token in a cookie that no script can read, for front ends in a browser.

The cookie is `__Host-jwt_refresh`: `HttpOnly; Secure; SameSite=Strict; Path=/`. A browser takes a
cookie whose name starts with `__Host-` from the host itself alone (RFC 6265bis section 4.1.3.2), so
a sibling host cannot plant a session there. On plain http at a loopback host it is `jwt_refresh`
without `Secure`, because WebKit drops Secure cookies there.

A browser sends the cookie by itself. So a request that uses it, or would set it, must come from a
page of this host or of a listed origin. Otherwise a foreign page could log its visitor in as
somebody else.
"""

import ipaddress
import re
from collections.abc import Mapping, Sequence
from typing import Any

from werkzeug.wrappers import Request, Response

from .errors import ForeignSession, LoginError, json_response
from .grants import Grants, Peer

HOST_NAME = "__Host-jwt_refresh"
LOOPBACK_NAME = "jwt_refresh"

_MAX_AGE = 34_560_000  # seconds: 400 days, as long as browsers keep any (RFC 6265bis section 5.5)
_ORIGIN = re.compile(r"(https?)://([^/@?#\\\s:\[\]]+|\[[0-9a-f:.]+\])(?::([0-9]{1,5}))?")
_HOST = re.compile(r"([^/@?#\\\s:\[\]]+|\[[0-9a-f:.]+\])(?::([0-9]{1,5}))?")
_DEFAULT_PORTS = {"http": "80", "https": "443"}


class CookieMode:
    """`POST /token` and `POST /revoke` with the refresh token in the cookie and in no body."""

    def __init__(self, grants: Grants, *, allowed_origins: frozenset[str], max_age: float) -> None:
        self._grants = grants
        self._allowed_origins = allowed_origins
        self._max_age = min(int(max_age), _MAX_AGE)

    def token(self, request: Request, fields: Mapping[str, Any], peer: Peer) -> Response:
        """Answer `POST /token`; a refresh token in the body counts for nothing, so that it is not
        moved into a cookie, where it would end whatever session is there."""
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
                clear_cookie(
                    request, response
                )  # so that the session is not reported as ended once more
            return response
        refresh_token = answer.pop("refresh_token")
        response = json_response(200, answer)
        set_cookie(request, response, refresh_token, self._max_age)
        return response

    def revoke(
        self, request: Request, tokens: Sequence[str], peer: Peer, *, everywhere: bool
    ) -> Response:
        """Answer `POST /revoke`; `tokens`, those of the body and the Authorization header, are
        revoked too: the cookie may be that of a session that has ended."""
        require_same_site(request, self._allowed_origins)
        cookie = read_cookie(request)
        self._grants.revoke([cookie, *tokens] if cookie else tokens, peer, everywhere=everywhere)
        response = json_response(200, {})
        clear_cookie(request, response)
        return response


def require_same_site(request: Request, allowed_origins: frozenset[str]) -> None:
    """Return if the request comes from a page of this host, a listed origin, or not from a browser;
    else raise `LoginError` 403.

    A browser gives no SameSite cookie to a listed origin of another site, so cookie mode is not for
    those.
    """
    origin = request.environ.get("HTTP_ORIGIN")
    fetch_site = request.environ.get("HTTP_SEC_FETCH_SITE")
    if origin in allowed_origins and fetch_site != "cross-site":
        return
    # Without both headers it is a program, or a browser so old that SameSite must protect it.
    is_own_site = fetch_site in (None, "same-origin")
    if origin is not None:
        is_own_site = fetch_site in (None, "same-origin", "none") and _is_own_origin(
            request, origin
        )
    if not is_own_site:
        raise LoginError(403, "invalid_request", "This request must come from a page of this site.")


def read_cookie(request: Request) -> str | None:
    """Return the refresh token in the cookie, or None without one. `LoginError` 400 for two.

    Of two cookies with one name a browser sends first the one with the longer path, so the first
    may be one that somebody has planted.
    """
    name, values = _name(request), []
    for pair in str(request.environ.get("HTTP_COOKIE", "")).split(";"):
        key, _, value = pair.partition("=")
        if key.strip(" \t") == name:
            values.append(value.strip(" \t"))
    if len(values) > 1:
        raise LoginError(400, "invalid_request", "There is more than one session cookie.")
    return values[0] if values and values[0] else None


def set_cookie(request: Request, response: Response, refresh_token: str, max_age: int) -> None:
    """Set the cookie to a refresh token, for `max_age` seconds."""
    response.set_cookie(_name(request), refresh_token, max_age=max_age, **_attributes(request))


def clear_cookie(request: Request, response: Response) -> None:
    """Have the browser remove the cookie."""
    response.delete_cookie(_name(request), **_attributes(request))


def _require_cookie(request: Request) -> str:
    token = read_cookie(request)
    if token is None:
        raise LoginError(400, "invalid_request", "There is no session cookie.")
    return token


def _name(request: Request) -> str:
    return LOOPBACK_NAME if _is_plain_loopback(request) else HOST_NAME


def _attributes(request: Request) -> Any:
    is_secure = not _is_plain_loopback(request)
    return {"path": "/", "secure": is_secure, "httponly": True, "samesite": "Strict"}


def _is_own_origin(request: Request, origin: str) -> bool:
    """Whether this is the origin of a page that could have the cookie.

    A page of this host by http could not, but at a loopback host: the cookie is Secure. So whoever
    speaks for http://example.com on the network does not speak for https://example.com.
    """
    found = _ORIGIN.fullmatch(origin.lower()) if isinstance(origin, str) else None
    if found is None:
        return False
    scheme, host, port = found.groups()
    port = port or _DEFAULT_PORTS[scheme]
    # Behind a proxy that ends TLS the server sees http, and yet the browser spoke https.
    own_scheme = "http" if _is_plain_loopback(request) else "https"
    own_host, own_port = _host(request)
    if own_port in (None, _DEFAULT_PORTS.get(request.environ.get("wsgi.url_scheme", ""))):
        own_port = _DEFAULT_PORTS[own_scheme]
    return (scheme, host, port) == (own_scheme, own_host, own_port)


def _is_plain_loopback(request: Request) -> bool:
    """Whether the request came by http to this machine itself."""
    environ = request.environ
    if environ.get("wsgi.url_scheme") != "http":
        return False
    # A proxy on this machine may send its own host: what came to it was https all the same.
    is_forwarded = any(name.startswith("HTTP_X_FORWARDED_") for name in environ)
    if is_forwarded:
        return False
    host = _host(request)[0] or ""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def _host(request: Request) -> tuple[str | None, str | None]:
    """The host and port that the browser asked for, in lower case; None for what is not there."""
    get = request.environ.get
    header = get("HTTP_HOST") or f"{get('SERVER_NAME', '')}:{get('SERVER_PORT', '')}"
    found = _HOST.fullmatch(str(header).lower())
    return (found[1], found[2]) if found else (None, None)
