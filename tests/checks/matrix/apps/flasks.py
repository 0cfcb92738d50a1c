"""Flask: alone, behind the recipes that move a prefix, below a dispatcher, with a method that a
header names."""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlparse

import flask
from flask_reverse_proxy import ReverseProxied
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.middleware.proxy_fix import ProxyFix

from .site import PUBLIC, SECRET, run

OVERRIDES = ("HTTP_X_HTTP_METHOD_OVERRIDE", "HTTP_X_METHOD_OVERRIDE", "HTTP_X_HTTP_METHOD")


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


def dispatched_app() -> Any:
    """A secret app mounted beside a public one."""

    def answer(kind: str) -> Any:
        app = flask.Flask(__name__)
        for rule in ("/", "/<path:rest>"):
            app.add_url_rule(
                rule,
                rule,
                lambda **_: run(kind, flask.request.method),
                methods=["GET", "POST"],
            )
        return app.wsgi_app

    secret = answer("secret")
    return DispatcherMiddleware(answer("public"), dict.fromkeys(("/api", "/my_api"), secret))


def without_prefix(app: Any, header: str, read: Callable[[str], str] = str) -> Any:
    """The recipe that many apps carry: take from the path what a header names, by text."""

    def strip(environ: dict[str, Any], start_response: Any) -> Any:
        prefix = read(environ.get(header, ""))
        if prefix:
            environ["SCRIPT_NAME"] = prefix
            if environ["PATH_INFO"].startswith(prefix):
                environ["PATH_INFO"] = environ["PATH_INFO"][len(prefix) :] or "/"
        return app(environ, start_response)

    return strip


def first_of_list(value: str) -> str:
    """Read a prefix as careful recipes do: the first of a list, with one slash before it."""
    first = value.split(",")[0].strip().strip("/")
    return f"/{first}" if first else ""


def path_of_url(value: str) -> str:
    return urlparse(value).path


def obey_override(app: Any) -> Any:
    """Let a header name the method, as clients behind a narrow firewall want it."""

    def override(environ: dict[str, Any], start_response: Any) -> Any:
        for header in OVERRIDES:
            if environ.get(header):
                environ["REQUEST_METHOD"] = environ[header].upper()
        return app(environ, start_response)

    return override


APPS: dict[str, Callable[[], Any]] = {
    "flask": flask_app,
    "flask, strict_slashes=False": lambda: flask_app(strict_slashes=False),
    "flask, X-Script-Name": lambda: ReverseProxied(flask_app()),
    "flask, X-Ingress-Path": lambda: without_prefix(flask_app(), "HTTP_X_INGRESS_PATH"),
    "flask, X-Forwarded-Prefix": lambda: without_prefix(
        flask_app(), "HTTP_X_FORWARDED_PREFIX", first_of_list
    ),
    "flask, X-Outside-URL": lambda: without_prefix(flask_app(), "HTTP_X_OUTSIDE_URL", path_of_url),
    "flask, ProxyFix": lambda: ProxyFix(flask_app(), x_prefix=1),
    "flask, DispatcherMiddleware": dispatched_app,
    "flask, method override": lambda: obey_override(flask_app()),
}
