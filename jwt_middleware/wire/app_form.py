"""Checks whether an object is a WSGI app (PEP 3333), as far as possible without calling it.

Refuses objects that would fail at each request or never answer: an ASGI app, a class that nobody
called, a callable of one argument. An object passes if its signature does not tell, as with
`*args`.
"""

import inspect
from typing import Any

from .._options import got, require
from ..errors import ConfigurationError
from .wsgi import WSGIApplication

_FORM = "app must be a WSGI app, a callable that takes (environ, start_response)"
_FRAMES = 50  # searched between a call and its repetition; no framework has as many


def check_app(app: object) -> None:
    """Raise `ConfigurationError` if the object cannot be a WSGI app."""
    if not callable(app):
        flask = "wrap app.wsgi_app for Flask: app.wsgi_app = JWTMiddleware(app.wsgi_app, ...)"
        raise ConfigurationError(f"{_FORM}, got {type(app).__name__}; {flask}")
    # PEP 3333 allows a class as an app; its instances are the responses.
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


def checked_app(app: WSGIApplication) -> WSGIApplication:
    """Return the app. Raise `ConfigurationError` if the middleware cannot wrap the object."""
    check_app(app)
    form = "wrap app.wsgi_app for Flask: app.wsgi_app = JWTMiddleware(app.wsgi_app, ...)"
    # `app.wsgi_app = JWTMiddleware(app, ...)` would call itself endlessly, since Flask's `__call__`
    # calls `wsgi_app`. While building, this mistake looks like a harmless use. So both are refused
    # here instead of failing at the first request.
    require(not callable(getattr(app, "wsgi_app", None)), f"app must not be a Flask object; {form}")
    return app


def _takes_two(app: Any) -> bool:
    """Return whether the app takes two arguments, and they are not named as an ASGI app's are."""
    try:
        # A decorator may pass other arguments to the function that it wraps.
        signature = inspect.signature(app, follow_wrapped=False)
    except (TypeError, ValueError):  # a builtin without a signature; a mismatch shows at a request
        return True
    try:
        signature.bind(None, None)
    except TypeError:
        return False
    return list(signature.parameters)[:2] != ["scope", "receive"]


def explain_recursion(name: str) -> None:
    """Raise `ConfigurationError` if the calling function already runs for the same request further
    up the stack. Call this for a `RecursionError`.

    The request is the same if the local variables `environ` and `name` are. A framework calls
    itself endlessly if its `__call__` leads to the object that wraps it. This does not show while
    building, since serving the wrapped object itself is correct.
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
                    "app must not be an object whose __call__ leads back to its wrapper: let the "
                    "server load the outermost object, or wrap what __call__ calls, such as "
                    "app.wsgi = JWTMiddleware(app.wsgi, ...) for Bottle"
                ) from None
        frame = frame.f_back
