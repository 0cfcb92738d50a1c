"""`LoginApp`: a WSGI app where users log in with username and password and get tokens."""

import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol, cast

from werkzeug.wrappers import Request, Response

from .._options import got, require
from ..readings import to_wsgi
from ..stores.base import PersonalTokenStore, Store, UnknownUser, User, UserStore
from ..trust.proof import DPoP
from ..wire.app_form import check_app, explain_recursion
from ..wire.cors import (
    EXPOSED,
    EXPOSED_WITH_DPOP,
    allow_origin,
    is_preflight,
    may_read,
    preflight_response,
)
from ..wire.origins import checked_origins
from ..wire.problem import NOSNIFF, answering
from ..wire.wsgi import StartResponse, WSGIApplication, drain_body, tidy_environ
from .client_keys import ClientKeys
from .cookies import CookieMode
from .errors import LoginError
from .grants import Grants
from .minter import TokenMinter
from .own_users import check_methods
from .pages import LoginPage
from .personal_tokens import PersonalTokens
from .routes import Routes
from .sessions import Sessions
from .signed_in import SignedIn
from .start_check import check_at_start
from .throttle import Throttle
from .tokens_page import TokensPage

_STORE_METHODS = (
    *("ping", "add_session", "end_sessions", "revoke", "is_revoked", "revoked_until", "increment"),
)

_TOKEN_METHODS = ("add_token", "tokens", "remove_token")
"""The methods of a user store whose users may manage personal tokens: see `PersonalTokenStore`."""

_PREFIX = re.compile(r"(?:/[^/\\%?#;:*<>{}\[\]|^\"`\s\x00-\x20\x7f-\x9f\ud800-\udfff\ufffd]+)*")
"""Matches an empty string, or segments without patterns, parameters, queries, escapes and
blanks."""


