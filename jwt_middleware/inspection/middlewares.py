"""Finds the middlewares in an app, through its wrappers."""

from collections import deque
from collections.abc import Iterator
from types import FunctionType, MethodType
from typing import Any

from ..middleware import JWTMiddleware
from .uses import globals_in, passes_on


def find_middlewares(app: Any) -> Iterator[JWTMiddleware]:
    """Yield every middleware that an app is or contains, the outermost first."""
    # Store the objects themselves, since the id of a deleted object could be reused.
    seen: dict[int, Any] = {}
    waiting = deque([app])
    while waiting:
        part = waiting.popleft()
        if id(part) not in seen:
            seen[id(part)] = part
            waiting.extend(parts_of(part))
            if isinstance(part, JWTMiddleware):
                yield part


def parts_of(part: Any) -> Iterator[Any]:
    """Yield the callables that an object may call: in its attributes, its mounts, its closure and,
    for a WSGI app, the globals that it uses."""
    if isinstance(part, MethodType):
        yield part.__self__
    named = [*own(part, "__dict__", {}).items(), *_closure(part), *_globals(part)]
    held = [value for name, value in named if passes_on(part, name, value)]
    held += [value for mounts in held if isinstance(mounts, dict) for value in mounts.values()]
    yield from (value for value in held if callable(value) and not isinstance(value, type))


def own(part: Any, name: str, default: Any) -> Any:
    """Return an attribute of the object itself.

    `getattr` would trigger `__getattr__`, and proxies such as Flask's `current_app` raise an error
    outside a request.
    """
    try:
        return object.__getattribute__(part, name)
    except AttributeError:
        return default


def _closure(part: Any) -> Iterator[tuple[str, Any]]:
    """Yield what a function holds from around it, by name."""
    cells = own(part, "__closure__", None) or ()
    names = part.__code__.co_freevars if isinstance(part, FunctionType) else [""] * len(cells)
    for name, cell in zip(names, cells, strict=True):
        try:
            yield name, cell.cell_contents
        except ValueError:  # not bound yet
            continue


def _globals(part: Any) -> Iterator[tuple[str, Any]]:
    """Yield the globals that a function with the two parameters of a WSGI app uses, by name, since
    its module may contain the middleware."""
    called = part if isinstance(part, FunctionType) else own(type(part), "__call__", None)
    if not isinstance(called, FunctionType):
        return
    code = called.__code__
    if code.co_argcount - (called is not part) != 2 or _is_ours(called):
        return
    for name in sorted(globals_in(code)):
        if name in called.__globals__:
            yield name, called.__globals__[name]


def _is_ours(function: FunctionType) -> bool:
    return function.__module__.partition(".")[0] == __name__.partition(".")[0]
