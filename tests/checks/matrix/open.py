"""What no guard can see from outside, each with what the owner does about it.

These apps decide by something that stands in no request: settings, patterns, data.
The README names them where it says "any framework".
"""

from collections.abc import Callable
from typing import Any, NamedTuple

from jwt_middleware import Rule

from .apps.byhand import radicale_app
from .apps.cherries import cherrypy_app
from .apps.site import below, run
from .guards import ALL_BUT_PUBLIC
from .hostile import Request

Start = Callable[..., Any]


class Door(NamedTuple):
    """An app that shows its secret for a request, though the rules say otherwise, and what closes
    it:
    other rules, or the app built in another way."""

    build: Callable[[], Any]
    request: Request
    remedy: tuple[Rule, ...]
    rules: tuple[Rule, ...] = (Rule("/api"),)
    build_remedied: Callable[[], Any] | None = None


def answer(kind: str, environ: dict[str, Any], start_response: Start) -> list[bytes]:
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [run(kind, environ["REQUEST_METHOD"]).encode()]


def falcon_sink() -> Any:
    """A sink's prefix is a pattern, and `/api` matches the start of `/apix`."""
    import falcon

    def sink(request: Any, response: Any) -> None:
        response.text = run("secret", request.method)

    app = falcon.App()
    app.add_sink(sink, "/api")
    return app


def django_languages() -> Any:
    """`i18n_patterns` puts each language of the settings before every path."""
    from django.conf.urls.i18n import i18n_patterns
    from django.urls import path

    from .apps.djangos import configure_django, handler, view

    configure_django()
    return handler(i18n_patterns(path("api/secret", view("secret"))))


def cherrypy_host() -> Any:
    """`VirtualHost` puts a prefix before the path that the Host header chooses."""
    import cherrypy

    from .apps.cherries import Page

    root = Page("public")
    root.api = Page("secret")  # type: ignore[attr-defined]
    app = cherrypy.Application(root, "")
    app.merge({"/": {"request.dispatch": cherrypy.dispatch.VirtualHost(**{"api.example": "/api"})}})
    app.log.access_log.disabled = app.log.error_log.disabled = True
    return app


def webpy_fastcgi() -> Any:
    """Where the server is nginx or lighttpd, web.py reads REQUEST_URI, which is not resolved."""
    from .apps.patterns import webpy_app

    return webpy_app()


def share_app(environ: dict[str, Any], start_response: Start) -> list[bytes]:
    """WsgiDAV finds a share whatever the case of its name."""
    is_secret = below(environ["PATH_INFO"].lower(), "/api")
    return answer("secret" if is_secret else "public", environ, start_response)


def acquiring_app(environ: dict[str, Any], start_response: Start) -> list[bytes]:
    """Zope finds a name in the folders above, too: `/x/api` is `/api`."""
    is_secret = "api" in environ["PATH_INFO"].split("/")
    return answer("secret" if is_secret else "public", environ, start_response)


def rewriting_app(environ: dict[str, Any], start_response: Start) -> list[bytes]:
    """Glue for a hosted function puts the path of a header in place of PATH_INFO."""
    path = environ.get("HTTP_X_MATCHED_PATH", environ["PATH_INFO"])
    return answer("secret" if below(path, "/api") else "public", environ, start_response)


EVERYTHING = (Rule("/"),)
DOORS: dict[str, Door] = {
    "falcon, sink": Door(falcon_sink, Request("/apix/secret"), EVERYTHING),
    "django, i18n_patterns": Door(
        django_languages, Request("/en-us/api/secret"), (Rule("/api"), Rule("/en-us/api"))
    ),
    "cherrypy, VirtualHost": Door(
        cherrypy_host, Request("/secret", more=(("HTTP_HOST", "api.example"),)), EVERYTHING
    ),
    "web.py, FastCGI": Door(
        webpy_fastcgi,
        Request("/x", more=(("SERVER_SOFTWARE", "nginx/1.26"), ("REQUEST_URI", "/api/../x"))),
        EVERYTHING,
    ),
    "wsgidav": Door(lambda: share_app, Request("/API/secret"), EVERYTHING),
    "zope, acquisition": Door(lambda: acquiring_app, Request("/public/api"), EVERYTHING),
    "cherrypy, whole path": Door(
        lambda: cherrypy_app(script_name=""),
        Request("/public", more=(("SCRIPT_NAME", "/api"),)),
        ALL_BUT_PUBLIC,
        ALL_BUT_PUBLIC,
        lambda: cherrypy_app(script_name=None),
    ),
    "radicale, SCRIPT_NAME": Door(
        radicale_app,
        Request("/public/api", more=(("SCRIPT_NAME", "/public"),)),
        ALL_BUT_PUBLIC,
        ALL_BUT_PUBLIC,
        lambda: radicale_app(script_name="/dav"),
    ),
    "a path in a header": Door(
        lambda: rewriting_app, Request("/x", more=(("HTTP_X_MATCHED_PATH", "/api"),)), EVERYTHING
    ),
}
"""By name."""
