"""Bottle: what a route asks of its caller, `@app.get("/x", jwt=scope("admin"))`.

    from jwt_middleware.bottle import JWTPlugin

    app = Bottle()
    app.install(JWTPlugin())

    @app.get("/me", jwt=True)
    def me():
        return {"id": Identity.from_environ(request.environ).subject}

    application = JWTMiddleware(app, providers=[...], rules=[Rule("/", optional)])

Where no rule governs the path, or a public one does, a route with `jwt` raises `RuntimeError` and
never lets through.
"""

from collections.abc import Callable, Iterator
from types import GeneratorType
from typing import Any

from bottle import (  # type: ignore[import-untyped]
    Bottle,
    HTTPResponse,
    Route,
    request,
)

from ._options import got, require
from .errors import Refusal
from .views import ViewRule, refusal_response

__all__ = [
    "JWTPlugin",
]

_OPTION = "jwt"
_FORM = "jwt=True for any verified caller, jwt=scope('admin') or a tuple of requirements"


class JWTPlugin:
    """A Bottle plugin (API 2): routes say by `jwt=` what they ask of their callers.

    `jwt=True` asks for a verified token; a requirement, or a list or tuple of them, asks for what
    those of a `Rule` ask. With `optional` among them a request without a token passes. Routes
    without `jwt` ask for nothing here. A value of `jwt` that is none of these is a
    `ConfigurationError` where the route is added, or in `install`.

    A refusal is answered as the middleware answers it, also where `enforce` raises it: in a route,
    with or without `jwt`, or in a `before_request` hook.

    Bottle applies no plugin of an app to the apps that are mounted in it: install one in each.
    Where a route says `jwt` and no plugin asks it, every request is a `RuntimeError`.
    """

    name = "jwt_middleware"
    api = 2

    def setup(self, app: Any) -> None:
        """Check the routes of the app, now and as they come (Bottle calls this from `install`)."""
        require(isinstance(app, Bottle), f"app must be a Bottle object, got {got(app)}")
        for route in app.routes:
            _rule_of(route)
        app.add_hook("before_request", _Mounts(app).check)
        # Bottle has no hook for a new route, and none for an error of a hook. An attribute of an
        # app can be set once, so a second plugin leaves it.
        if "add_route" not in vars(app):
            app.add_route = _checking(app.add_route)
        if "trigger_hook" not in vars(app):
            app.trigger_hook = _answering(app.trigger_hook)

    def apply(self, callback: Callable[..., Any], route: Any) -> Callable[..., Any]:
        """Return the callback with what its route asks before it."""
        rule = _rule_of(route)

        def view(*args: Any, **kwargs: Any) -> Any:
            if rule is not None:
                rule.enforce(request.environ)
            answer = callback(*args, **kwargs)
            return _answering_generator(answer) if isinstance(answer, GeneratorType) else answer

        return _answering(view)


class _Mounts:
    """Finds routes that no plugin asks, in an app and in the apps that are mounted in it."""

    def __init__(self, app: Bottle) -> None:
        self._apps = [app]
        self._checked = -1

    def check(self) -> None:
        """Raise `RuntimeError` for such a route. Looks only when there are new routes."""
        count = sum(len(app.routes) for app in self._apps)
        if count == self._checked:
            return
        apps = self._apps[:1]
        for app in apps:  # which grows meanwhile
            for route in app.routes:
                _check_is_asked(route)
                target = route.config.get("mountpoint.target")
                if isinstance(target, Bottle) and not any(target is one for one in apps):
                    apps.append(target)
        self._apps = apps
        self._checked = sum(len(app.routes) for app in apps)


class _Answer(HTTPResponse):  # type: ignore[misc]
    """A response whose headers have their names as they are: Bottle writes `Www-Authenticate`."""

    def __init__(self, body: bytes, status: str, headers: list[tuple[str, str]]) -> None:
        super().__init__(body, status)
        self._headers: dict[str, list[str]] = {}
        for name, value in headers:
            self._headers.setdefault(name, []).append(value)


def _check_is_asked(route: Route) -> None:
    is_mount = "mountpoint.target" in route.config  # Bottle skips all plugins there
    is_skipped = not is_mount and any(map(_names_us, route.skiplist))
    is_asked = any(isinstance(plugin, JWTPlugin) for plugin in route.all_plugins())
    if _OPTION in route.config and not is_asked and not is_skipped:
        raise RuntimeError(
            f"the route {route.rule!r} says jwt=..., and no JWTPlugin asks it: "
            "call install(JWTPlugin()) on its own app, and give a mount no jwt"
        )


def _rule_of(route: Route) -> ViewRule | None:
    """Return what a route asks, or None if it says nothing. `ConfigurationError`."""
    option = f"jwt of the route {route.rule!r}"
    # Bottle turns a dict into keys of this form.
    is_dict = any(name.startswith(f"{_OPTION}.") for name in route.config)
    require(not is_dict, f"{option} must be {_FORM}, got a dict")
    if _OPTION not in route.config:
        return None
    asked = route.config[_OPTION]
    if asked is True:
        asked = ()
    elif isinstance(asked, (list, tuple)):
        require(asked, f"{option} must not be empty: {_FORM}")
    else:
        require(callable(asked), f"{option} must be {_FORM}, got {got(asked)}")
        asked = (asked,)
    return ViewRule(option, tuple(asked), is_optional=False)


def _names_us(skipped: Any) -> bool:
    is_ours = isinstance(skipped, JWTPlugin) or skipped is JWTPlugin
    return is_ours or skipped is True or skipped == JWTPlugin.name


def _checking(add_route: Callable[[Route], None]) -> Callable[[Route], None]:
    def add(route: Route) -> None:
        _rule_of(route)
        add_route(route)

    return add


def _answering(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return the function with Bottle's response in place of a `Refusal`."""

    def answering(*args: Any, **kwargs: Any) -> Any:
        try:
            return function(*args, **kwargs)
        except Refusal as refusal:
            raise _answer(refusal) from None

    return answering


def _answering_generator(parts: Iterator[Any]) -> Iterator[Any]:
    # The code of a generator runs when Bottle asks for its first part.
    try:
        yield from parts
    except Refusal as refusal:
        raise _answer(refusal) from None


def _answer(refusal: Refusal) -> _Answer:
    started: list[tuple[str, list[tuple[str, str]]]] = []

    def start_response(status: str, headers: list[tuple[str, str]], *_: Any) -> None:
        started.append((status, headers))

    body = b"".join(refusal_response(refusal, request.environ)(request.environ, start_response))
    return _Answer(body, *started[0])
