"""Bottle: the requirements of a route, `@app.get("/x", jwt=scope("admin"))`.

    from jwt_middleware.bottle import JWTPlugin

    app = Bottle()
    app.install(JWTPlugin())

    @app.get("/me", jwt=True)
    def me():
        return {"id": Identity.from_environ(request.environ).subject}

    application = JWTMiddleware(app, providers=[...], rules=[Rule("/", optional)])

If no rule governs the path, or only a public one does, a route with `jwt` raises `RuntimeError` and
never lets the request through.
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
    """A Bottle plugin (API 2): the option `jwt=` of a route holds its requirements.

    `jwt=True` asks for a verified token. A requirement, or a list or tuple of requirements, means
    the same as in a `Rule`. With `optional` among them, a request without a token passes. The
    plugin ignores routes without `jwt`. Any other value of `jwt` raises `ConfigurationError` when
    the route is added, or in `install`.

    A refusal is answered as the middleware answers it. This is also true for a refusal that
    `enforce` raises: in a route, with or without `jwt`, or in a `before_request` hook.

    Bottle does not apply an app's plugins to the apps that are mounted in it, so install one in
    each. If a route has `jwt` and no plugin handles it, every request raises `RuntimeError`.
    """

    name = "jwt_middleware"
    api = 2

    def setup(self, app: Any) -> None:
        """Check the app's routes, now and when they are added. Bottle calls this in `install`."""
        require(isinstance(app, Bottle), f"app must be a Bottle object, got {got(app)}")
        for route in app.routes:
            _rule_of(route)
        app.add_hook("before_request", _Mounts(app).check)
        # Bottle has no hook for new routes or for errors in hooks, so replace its methods. An app's
        # attribute can be set only once, so a second plugin leaves it.
        if "add_route" not in vars(app):
            app.add_route = _checking(app.add_route)
        if "trigger_hook" not in vars(app):
            app.trigger_hook = _answering(app.trigger_hook)

    def apply(self, callback: Callable[..., Any], route: Any) -> Callable[..., Any]:
        """Return the callback, guarded by the requirements of its route."""
        rule = _rule_of(route)

        def view(*args: Any, **kwargs: Any) -> Any:
            if rule is not None:
                rule.enforce(request.environ)
            answer = callback(*args, **kwargs)
            return _answering_generator(answer) if isinstance(answer, GeneratorType) else answer

        return _answering(view)


class _Mounts:
    """Finds routes whose `jwt` no plugin handles, in an app and in the apps mounted in it."""

    def __init__(self, app: Bottle) -> None:
        self._apps = [app]
        self._checked = -1

    def check(self) -> None:
        """Raise `RuntimeError` for such a route. Search only if there are new routes."""
        count = sum(len(app.routes) for app in self._apps)
        if count == self._checked:
            return
        apps = self._apps[:1]
        for app in apps:  # the list grows during the loop
            for route in app.routes:
                _check_is_asked(route)
                target = route.config.get("mountpoint.target")
                if isinstance(target, Bottle) and not any(target is one for one in apps):
                    apps.append(target)
        self._apps = apps
        self._checked = sum(len(app.routes) for app in apps)


class _Answer(HTTPResponse):  # type: ignore[misc]
    """A response that keeps the names of its headers. Bottle would write `Www-Authenticate`."""

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
            f"the route {route.rule!r} has jwt=..., but no JWTPlugin handles it: "
            "call install(JWTPlugin()) on its own app, and do not pass jwt to a mount"
        )


def _rule_of(route: Route) -> ViewRule | None:
    """Return the rule of a route, or None without `jwt`. Raise `ConfigurationError` for a bad
    value."""
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
    # The code of a generator only runs when Bottle iterates over it.
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
