"""Pyramid: its routes, and the named views that traversal finds."""

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from ..pattern import Route, route_of
from .shape import class_names

KIND = "Pyramid"
_NOTHING = re.compile(r"(?!)")
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
        yield from _by_traversal(name, named, app.root_factory)


def _by_traversal(name: str, views: list[Any], root_factory: Any) -> Iterator[Route]:
    """Yield what a view by name answers: at the root, if that can be its context, and below every
    resource, if there are some. Any path may follow the name."""
    name = f"/{name}" if name else ""
    after = re.escape(name) + ("(?:/.*)?" if name else "/?")
    has_resources = getattr(root_factory, "__module__", "") != "pyramid.traversal"
    if not has_resources or any(_is_of_any_context(view) for view in views):
        found = [view for view in views if not has_resources or _is_of_any_context(view)]
        route = route_of(name or "/", _methods(found), _PARAMETER, _accepts)
        yield replace(route, accepts=re.compile(after))
    if has_resources:
        # Which paths are resources is known at a request alone.
        route = route_of(f"/*resource{name}", _methods(views), _NOTHING, lambda match: "")
        yield replace(route, example=None, accepts=re.compile(f"(?:/.*)?{after}"), literal=0)


def _is_of_any_context(view: Any) -> bool:
    context = view["context"]
    return context in (None, object) or getattr(context, "__name__", "") == "Interface"


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
