"""The same small site in every framework: what lies below /api is secret, everything else is
public.

Each handler notes in `RAN` that it ran, so that a HEAD request or an odd encoding cannot hide it.
"""

import logging
import re
from collections.abc import Callable
from posixpath import normpath
from typing import Any
from urllib.parse import unquote

import bottle
import cherrypy
import django.conf
import falcon
import flask
from django.core.handlers.wsgi import WSGIHandler
from django.http import HttpResponse
from django.urls import path, re_path
from django.views.decorators.csrf import csrf_exempt
from pyramid.config import Configurator
from pyramid.response import Response

RAN: list[tuple[str, str]] = []
"""What ran since the list was last cleared: (secret or public, the method of the handler)."""

SECRET = ("/api", "/api/secret")
"""Beside these, every framework with dynamic routes has `/api/items/<anything>`."""

PUBLIC = (
    "/",
    "/apix",
    "/ap",
    "/a",
    "/api-docs",
    "/api_",
    "/api.json",
    "/apis",
    "/apisecret",
    "/apix/secret",
    "/xapi",
)
PUBLIC += (
    "/x/api",
    "/x/api/secret",
    "/API",
    "/Api/secret",
    "/secret",
    "/items/7",
    "/api2/secret",
    "/.well-known/api",
)
"""Beside these, everything below `/public/`."""


def run(kind: str, method: str) -> str:
    """Note that a handler ran, and return its answer."""
    RAN.append((kind, method.upper()))
    return kind


def flask_app(*, strict_slashes: bool = True) -> Any:
    app = flask.Flask(__name__)
    app.url_map.strict_slashes = strict_slashes

    def route(rule: str, kind: str) -> None:
        for method in ("GET", "POST"):
            app.add_url_rule(
                rule,
                f"{method} {rule}",
                lambda method=method, **_: run(kind, method),
                methods=[method],
            )

    for rule in (*SECRET, "/api/items/<path:item>"):
        route(rule, "secret")
    for rule in (*PUBLIC, "/public/<path:rest>"):
        route(rule, "public")
    return app.wsgi_app


def bottle_app(*, dynamic: bool) -> Any:
    app = bottle.Bottle()
    for method in ("GET", "POST"):
        for rule in (
            (*SECRET, "/api/items/7") if not dynamic else ("/<api:re:api>", "/api/<x:path>")
        ):
            app.route(rule, method, lambda method=method, **_: run("secret", method))
        for rule in (*PUBLIC, "/public/<rest:path>"):
            app.route(rule, method, lambda method=method, **_: run("public", method))
    return app.wsgi


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


def django_app(*, regular_expressions: bool) -> Any:
    configure_django()

    def view(kind: str) -> Callable[..., HttpResponse]:
        return csrf_exempt(lambda request, **_: HttpResponse(run(kind, request.method)))

    def route(rule: str, kind: str) -> Any:
        return (
            re_path(f"^{re.escape(rule[1:])}/?$", view(kind))
            if regular_expressions
            else path(rule[1:], view(kind))
        )

    class Site:
        urlpatterns = [route(rule, "secret") for rule in SECRET] + [
            route(rule, "public") for rule in PUBLIC
        ]
        urlpatterns += [
            re_path("^api/items/(?P<item>.+)$", view("secret"))
            if regular_expressions
            else path("api/items/<path:item>", view("secret")),
            path("public/<path:rest>", view("public")),
        ]

    class Handler(WSGIHandler):
        def get_response(self, request: Any) -> Any:
            request.urlconf = Site
            return super().get_response(request)

    return Handler()


def falcon_app(*, strip: bool) -> Any:
    class Resource:
        def __init__(self, kind: str) -> None:
            self.kind = kind

        def on_get(self, request: Any, response: Any, **_: Any) -> None:
            response.text = run(self.kind, "GET")

        def on_post(self, request: Any, response: Any, **_: Any) -> None:
            response.text = run(self.kind, "POST")

    app = falcon.App()
    app.req_options.strip_url_path_trailing_slash = strip
    for rule in (*SECRET, "/api/items/{item:path}"):
        app.add_route(rule, Resource("secret"))
    for rule in (*PUBLIC, "/public/{rest:path}"):
        app.add_route(rule, Resource("public"))
    return app


