"""The same small site in every framework, by name. What cannot be imported stands in `MISSING`."""

from collections.abc import Callable
from importlib import import_module
from typing import Any

from .cherries import cherrypy_app
from .djangos import configure_django
from .site import PUBLIC, RAN, SECRET, SECRET_ROOTS

__all__ = [
    "APPS",
    "MISSING",
    "PUBLIC",
    "RAN",
    "SECRET",
    "SECRET_ROOTS",
    "cherrypy_app",
    "configure_django",
]

_FAMILIES = (
    "flasks",
    "bottles",
    "djangos",
    "falcons",
    "pyramids",
    "cherries",
    "objects",
    "patterns",
    "byhand",
)


def _checked(builds: dict[str, Callable[[], Any]]) -> None:
    for name, build in builds.items():
        try:
            build()
        except ImportError as error:
            MISSING[name] = str(error)
        else:
            APPS[name] = build


APPS: dict[str, Callable[[], Any]] = {}
MISSING: dict[str, str] = {}
for _family in _FAMILIES:
    _checked(import_module(f".{_family}", __name__).APPS)
