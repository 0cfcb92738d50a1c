"""`LoginApp`: a WSGI app to which people sign in with name and password, and that answers with
tokens."""

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol, cast

from werkzeug.wrappers import Request, Response

from ..errors import StoreUnavailable, require
from ..readings import to_wsgi
from ..stores.base import UserStore
from ..trust.key_folder import PUBLISHED_FOR
from ..wire.cors import (
    allow_origin,
    checked_origins,
    is_allowed,
    is_preflight,
    preflight_response,
)
from ..wire.problem import NOSNIFF, answering
from ..wire.wsgi import StartResponse, WSGIApplication, drain_body, tidy_environ
from . import audit, cookies
from .body import Problem, read_fields
from .minter import TokenMinter
from .pages import Handler, login_page, page_file
from .sessions import Sessions
from .throttle import Throttle
from .tokens import Store, TokenEndpoint

_NO_STORE = {"Cache-Control": "no-store"}
_RETRY_AFTER = {"Retry-After": "5"}


class WrappedApplication(Protocol):
    """A WSGI app that can be called by its parameters' names too, which `Flask.wsgi_app` promises
    of itself."""

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request (PEP 3333)."""
        ...


class LoginApp:
    """A first-party login endpoint: `POST /token` with name and password, and a page at `GET
    /login`.

    Serve it alone, mount it, or put it in front of an app with `wrap`. `store` keeps what the login
    app needs and, unless `users` is another `UserStore`, the users too. `allowed_origins` are exact
    origins of front ends elsewhere. It is no OAuth password grant, which RFC 9700 section 2.4 rules
    out.

    `throttle` bounds failed attempts; None leaves that to somebody else. A session ends
    `idle_timeout` seconds after its last refresh, `session_lifetime` after its start; `reuse_grace`
    is that of `login.sessions`. `title` and `template` are those of `login.pages.login_page`.
    """

    def __init__(
        self,
        store: Store,
        minter: TokenMinter,
        *,
        users: UserStore | None = None,
        throttle: Throttle | None = Throttle(),  # noqa: B008 (it is frozen)
        allowed_origins: Sequence[str] = (),
        reuse_grace: float = 10,
        idle_timeout: float = 604_800,
        session_lifetime: float = 2_592_000,
        title: str | None = None,
        template: str | os.PathLike[str] | None = None,
    ) -> None:
        require(
            isinstance(minter, TokenMinter),
            "LoginApp takes a store and a minter: LoginApp(store, minter)",
        )
        require(
            hasattr(store, "ping"),
            "store is one of jwt_middleware.stores; an app's own user table goes in users=",
        )
        users = cast(UserStore, store) if users is None else users
        has_both = hasattr(users, "authenticate") and hasattr(users, "get")
        require(has_both, "users has authenticate and get: see UserStore")
        is_throttle = throttle is None or isinstance(throttle, Throttle)
        require(is_throttle, "throttle is Throttle(), or None")
        sessions = Sessions(
            store,
            reuse_grace=reuse_grace,
            idle_timeout=idle_timeout,
            session_lifetime=session_lifetime,
            issuer=minter.provider.issuer,
        )
        self._tokens = TokenEndpoint(store, users, minter, sessions, throttle)
        self._store = store
        self._minter = minter
        self._idle_timeout = idle_timeout
        self._allowed_origins = checked_origins(allowed_origins)
        self._routes = self._make_routes(login_page(title, template))

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request (PEP 3333)."""
        allowed = self._allowed_origins
        start_response = allow_origin(start_response, environ, allowed, with_credentials=True)
        if is_preflight(environ) and is_allowed(environ, allowed):
            return preflight_response()(environ, start_response)
        try:
            response = self._handle(Request(_tidy(environ)))
        except Problem as problem:
            drain_body(environ)
            response = _refuse(problem)
        response.headers.update(NOSNIFF)
        return answering(response)(environ, start_response)

    def wrap(self, app: WSGIApplication, *, prefix: str) -> WrappedApplication:
        """Return a WSGI app that answers the login app's paths below `prefix` and hands all else on
        to `app`.

        `prefix` is `"/auth"`, say, or `""` for `/token` itself.
        """
        well_formed = isinstance(prefix, str) and (
            not prefix or (prefix.startswith("/") and not prefix.endswith("/"))
        )
        require(
            well_formed, 'prefix is a path without a slash at its end: prefix="/auth", or prefix=""'
        )
        require(
            callable(app), "wrap takes a WSGI app: wrap(app.wsgi_app, prefix='/auth') for Flask"
        )
        prefix = to_wsgi(prefix)
        own = {prefix + path: path for path in self._routes}

        def application(environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
            given = environ.get("PATH_INFO") or ""
            path = own.get(given) if isinstance(given, str) else None
            if path is None:
                return app(environ, start_response)
            script_name = environ.get("SCRIPT_NAME") or ""
            if isinstance(script_name, str):  # any other is refused like all that is malformed
                environ["SCRIPT_NAME"] = script_name + prefix
            environ["PATH_INFO"] = path
            return self(environ, start_response)

        return application

    def _make_routes(self, page: Handler) -> dict[str, dict[str, Handler]]:
        routes: dict[str, dict[str, Handler]] = {
            "/token": {"POST": self._token},
            "/revoke": {"POST": self._revoke},
            "/login": {"GET": page},
            "/health": {"GET": self._health},
        }
        routes |= {
            f"/{name}": {"GET": page_file(name)}
            for name in ("login.css", "login.js", "jwt-client.js")
        }
        if self._minter.jwks is not None:
            routes["/.well-known/jwks.json"] = {"GET": self._jwks}
        return routes

    def _handle(self, request: Request) -> Response:
        methods = self._routes.get(request.environ.get("PATH_INFO", ""))
        if methods is None:
            raise Problem(404, "invalid_request", "There is nothing here.")
        handler = methods.get("GET" if request.method == "HEAD" else request.method)
        if handler is None:
            raise Problem(
                405,
                "invalid_request",
                "This method is not for this path.",
                {"Allow": _allow(methods)},
            )
        try:
            return handler(request)
        except StoreUnavailable as error:
            audit.record("unavailable", request.environ, error=error)
            raise Problem(
                503, "temporarily_unavailable", "The service cannot sign you in now.", _RETRY_AFTER
            ) from error

    def _token(self, request: Request) -> Response:
        fields = read_fields(request)
        if not cookies.is_wanted(fields):
            return _json(200, self._tokens.grant(fields, request.environ), _NO_STORE)
        cookies.require_own_page(request, self._allowed_origins)
        if "grant_type" in fields:
            fields = {**fields, "refresh_token": cookies.read(request)}
        try:
            answer = self._tokens.grant(fields, request.environ)
        except Problem as problem:
            response = _refuse(problem)
            if "grant_type" in fields and problem.code == "invalid_grant":
                cookies.clear(response)  # so that the next visit is not told of this session again
            return response
        refresh_token = answer.pop("refresh_token")
        response = _json(200, answer, _NO_STORE)
        cookies.put(response, refresh_token, self._idle_timeout)
        return response

    def _revoke(self, request: Request) -> Response:
        fields = read_fields(request)
        if not cookies.is_wanted(fields):
            return _json(200, self._tokens.revoke(fields, request.environ), _NO_STORE)
        cookies.require_own_page(request, self._allowed_origins)
        fields = {**fields, "token": cookies.read(request) or "none"}
        response = _json(200, self._tokens.revoke(fields, request.environ), _NO_STORE)
        cookies.clear(response)
        return response

    def _jwks(self, request: Request) -> Response:
        return _json(
            200, self._minter.jwks or {}, {"Cache-Control": f"public, max-age={PUBLISHED_FOR}"}
        )

    def _health(self, request: Request) -> Response:
        self._store.ping()
        return _json(200, {"status": "ok"}, _NO_STORE)


def _tidy(environ: Mapping[str, Any]) -> dict[str, Any]:
    tidy = tidy_environ(environ)
    if tidy is None:
        raise Problem(400, "invalid_request", "The request is malformed.")
    return tidy


def _allow(methods: Iterable[str]) -> str:
    return ", ".join("GET, HEAD" if method == "GET" else method for method in methods)


def _refuse(problem: Problem) -> Response:
    body = {"msg": problem.message, "error": problem.code, "error_description": problem.message}
    return _json(problem.status, body, {**_NO_STORE, **problem.headers})


def _json(status: int, body: Mapping[str, Any], headers: Mapping[str, str]) -> Response:
    return Response(json.dumps(body) + "\n", status, headers, content_type="application/json")
