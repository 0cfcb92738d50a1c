"""`DjangoClient`: Django's test client, which sends a token through the whole WSGI app.

Django's own client calls Django's handler and bypasses the wrappers in `WSGI_APPLICATION`. So it
would get an answer for a protected path without the middleware. Only this module needs Django.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from copy import copy
from http.cookies import SimpleCookie
from typing import Any, Self

from django.core.handlers.wsgi import (  # type: ignore[import-untyped, unused-ignore]
    WSGIHandler,
    WSGIRequest,
)
from django.core.servers.basehttp import (  # type: ignore[import-untyped, unused-ignore]
    get_internal_wsgi_application,
)
from django.core.signals import (  # type: ignore[import-untyped, unused-ignore]
    request_finished,
    request_started,
)
from django.db import close_old_connections  # type: ignore[import-untyped, unused-ignore]
from django.http import HttpResponse  # type: ignore[import-untyped, unused-ignore]
from django.http.response import (  # type: ignore[import-untyped, unused-ignore]
    HttpResponseBase,
)
from django.test.client import (  # type: ignore[import-untyped, unused-ignore]
    Client,
    conditional_content_removal,
)

from .._options import require
from .tokens import Tokens

_REQUESTS = "jwt_middleware.testing.requests"
"""An environ key of this module: a list, to which Django's request is appended."""


class DjangoClient(Client):  # type: ignore[misc, unused-ignore]
    """A `django.test.Client` for a WSGI app that accepts the tokens: `DjangoClient(app, tokens)`
    within `trusting(app)`.

    `app` is the object that a server loads: Django wrapped in its middleware. `wsgi_application()`
    returns the one that the setting `WSGI_APPLICATION` names. Options, methods and answers are
    those of Django's client. An answer of the middleware is an `HttpResponse` too. A client made
    from another one has the same options, its own token and no cookies.
    """

    def __init__(self, app: Any, tokens: Tokens, **options: Any) -> None:
        super().__init__(**options)
        self.handler = _Handler(app, options.get("enforce_csrf_checks", False))
        self.tokens = tokens
        self.lifetime = tokens.lifetime

    def as_user(
        self, subject: str, *, scopes: Sequence[str] = (), issuer: str | None = None, **claims: Any
    ) -> Self:
        """Return a client that sends a new valid token for this subject. The arguments are those of
        `Tokens.good`."""
        return self.with_token(self.tokens.good(subject, scopes=scopes, issuer=issuer, **claims))

    def with_token(self, token: str) -> Self:
        """Return a client that sends this token, valid or not."""
        require(isinstance(token, str), "token must be a string")
        client = self.anonymous
        client.defaults["HTTP_AUTHORIZATION"] = f"Bearer {token}"
        return client

    @property
    def anonymous(self) -> Self:
        """A client that sends no token."""
        client = copy(self)
        client.defaults = {**self.defaults}
        client.defaults.pop("HTTP_AUTHORIZATION", None)
        client.cookies = SimpleCookie()
        return client

    def request(self, **request: Any) -> Any:
        """Send a request through the whole app. Raise `ConfigurationError` after the test has
        ended."""
        self.lifetime.check()
        return super().request(**request)


def wsgi_application() -> Any:
    """Return the app that the setting `WSGI_APPLICATION` names, as `runserver` does."""
    return get_internal_wsgi_application()


class _Handler:
    """Calls a WSGI app in place of Django's handler."""

    def __init__(self, app: Any, enforce_csrf_checks: bool) -> None:
        self._app = app
        self._request_class = _request_class(enforce_csrf_checks)

    def __call__(self, environ: dict[str, Any]) -> HttpResponseBase:
        requests: list[WSGIRequest] = []
        environ = {**environ, _REQUESTS: requests}
        with _connections_stay_open(), _requests_are(self._request_class):
            response = _call(self._app, environ)
            request = requests[0] if requests else WSGIRequest(environ)
            conditional_content_removal(request, response)
            if not response.streaming:
                response.close()
        response.wsgi_request = request
        return response


def _request_class(enforce_csrf_checks: bool) -> type[WSGIRequest]:
    """Return a class of requests like those of Django's client, which the client can find."""

    class Request(WSGIRequest):  # type: ignore[misc, unused-ignore]
        def __init__(self, environ: dict[str, Any]) -> None:
            super().__init__(environ)
            self._dont_enforce_csrf_checks = not enforce_csrf_checks
            environ.get(_REQUESTS, []).append(self)

    return Request


@contextmanager
def _requests_are(request_class: type[WSGIRequest]) -> Iterator[None]:
    """Let Django create its requests with this class until the end of the block.

    Django has no signal that passes the request, but the client must mark it and attach it to the
    response.
    """
    usual = WSGIHandler.request_class
    WSGIHandler.request_class = request_class
    try:
        yield
    finally:
        WSGIHandler.request_class = usual


@contextmanager
def _connections_stay_open() -> Iterator[None]:
    """Prevent requests from closing the test's database connection, as Django's own client does."""
    signals = (request_started, request_finished)
    connected = [signal for signal in signals if signal.disconnect(close_old_connections)]
    try:
        yield
    finally:
        for signal in connected:
            signal.connect(close_old_connections)


def _call(app: Callable[..., Iterable[bytes]], environ: dict[str, Any]) -> HttpResponseBase:
    """Call the app. Return Django's own response if the app passed it through, else a similar
    one."""
    begun: list[tuple[str, list[tuple[str, str]]]] = []
    written: list[bytes] = []

    def start_response(
        status: str, headers: list[tuple[str, str]], exc_info: Any = None
    ) -> Callable[[bytes], None]:
        begun[:] = [(status, headers)]
        return written.append

    body = app(environ, start_response)
    # Wrappers pass Django's response through as an iterable, so all its attributes are still there.
    response = body if isinstance(body, HttpResponseBase) else _response(body, written)
    status, headers = begun[0]
    code, _, response.reason_phrase = status.partition(" ")
    response.status_code = int(code)
    _set_headers(response, headers)
    return response


def _response(body: Iterable[bytes], written: list[bytes]) -> HttpResponse:
    try:
        chunks = [*body]
    finally:
        if hasattr(body, "close"):
            body.close()
    return HttpResponse(b"".join([*written, *chunks]))


def _set_headers(response: HttpResponseBase, headers: list[tuple[str, str]]) -> None:
    """Set the headers that were sent, since wrappers may have added or removed some."""
    sent: dict[str, str] = {}
    for name, value in headers:
        if name.lower() == "set-cookie":
            response.cookies.load(value)
        else:
            key = name.title()
            sent[key] = f"{sent[key]}, {value}" if key in sent else value
    for name in [*response.headers]:
        del response.headers[name]
    for name, value in sent.items():
        response.headers[name] = value
