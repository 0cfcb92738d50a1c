"""Django: `path`, `re_path`, and Django REST framework with its default router."""

import logging
import re
from collections.abc import Callable
from typing import Any

import django.conf
from django.core.handlers.wsgi import WSGIHandler
from django.http import HttpResponse
from django.urls import path, re_path
from django.views.decorators.csrf import csrf_exempt

from .site import PUBLIC, SECRET, SECRET_ROOTS, run


def configure_django() -> None:
    """Set what Django wants to be set once in a process."""
    if not django.conf.settings.configured:
        settings = {
            "SECRET_KEY": "x",
            "ALLOWED_HOSTS": ["*"],
            "MIDDLEWARE": [],
            "LOGGING_CONFIG": None,
        }
        django.conf.settings.configure(**settings, ROOT_URLCONF=())
    logging.getLogger("django.request").disabled = True


def view(kind: str) -> Callable[..., HttpResponse]:
    return csrf_exempt(lambda request, **_: HttpResponse(run(kind, request.method)))


def handler(routes: list[Any]) -> WSGIHandler:
    """A Django app of its own for these routes."""

    class Site:
        urlpatterns = routes

    class Handler(WSGIHandler):
        def get_response(self, request: Any) -> Any:
            request.urlconf = Site
            return super().get_response(request)

    configure_django()
    return Handler()


def django_app(*, regular_expressions: bool) -> Any:
    def route(rule: str, kind: str) -> Any:
        return (
            re_path(f"^{re.escape(rule[1:])}/?$", view(kind))
            if regular_expressions
            else path(rule[1:], view(kind))
        )

    return handler(
        [route(rule, "secret") for rule in SECRET]
        + [route(rule, "public") for rule in PUBLIC]
        + [
            re_path("^api/items/(?P<item>.+)$", view("secret"))
            if regular_expressions
            else path("api/items/<path:item>", view("secret")),
            path("public/<path:rest>", view("public")),
        ]
    )


def rest_app() -> Any:
    """The default router serves `/api.json` and `/api/7.json` too: "format suffixes"."""
    configure_django()
    # Django REST framework reads the settings while it is imported.
    from rest_framework.renderers import JSONRenderer
    from rest_framework.response import Response
    from rest_framework.routers import DefaultRouter
    from rest_framework.viewsets import ViewSet

    class Secret(ViewSet):
        authentication_classes = ()
        permission_classes = ()
        renderer_classes = (JSONRenderer,)

        def perform_authentication(self, request: Any) -> None:
            pass

        def create(self, request: Any, **_: Any) -> Any:
            return Response(run("secret", request.method))

        retrieve = list = create

    router = DefaultRouter()
    router.include_root_view = False
    for root in SECRET_ROOTS:
        router.register(root[1:], Secret, basename=root[1:])
    return handler(
        [*router.urls]
        + [path(rule[1:], view("public")) for rule in PUBLIC]
        + [path("public/<path:rest>", view("public"))]
    )


APPS: dict[str, Callable[[], Any]] = {
    "django, path": lambda: django_app(regular_expressions=False),
    "django, re_path": lambda: django_app(regular_expressions=True),
    "django, REST framework": rest_app,
}
