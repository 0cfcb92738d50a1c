"""A regular expression of Django's that answers more paths than its rule governs is shown."""

import sys
from types import ModuleType
from typing import Any

import pytest
from django.core.handlers.wsgi import WSGIHandler
from django.http import HttpResponse
from django.test import Client, override_settings
from django.urls import clear_url_caches, re_path

from jwt_middleware import JWTMiddleware, Rule
from jwt_middleware.inspection import coverage
from tests.checks.matrix.apps.djangos import configure_django
from tests.inspection.sites import guard

pytestmark = pytest.mark.needs_frameworks

OPEN = {
    "no start": ("api/me", "/x/api/me"),
    "no start, and another end": (r"api/me\Z", "/x/api/me"),
    "no end": ("^api", "/apix"),
    "a dot": ("^api.me$", "/apixme"),
    "a class": ("^ap[a-z]/me$", "/apx/me"),
    "alternatives": ("^(?P<v>api|v2)/me$", "/v2/me"),
}
CLOSED = {
    "whole": ("^api/me$", "/api/me"),
    "whole by its end": ("api/me$", "/api/me"),
    "no end below the rule": ("^api/", "/api/anything"),
    "an escaped dot": (r"^api/me\.html$", "/api/me.html"),
    "a group below the rule": (r"^api/(\w+)/$", "/api/x/"),
}


@pytest.mark.parametrize("name", [*OPEN, *CLOSED])
def test_a_pattern_that_answers_past_its_rule(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Django answers the path, and the list says OPEN, or warns, if no rule governs it."""
    configure_django()
    pattern, path = (OPEN | CLOSED)[name]
    urls = ModuleType("some_urls")
    urls.__dict__["urlpatterns"] = [re_path(pattern, page)]
    monkeypatch.setitem(sys.modules, "some_urls", urls)
    with override_settings(ROOT_URLCONF="some_urls", ALLOWED_HOSTS=["testserver"]):
        clear_url_caches()
        assert Client().get(path).status_code == 200
        app = guard(WSGIHandler(), Rule("/api"))
        found = coverage(app)
        assert (rules_of(app, path) == ()) == (name in OPEN)
    clear_url_caches()
    warned = [line for line in found.lints if "no rule governs" in line]
    assert bool(found.open or warned) == (name in OPEN)


def page(request: Any, *_: Any, **__: Any) -> HttpResponse:
    """A view."""
    return HttpResponse("ok")


def rules_of(app: JWTMiddleware, path: str) -> tuple[Rule, ...]:
    """The rules that govern a path."""
    return app.decide({"REQUEST_METHOD": "GET", "PATH_INFO": path, "SCRIPT_NAME": ""}).rules
