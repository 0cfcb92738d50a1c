"""The URL configuration of the Django site."""

from typing import Any

from django.http import HttpResponse
from django.urls import include, path, re_path


def _page(request: Any, *_: Any, **__: Any) -> HttpResponse:
    return HttpResponse("ok")


_api = [
    path("me", _page),
    path("<uuid:id>/", _page),
    re_path(r"^archive/(?P<year>[0-9]{4})/(\w+)/$", _page),
]
urlpatterns = [
    path("", _page),
    path("health", _page),
    path("users/<int:id>", _page),
    path("files/<path:rest>", _page),
    re_path(r"^old/(\d+)\.html$", _page),
    path("api/", include(_api)),
]
