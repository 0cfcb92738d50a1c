"""Cookie mode, for front ends in a browser: the refresh token is in a cookie that scripts cannot
read.

The cookie is `__Host-jwt_refresh`: `HttpOnly; Secure; SameSite=Strict; Path=/`. A browser accepts a
cookie whose name starts with `__Host-` only from the host itself (RFC 6265bis section 4.1.3.2). So
a sibling host cannot plant a session. Over plain http at a loopback host the cookie is
`jwt_refresh` without `Secure`, because WebKit drops Secure cookies there.

A browser sends the cookie with every request, also with one that a foreign page causes. So a
request that uses or sets the cookie must come from a page of this host or of a listed origin.
Otherwise a foreign page could log its visitor in as another user.

Beside it, the cookie `__Host-jwt_session` (`jwt_session` at a loopback host) says that there is a
session, and nothing else. Scripts can read it, so `jwt-client.js` sends no request on a first
visit. Nothing trusts it: a planted one costs a request, a deleted one hides the session from the
script. A browser with a session from before this cookie gets it with `GET /jwt-client.js`.

With `access_cookie`, another cookie holds the access token, so that pages of the server, images
and downloads work too (`wire.places.in_cookie`).
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from werkzeug.wrappers import Request, Response

from .._options import got, require
from ..wire.cookies import COOKIE_NAME, cookie_values, loopback_cookie_name
from ..wire.origins import AllowedOrigins
from ..wire.same_site import is_from_this_site, is_plain_loopback
from . import returns
from .client_keys import ClientKey
from .errors import LoginError, has_ended, json_response
from .grants import Grants
from .own_pages import require_same_site
from .requester import Peer

HOST_NAME = "__Host-jwt_refresh"
LOOPBACK_NAME = loopback_cookie_name(HOST_NAME)

SESSION_NAME = "__Host-jwt_session"
"""The cookie that tells scripts of a session. `jwt-client.js` has the name too."""

_OWN_NAMES = (LOOPBACK_NAME, loopback_cookie_name(SESSION_NAME))

_MAX_AGE = 34_560_000
"""Seconds, 400 days: browsers store no cookie longer (RFC 6265bis section 5.5)."""

_MAX_COOKIE = 4096
"""Bytes of a cookie with its attributes: browsers drop a larger one without a word (RFC 6265bis
section 5.6)."""

_ATTRIBUTES_BYTES = 128  # more than `; Secure; HttpOnly; Path=/; SameSite=Lax; Max-Age=...` takes


class CookieMode:
    """Answers requests with the refresh token in a cookie only, never in a body.

    - `max_age`: seconds for which the browser keeps the refresh token.
    - `access_cookie`: the name of a second cookie for the access token, or None. It is `SameSite=
      Lax`, so that a link from another site leads to a page.
    """

    def __init__(
        self,
        grants: Grants,
        *,
        allowed_origins: AllowedOrigins,
        max_age: float,
        access_cookie: str | None = None,
    ) -> None:
        self._grants = grants
        self._allowed_origins = allowed_origins
        self._max_age = min(int(max_age), _MAX_AGE)
        self._access_cookie = _checked_name(access_cookie)

    @property
    def has_access_cookie(self) -> bool:
        """Whether a browser has the access token in a cookie, so that it can open pages."""
        return self._access_cookie is not None

    def access_token(self, request: Request) -> str | None:
        """Return the token in the access cookie, or None. Two such cookies: 400."""
        if self._access_cookie is None:
            return None
        return _only_value(request, self._access_name(request))

    def require_own_page(self, request: Request) -> None:
        """Raise `LoginError` 403 unless a header shows that a page of this site made the request.

        Stricter than `require_same_site`, for requests that need nothing but a cookie.
        """
        self.require_same_site(request)
        if not is_from_this_site(request.environ, self._allowed_origins):
            message = "The Origin of this request must show that it comes from a page of this site."
            raise LoginError(403, "invalid_request", message)

    def token(
        self,
        request: Request,
        fields: Mapping[str, Any],
        peer: Peer,
        key: ClientKey | None = None,
    ) -> Response:
        """Answer `POST /token`. Ignore a refresh token in the body. Bind the tokens to the key.

        A token from the body must not move into the cookie, since it would end the session there.
        """
        self.require_same_site(request)
        fields = {name: value for name, value in fields.items() if name != "refresh_token"}
        is_refresh = fields.get("grant_type") == "refresh_token"
        if is_refresh:
            refresh_token = read_cookie(request)
            if refresh_token is None:
                return self._without_session(request)
            fields["refresh_token"] = refresh_token
        try:
            answer = self.grant(fields, peer, key)
        except LoginError as error:
            response = error.response()
            if is_refresh and has_ended(error):
                # Otherwise the browser would send the dead cookie and get the same error again.
                self.clear(request, response)
            return response
        body = {name: value for name, value in answer.items() if name != "refresh_token"}
        response = json_response(200, body)
        self.set(request, response, answer)
        return response

    def revoke(
        self, request: Request, tokens: Sequence[str], peer: Peer, *, everywhere: bool
    ) -> Response:
        """Answer `POST /revoke`. Revoke the cookies and `tokens`, those of the body and the header.

        The refresh cookie alone may belong to a session that has already ended.
        """
        self.require_same_site(request)
        ended = self._grants.revoke([*self._tokens(request), *tokens], peer, everywhere=everywhere)
        response = json_response(200, ended)
        self.clear(request, response)
        return response

    def require_same_site(self, request: Request) -> None:
        """Raise `LoginError` 403 if a page of a foreign origin made the request."""
        require_same_site(request, self._allowed_origins)

    def grant(
        self, fields: Mapping[str, Any], peer: Peer, key: ClientKey | None = None
    ) -> dict[str, Any]:
        """Return the fields of a grant whose tokens fit into the cookies, or raise `LoginError`."""
        if self._access_cookie is None or key is not None:
            return self._grants.grant(fields, peer, key=key)
        most = _MAX_COOKIE - _ATTRIBUTES_BYTES - len(self._access_cookie)
        return self._grants.grant(fields, peer, max_token_bytes=most)

    def renew(self, request: Request, peer: Peer) -> dict[str, Any] | None:
        """Return the fields of a renewal by the refresh cookie, None without that cookie, or raise
        `LoginError`."""
        token = read_cookie(request)
        if token is None:
            return None
        return self.grant({"grant_type": "refresh_token", "refresh_token": token}, peer)

    def set(self, request: Request, response: Response, answer: Mapping[str, Any]) -> None:
        """Set the cookies to the tokens of a grant.

        A browser proves no key with a cookie. So a token that is bound to one gets no cookie, and
        that of an earlier token goes.
        """
        set_cookie(request, response, answer["refresh_token"], self._max_age)
        is_bound = answer["token_type"] != "Bearer"  # noqa: S105 (no password)
        if self._access_cookie is not None and is_bound:
            response.delete_cookie(self._access_name(request), **_attributes(request, "Lax"))
        elif self._access_cookie is not None:
            response.set_cookie(
                self._access_name(request),
                answer["access_token"],
                max_age=answer["expires_in"],
                **_attributes(request, "Lax"),
            )

    def clear(self, request: Request, response: Response) -> None:
        """Tell the browser to delete the cookies."""
        clear_cookie(request, response)
        if self._access_cookie is not None:
            response.delete_cookie(self._access_name(request), **_attributes(request, "Lax"))

    def is_looping(self, request: Request, following: str) -> bool:
        """Return whether the cookies of a session led to `following` and back, time and again."""
        return self._may_loop(request) and returns.is_looping(request, following)

    def count_return(self, request: Request, response: Response, following: str) -> None:
        """Count a redirect to `following` of a browser that already has the cookies it needs."""
        if self._may_loop(request):
            returns.count_return(request, response, following, _attributes(request, "Lax"))

    def _may_loop(self, request: Request) -> bool:
        """Return whether the browser has the cookies already, so that new ones change nothing."""
        return bool(_values(request, _name(request, self._access_cookie or HOST_NAME)))

    def mark_old_session(self, request: Request, response: Response) -> None:
        """Tell scripts of a session from before `SESSION_NAME`."""
        has_session = _values(request, _name(request, HOST_NAME))
        if has_session and not _values(request, _name(request, SESSION_NAME)):
            _set_marker(request, response, self._max_age)

    def end(self, request: Request, peer: Peer) -> None:
        """End the session of the cookies."""
        self._grants.revoke(self._tokens(request), peer)

    def _without_session(self, request: Request) -> Response:
        """Refuse a renewal without the refresh cookie. The script is not to ask again."""
        response = LoginError(400, "invalid_request", "There is no session cookie.").response()
        if _values(request, _name(request, SESSION_NAME)):
            _clear_marker(request, response)
        return response

    def _tokens(self, request: Request) -> list[str]:
        """Return the tokens in the cookies of a request. Two cookies of one name: 400."""
        tokens = [read_cookie(request), self.access_token(request)]
        return [token for token in tokens if token is not None]

    def _access_name(self, request: Request) -> str:
        return _name(request, self._access_cookie or "")


def _checked_name(access_cookie: object) -> str | None:
    """Return the name of the access cookie, or raise `ConfigurationError`."""
    if access_cookie is None:
        return None
    is_name = isinstance(access_cookie, str) and re.fullmatch(COOKIE_NAME, access_cookie)
    require(
        is_name and loopback_cookie_name(str(access_cookie)) not in _OWN_NAMES,
        f"access_cookie must be the name of a cookie other than {HOST_NAME} and {SESSION_NAME}, "
        f"got {got(access_cookie)}; access_cookie='__Host-jwt'",
    )
    return str(access_cookie)


def read_cookie(request: Request) -> str | None:
    """Return the refresh token in the cookie, or None. Two cookies of this name: `LoginError` 400.

    A browser sends the cookie with the longer path first, so the first one may be planted by an
    attacker.
    """
    return _only_value(request, _name(request, HOST_NAME))


def set_cookie(request: Request, response: Response, refresh_token: str, max_age: int) -> None:
    """Set the cookie to a refresh token, and the one that tells scripts of it, for `max_age`
    seconds."""
    _set_marker(request, response, max_age)
    name = _name(request, HOST_NAME)
    response.set_cookie(name, refresh_token, max_age=max_age, **_attributes(request))


def clear_cookie(request: Request, response: Response) -> None:
    """Tell the browser to delete the cookie, and the one that tells scripts of it."""
    _clear_marker(request, response)
    response.delete_cookie(_name(request, HOST_NAME), **_attributes(request))


def _set_marker(request: Request, response: Response, max_age: int) -> None:
    attributes = {**_attributes(request), "httponly": False}
    response.set_cookie(_name(request, SESSION_NAME), "1", max_age=max_age, **attributes)


def _clear_marker(request: Request, response: Response) -> None:
    attributes = {**_attributes(request), "httponly": False}
    response.delete_cookie(_name(request, SESSION_NAME), **attributes)


def _values(request: Request, name: str) -> list[str]:
    return cookie_values(str(request.environ.get("HTTP_COOKIE", "")), name)


def _only_value(request: Request, name: str) -> str | None:
    values = _values(request, name)
    if len(values) > 1:
        raise LoginError(400, "invalid_request", "There is more than one session cookie.")
    return values[0] if values and values[0] else None


def _name(request: Request, name: str) -> str:
    return loopback_cookie_name(name) if is_plain_loopback(request.environ) else name


def _attributes(request: Request, same_site: str = "Strict") -> Any:
    is_secure = not is_plain_loopback(request.environ)
    return {"path": "/", "secure": is_secure, "httponly": True, "samesite": same_site}
