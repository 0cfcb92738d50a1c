"""Answers refusals: chooses the body, and sets the headers that are always ours.

| the request | the answer |
|---|---|
| a navigation that would be 401, with `sign_in` | 303 to the sign-in page |
| any, if `on_refusal` returns an app | that app's body, with our status and headers |
| a navigation | a page (`wire.refusal_page`) |
| any other | problem details (`wire.problem`) |
"""

import logging
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeAlias

from werkzeug.datastructures import Headers
from werkzeug.http import is_hop_by_hop_header
from werkzeug.wrappers import Response

from .._options import got, require, takes
from ..errors import NonceNeeded, Refusal
from .challenge import NO_HINTS, bare_challenge, basic_challenge, challenge, check_realm, hints_of
from .cors import vary_by
from .credentials import Places
from .navigation import DECIDING_HEADERS, is_script, wants_page
from .problem import NOSNIFF, answering, problem_of
from .refusal_page import refusal_page
from .same_site import DECIDING_HEADERS as SITE_HEADERS
from .sign_in import (
    checked_sign_in,
    leads_to_sign_in,
    redirect_to_sign_in,
    sign_in_page,
    sign_in_url,
)
from .wsgi import StartResponse, WSGIApplication, drain_body

OnRefusal: TypeAlias = Callable[[Refusal, dict[str, Any]], WSGIApplication | None]
"""Returns the app whose body replaces ours, or None."""

_log = logging.getLogger("jwt_middleware")

_OURS = frozenset(
    (
        "cache-control",
        "content-length",
        "retry-after",
        "www-authenticate",
        "x-content-type-options",
    )
)
"""Headers that an owner's app cannot set on a refusal, in lower case."""


