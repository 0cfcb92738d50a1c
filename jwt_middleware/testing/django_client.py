"""`DjangoClient`: Django's test client, through the wrapped WSGI application. The only module that
needs Django.

Django's own client calls Django's request handler, which no WSGI middleware surrounds: there every
protected path answers 200, with nobody signed in.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from copy import copy
from http.cookies import SimpleCookie
from io import BytesIO
from typing import Any, Self

from django.core.handlers.wsgi import WSGIHandler, WSGIRequest  # type: ignore[import-untyped]
from django.core.servers.basehttp import (  # type: ignore[import-untyped]
    get_internal_wsgi_application,
)
from django.core.signals import request_finished, request_started  # type: ignore[import-untyped]
from django.db import close_old_connections  # type: ignore[import-untyped]
from django.http import HttpResponse  # type: ignore[import-untyped]
from django.test import Client  # type: ignore[import-untyped]
from werkzeug.datastructures import Headers
from werkzeug.test import run_wsgi_app

from .._options import require
from ..inspection import find_parts
from .tokens import Tokens

_NO_TOKENS = (
    "tokens must be given to send some: DjangoClient(application=app, tokens=tokens) within"
    " trusting(app), or the fixture jwt_django_client"
)


class DjangoClient(Client):  # type: ignore[misc]
    """A `django.test.Client` whose requests go through a WSGI application, the middleware included.

    `application` is that of the setting `WSGI_APPLICATION`, unless given. With `tokens`, those of
    `trusting(application)`, it has the methods of `testing.Client`. The other arguments are those
    of Django's client, so that `client_class = DjangoClient` in a `TestCase` sends `jwt_headers`
    where they are read. A body that the application streams is read to its end.
    """

    def __init__(
        self,
        enforce_csrf_checks: bool = False,
        raise_request_exception: bool = True,
        *,
        application: Any = None,
        tokens: Tokens | None = None,
        **defaults: Any,
    ) -> None:
        super().__init__(enforce_csrf_checks, raise_request_exception, **defaults)
        self.application = application or get_internal_wsgi_application()
        self.tokens = tokens
        self.handler = _Handler(self.application, enforce_csrf_checks=enforce_csrf_checks)

    def as_user(
        self, subject: str, *, scopes: Sequence[str] = (), issuer: str | None = None, **claims: Any
    ) -> Self:
        """Return a client that sends a good token, made now, of this subject; the arguments are
        `Tokens.good`'s."""
        require(self.tokens is not None, _NO_TOKENS)
        assert self.tokens is not None  # noqa: S101 (for mypy)
        return self.with_token(self.tokens.good(subject, scopes=scopes, issuer=issuer, **claims))

    def with_token(self, token: str) -> Self:
        """Return a client that sends this token, whatever it is worth."""
        require(isinstance(token, str), "token must be a string")
        client = self.anonymous
        client.defaults["HTTP_AUTHORIZATION"] = f"Bearer {token}"
        return client

    @property
    def anonymous(self) -> Self:
        """A client that sends no token and has no cookies."""
        client = copy(self)
        client.cookies = SimpleCookie()
        client.defaults = dict(self.defaults)
        client.defaults.pop("HTTP_AUTHORIZATION", None)
        return client

    def request(self, **request: Any) -> Any:
        """Send a request, as Django's client does, while the tokens are trusted."""
        if self.tokens is not None:
            self.tokens.require_trust()
        return super().request(**request)


class _Handler:
    """What Django's client calls: an environ in, a response with its `wsgi_request` out."""

    def __init__(self, application: Any, *, enforce_csrf_checks: bool) -> None:
        self.enforce_csrf_checks = enforce_csrf_checks
        self._application = application

    def __call__(self, environ: dict[str, Any]) -> Any:
        # Django's payload refuses to be read beyond its end, which a server's input allows.
        environ["wsgi.input"] = BytesIO(environ["wsgi.input"].read())
        requests: list[Any] = []
        with _recording(self._application, requests, self.enforce_csrf_checks), _open_connections():
            body, status, headers = run_wsgi_app(self._application, environ, buffered=True)
            content = b"".join(body)
        response = _response(
            status, headers, b"" if environ["REQUEST_METHOD"] == "HEAD" else content
        )
        response.wsgi_request = requests[-1] if requests else WSGIRequest(environ)
        return response


@contextmanager
def _recording(application: Any, requests: list[Any], enforce_csrf_checks: bool) -> Iterator[None]:
    """Note the requests that Django makes meanwhile, and mark them as its own client does."""

    def record(kind: Any) -> Any:
        def make(environ: dict[str, Any]) -> Any:
            request = kind(environ)
            vars(request)["_dont_enforce_csrf_checks"] = not enforce_csrf_checks
            requests.append(request)
            return request

        return make

    handlers = list(find_parts(application, WSGIHandler))
    usual = [handler.request_class for handler in handlers]
    try:
        for handler in handlers:
            handler.request_class = record(handler.request_class)
        yield
    finally:
        for handler, kind in zip(handlers, usual, strict=True):
            handler.request_class = kind


@contextmanager
def _open_connections() -> Iterator[None]:
    """Leave the test's database connections open, as Django's own client does."""
    signals = (request_started, request_finished)
    for signal in signals:
        signal.disconnect(close_old_connections)
    try:
        yield
    finally:
        for signal in signals:
            signal.connect(close_old_connections)


def _response(status: str, headers: Headers, content: bytes) -> Any:
    code, _, reason = status.partition(" ")
    response = HttpResponse(content, status=int(code), reason=reason)
    del response.headers["Content-Type"]  # the app's own, or none
    for name in dict.fromkeys(name for name, _ in headers):
        if name.lower() == "set-cookie":
            for cookie in headers.getlist(name):
                response.cookies.load(cookie)
        else:
            response.headers[name] = ", ".join(headers.getlist(name))
    return response