class WrappedApplication(Protocol):
    """A WSGI app that accepts its two parameters by name too, as `Flask.wsgi_app` does."""

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request (PEP 3333)."""
        ...


class LoginApp:
    """A first-party login endpoint: `POST /token` takes username and password, and `GET /login` is
    the sign-in page.

    Serve it alone, mount it, or put it in front of an app with `wrap`. It is not an OAuth password
    grant for third parties, which RFC 9700 section 2.4 forbids.

    - `store`: has the sessions, revocations and counters. It also has the users unless `users` is
      another `UserStore`. Several login apps may share a store. Sessions belong to the issuer of
      their `minter`. Failed logins count for the user table (`login.counters`), so give login apps
      with the same user table the same `users` object.
    - `throttle`: limits failed attempts. Pass None only if something in front of the app does.
    - `allowed_origins`: origins of front ends on other hosts (`wire.origins`).
    - `access_cookie`: the name of a cookie for the access token, such as `__Host-jwt`, or None. A
      browser can then open pages: `JWTMiddleware(credentials=(bearer, in_cookie("__Host-jwt")),
      sign_in="/auth/login")`. `GET /login` renews it while the session lasts.
    - `dpop`: a `DPoP`. Clients that send a proof get tokens that are bound to their key, and a
      refresh token that only this key can use (`login.client_keys`).
    - `GET /tokens` is a page where users manage their personal tokens, if the user store has the
      methods `add_token`, `tokens` and `remove_token`, as the bundled stores have.
    - `reuse_grace`: seconds after a rotation in which the previous refresh token still gets the
      same successor; see `login.sessions`.
    - `idle_timeout`: seconds from the last refresh of a session to its end.
    - `session_lifetime`: seconds from the start of a session to its end, at the latest.
    - `title` and `template`: see `login.pages.LoginPage`.

    An invalid option raises `ConfigurationError`.
    """

    def __init__(
        self,
        store: Store,
        minter: TokenMinter,
        *,
        users: UserStore | None = None,
        throttle: Throttle | None = Throttle(),  # noqa: B008 (it is frozen)
        allowed_origins: Sequence[str] = (),
        access_cookie: str | None = None,
        dpop: DPoP | None = None,
        reuse_grace: float = 30,
        idle_timeout: float = 604_800,
        session_lifetime: float = 2_592_000,
        title: str | None = None,
        template: str | os.PathLike[str] | None = None,
    ) -> None:
        users = _check_parts(store, minter, users, throttle)
        sessions = Sessions(
            store,
            reuse_grace=reuse_grace,
            idle_timeout=idle_timeout,
            session_lifetime=session_lifetime,
            issuer=minter.issuer,
        )
        self._allowed_origins = checked_origins(allowed_origins)
        self._grants = grants = Grants(store, users, minter, sessions, throttle)
        cookies = CookieMode(
            grants,
            allowed_origins=self._allowed_origins,
            max_age=idle_timeout,
            access_cookie=access_cookie,
        )
        signed_in = SignedIn(store, users, minter, sessions)
        tokens = _personal_tokens(users, signed_in, cookies, title)
        page = LoginPage(title, template, has_tokens=tokens is not None)
        self._ping = store.ping
        self._routes = Routes(store, minter, grants, cookies, page, tokens, ClientKeys(dpop))
        self._exposed = EXPOSED if dpop is None else EXPOSED_WITH_DPOP

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request (PEP 3333)."""
        allowed = self._allowed_origins
        start_response = allow_origin(
            start_response, environ, allowed, with_credentials=True, exposed=self._exposed
        )
        if is_preflight(environ) and may_read(environ, allowed):
            return preflight_response(environ)(environ, start_response)
        try:
            environ = _tidy(environ)
            response = self._routes.answer(Request(environ))
        except LoginError as error:
            response = error.response()
        if response.status_code >= 400:
            drain_body(environ)  # so that the client reads the answer, and not a reset
        response.headers.update(NOSNIFF)
        return answering(response)(environ, start_response)

    def issue(self, user: User) -> dict[str, Any]:
        """Return what `POST /token` answers, for a user who logged in some other way: after a
        sign-up, by OAuth, or with a second factor. A new session is started.

        - `user`: as the user store returns it. It is looked up once more.

        Answer the fields as JSON with `Cache-Control: no-store`. No cookie is set. A front end in
        cookie mode needs the refresh token in the cookie and not in the body:

            fields = login.issue(user)
            response.set_cookie("__Host-jwt_refresh", fields.pop("refresh_token"), path="/",
                                max_age=604_800, secure=True, httponly=True, samesite="Strict")

        Check first that the request comes from a page of yours, or a foreign page could log its
        visitor in as another user. `UnknownUser`, a `LookupError`, if the user is not in the store,
        is disabled, or has got another password meanwhile. Raise `StoreUnavailable` if the store
        does not answer. Raise `ConfigurationError` for anything but a `User`.
        """
        require(isinstance(user, User), f"user must be a User, got {type(user).__name__}")
        try:
            return self._grants.issue(user)
        except LoginError:
            raise UnknownUser("the user may not log in, or was changed meanwhile") from None

    @property
    def paths(self) -> tuple[str, ...]:
        """The paths that it answers, relative to its mount point."""
        return tuple(self._routes.paths)

    def methods_of(self, path: str) -> tuple[str, ...]:
        """Return the methods that one of `paths` answers."""
        return self._routes.methods_of(path)

    def wrap(self, app: WSGIApplication, *, prefix: str) -> WrappedApplication:
        """Return a WSGI app that answers the login app's paths below `prefix` and passes all other
        requests on to `app`.

        `prefix` is a path such as `"/auth"`. With `""` the login app answers `/token` itself.
        Each gunicorn worker that starts logs one WARNING if the store does not answer.
        """
        _check_prefix(prefix)
        check_app(app)
        check_at_start(self._ping)
        prefix = to_wsgi(prefix)
        own = {prefix + path: path for path in self._routes.paths}

        def application(environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
            given = environ.get("PATH_INFO") or ""
            path = own.get(given) if isinstance(given, str) else None
            if path is None:
                try:
                    return app(environ, start_response)
                except RecursionError:
                    explain_recursion("app")
                    raise
            script_name = environ.get("SCRIPT_NAME") or ""
            if isinstance(script_name, str):  # `_tidy` refuses a malformed environ later.
                environ["SCRIPT_NAME"] = script_name + prefix
            environ["PATH_INFO"] = path
            return self(environ, start_response)

        return application


def answer_at(
    path: str, answer: Callable[[Request], Response], app: WSGIApplication
) -> WrappedApplication:
    """Return a WSGI app that answers the requests for one path, and passes all others on to `app`.

    `path` is a path of literal segments, or `ConfigurationError`. A malformed environ is 400.
    """
    is_path = isinstance(path, str) and path != "" and _PREFIX.fullmatch(path)
    require(
        is_path and not {".", ".."} & set(str(path).split("/")),
        "path must be a path of literal segments without a slash at its end, "
        f"got {got(path)}; path='/backchannel-logout'",
    )
    check_app(app)
    own = to_wsgi(path)

    def application(environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        if environ.get("PATH_INFO") != own:
            try:
                return app(environ, start_response)
            except RecursionError:
                explain_recursion("app")
                raise
        try:
            response = answer(Request(_tidy(environ)))
        except LoginError as error:
            response = error.response()
        drain_body(environ)
        response.headers.update(NOSNIFF)
        return answering(response)(environ, start_response)

    return application


def _check_prefix(prefix: object) -> None:
    """Raise `ConfigurationError` unless it is a path that a request can have, with one meaning."""
    is_path = isinstance(prefix, str) and _PREFIX.fullmatch(prefix)
    require(
        is_path and not {".", ".."} & set(str(prefix).split("/")),
        "prefix must be a path of literal segments without a slash at its end, blanks, '%', ';', "
        f"query, dot segments or patterns, got {got(prefix)}; "
        'prefix="/auth", or prefix="" for /token itself',
    )


def _check_parts(
    store: Store, minter: TokenMinter, users: UserStore | None, throttle: Throttle | None
) -> UserStore:
    """Return the user store. A part of the wrong type raises `ConfigurationError`."""
    require(
        isinstance(minter, TokenMinter),
        "minter must be a TokenMinter: LoginApp(store, minter)",
    )
    require(
        _has_methods(store, _STORE_METHODS),
        "store must be a SQLStore or a MemoryStore; your own user table goes in users=",
    )
    users = cast(UserStore, store) if users is None else users
    require(
        _has_methods(users, ("authenticate", "get")),
        "users must be an object with the methods authenticate and get: see UserStore",
    )
    check_methods(users)
    require(
        throttle is None or isinstance(throttle, Throttle),
        f"throttle must be a Throttle or None, got {got(throttle)}",
    )
    return users


def _personal_tokens(
    users: UserStore, signed_in: SignedIn, cookies: CookieMode, title: str | None
) -> PersonalTokens | None:
    """Return the handler of `/tokens`, or None for a user store without personal tokens."""
    if not _has_methods(users, _TOKEN_METHODS):
        return None
    return PersonalTokens(cast(PersonalTokenStore, users), signed_in, cookies, TokensPage(title))


def _has_methods(value: object, names: Iterable[str]) -> bool:
    """Return whether the value is an instance with these methods, not a class."""
    is_class = isinstance(value, type)
    return not is_class and all(callable(getattr(value, name, None)) for name in names)


def _tidy(environ: Mapping[str, Any]) -> dict[str, Any]:
    tidy = tidy_environ(environ)
    if tidy is None:
        raise LoginError(400, "invalid_request", "The request is malformed.")
    return tidy
