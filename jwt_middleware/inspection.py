"""What an app is made of: the middlewares in it, found through whatever wraps them."""

from collections import deque
from collections.abc import Iterator
from types import MethodType
from typing import Any

from .middleware import JWTMiddleware


def find_middlewares(app: Any) -> Iterator[JWTMiddleware]:
    """Return every middleware that an app is or holds, the outermost first."""
    # Hold on to the objects themselves: the id of one that is gone could be used again.
    seen: dict[int, Any] = {}
    waiting = deque([app])
    while waiting:
        part = waiting.popleft()
        if id(part) not in seen:
            seen[id(part)] = part
            waiting.extend(_parts(part))
            if isinstance(part, JWTMiddleware):
                yield part


def _parts(part: Any) -> Iterator[Any]:
    """Yield what an object may call: the callables in its attributes, its mounts, its closure."""
    if isinstance(part, MethodType):
        yield part.__self__
    held = [*_own(part, "__dict__", {}).values(), *_closure(part)]
    held += [value for mounts in held if isinstance(mounts, dict) for value in mounts.values()]
    yield from (value for value in held if callable(value) and not isinstance(value, type))


def _own(part: Any, name: str, default: Any) -> Any:
    """Read an attribute of the object itself.

    `getattr` would trigger `__getattr__`: proxies such as Flask's `current_app` raise outside a
    request.
    """
    try:
        return object.__getattribute__(part, name)
    except AttributeError:
        return default


def _closure(part: Any) -> Iterator[Any]:
    for cell in _own(part, "__closure__", None) or ():
        try:
            yield cell.cell_contents
        except ValueError:  # not bound yet
            continue
