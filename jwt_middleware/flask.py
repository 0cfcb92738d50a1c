"""Flask: `@jwt_required()` and `get_jwt_identity()`, over the token that the middleware verified.

    from jwt_middleware.flask import get_jwt_identity, init_app, jwt_required

    @app.get("/protected")
    @jwt_required()
    def protected():
        return {"id": get_jwt_identity()}

    app.wsgi_app = JWTMiddleware(app.wsgi_app, providers=[...], rules=[Rule("/", optional)])

The names are those of Flask-JWT-Extended. The middleware checks tokens by its own options, not by
`app.config`. If no rule governs the path, or only a public one does, these functions raise
`RuntimeError` and never let the request through.
"""

from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import wraps
from inspect import isfunction
from typing import TYPE_CHECKING, Any, Never, ParamSpec
from weakref import WeakSet

from flask import Flask, current_app, make_response, request
from flask.typing import ResponseReturnValue
from flask.views import View
from werkzeug.local import LocalProxy

from ._options import got, require
from .errors import ConfigurationError, Refusal
from .identity import Identity
from .policy.requirements import Requirement
from .views import ViewRule, caller_of, refusal_response

__all__ = [
    "current_identity",
    "get_jwt",
    "get_jwt_identity",
    "init_app",
    "jwt_required",
]

_P = ParamSpec("_P")

_EXTENSION = "jwt_middleware"

_ELSEWHERE = {
    "fresh": "ask for a recent login: jwt_required(fresh(300)); old tokens have a claim for it: "
    'jwt_required(claim("fresh", True))',
    "refresh": "a refresh token does not open views: the LoginApp takes it at POST /token",
    "locations": "the places of tokens are an option of JWTMiddleware: credentials=(bearer,)",
    "verify_type": "the rule of the path decides: a view for refresh tokens too needs a path whose "
    'rule does not ask for claim("type", "access")',
    "skip_revocation_check": "JWTMiddleware(revocations=...) asks for every token",
}
"""Options of Flask-JWT-Extended's `jwt_required`, and their equivalents here."""

_INSTEAD = {
    "JWTManager": "JWTMiddleware around app.wsgi_app, and init_app(app)",
    "create_access_token": "a LoginApp, or TokenMinter.mint(subject)",
    "create_refresh_token": "a LoginApp, whose POST /token gives one",
    "current_user": "current_identity, or your own query for get_jwt_identity()",
    "decode_token": "JWTMiddleware.verify(token)",
    "get_current_user": "current_identity, or your own query for get_jwt_identity()",
    "get_csrf_token": "nothing: tokens come in a header",
    "get_jti": "current_identity.token_id",
    "get_jwt_header": "current_identity.header",
    "get_jwt_request_location": "nothing: the places of tokens are an option of JWTMiddleware",
    "get_unverified_jwt_headers": "JWTMiddleware.verify(token).header, which is verified",
    "set_access_cookies": "the LoginApp, which has a cookie mode",
    "set_refresh_cookies": "the LoginApp, which has a cookie mode",
    "unset_access_cookies": "the LoginApp, which has a cookie mode",
    "unset_jwt_cookies": "the LoginApp, which has a cookie mode",
    "unset_refresh_cookies": "the LoginApp, which has a cookie mode",
    "unset_jwt": "the LoginApp, which has a cookie mode",
    "verify_jwt_in_request": "enforce(request.environ)",
}
"""Other names of Flask-JWT-Extended, and their equivalents here."""

_PARENTHESES = "jwt_required must be called, also without requirements: @jwt_required()"

_guarded_views: WeakSet[Any] = WeakSet()
_guards: WeakSet[Any] = WeakSet()
"""The decorated views and the guards that `jwt_required` made of them, to find unused guards."""


class _Decorator:
    """The decorator that `jwt_required(...)` returns. It guards a view."""

    def __init__(self, rule: ViewRule) -> None:
        self._rule = rule

    def __call__(self, view: Callable[_P, object]) -> Callable[_P, Any]:
        require(
            callable(view) and not (isinstance(view, type) and issubclass(view, View)),
            f"jwt_required() must decorate a view function, got {got(view)}; "
            "a class of views has decorators = [jwt_required()]",
        )
        rule = self._rule

        @wraps(view)
        def guarded(*args: _P.args, **kwargs: _P.kwargs) -> Any:
            _check_order_once(current_app)
            try:
                rule.enforce(request.environ)
                # Let Flask run async views.
                return current_app.ensure_sync(view)(*args, **kwargs)
            except Refusal as refusal:
                return _answer(refusal)

        _guards.add(guarded)
        with suppress(TypeError):  # some callables do not allow weak references
            _guarded_views.add(view)
        return guarded

    # Without the parentheses, a view with one parameter looks like a requirement, and this object
    # takes the place of the view. Flask then reads its `__name__`, and a class calls
    # `__set_name__`, so both report the mistake.

    @property
    def __name__(self) -> str:
        raise ConfigurationError(_PARENTHESES)

    def __set_name__(self, owner: type, name: str) -> None:
        if any(getattr(one, "__name__", "") == name for one in self._rule.requires):
            raise ConfigurationError(_PARENTHESES)


