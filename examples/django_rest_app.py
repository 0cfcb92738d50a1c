"""The site of `django_app` with a view of Django REST framework: `gunicorn
examples.django_rest_app`."""

from django.urls import path

from examples import django_app  # before what follows: it has the settings

# isort: split
from django.contrib.auth.models import User
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.renderers import JSONRenderer
from rest_framework.response import Response
from rest_framework.views import APIView

from jwt_middleware import Identity

COLUMN = "username"  # or one of your own that holds the subjects


class BearerAuthentication(BaseAuthentication):
    def authenticate(self, request):  # gives `request.user` and `request.auth`
        caller = Identity.from_environ(request.META)
        user = caller and User.objects.filter(is_active=True, **{COLUMN: caller.subject}).first()
        if caller and not user:
            raise AuthenticationFailed
        return caller and (user, caller)

    def authenticate_header(self, request):
        return 'Bearer realm="api"'  # makes that a 401 with a challenge


class Me(APIView):
    authentication_classes, renderer_classes = (BearerAuthentication,), (JSONRenderer,)

    def get(self, request):
        return Response({"id": request.auth.subject, "name": request.user.username})


django_app.urlpatterns.insert(0, path("api/me", Me.as_view()))
application = django_app.application
