"""A segment that stands for no name: the view of the path above it answers, so its rule holds.

An owner says more of the page of a directory than of what lies below it: by `exact=True`, or by a
laxer rule with `*`.
"""

from collections.abc import Callable
from functools import cache
from typing import Any

import cherrypy
import pecan
import pytest
from django.urls import include, path
from pyramid.config import Configurator
from pyramid.response import Response

from jwt_middleware import Rule, public, scope
from tests.kit.apps import guarded

from .apps.djangos import configure_django, handler
from .guards import environ_of

pytestmark = pytest.mark.needs_frameworks


def pyramid_traversal() -> Any:
    """Traversal ends at a resource, whose view without a name answers."""
    tree = {"admin": {}}  # type: ignore[var-annotated]
    with Configurator(root_factory=lambda request: tree) as config:
        config.add_view(lambda context, request: Response(_SECRET if context == {} else ""))
    return config.make_wsgi_app()


def cherrypy_pages() -> Any:
    """`index` answers for the object that it belongs to."""

    class Admin:
        @cherrypy.expose
        def index(self, page: str = "") -> str:
            return _SECRET

    app = cherrypy.Application(type("Root", (), {"admin": Admin()})(), "")
    app.log.access_log.disabled = app.log.error_log.disabled = True
    cherrypy.config.update({"environment": "embedded", "log.screen": False})
    return app


def pecan_pages() -> Any:
    """`index` with any suffix that it knows."""

    class Admin:
        @pecan.expose("json")
        @pecan.expose()
        def index(self) -> str:
            return _SECRET

    return pecan.make_app(type("Root", (), {"admin": Admin()})())


def rest_root() -> Any:
    """The root of a default router lists what there is, with a format suffix too."""
    configure_django()
    from rest_framework.renderers import JSONRenderer
    from rest_framework.response import Response as Answer
    from rest_framework.routers import APIRootView, DefaultRouter

    class Root(APIRootView):
        authentication_classes = ()
        renderer_classes = (JSONRenderer,)

        def perform_authentication(self, request: Any) -> None:
            pass

        def get(self, request: Any, *_: Any, **__: Any) -> Any:
            return Answer(_SECRET)

    router = DefaultRouter()
    router.APIRootView = Root
    return handler([path("admin/", include(router.urls))])


_SECRET = "the page of the directory"
DOORS: dict[str, tuple[Callable[[], Any], str]] = {
    "Pyramid, a view without a name": (pyramid_traversal, "/admin/@@"),
    "Pyramid, and a subpath": (pyramid_traversal, "/admin/@@/x"),
    "CherryPy, index": (cherrypy_pages, "/admin/index"),
    "CherryPy, index with a parameter": (cherrypy_pages, "/admin/index/2"),
    "Pecan, index": (pecan_pages, "/admin/index"),
    "Pecan, index with a suffix": (pecan_pages, "/admin/index.json"),
    "Django REST framework, a mere suffix": (rest_root, "/admin/.json"),
    "Django REST framework, and a slash": (rest_root, "/admin/.json/"),
}
OWNERS = {
    "exact": [Rule("/", public), Rule("/admin", scope("admin"), exact=True)],
    "a laxer star": [Rule("/admin", scope("admin")), Rule("/admin/*", public)],
}


@cache
def built(make: Callable[[], Any]) -> Any:
    """The app, made once."""
    return make()


def seen(app: Any, asked: str) -> tuple[int, bool]:
    """The status, and whether the secret page is in the answer."""
    statuses: list[str] = []
    environ = environ_of(asked)
    body = b"".join(app(environ, lambda status, headers, exc_info=None: statuses.append(status)))
    return int(statuses[-1][:3]), _SECRET.encode() in body


@pytest.mark.parametrize("rules", OWNERS.values(), ids=OWNERS)
@pytest.mark.parametrize(("make", "door"), DOORS.values(), ids=DOORS)
def test_the_page_of_a_directory_has_one_rule(
    make: Callable[[], Any], door: str, rules: list[Rule]
) -> None:
    """The bare app shows it at this path, and the guarded one asks for the token of its rule."""
    assert seen(built(make), door) == (200, True)
    assert seen(guarded(built(make), rules=rules), door) == (401, False)
