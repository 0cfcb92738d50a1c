"""The same small site in every framework, by name."""

from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

from tests.kit.parts import skip

try:
    from . import bottles, byhand, cherries, djangos, falcons, flasks, objects, patterns, pyramids
except ImportError as error:
    skip(f"{error.name} is not installed")
from .cherries import cherrypy_app
from .djangos import configure_django
from .site import PUBLIC, RAN, ROOTS, SECRET, SECRET_ROOTS, below

__all__ = [
    "APPS",
    "MISSING",
    "PUBLIC",
    "RAN",
    "ROOTS",
    "SECRET",
    "SECRET_ROOTS",
    "SERVED",
    "below",
    "cherrypy_app",
    "configure_django",
]

_FAMILIES = (flasks, bottles, djangos, falcons, pyramids, cherries, objects, patterns, byhand)
_NEEDS = {
    "django, REST framework": "rest_framework",
    "pecan": "pecan",
    "turbogears": "tg",
    "quixote": "quixote",
    "morepath": "morepath",
    "web.py": "web",
    "fastapi, a2wsgi": "a2wsgi",
    "webob": "webob",
    "paste.urlmap": "paste.urlmap",
    "repoze.vhm, headers": "repoze.vhm",
    "repoze.vhm, path": "repoze.vhm",
}


def _is_installed(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:  # the package that it lies in
        return False


MISSING = {name: module for name, module in _NEEDS.items() if not _is_installed(module)}
"""The apps that cannot be built here, with the module that is not installed."""

APPS: dict[str, Callable[[], Any]] = {
    name: build
    for family in _FAMILIES
    for name, build in family.APPS.items()
    if name not in MISSING
}

SERVED = (
    "flask",
    "flask, strict_slashes=False",
    "flask, X-Script-Name",
    "bottle, static",
    "bottle, dynamic",
    "django, path",
    "django, re_path",
    "falcon",
    "falcon, strip",
    "pyramid, routes",
    "pyramid, traversal",
    "pyramid, views",
    "cherrypy",
    "cherrypy, whole path",
    "cherrypy, tree",
    "wsgiref, shift_path_info",
    "plain",
    "plain, sloppy",
)
"""The apps that are tried in real servers too: they differ in what they make of an environ."""
