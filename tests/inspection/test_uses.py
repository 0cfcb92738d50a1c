"""What asks a middleware for its state is no wrapper of it, and what may call it is one."""

import json
from collections.abc import Callable, Iterable
from typing import Any

import bottle
import pytest
from webtest import TestApp
from werkzeug.middleware.dispatcher import DispatcherMiddleware

from jwt_middleware import JWTMiddleware, Rule
from jwt_middleware.inspection import coverage, find_middlewares, site_at
from tests.kit.apps import guarded as guard

inner = bottle.Bottle()
inner.route("/api/me", callback=lambda: "me")
guarded = guard(inner, rules=[Rule("/")])


def _say(state: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps(state).encode()]


def probe(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    """The probe of the page on observing."""
    return _say(guarded.ready(), start_response)


def probe_of(guarded: JWTMiddleware) -> Any:
    """The same in a closure."""

    def closure(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        state = guarded.ready()
        return _say(state, start_response)

    return closure


class Probe:
    """The same as an object."""

    def __init__(self, guarded: JWTMiddleware) -> None:
        self.guarded = guarded

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        return _say(self._state(), start_response)

    def _state(self) -> dict[str, Any]:
        return dict(self.guarded.ready())


PROBES = {"a function": probe, "a closure": probe_of(guarded), "an object": Probe(guarded)}


@pytest.mark.parametrize("probe", PROBES.values(), ids=PROBES)
def test_a_probe_is_not_behind_the_guard(probe: Any) -> None:
    """Beside the guard its own path is open, and no path of the guarded app is listed below it."""
    app = DispatcherMiddleware(guarded, {"/readyz": probe})
    assert TestApp(app).get("/readyz").json["ready"] is True
    assert list(find_middlewares(probe)) == []
    assert site_at(app, "/readyz").guards == ()
    assert list(find_middlewares(app)) == [guarded]
    assert [one.route.path for one in coverage(app).routes] == ["/api/me"]
    assert any("/readyz" in line for line in coverage(app).unlisted)


def by_call(environ: dict[str, Any], start_response: Any) -> Any:
    """A wrapper that looks at the state too."""
    return guarded(environ, start_response) if guarded.ready() else []


def by_method(environ: dict[str, Any], start_response: Any) -> Any:
    """A wrapper that names the method."""
    return guarded.__call__(environ, start_response)


def inside(environ: dict[str, Any], start_response: Any) -> Any:
    """A wrapper that calls from a generator."""
    passed = guarded
    return [part for once in (passed,) for part in once(environ, start_response)]


def handed_on(app: Any) -> Callable[..., Any]:
    """A wrapper that hands it to another function."""

    def application(environ: dict[str, Any], start_response: Any) -> Any:
        return _call(app, environ, start_response)

    return application


def _call(app: Any, environ: dict[str, Any], start_response: Any) -> Any:
    return app(environ, start_response)


class Wrapper:
    """A wrapper with an attribute that it finds by its name."""

    def __init__(self, guarded: JWTMiddleware) -> None:
        self.guarded = guarded
        self.state = guarded.ready()

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        return getattr(self, "guarded")(environ, start_response)  # noqa: B009


class Layer:
    """A layer inside of the guard, with an attribute that has the name of the module's app."""

    def __init__(self, app: Any) -> None:
        self.guarded = app

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        return self.guarded(environ, start_response)


class Circle:
    """A layer inside of the guard that knows the whole app too."""

    def __init__(self, app: Any) -> None:
        self.app = app
        self.whole: Any = None

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        return self.app(environ, start_response)


def test_an_attribute_is_not_the_global_of_its_name() -> None:
    """`self.guarded` of a layer is the app that it wraps, though the module has a `guarded`."""
    layer = Layer(inner)
    assert list(find_middlewares(layer)) == []
    app = guard(layer, rules=[Rule("/")])
    assert list(find_middlewares(app)) == [app]
    assert [one.route.path for one in coverage(app).routes] == ["/api/me"]


def test_a_layer_that_names_its_own_guard_has_an_end() -> None:
    """The routes are listed once, behind one guard."""
    layer = Circle(inner)
    app = layer.whole = guard(layer, rules=[Rule("/")])
    assert [one.route.path for one in coverage(app).routes] == ["/api/me"]
    assert [guard.middleware for guard in site_at(app, "/api/me").guards] == [app]


WRAPPERS = {
    "a call": by_call,
    "its method": by_method,
    "inside of a list": inside,
    "another function": handed_on(guarded),
    "an attribute": Wrapper(guarded),
}


@pytest.mark.parametrize("wrapper", WRAPPERS.values(), ids=WRAPPERS)
def test_what_may_call_it_is_a_wrapper(wrapper: Any) -> None:
    """The middleware is found, however the request is passed on."""
    assert TestApp(wrapper).get("/api/me", status=401).json["reason"] == "missing"
    assert list(find_middlewares(wrapper)) == [guarded]
    assert [guard.middleware for guard in site_at(wrapper, "/api/me").guards] == [guarded]
