"""CherryPy: on PATH_INFO alone, on the whole path, and in its tree of apps."""

from collections.abc import Callable
from typing import Any

import cherrypy
from cherrypy._cptree import Tree
from werkzeug.middleware.proxy_fix import ProxyFix

from .site import SECRET_ROOTS, run


class Page:
    """A CherryPy handler that takes any path below it."""

    def __init__(self, kind: str) -> None:
        self._kind = kind

    @cherrypy.expose
    def default(self, *_: str, **__: str) -> str:
        return run(self._kind, cherrypy.request.method)


def _site() -> Page:
    root = Page("public")
    root.public = Page("public")  # type: ignore[attr-defined]
    for name in SECRET_ROOTS:
        setattr(root, name[1:], Page("secret"))
    return root


def _quiet(app: Any, *, translate: bool) -> Any:
    cherrypy.config.update({"environment": "embedded", "log.screen": False})
    if not translate:
        # Punctuation in a path is read as `_` unless the dispatcher is told otherwise.
        app.merge({"/": {"request.dispatch": cherrypy.dispatch.Dispatcher(translate={})}})
    app.log.access_log.disabled = app.log.error_log.disabled = True
    return app


def cherrypy_app(*, script_name: str | None, translate: bool = False) -> Any:
    return _quiet(cherrypy.Application(_site(), script_name), translate=translate)


def cherrypy_tree() -> Any:
    """Apps at prefixes, which the tree finds on SCRIPT_NAME and PATH_INFO joined by a slash."""
    tree = Tree()
    tree.mount(_quiet(cherrypy.Application(Page("public"), ""), translate=True))
    for name in SECRET_ROOTS:
        tree.mount(_quiet(cherrypy.Application(Page("secret"), name), translate=True), name)
    return tree


APPS: dict[str, Callable[[], Any]] = {
    "cherrypy": lambda: cherrypy_app(script_name=None),
    "cherrypy, whole path": lambda: cherrypy_app(script_name=""),
    "cherrypy, translate": lambda: cherrypy_app(script_name=None, translate=True),
    "cherrypy, tree": cherrypy_tree,
    "cherrypy, ProxyFix": lambda: ProxyFix(cherrypy_app(script_name=""), x_prefix=1),
}
