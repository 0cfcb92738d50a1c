"""Bottle."""

import re
from collections.abc import Iterator
from typing import Any

from ..pattern import Route, route_of
from .shape import class_names

KIND = "Bottle"
_PARAMETER = re.compile(r"<(\w*)(?::(\w+)(?::((?:\\.|[^\\>])+))?)?>|(?<=/):(\w+)(?:#(.*?)#)?")
_ACCEPTS = {"int": r"-?\d+", "float": r"-?[\d.]+", "path": ".+?"}
_ANY = {"ANY", "PROXY"}


def is_app(part: Any) -> bool:
    """Whether an object is a `Bottle`."""
    return "bottle.Bottle" in class_names(part)


def routes_of(app: Any) -> Iterator[Route]:
    """Yield every route that is not a mount, one for all methods of a path."""
    methods: dict[str, set[str]] = {}
    for route in app.routes:
        if "mountpoint.target" not in route.config:
            methods.setdefault(route.rule, set()).add(route.method)
    for rule, named in methods.items():
        path = rule if rule.startswith("/") else f"/{rule}"
        yield route_of(path, () if named & _ANY else named, _PARAMETER, _accepts)


def mounts_of(app: Any) -> Iterator[tuple[str, Any]]:
    """Yield the apps of `Bottle.mount`."""
    found = {}
    for route in app.routes:
        if "mountpoint.target" in route.config:
            found[route.config["mountpoint.prefix"]] = route.config["mountpoint.target"]
    yield from found.items()


def _accepts(match: re.Match[str]) -> str:
    if match[2] == "re":
        return match[3] or "[^/]+"
    return match[5] or _ACCEPTS.get(match[2] or "", "[^/]+")
