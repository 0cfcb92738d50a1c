"""Identifies objects without importing their classes, and holds functions that all listers use."""

import re
from collections.abc import Iterable
from typing import Any

from ..pattern import Route, route_of

_NOTHING = re.compile(r"(?!)")


def class_names(part: Any) -> set[str]:
    """Return the full names of an object's class and of those it derives from.

    Also what is left of each name without its first packages: apps bring copies of a framework,
    such as `pypiserver.bottle_wrapper.bottle.Bottle`.
    """
    found = set()
    for one in type(part).__mro__:
        name = f"{one.__module__}.{one.__qualname__}"
        while name:
            found.add(name)
            name = name.partition(".")[2]
    return found


def plain_route(path: str, methods: Iterable[str]) -> Route:
    """Return the route of a path without parameters."""
    return route_of(path, methods, _NOTHING, lambda match: "")
