"""Flask, and every app with a werkzeug `Map` as its `url_map`."""

import re
from collections.abc import Iterator
from typing import Any

from ..middlewares import own
from ..pattern import Route, below, route_of
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

        route = route_of(rule.rule, rule.methods or (), _PARAMETER, accepts)
        yield below("", route, _host(app, rule))


def _host(app: Any, rule: Any) -> str:
    """Return the host of a rule; that of a subdomain ends with a dot if no `SERVER_NAME` is set."""
    held = own(app, "__dict__", {})
    if app.url_map.host_matching:
        return rule.host or ""
    if not (rule.subdomain or held.get("subdomain_matching")):
        return ""
    server = held.get("config", {}).get("SERVER_NAME") or ""
    return f"{rule.subdomain}.{server}" if rule.subdomain else server


def mounts_of(app: Any) -> Iterator[tuple[str, Any]]:
    """Yield nothing, since Flask does not mount apps."""
    yield from ()
