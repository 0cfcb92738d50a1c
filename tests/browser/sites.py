"""One guarded site in Flask and in Django, with and without a CORS extension inside, told apart by
the host name."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Thread
from typing import Any

import flask
from werkzeug.serving import WSGIRequestHandler, make_server

from jwt_middleware import Identity, JWTMiddleware, Rule, Unavailable, scope
from jwt_middleware.login import TokenMinter
from tests.kit.parts import skip

try:
    from django.conf import settings
    from django.core.handlers.wsgi import WSGIHandler
    from django.http import HttpResponse
    from django.urls import re_path
    from django.views.decorators.csrf import csrf_exempt
    from flask_cors import CORS
except ImportError as error:
    skip(f"{error.name} is not installed")
from tests.checks.matrix.apps import configure_django

MINTER = TokenMinter.from_secret(
    "a secret of thirty-two bytes ....", issuer="https://idp.example", audience="api"
)


def unavailable(identity: Identity | None) -> None:
    """A requirement that can never be checked."""
    raise Unavailable("keys_unavailable", retry_after=7)


RULES = (Rule("/api"), Rule("/api/admin", scope("admin")), Rule("/api/down", unavailable))


def _flask(allowed: str, *, cors: bool) -> Any:
    app = flask.Flask(__name__)
    app.add_url_rule("/api/me", view_func=lambda: "me", methods=["GET", "PUT"])
    if cors:
        CORS(app)
    return app.wsgi_app


def _django(allowed: str, *, cors: bool) -> Any:
    configure_django()
    settings.MIDDLEWARE = ["corsheaders.middleware.CorsMiddleware"] if cors else []
    settings.CORS_ALLOWED_ORIGINS = [allowed]

    class Site:
        urlpatterns = (re_path("^api/me$", csrf_exempt(lambda request: HttpResponse("me"))),)

    class Handler(WSGIHandler):
        def get_response(self, request: Any) -> Any:
            request.urlconf = Site
            return super().get_response(request)

    handler = Handler()
    settings.MIDDLEWARE = []
    return handler


SITES: dict[str, Callable[[str], Any]] = {
    "flask": lambda allowed: _flask(allowed, cors=False),
    "flask-cors": lambda allowed: _flask(allowed, cors=True),
    "django": lambda allowed: _django(allowed, cors=False),
    "django-cors-headers": lambda allowed: _django(allowed, cors=True),
}


class _Quiet(WSGIRequestHandler):
    def log(self, *_: Any) -> None:
        pass


@contextmanager
def serve() -> Iterator[Callable[[str], str]]:
    """Serve all sites on one port; yield what makes an origin of a host's name. Any page of any
    host is empty."""
    server = make_server("127.0.0.1", 0, _blank, threaded=True, request_handler=_Quiet)

    def origin(host: str) -> str:
        return f"http://{host}.localhost:{server.port}"

    allowed = origin("allowed")
    guarded = {
        f"{host}.localhost": JWTMiddleware(
            build(allowed), providers=[MINTER.provider], rules=RULES, allowed_origins=[allowed]
        )
        for host, build in SITES.items()
    }

    def application(environ: dict[str, Any], start_response: Any) -> Any:
        site = guarded.get(environ["HTTP_HOST"].partition(":")[0])
        if site is None or environ["PATH_INFO"] == "/":
            return _blank(environ, start_response)
        return site(environ, start_response)

    server.app = application
    Thread(target=server.serve_forever, daemon=True).start()
    yield origin
    server.shutdown()
    server.server_close()


def _blank(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    start_response("200 OK", [("Content-Type", "text/html")])
    return [b"<!doctype html><title>blank</title>"]
