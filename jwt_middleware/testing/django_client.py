"""`DjangoClient`: Django's test client, which sends a token through the whole WSGI app.

Django's own client calls Django's handler, and goes round whatever wraps it in `WSGI_APPLICATION`:
a protected path is answered without the middleware. This is the only module that needs Django.
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
from .lifetime import Lifetime
from .tokens import Tokens

_REQUESTS = "jwt_middleware.testing.requests"
"""An environ key of this module: the list that gets Django's request."""


class DjangoClient(Client):  # type: ignore[misc, unused-ignore]
    """A `django.test.Client` of a WSGI app that accepts the tokens: `DjangoClient(app, tokens)`
    within `trusting(app)`.

    `app` is what a server loads, Django wrapped in its middleware. `wsgi_application()` returns the
    one that the setting `WSGI_APPLICATION` names. Options, methods and answers are those of
    Django's client; an answer of the middleware is an `HttpResponse` too. Each of the clients made
    of another has its options, a token of its own and no cookies yet.
    """

    def __init__(self, app: Any, tokens: Tokens, **options: Any) -> None:
        super().__init__(**options)
        self.handler = _Handler(app, options.get("enforce_csrf_checks", False))
        self.tokens = tokens
        self.lifetime = Lifetime()

    def as_user(
        self, subject: str, *, scopes: Sequence[str] = (), issuer: str | None = None, **claims: Any
    ) -> Self:
        """Return a client that sends a good token, made now, of this subject; the arguments are
        `Tokens.good`'s."""
        self.lifetime.check()
        return self.with_token(self.tokens.good(subject, scopes=scopes, issuer=issuer, **claims))

    def with_token(self, token: str) -> Self:
        """Return a client that sends this token, whatever it is worth."""
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
        """Send a request through the whole app; `ConfigurationError` once the test is over."""
        self.lifetime.check()
        return super().request(**request)


def wsgi_application() -> Any:
    """Return the app that the setting `WSGI_APPLICATION` names, as `runserver` does."""
    return get_internal_wsgi_application()


class _Handler:
    """Calls a WSGI app where Django's client calls Django's handler."""

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
    """Return a request that is as Django's client makes it, and that the client can find."""

    class Request(WSGIRequest):  # type: ignore[misc, unused-ignore]
        def __init__(self, environ: dict[str, Any]) -> None:
            super().__init__(environ)
            self._dont_enforce_csrf_checks = not enforce_csrf_checks
            environ.get(_REQUESTS, []).append(self)

    return Request


@contextmanager
def _requests_are(request_class: type[WSGIRequest]) -> Iterator[None]:
    """Let Django make its requests of this class until the end of the block: no signal of Django's
    tells of a request, and its client must mark it and show it in the answer."""
    usual = WSGIHandler.request_class
    WSGIHandler.request_class = request_class
    try:
        yield
    finally:
        WSGIHandler.request_class = usual


@contextmanager
def _connections_stay_open() -> Iterator[None]:
    """A request must not close the database connection of the test, as Django's own client sees to
    it."""
    signals = (request_started, request_finished)
    connected = [signal for signal in signals if signal.disconnect(close_old_connections)]
    try:
        yield
    finally:
        for signal in connected:
            signal.connect(close_old_connections)


def _call(app: Callable[..., Iterable[bytes]], environ: dict[str, Any]) -> HttpResponseBase:
    """Call the app, and return Django's own response where that came through, else one like it."""
    begun: list[tuple[str, list[tuple[str, str]]]] = []
    written: list[bytes] = []

    def start_response(
        status: str, headers: list[tuple[str, str]], exc_info: Any = None
    ) -> Callable[[bytes], None]:
        begun[:] = [(status, headers)]
        return written.append

    body = app(environ, start_response)
    # A response of Django's passes wrappers as the iterable that it is, with all its attributes.
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
    """Give the response what was sent, with what wrappers added and without what they took away."""
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
