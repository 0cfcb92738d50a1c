"""`LoginApp`: a WSGI app to which people sign in with name and password, and that answers with tokens."""

import json
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, TypeAlias

from werkzeug.wrappers import Request, Response

from ..errors import StoreUnavailable, require
from ..responses import Preflight, StartResponse, WSGIApplication, checked_origins, drain, is_preflight, respond, share
from ..stores.base import User, UserStore
from .body import Problem, read_fields, text_field
from .minter import TokenMinter

_log = logging.getLogger("jwt_middleware.login")

_PAGE = Path(__file__).parent / "page"
_PAGE_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; form-action 'self'; frame-ancestors 'none'; "
    "base-uri 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}
_RETRY_AFTER = {"Retry-After": "5"}

Handler: TypeAlias = Callable[[Request], Response]


class Store(Protocol):
    """What the login app asks of its store beside the users: a sign of life."""

    def ping(self) -> None:
        """Return if the store answers, else raise `StoreUnavailable`."""


class LoginApp:
    """A first-party login endpoint: `POST /token` with name and password, and a page at `GET /login`.

    Serve it alone, mount it, or put it in front of an app with `wrap`. `store` keeps what the login app needs and,
    unless `users` is another `UserStore`, the users too. `allowed_origins` are exact origins of front ends elsewhere.
    It is no OAuth password grant, which RFC 9700 section 2.4 rules out.
    """

    def __init__(
        self, store: Store, minter: TokenMinter, *, users: UserStore | None = None, allowed_origins: Sequence[str] = ()
    ) -> None:
        users = store if users is None else users  # type: ignore[assignment]
        require(isinstance(minter, TokenMinter), "LoginApp takes a store and a minter: LoginApp(store, minter)")
        require(hasattr(store, "ping"), "store is one of jwt_middleware.stores; an app's own user table goes in users=")
        require(
            hasattr(users, "authenticate") and hasattr(users, "get"), "users has authenticate and get: see UserStore"
        )
        self._store = store
        self._users: Any = users
        self._minter = minter
        self._allowed_origins = checked_origins(allowed_origins)
        self._routes = self._make_routes()

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request (PEP 3333)."""
        origin = environ.get("HTTP_ORIGIN")
        if origin in self._allowed_origins:
            start_response = share(start_response, origin)
            if is_preflight(environ):
                return respond(Preflight(), "login")(environ, start_response)
        try:
            response = self._handle(Request(environ))
        except Problem as problem:
            drain(environ)
            response = _refuse(problem)
        return response(environ, start_response)

    def wrap(self, app: WSGIApplication, *, prefix: str) -> WSGIApplication:
        """Return a WSGI app that answers the login app's paths below `prefix` and hands all else on to `app`.

        `prefix` is `"/auth"`, say, or `""` for `/token` itself.
        """
        well_formed = isinstance(prefix, str) and (not prefix or (prefix.startswith("/") and not prefix.endswith("/")))
        require(well_formed, 'prefix is a path without a slash at its end: prefix="/auth", or prefix=""')
        own = {prefix + path: path for path in self._routes}

        def application(environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
            path = own.get(environ.get("PATH_INFO", ""))
            if path is None:
                return app(environ, start_response)
            environ["SCRIPT_NAME"] = environ.get("SCRIPT_NAME", "") + prefix
            environ["PATH_INFO"] = path
            return self(environ, start_response)

        return application

    def _make_routes(self) -> dict[str, dict[str, Handler]]:
        routes: dict[str, dict[str, Handler]] = {
            "/token": {"POST": self._token},
            "/login": {"GET": _file("login.html", "text/html; charset=utf-8")},
            "/login.css": {"GET": _file("login.css", "text/css; charset=utf-8")},
            "/health": {"GET": self._health},
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
            raise Problem(405, "invalid_request", "This method is not for this path.", {"Allow": _allow(methods)})
        try:
            return handler(request)
        except StoreUnavailable as error:
            _log.warning("the store is unavailable: %s", error)
            raise Problem(
                503, "temporarily_unavailable", "The service cannot sign you in now.", _RETRY_AFTER
            ) from error

    def _token(self, request: Request) -> Response:
        fields = read_fields(request)
        if "grant_type" in fields:
            raise Problem(400, "unsupported_grant_type", "This grant_type is not offered.")
        username, password = text_field(fields, "username"), text_field(fields, "password")
        user = self._users.authenticate(username, password)
        if user is None:
            raise Problem(
                401, "invalid_grant", "Bad username or password", {"WWW-Authenticate": 'Bearer realm="login"'}
            )
        return self._grant(user)

    def _grant(self, user: User) -> Response:
        try:
            token = self._minter.mint(str(user.id), scopes=user.scopes, claims=user.claims)
        except (TypeError, ValueError) as error:
            raise StoreUnavailable("a user's id, scopes or claims cannot stand in a token") from error
        body = {
            "token": token,
            "user_id": user.id,
            "access_token": token,
            "token_type": "Bearer",
            "expires_in": self._minter.lifetime,
        }
        return _json(200, body, {"Cache-Control": "no-store"})

    def _jwks(self, request: Request) -> Response:
        return _json(200, self._minter.jwks or {}, {"Cache-Control": "public, max-age=600"})

    def _health(self, request: Request) -> Response:
        self._store.ping()
        return _json(200, {"status": "ok"}, {"Cache-Control": "no-store"})


def _allow(methods: Iterable[str]) -> str:
    return ", ".join("GET, HEAD" if method == "GET" else method for method in methods)


def _refuse(problem: Problem) -> Response:
    body = {"msg": problem.message, "error": problem.code, "error_description": problem.message}
    return _json(problem.status, body, {"Cache-Control": "no-store", **problem.headers})


def _json(status: int, body: Mapping[str, Any], headers: Mapping[str, str]) -> Response:
    return Response(json.dumps(body), status, headers, content_type="application/json")


def _file(name: str, content_type: str) -> Handler:
    content = (_PAGE / name).read_bytes()

    def handler(request: Request) -> Response:
        return Response(content, 200, _PAGE_HEADERS, content_type=content_type)

    return handler
