"""Flask, and every app with a werkzeug `Map` as its `url_map`."""

import re
from collections.abc import Iterator
from typing import Any

from ..middlewares import own
from ..pattern import Route, route_of
from .shape import class_names

KIND = "Flask"
_PARAMETER = re.compile(r"<(?:[^<>:]*?(?:\([^<>]*?\))?:)?(\w+)>")


def is_app(part: Any) -> bool:
    """Whether an object has a map of routes."""
    return "werkzeug.routing.map.Map" in class_names(own(part, "__dict__", {}).get("url_map"))


def routes_of(app: Any) -> Iterator[Route]:
    """Yield every rule of the map, including those of blueprints."""
    for rule in app.url_map.iter_rules():
        if rule.build_only or rule.websocket:
            continue
        # Only the rule's private table has the regular expressions of its converters.
        converters = getattr(rule, "_converters", {})

        def accepts(match: re.Match[str], converters: Any = converters) -> str:
            converter = converters.get(match[1])
            return str(getattr(converter, "regex", "[^/]+"))

        yield route_of(rule.rule, rule.methods or (), _PARAMETER, accepts)


def mounts_of(app: Any) -> Iterator[tuple[str, Any]]:
    """Yield nothing, since Flask does not mount apps."""
    yield from ()
