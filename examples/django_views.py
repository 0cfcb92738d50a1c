"""Django views that ask for more than their path does: `ISSUER=https://idp.example/ gunicorn
examples.django_views`."""

import os

from django.conf import settings
from django.core import wsgi
from django.http import HttpResponse, JsonResponse
from django.urls import path
from werkzeug.wrappers import Response

from jwt_middleware import JWTMiddleware, Provider, Refusal, Rule, enforce, optional, scope
from jwt_middleware import refusal_response as response_of


class Refusals:  # one line of MIDDLEWARE: a refusal from any view is answered as by JWTMiddleware
    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        return self.get_response(request)

    def process_exception(self, request, error):
        if not isinstance(error, Refusal):
            return None
        answer = Response.from_app(response_of(error, request.META), request.META)
        reason = answer.status.partition(" ")[2]
        return HttpResponse(answer.data, None, answer.status_code, reason, headers=answer.headers)


def me(request, *requirements):
    return JsonResponse({"id": enforce(request.META, *requirements).subject})


home = path("", lambda request: HttpResponse("welcome"))
admin = path("api/admin", lambda request: me(request, scope("admin")))
urlpatterns = [home, admin, path("api/me", me)]
settings.configure(ROOT_URLCONF=__name__, MIDDLEWARE=[f"{__name__}.Refusals"], ALLOWED_HOSTS=["*"])
issuer = os.environ.get("ISSUER", "https://idp.example/")
provider = Provider.discover(issuer, audience="example-api")
rules = [Rule("/", optional), Rule("/api")]
application = JWTMiddleware(wsgi.get_wsgi_application(), providers=[provider], rules=rules)
