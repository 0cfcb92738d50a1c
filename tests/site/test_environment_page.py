"""The page on environment variables: its forms for frameworks without a `wsgi_app`."""

import os
import re

import pytest

from tests.kit import forking
from tests.kit.forking import APPS
from tests.kit.pages import DOCS

FORMS = re.findall(
    r"`application = (from_env\([^`]+)`", (DOCS / "how-to/environment.md").read_text()
)

_DJANGO = """
from django.conf import settings
settings.configure(ROOT_URLCONF="__main__", ALLOWED_HOSTS=["*"])
urlpatterns = []
from django.core.wsgi import get_wsgi_application
"""

FRAMEWORKS = {
    "bottle": ("(app)", "from bottle import Bottle; app = Bottle()"),
    "falcon": ("(app)", "from falcon import App; app = App()"),
    "django": ("(get_wsgi_application())", _DJANGO),
    "pyramid": (
        "(config.make_wsgi_app())",
        "from pyramid.config import Configurator; config = Configurator()",
    ),
}
"""What the form wraps, and what a file has before it."""

_CALLS = """
from webtest import TestApp
print(*[TestApp(application).get(path, status="*").status_int for path in ("/api", "/other")])
"""
_VARIABLES = {
    "JWT_MIDDLEWARE_ISSUER": "https://i.example",
    "JWT_MIDDLEWARE_AUDIENCE": "example-api",
    "JWT_MIDDLEWARE_RULES": "/api",
}


def form_of(framework: str) -> str:
    """The one form of the page for a framework."""
    (form,) = (form for form in FORMS if form == f"from_env{FRAMEWORKS[framework][0]}")
    return str(form)


@pytest.mark.parametrize(
    "framework",
    [
        pytest.param(name, marks=[pytest.mark.needs_frameworks] * (name in ("django", "pyramid")))
        for name in FRAMEWORKS
    ],
)
def test_the_form_of_a_framework_guards_its_app(framework: str) -> None:
    """What the page names `application` answers 401 without a token, and the framework answers
    (404) beside the rules."""
    code = "\n".join(
        (
            FRAMEWORKS[framework][1],
            "from jwt_middleware.settings import from_env",
            f"application = {form_of(framework)}",
            _CALLS,
        )
    )
    run = forking.run(code, after=APPS, env={**os.environ, **_VARIABLES})
    assert run.stdout == "401 404\n", run.stderr


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_the_page_of_a_framework_has_the_form(framework: str) -> None:
    """A page of a framework leads to the variables and to deployment, with its own form."""
    text = (DOCS / f"frameworks/{framework}.md").read_text()
    assert f"`application = {form_of(framework)}`" in text
    assert "(../how-to/environment.md)" in text
    assert "(../how-to/deployment.md)" in text
