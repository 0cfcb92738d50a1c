"""Django's admin, which knows its user from REMOTE_USER, with Django's own CSRF tokens."""

import sys
from typing import Any

import django
from django.conf import settings
from django.core.management import call_command
from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest, HttpResponse

from .guard import behind_sign_in

_CONTRIB = [f"django.contrib.{name}" for name in ("auth", "contenttypes", "sessions", "messages")]
settings.configure(
    SECRET_KEY="not the one of the tokens",
    ALLOWED_HOSTS=["*"],
    ROOT_URLCONF=__name__,
    INSTALLED_APPS=["django.contrib.admin", *_CONTRIB, "django.contrib.staticfiles"],
    MIDDLEWARE=[
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.middleware.csrf.CsrfViewMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
        "django.contrib.auth.middleware.RemoteUserMiddleware",
        "django.contrib.messages.middleware.MessageMiddleware",
    ],
    AUTHENTICATION_BACKENDS=[f"{__name__}.Administrators"],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "django.db"}},
    DEFAULT_AUTO_FIELD="django.db.models.AutoField",
    STATIC_URL="/static/",
    TEMPLATES=[
        {
            "BACKEND": "django.template.backends.django.DjangoTemplates",
            "APP_DIRS": True,
            "OPTIONS": {
                "context_processors": [
                    "django.template.context_processors.request",
                    "django.contrib.auth.context_processors.auth",
                    "django.contrib.messages.context_processors.messages",
                ]
            },
        }
    ],
)
django.setup()

# These read the settings when they are imported.
from django.contrib import admin  # noqa: E402
from django.contrib.auth.backends import RemoteUserBackend  # noqa: E402
from django.contrib.staticfiles.views import serve as serve_static  # noqa: E402
from django.urls import path  # noqa: E402

call_command("migrate", verbosity=0, stdout=sys.stderr)


class Administrators(RemoteUserBackend):
    """Whoever signs in is an administrator here."""

    def configure_user(self, request: HttpRequest, user: Any, created: bool = True) -> Any:
        """Give a new user every right."""
        user.is_staff = user.is_superuser = True
        user.save()
        return user


def _report(request: HttpRequest) -> HttpResponse:
    headers = {"Content-Disposition": "attachment; filename=report.csv"}
    return HttpResponse(f"name\n{request.user}\n", content_type="text/csv", headers=headers)


def _static(request: HttpRequest, file: str) -> HttpResponse:
    answer: HttpResponse = serve_static(request, file, insecure=True)
    return answer


urlpatterns = [
    path("admin/", admin.site.urls),
    path("report.csv", _report),
    path("static/<path:file>", _static),
]
application = behind_sign_in(get_wsgi_application())
