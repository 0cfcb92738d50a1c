"""Small sites to guard: in each, `/api/me` answers who is calling, and `/` is for everybody."""

import json
from collections.abc import Callable
from typing import Any

import bottle
import falcon
import flask

from jwt_middleware import Identity, JWTMiddleware, Key, KeySet, Provider, Rule

ISSUER, AUDIENCE = "https://login.example", "example-api"
PAGE = "<!doctype html><title>Site</title><p>Welcome</p>"


def who(environ: Any) -> dict[str, Any]:
    """The caller as an app sees it; nobody is `None`."""
    caller = Identity.from_environ(environ)
    return {"id": caller and caller.subject}


def flask_app() -> Any:
    app = flask.Flask(__name__)
    app.add_url_rule("/", "home", lambda: PAGE)
    app.add_url_rule("/api/me", "me", lambda: who(flask.request.environ), methods=["GET", "POST"])
    return app


def bottle_app() -> Any:
    app = bottle.Bottle()
    app.route("/", "GET", lambda: PAGE)
    app.route("/api/me", ["GET", "POST"], lambda: who(bottle.request.environ))
    return app


def falcon_app() -> Any:
    class Home:
        def on_get(self, request: Any, response: Any) -> None:
            response.text = PAGE

    class Me:
        def on_get(self, request: Any, response: Any) -> None:
            response.media = who(request.env)

        on_post = on_get

    app = falcon.App()
    app.add_route("/", Home())
    app.add_route("/api/me", Me())
    return app


def plain_app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    """A page for every path but one, as the server of a single-page app has it."""
    is_api = environ["PATH_INFO"] == "/api/me"
    start_response("200 OK", [("Content-Type", "application/json" if is_api else "text/html")])
    body = json.dumps(who(environ)) if is_api else PAGE
    return [] if environ["REQUEST_METHOD"] == "HEAD" else [body.encode()]


APPS: dict[str, Callable[[], Any]] = {
    "flask": flask_app,
    "bottle": bottle_app,
    "falcon": falcon_app,
    "plain": lambda: plain_app,
}


def provider(**terms: Any) -> Provider:
    """A provider with a key that nobody has."""
    return Provider(
        **{"issuer": ISSUER, "audience": AUDIENCE, "keys": KeySet([Key.generate()])} | terms
    )


def guarded(app: Any = plain_app, **options: Any) -> JWTMiddleware:
    """The middleware around an app, with one provider and one rule unless others are given."""
    app = getattr(app, "wsgi_app", app)  # Flask's
    return JWTMiddleware(app, **{"providers": [provider()], "rules": [Rule("/api")]} | options)
