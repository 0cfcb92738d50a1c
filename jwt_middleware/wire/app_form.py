"""Whether an object is a WSGI app (PEP 3333), as far as that shows without calling it.

What is refused here would fail at each request, or never answer: an ASGI app, a class that nobody
called, a callable of one argument. Where nothing shows, as with `*args`, the object passes.
"""

import inspect
from typing import Any

from .._options import got, require
from ..errors import ConfigurationError

_FORM = "app must be a WSGI app, a callable that takes (environ, start_response)"
_FRAMES = 50  # between a call and the one that it repeats: more than any framework has


def check_app(app: object) -> None:
    """Raise `ConfigurationError` for what cannot be a WSGI app."""
    if not callable(app):
        flask = "wrap app.wsgi_app for Flask: app.wsgi_app = JWTMiddleware(app.wsgi_app, ...)"
        raise ConfigurationError(f"{_FORM}, got {type(app).__name__}; {flask}")
    # The app of PEP 3333 may be a class whose instances are the response.
    if isinstance(app, type) and not hasattr(app, "__iter__"):
        raise ConfigurationError(f"{_FORM}, got the class {app.__name__}; pass an object of it")
    call = app if isinstance(app, type) else getattr(app, "__call__", None)  # noqa: B004
    is_async = any(
        inspect.iscoroutinefunction(each) or inspect.isasyncgenfunction(each)
        for each in (app, call)
    )
    if is_async or not _takes_two(app):
        raise ConfigurationError(
            f"{_FORM}, got {got(app)}; wrap ASGI with a2wsgi: ASGIMiddleware(app)"
        )


def check_wrapped(app: object) -> None:
    """Raise `ConfigurationError` for what the middleware cannot wrap."""
    check_app(app)
    form = "wrap app.wsgi_app for Flask: app.wsgi_app = JWTMiddleware(app.wsgi_app, ...)"
    # `app.wsgi_app = JWTMiddleware(app, ...)` would call itself without end: Flask's `__call__`
    # calls `wsgi_app`. The slip cannot be told from a harmless use while building, so both are
    # refused here instead of failing at the first request.
    require(not callable(getattr(app, "wsgi_app", None)), f"app must not be a Flask object; {form}")


def _takes_two(app: Any) -> bool:
    """Return whether it can be called with two arguments, and is not named like an ASGI app."""
    try:
        # A decorator may call what it wraps with other arguments than its own.
        signature = inspect.signature(app, follow_wrapped=False)
    except (TypeError, ValueError):  # a builtin: whether it fits shows at a request
        return True
    try:
        signature.bind(None, None)
    except TypeError:
        return False
    return list(signature.parameters)[:2] != ["scope", "receive"]


def explain_recursion(name: str) -> None:
    """Raise `ConfigurationError` if the calling function is being called for the same request
    already, further up the stack; to be called for a `RecursionError`.

    The same request is the same `environ` among its variables, beside the same `name`. A framework
    whose `__call__` was pointed at what wraps it calls itself without end. It cannot be told while
    building, since to serve the wrapped object itself is right.
    """
    here = inspect.currentframe()
    caller = None if here is None else here.f_back
    if caller is None:
        return
    frame, mine = caller.f_back, caller.f_locals
    for _ in range(_FRAMES):
        if frame is None:
            return
        if frame.f_code is caller.f_code:
            theirs = frame.f_locals
            if all(theirs.get(each) is mine.get(each) for each in (name, "environ")):
                raise ConfigurationError(
                    "app must not be an object whose __call__ leads back to what wraps it: let the "
                    "server load the outermost object, or wrap what __call__ calls, such as "
                    "app.wsgi = JWTMiddleware(app.wsgi, ...) for Bottle"
                ) from None
        frame = frame.f_back