class RefusalAnswers:
    """Answers the refusals of one middleware. The options are those of `JWTMiddleware`."""

    def __init__(
        self, realm: str, places: Places, sign_in: str | None, on_refusal: OnRefusal | None
    ) -> None:
        check_realm(realm)
        form = "on_refusal must be a callable that takes a refusal and an environ and returns a "
        form += f"WSGI app or None, got {got(on_refusal)}"
        require(on_refusal is None or callable(on_refusal), form)
        require(on_refusal is None or takes(on_refusal, 2), f"{form}, which takes other arguments")
        self._realm = realm
        self._sign_in = checked_sign_in(sign_in)
        self._on_refusal = on_refusal
        self._places = places
        decide = DECIDING_HEADERS
        self._vary_names = {
            False: (*places.headers, *decide),
            True: (*places.headers, *SITE_HEADERS, *decide),  # for a request of another site
        }
        self._vary_values = {key: _merged(names) for key, names in self._vary_names.items()}
        self.metadata_url: str | None = None
        """The address of the metadata of the resource, if it has any (`wire.metadata`)."""

    def answer(
        self,
        refusal: Refusal,
        environ: dict[str, Any],
        start_response: StartResponse,
        scopes: Sequence[str] = (),
    ) -> Iterable[bytes]:
        """Read the rest of the request's body, and answer (PEP 3333).

        `scopes` are those of the rules of the path, for challenges that lead to the metadata.
        """
        drain_body(environ)
        return answering(self.response(refusal, environ, scopes))(environ, start_response)

    def response(
        self, refusal: Refusal, environ: dict[str, Any], scopes: Sequence[str] = ()
    ) -> Response:
        """Return the answer to a refused request."""
        if self._sign_in and leads_to_sign_in(refusal, environ, self._sign_in):
            response = redirect_to_sign_in(refusal, environ, self._sign_in)
        else:
            response = self._of_owner(refusal, environ) or self._of_ours(refusal, environ)
            for value in self._challenges(refusal, environ, scopes):
                response.headers.add("WWW-Authenticate", value)
            if refusal.retry_after is not None:
                response.headers["Retry-After"] = str(refusal.retry_after)
            if isinstance(refusal, NonceNeeded):
                response.headers["DPoP-Nonce"] = refusal.nonce
        response.headers["Cache-Control"] = "no-store"
        response.headers.update(NOSNIFF)
        self._vary(response, is_foreign=_is_foreign(refusal))
        return response

    def _vary(self, response: Response, *, is_foreign: bool) -> None:
        if "Vary" not in response.headers:
            response.headers["Vary"] = self._vary_values[is_foreign]
            return
        headers: Iterable[tuple[str, str]] = response.headers
        for name in self._vary_names[is_foreign]:
            headers = vary_by(name, headers)
        response.headers = Headers(headers)

    def _challenges(
        self, refusal: Refusal, environ: dict[str, Any], scopes: Sequence[str]
    ) -> list[str]:
        if refusal.retry_after is not None:  # the fault is ours, so no other token would help
            return []
        url = self.metadata_url
        hints = NO_HINTS if url is None else hints_of(refusal, url, scopes)
        given = [challenge(refusal, self._realm, hints)]
        if self._places.dpop is not None:
            bare = bare_challenge(self._realm, hints)
            given = self._places.dpop.challenges(refusal, environ, *given, bare)
        # Leave Basic out for scripts, since a browser would show its own dialog for a password.
        if self._places.take_passwords and refusal.status == 401 and not is_script(environ):
            basic = basic_challenge(self._realm)
            # Clients such as hg only read the first challenge, so the owner decides the order.
            return [basic, *given] if self._places.prefer_passwords else [*given, basic]
        return given

    def _of_ours(self, refusal: Refusal, environ: dict[str, Any]) -> Response:
        if not wants_page(environ):
            return problem_of(refusal)
        response = refusal_page(refusal, environ, self._link(refusal, environ))
        response.headers["Vary"] = "Accept-Language"
        return response

    def _link(self, refusal: Refusal, environ: dict[str, Any]) -> str | None:
        """Return the URL of the sign-in page, or None where signing in does not help: with a
        request that is malformed or foreign, or with a fault of ours."""
        if self._sign_in is None or refusal.status not in (401, 403):
            return None
        if refusal.status == 401:
            return sign_in_url(refusal, environ, self._sign_in)
        # With `next`, somebody who is signed in would come straight back here.
        return None if _is_foreign(refusal) else sign_in_page(environ, self._sign_in)

    def _of_owner(self, refusal: Refusal, environ: dict[str, Any]) -> Response | None:
        """Return the answer of the owner's app, with our status and without the headers of ours.

        Read its whole body here, so that an error halfway does not send half an answer.
        """
        if self._on_refusal is None:
            return None
        own = {**environ}  # a copy, so that the app's changes have no effect elsewhere
        try:
            app = self._on_refusal(refusal, own)
            if app is None:
                return None
            answer = Response.from_app(app, own, buffered=True)
            content = answer.get_data()
            kept = [pair for pair in answer.headers if _may_be_owners(*pair)]
        except Exception as error:
            # Log the class alone, since the message of a foreign error could quote the request.
            _log.error("on_refusal raised %s: our own answer is given", type(error).__name__)
            return None
        return Response(content, refusal.status, kept)


def _may_be_owners(name: str, value: str) -> bool:
    """Return whether to send a header of an owner's app. PEP 3333 forbids those of a connection,
    such as Transfer-Encoding, at which servers fail.

    Raise `UnicodeEncodeError` unless it is in Latin-1, which servers cannot send either.
    """
    f"{name}{value}".encode("latin-1")
    return name.lower() not in _OURS and not is_hop_by_hop_header(name)


def _merged(names: Iterable[str]) -> str:
    headers: list[tuple[str, str]] = []
    for name in names:
        headers = vary_by(name, headers)
    return headers[0][1]


def _is_foreign(refusal: Refusal) -> bool:
    """Return whether a page of another site made the request."""
    return refusal.reason in ("cross_site", "origin")
