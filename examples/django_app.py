"""A Django site behind the middleware: `ISSUER=https://idp.example/ gunicorn examples.django_app`.
Before: `python -m examples.django_app migrate`, and `... createsuperuser` with the token's subject
as the user's name."""

import os

from asgiref.sync import sync_to_async
from django.conf import settings
from django.core import management, wsgi
from django.http import JsonResponse
from django.urls import path
from django.utils.functional import SimpleLazyObject

from jwt_middleware import Identity, JWTMiddleware, Provider, Rule


# Not RemoteUserMiddleware: it makes a session and a cookie for each call, and a user for each
# unknown subject. After AuthenticationMiddleware, if the site has one: a request without a caller
# keeps the user of its session, such as one who is signed in to the admin.
def bearer_user(get_response):
    from django.contrib.auth.models import AnonymousUser, User

    def middleware(request):
        caller = Identity.from_environ(request.META)
        if caller:
            found = User.objects.filter(username=caller.subject, is_active=True)
            request.user = SimpleLazyObject(lambda: found.first() or AnonymousUser())
            request.auser = sync_to_async(lambda: found.first() or AnonymousUser())
        elif not hasattr(request, "user"):
            request.user = AnonymousUser()
        return get_response(request)

    return middleware


urlpatterns = [
    path(url, lambda request: JsonResponse({"id": request.user.get_username()}))
    for url in ("", "api/me")
]
settings.configure(
    ROOT_URLCONF=__name__,
    MIDDLEWARE=[f"{__name__}.bearer_user"],
    INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes"],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "django.db"}},
)
app = wsgi.get_wsgi_application()
provider = Provider.discover(
    os.environ.get("ISSUER", "https://idp.example/"), audience="example-api"
)
application = JWTMiddleware(app, providers=[provider], rules=[Rule("/api")])
if __name__ == "__main__":
    management.execute_from_command_line()
