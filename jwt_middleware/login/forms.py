"""Logs in and out without a script: `GET /login`, `POST /login`, `POST /logout`.

A plain form gets a page, or a redirect to the requested page. With an access cookie, `GET /login`
renews the session of a browser whose access token has expired, and redirects to `next`.
"""

from collections.abc import Callable
from urllib.parse import quote

from werkzeug.wrappers import Request, Response

from ..errors import StoreUnavailable
from ..wire.addresses import client_address, peer_address
from . import audit
from .body import read_fields
from .cookies import CookieMode
from .errors import NO_STORE, LoginError, has_ended
from .pages import AGAIN, LoginPage, local_path
from .requester import Peer

_RETRY_AFTER = {"Retry-After": "5"}

_FROM_ELSEWHERE = ("cross-site", "same-site")
"""Values of `Sec-Fetch-Site` for a link on another site. A browser follows it without cookies that
are `SameSite=Strict`."""


class Forms:
    """Answers the plain forms of the sign-in page."""

    def __init__(self, cookies: CookieMode, page: LoginPage) -> None:
        self._cookies = cookies
        self._page = page

    def show(self, request: Request) -> Response:
        """Answer `GET /login`: renew the session, or show the page."""
        following = local_path(request.args.getlist("next"))
        if request.args.get("prompt") == "login":
            # A guard asks for a more recent login, so a session does not lead back to it.
            return self._page.response(request, following, notice="login_again")
        if request.method != "GET":
            return self._page.response(request, following)
        if not self._cookies.has_access_cookie:
            return self._show_to_script(request, following)
        return self._with_errors_shown(request, following, lambda: self._renew(request, following))

    def log_in(self, request: Request) -> Response:
        """Answer `POST /login`: 303 to `next` with the cookies set, or the page again."""
        following = ""

        def work() -> Response:
            nonlocal following
            fields = read_fields(request)
            following = local_path([str(fields.get("next", ""))])
            self._cookies.require_same_site(request)
            words = {name: fields.get(name) for name in ("username", "password")}
            answer = self._cookies.grant(words, peer_of(request))
            response = _see(following or "login")
            self._cookies.set(request, response, answer)
            return response

        try:
            return work()
        except (LoginError, StoreUnavailable) as error:
            return self._page.response(request, following, _login_error(error, request))

    def log_out(self, request: Request) -> Response:
        """Answer `POST /logout`: the session ends, the cookies go, and 303 to the page."""
        read_fields(request, may_be_absent=True)
        self._cookies.require_same_site(request)
        self._cookies.end(request, peer_of(request))
        response = _see("login")
        self._cookies.clear(request, response)
        return response

    def _show_to_script(self, request: Request, following: str) -> Response:
        """Answer `GET /login` without an access cookie: the script of the page goes to `next`.

        A guarded page sends a browser without that cookie back here at once, for ever.
        """
        if following and self._cookies.is_looping(request, following):
            return self._not_accepted(request)
        response = self._page.response(request, following)
        if following:
            self._cookies.count_return(request, response, following)
        return response

    def _not_accepted(self, request: Request) -> Response:
        """Return the page without `next`, to which its script would go again."""
        audit.record("loop", peer_of(request).address)
        return self._page.response(request, "", is_signed_in=True, notice="not_accepted")

    def _renew(self, request: Request, following: str) -> Response:
        answer = self._cookies.renew(request, peer_of(request))
        if answer is None:
            is_first = AGAIN not in request.args
            if is_first and request.environ.get("HTTP_SEC_FETCH_SITE") in _FROM_ELSEWHERE:
                # Once this page itself asks again, the browser adds the cookie.
                return self._page.again(following)
            return self._page.response(request, following)
        if following and not self._cookies.is_looping(request, following):
            response = _see(following)
            self._cookies.count_return(request, response, following)
        elif following:
            response = self._not_accepted(request)
        else:
            response = self._page.response(request, "", is_signed_in=True)
        self._cookies.set(request, response, answer)
        return response

    def _with_errors_shown(
        self, request: Request, following: str, work: Callable[[], Response]
    ) -> Response:
        try:
            return work()
        except (LoginError, StoreUnavailable) as error:
            shown = _login_error(error, request)
        if shown.status >= 500:
            return self._page.response(request, following, shown)
        response = self._page.response(request, following)
        if has_ended(shown):
            self._cookies.clear(request, response)
        return response


def peer_of(request: Request) -> Peer:
    """Return the source of a request."""
    return Peer(peer_address(request.environ), client_address(request.environ))


def unavailable(error: StoreUnavailable, peer: Peer) -> LoginError:
    """Record that a store cannot answer, and return the error that says so."""
    audit.record("unavailable", peer.address, error=error.in_full())
    return LoginError(
        503, "temporarily_unavailable", "The service cannot log you in now.", _RETRY_AFTER
    )


def _login_error(error: LoginError | StoreUnavailable, request: Request) -> LoginError:
    return error if isinstance(error, LoginError) else unavailable(error, peer_of(request))


def _see(location: str) -> Response:
    # A path from a form may hold anything: as a header it is quoted.
    url = quote(location, "/?#:@!$&'()*+,;=%-._~[]")
    return Response(status=303, headers={"Location": url, **NO_STORE})