def pyramid_routes_app() -> Any:
    config = Configurator()
    for kind, rules in {
        "secret": (*SECRET, "/api/items/*item"),
        "public": (*PUBLIC, "/public/*rest"),
    }.items():
        for rule in rules:
            config.add_route(rule, rule)
            config.add_view(
                lambda request, kind=kind: Response(run(kind, request.method)), route_name=rule
            )
    return config.make_wsgi_app()


class Resource(dict[str, "Resource"]):
    """A place in the tree that Pyramid traverses; `anything` lies below it when it is given."""

    def __init__(self, kind: str, anything: "Resource | None" = None) -> None:
        super().__init__()
        self.kind = kind
        self.anything = anything

    def __getitem__(self, name: str) -> "Resource":
        if self.anything is not None:
            return self.anything
        return super().__getitem__(name)

    def place(self, path: str, kind: str) -> None:
        node = self
        for name in path.strip("/").split("/"):
            node = node.setdefault(name, Resource(kind))


def pyramid_traversal_app() -> Any:
    root = Resource("public")
    for rule in PUBLIC[1:]:
        root.place(rule, "public")
    for rule in (*SECRET, "/api/items/7"):
        root.place(rule, "secret")
    dict.__setitem__(root, "public", Resource("public", Resource("public", Resource("public"))))
    config = Configurator(root_factory=lambda request: root)
    config.add_view(
        lambda context, request: Response(run(context.kind, request.method)), context=Resource
    )
    return config.make_wsgi_app()


class Page:
    """A CherryPy handler that takes any path below it."""

    def __init__(self, kind: str) -> None:
        self._kind = kind

    @cherrypy.expose
    def default(self, *_: str, **__: str) -> str:
        return run(self._kind, cherrypy.request.method)


def cherrypy_app(*, script_name: str | None) -> Any:
    cherrypy.config.update({"environment": "embedded", "log.screen": False})
    root = Page("public")
    root.api = Page("secret")  # type: ignore[attr-defined]
    root.public = Page("public")  # type: ignore[attr-defined]
    app = cherrypy.Application(root, script_name)
    # Punctuation in a path is read as `_` unless the dispatcher is told otherwise.
    app.merge({"/": {"request.dispatch": cherrypy.dispatch.Dispatcher(translate={})}})
    app.log.access_log.disabled = app.log.error_log.disabled = True
    return app


def plain_app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    path_info = environ["PATH_INFO"]
    secret = path_info == "/api" or path_info.startswith("/api/")
    kind = (
        "secret"
        if secret
        else "public"
        if path_info.startswith("/public/") or path_info in PUBLIC
        else ""
    )
    start_response("200 OK" if kind else "404 Not Found", [("Content-Type", "text/plain")])
    return [run(kind, environ["REQUEST_METHOD"]).encode()] if kind else []


def sloppy_app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    """Understands a path in every way at once."""
    text = unquote(environ["PATH_INFO"], "latin-1").encode("latin-1").decode("utf-8", "ignore")
    text = re.sub(r";[^/]*|[\x00- \x7f]", "", text.replace("\\", "/"))
    return plain_app({**environ, "PATH_INFO": normpath("/" + text.lstrip("/"))}, start_response)


APPS: dict[str, Callable[[], Any]] = {
    "flask": flask_app,
    "flask, strict_slashes=False": lambda: flask_app(strict_slashes=False),
    "bottle, static": lambda: bottle_app(dynamic=False),
    "bottle, dynamic": lambda: bottle_app(dynamic=True),
    "django, path": lambda: django_app(regular_expressions=False),
    "django, re_path": lambda: django_app(regular_expressions=True),
    "falcon": lambda: falcon_app(strip=False),
    "falcon, strip": lambda: falcon_app(strip=True),
    "pyramid, routes": pyramid_routes_app,
    "pyramid, traversal": pyramid_traversal_app,
    "cherrypy": lambda: cherrypy_app(script_name=None),
    "plain": lambda: plain_app,
    "plain, sloppy": lambda: sloppy_app,
}
