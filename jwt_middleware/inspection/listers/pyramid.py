"""Pyramid: its routes, and the named views that traversal finds."""

import re
from collections.abc import Iterator
from typing import Any

from ..pattern import Route, route_of
from .shape import class_names

KIND = "Pyramid"
_PARAMETER = re.compile(r"{(\w+)(?::((?:[^{}]|{[^{}]*})+))?}|\*(\w+)$|(?<=/):(\w+)")


def is_app(part: Any) -> bool:
    """Whether an object is Pyramid's router."""
    return "pyramid.router.Router" in class_names(part)


def routes_of(app: Any) -> Iterator[Route]:
    """Yield every route with the methods of its views, then the views that have no route."""
    introspector = app.registry.introspector
    views = [one["introspectable"] for one in introspector.get_category("views") or ()]
    for item in introspector.get_category("routes") or ():
        route = item["introspectable"]
        if route["static"] if "static" in route else route["object"] is None:
            continue
        pattern = route["pattern"]
        path = pattern if pattern.startswith("/") else f"/{pattern}"
        named = [view for view in views if view["route_name"] == route["name"]]
        methods = _methods([route, *named])
        yield route_of(path, methods, _PARAMETER, _accepts)
    by_name: dict[str, list[Any]] = {}
    for view in views:
        if view["route_name"] is None and not _is_of_errors(view):
            by_name.setdefault(view["name"], []).append(view)
    for name, named in by_name.items():
        # The name comes after the path of a resource; "" is the view of the resource itself.
        yield route_of(f"/{name}", _methods(named), _PARAMETER, _accepts)


def mounts_of(app: Any) -> Iterator[tuple[str, Any]]:
    """Yield nothing, since Pyramid does not mount apps."""
    yield from ()


def _is_of_errors(view: Any) -> bool:
    """Return whether a view shows an exception, so that no path reaches it."""
    context = view["context"]
    is_exception = isinstance(context, type) and issubclass(context, Exception)
    return is_exception or getattr(context, "__name__", "") == "IExceptionResponse"


def _methods(found: list[Any]) -> set[str]:
    """Return the methods of a route and of its views, or none if one of the views takes any."""
    route, views = found[:1], found[1:] or found
    named = [one["request_methods"] for one in views]
    if any(not methods for methods in named):
        named = [one["request_methods"] for one in route]
    if any(not methods for methods in named):
        return set()
    return {
        method
        for methods in named
        for method in ((methods,) if isinstance(methods, str) else methods)
    }


def _accepts(match: re.Match[str]) -> str:
    return ".*" if match[3] else match[2] or "[^/]+"
