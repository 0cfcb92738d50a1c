"""Falcon: its routes, sinks and static routes, through its own module `falcon.inspect`."""

import re
from collections.abc import Iterator
from importlib import import_module
from typing import Any

from ..pattern import Route, route_of
from .shape import class_names

KIND = "Falcon"
_PARAMETER = re.compile(r"{(\w+)(?::(\w+)(?:\([^)]*\))?)?}|(?P<rest>\x00)")
_ACCEPTS = {
    "dt": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ",
    "float": r"[\d.]+",
    "int": r"\d+",
    "path": ".+",
    "uuid": "[0-9a-f-]{32,36}",
}


def is_app(part: Any) -> bool:
    """Whether an object is a `falcon.App`."""
    return "falcon.app.App" in class_names(part)


def routes_of(app: Any) -> Iterator[Route]:
    """Yield every route of the app, then its static routes and sinks."""
    inspect = import_module("falcon.inspect")
    for route in inspect.inspect_routes(app):
        methods = {one.method for one in route.methods if not one.internal}
        yield route_of(route.path, methods, _PARAMETER, _accepts)
    for static in inspect.inspect_static_routes(app):
        yield _shown(route_of(f"{static.prefix.rstrip('/')}/\x00", ("GET",), _PARAMETER, _accepts))
    for sink in inspect.inspect_sinks(app):
        prefix = re.sub(r"\(.*|\W+$", "", sink.prefix.removeprefix("^")).replace("\\", "")
        yield _shown(route_of(f"{prefix.rstrip('/')}/\x00", (), _PARAMETER, _accepts))


def mounts_of(app: Any) -> Iterator[tuple[str, Any]]:
    """Yield nothing, since Falcon does not mount apps."""
    yield from ()


def _accepts(match: re.Match[str]) -> str:
    return ".*" if match["rest"] else _ACCEPTS.get(match[2] or "", "[^/]+")


def _shown(route: Route) -> Route:
    path = route.path.replace("\0", "{rest:path}")
    return Route(path, route.methods, route.example, route.accepts, route.literal)
