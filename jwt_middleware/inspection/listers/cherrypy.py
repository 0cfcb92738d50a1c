"""CherryPy: the exposed methods of a tree of objects."""

import inspect
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from ..middlewares import own
from ..pattern import Route, with_rest
from .shape import class_names, plain_route

KIND = "CherryPy"
_DEEPEST = 8


def is_app(part: Any) -> bool:
    """Whether an object is a CherryPy `Application`."""
    return "cherrypy._cptree.Application" in class_names(part)


def routes_of(app: Any) -> Iterator[Route]:
    """Yield every page handler below the root. One that takes positional arguments answers the
    paths below it too, and one of a virtual host answers without the host's prefix."""
    for section in app.config.values():
        _check_dispatcher(section.get("request.dispatch"))
    routes = list(dict.fromkeys(_handlers(app.root, "", ())))
    yield from routes
    for host, prefix in _domains(app).items():
        for route in routes:
            if prefix and route.path.startswith(f"{prefix}/"):
                yield _without(prefix, route, host)


def mounts_of(app: Any) -> Iterator[tuple[str, Any]]:
    """Yield nothing, since apps are mounted in a tree."""
    yield from ()


def _check_dispatcher(dispatch: Any) -> None:
    """Raise `LookupError` for a dispatcher that finds handlers in its own way."""
    if dispatch is None or "cherrypy._cpdispatch.Dispatcher" in class_names(dispatch):
        return
    if not _virtual_host(dispatch):
        raise LookupError("a dispatcher that does not walk the tree of objects")


def _virtual_host(dispatch: Any) -> dict[str, Any]:
    """Return the variables of a `cherrypy.dispatch.VirtualHost`; none for another dispatcher."""
    if not getattr(dispatch, "__qualname__", "").startswith("VirtualHost."):
        return {}
    cells = (cell.cell_contents for cell in own(dispatch, "__closure__", ()))
    return dict(zip(dispatch.__code__.co_freevars, cells, strict=True))


def _domains(app: Any) -> dict[str, str]:
    """Return the prefix of each host that a virtual host knows."""
    held = _virtual_host(app.config.get("/", {}).get("request.dispatch"))
    return {host: prefix.rstrip("/") for host, prefix in held.get("domains", {}).items()}


def _without(prefix: str, route: Route, host: str) -> Route:
    """Return a route as a virtual host answers it: the dispatcher puts the prefix before the
    path."""
    return replace(
        route,
        path=route.path.removeprefix(prefix),
        example=(route.example or route.path).removeprefix(prefix),
        accepts=re.compile(route.accepts.pattern.removeprefix(re.escape(prefix)), re.DOTALL),
        host=host,
    )


def _handlers(node: Any, path: str, above: tuple[int, ...]) -> Iterator[Route]:
    if id(node) in above or len(above) > _DEEPEST:
        return
    if _is_exposed(node):
        yield from _routes(node, path)
    if callable(getattr(node, "_cp_dispatch", None)):  # an app's own way to find a handler
        yield with_rest(path, (), 1, None)
    if callable(node) and not _has_pages(node):
        return
    for name, held in _members(node):
        if name == "index":
            yield plain_route(f"{path}/", ())
        elif name == "default":
            yield from _default(node, held, path)
        else:
            yield from _handlers(held, f"{path}/{name}", (*above, id(node)))


def _members(node: Any) -> Iterator[tuple[str, Any]]:
    """Yield the attributes of an object that are page handlers, or hold some."""
    for name in dir(node):
        if name.startswith("__"):
            continue
        try:
            held = getattr(node, name)
        except Exception:  # noqa: S112 (an owner's property that needs a request)
            continue
        if _is_exposed(held) or _has_pages(held):
            yield name, held


def _default(node: Any, handler: Any, path: str) -> Iterator[Route]:
    """Yield what a handler named `default` answers: paths that no other handler of its object
    does."""
    has_index = _is_exposed(getattr(node, "index", None))
    for route in _shapes(handler, f"{path}/", ()):
        if not (has_index and route.path == f"{path}/"):
            yield route


def _routes(handler: Any, path: str) -> Iterator[Route]:
    """Yield what a handler answers; one of `MethodDispatcher` is a method of each HTTP method."""
    verbs = [name for name in dir(handler) if name.isupper() and callable(getattr(handler, name))]
    if not verbs:
        yield from _shapes(handler, path or "/", ())
    shapes: dict[Route, list[str]] = {}
    for verb in verbs:
        for route in _shapes(getattr(handler, verb), path or "/", ()):
            shapes.setdefault(route, []).append(verb)
    for route, named in shapes.items():
        yield replace(route, methods=frozenset(named))


def _shapes(handler: Callable[..., Any], path: str, methods: tuple[str, ...]) -> Iterator[Route]:
    """Yield the path, if its arguments can come from the query, and what is below it, if they can
    come from there."""
    parameters = _parameters(handler)
    needed = [
        one
        for one in parameters
        if one.default is one.empty and one.kind not in (one.VAR_KEYWORD, one.VAR_POSITIONAL)
    ]
    if all(one.kind is not one.POSITIONAL_ONLY for one in needed):
        query = "&".join(f"{one.name}=zqx" for one in needed)
        yield replace(plain_route(path, methods), query=query)
    if _segments(handler)[1] != 0:
        yield with_rest(path.rstrip("/"), methods, *_segments(handler))


def _segments(handler: Callable[..., Any]) -> tuple[int, int | None]:
    """Return how many segments a handler takes as arguments: one or more, and at most."""
    positional = [
        one
        for one in _parameters(handler)
        if one.kind in (one.POSITIONAL_ONLY, one.POSITIONAL_OR_KEYWORD)
    ]
    has_more = any(one.kind is one.VAR_POSITIONAL for one in _parameters(handler))
    needed = sum(one.default is one.empty for one in positional)
    return max(needed, 1), None if has_more else len(positional)


def _parameters(handler: Callable[..., Any]) -> list[inspect.Parameter]:
    try:
        return list(inspect.signature(handler).parameters.values())
    except (TypeError, ValueError):
        return []


def _is_exposed(held: Any) -> bool:
    return getattr(held, "exposed", False) is True


def _has_pages(held: Any) -> bool:
    if inspect.isroutine(held) or isinstance(held, (type, str, int, dict, list, tuple)):
        return False
    members = [getattr(type(held), name, None) for name in dir(type(held))]
    members += list(vars(held).values()) if hasattr(held, "__dict__") else []
    return any(_is_exposed(member) for member in members)