def jwt_required(*requirements: Requirement, optional: bool = False, **others: Never) -> _Decorator:
    """Guard a view: `@jwt_required()` below `@app.get(...)`, or in the `decorators` of a class.

    - `requirements`: those of `Rule`, such as `scope("admin")`. Without any, a verified token is
      required.
    - `optional`: lets a request without a token pass. A request with an invalid token does not
      pass, and the requirements are asked of a caller with a valid one.

    A refusal is answered as the middleware answers it, also if `enforce` raises it in the view.
    Raises `ConfigurationError` while importing for arguments that are not requirements, for a view
    without the parentheses, and for options that only Flask-JWT-Extended has. Raises `RuntimeError`
    during a request if no rule governs the path.
    """
    for name in others:
        form = _ELSEWHERE.get(name, "its options are requirements, such as scope('read')")
        raise ConfigurationError(f"jwt_required must not be given {name}: {form}")
    require(isinstance(optional, bool), f"optional must be a boolean, got {got(optional)}")
    try:
        return _Decorator(ViewRule("jwt_required", requirements, is_optional=optional))
    except ConfigurationError as error:
        if len(requirements) == 1 and isfunction(requirements[0]):
            raise ConfigurationError(f"{_PARENTHESES}; {error}") from None
        raise


def get_jwt_identity() -> str | None:
    """Return the subject of the caller, or None without a token.

    Raise `RuntimeError` outside of a request, and if no rule looks for a token.
    """
    caller = _caller()
    return None if caller is None else caller.subject


def get_jwt() -> dict[str, Any]:
    """Return the claims of the caller's token as a fresh dict, or an empty dict without a token.

    Raise `RuntimeError` as `get_jwt_identity` does.
    """
    caller = _caller()
    return {} if caller is None else caller.claims


def _caller() -> Identity | None:
    _check_order_once(current_app)
    return caller_of(request.environ)


current_identity: Identity = LocalProxy(_caller)  # type: ignore[assignment]
"""The `Identity` of the caller of the current request; false without a token. Raises `RuntimeError`
if no rule looks for a token."""


def init_app(app: Flask) -> None:
    """Answer every `Refusal` that the app raises as the middleware answers it.

    So `enforce` may be called in a view, in `before_request` or in a blueprint. A view with
    `jwt_required` does not need `init_app`. Raises `ConfigurationError` if `@jwt_required()` is
    above the route of a view, which leaves the view open. Later routes are checked at the first
    request. A blueprint's own handler for `Exception` takes precedence over this one, as always in
    Flask.
    """
    require(isinstance(app, Flask), f"app must be a Flask object: init_app(app), got {got(app)}")
    if fault := _wrong_order(app):
        raise ConfigurationError(fault)
    if "init_app" in app.extensions.setdefault(_EXTENSION, {}):
        return
    app.extensions[_EXTENSION]["init_app"] = True
    app.register_error_handler(Refusal, _answer)
    app.before_request(lambda: _check_order_once(app))


def _answer(refusal: Refusal) -> ResponseReturnValue:
    return make_response(refusal_response(refusal, request.environ))


def _check_order_once(app: Flask) -> None:
    """Raise `RuntimeError` for a view whose `jwt_required` has no effect.

    Flask does not allow new routes after its first request, so one check is enough.
    """
    state = app.extensions.setdefault(_EXTENSION, {})
    if "order" in state:
        return
    if fault := _wrong_order(app):
        raise RuntimeError(fault)
    state["order"] = True


def _wrong_order(app: Flask) -> str | None:
    """Return a message about a view that was registered without its guard, or None."""
    views = list(app.view_functions.values())
    layers = [layer for view in views for layer in _layers(view)]
    beneath = {id(layer.__wrapped__) for layer in layers if _is_in(_guards, layer)}
    for view in views:
        if _is_in(_guarded_views, view) and id(view) not in beneath:
            name = getattr(view, "__name__", type(view).__name__)
            return (
                "@jwt_required() must be below the route, directly above the view; it is above the "
                f"route of {name!r}, which leaves that view open"
            )
    return None


def _is_in(views: WeakSet[Any], view: Any) -> bool:
    try:
        return view in views
    except TypeError:  # it does not allow hashing or weak references, so it is not ours
        return False


def _layers(view: Any) -> Iterator[Any]:
    """Yield a view and the functions that its decorators wrap."""
    seen: set[int] = set()
    while view is not None and id(view) not in seen:
        seen.add(id(view))
        yield view
        view = getattr(view, "__wrapped__", None)


if not TYPE_CHECKING:  # a type checker would accept any name of this module

    def __getattr__(name: str) -> Never:
        if name in _INSTEAD:
            raise ImportError(f"jwt_middleware.flask has no {name}: use {_INSTEAD[name]}")
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
