"""CherryPy: the exposed methods of a tree of objects."""

import inspect
import re
from collections.abc import Iterator
from typing import Any

from ..pattern import Route, route_of
from .shape import class_names, plain_route

KIND = "CherryPy"
_REST = re.compile(r"{rest}")
_DEEPEST = 8


def is_app(part: Any) -> bool:
    """Whether an object is a CherryPy `Application`."""
    return "cherrypy._cptree.Application" in class_names(part)


def routes_of(app: Any) -> Iterator[Route]:
    """Yield every page handler below the root. A handler that takes positional arguments, or is
    named `default`, also answers the paths below it."""
    yield from _handlers(app.root, "", ())


def mounts_of(app: Any) -> Iterator[tuple[str, Any]]:
    """Yield nothing, since apps are mounted in a tree."""
    yield from ()


def _handlers(node: Any, path: str, above: tuple[int, ...]) -> Iterator[Route]:
    if id(node) in above or len(above) > _DEEPEST:
        return
    if _is_exposed(node):
        yield from _routes(node, path)
    if callable(node) and not _has_pages(node):
        return
    for name in dir(node):
        if name.startswith("__"):
            continue
        try:
            held = getattr(node, name)
        except Exception:  # noqa: S112 (an owner's property that needs a request)
            continue
        if _is_exposed(held) or _has_pages(held):
            end = {"index": path, "default": path}.get(name, f"{path}/{name}")
            if name == "default":
                yield route_of(f"{end}/{{rest}}", (), _REST, lambda match: ".*")
            elif name == "index":
                yield plain_route(end or "/", ())
            else:
                yield from _handlers(held, end, (*above, id(node)))


def _routes(handler: Any, path: str) -> Iterator[Route]:
    verbs = {name for name in dir(handler) if name.isupper() and callable(getattr(handler, name))}
    yield plain_route(path or "/", verbs)
    called = next((getattr(handler, name) for name in sorted(verbs)), handler)
    try:
        parameters = inspect.signature(called).parameters.values()
    except (TypeError, ValueError):
        return
    if any(one.kind not in (one.KEYWORD_ONLY, one.VAR_KEYWORD) for one in parameters):
        yield route_of(f"{path}/{{rest}}", verbs, _REST, lambda match: ".+")


def _is_exposed(held: Any) -> bool:
    return getattr(held, "exposed", False) is True


def _has_pages(held: Any) -> bool:
    if inspect.isroutine(held) or isinstance(held, (type, str, int, dict, list, tuple)):
        return False
    members = [getattr(type(held), name, None) for name in dir(type(held))]
    members += list(vars(held).values()) if hasattr(held, "__dict__") else []
    return any(_is_exposed(member) for member in members)
