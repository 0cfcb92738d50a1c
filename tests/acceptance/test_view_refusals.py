"""A refusal from a view is byte for byte the one that the middleware itself would give: over
reasons, methods, origins and mounts, from plain WSGI, Flask and Bottle."""

import io
from collections.abc import Callable, Iterable
from typing import Any

import pytest
from bottle import Bottle
from bottle import request as bottle_request
from flask import Flask
from flask import request as flask_request
from webtest import lint
from werkzeug.exceptions import NotFound
from werkzeug.middleware.dispatcher import DispatcherMiddleware

from jwt_middleware import (
    Forbidden,
    Identity,
    InsufficientScope,
    InvalidRequest,
    InvalidToken,
    JWTMiddleware,
    Refusal,
    Rule,
    Unavailable,
    claim,
    enforce,
    optional,
    refusal_response,
    scope,
)
from jwt_middleware.bottle import JWTPlugin
from jwt_middleware.errors import DESCRIPTIONS
from jwt_middleware.flask import init_app, jwt_required
from jwt_middleware.login import TokenMinter

METHODS = ("GET", "HEAD", "POST", "OPTIONS", "PATCH")
ORIGINS = {"no origin": None, "allowed": "https://app.example", "other": "https://other.example"}
ALLOWED = ["https://app.example"]


def raising(refusal: Callable[[], Refusal]) -> Any:
    """A requirement of the owner's own that refuses everybody in this way."""

    def requirement(identity: Identity) -> None:
        raise refusal()

    return requirement


ASKED: dict[str, Any] = {
    "a scope": scope("write", "admin"),
    "a claim": claim("role", "owner"),
    "false": lambda identity: False,
    "an error": lambda identity: 1 / 0,
    "another value": lambda identity: "yes",
    "a fault of ours": raising(lambda: Unavailable("keys_unavailable", retry_after=7)),
    "a malformed request": raising(InvalidRequest),
    "a scope without names": raising(InsufficientScope),
    "no": raising(Forbidden),
    **{
        f"401 {reason}": raising(lambda reason=reason: InvalidToken(reason))  # type: ignore[misc]
        for reason in DESCRIPTIONS
    },
}

Answer = tuple[str, list[tuple[str, str]], bytes]


def plain(requirement: Any) -> Any:
    """A WSGI app that catches the refusal itself."""

    def app(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        try:
            enforce(environ, requirement)
        except Refusal as refusal:
            return refusal_response(refusal, environ)(environ, start_response)
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [b"ok"]

    return app


def by_flask_decorator(requirement: Any) -> Any:
    """`@jwt_required(...)`, without `init_app`."""
    app = Flask("decorated")
    view = jwt_required(requirement)(lambda: "ok")
    app.add_url_rule("/x", "x", view, methods=METHODS, provide_automatic_options=False)
    return app.wsgi_app


def by_flask_handler(requirement: Any) -> Any:
    """`enforce` in a hook, and `init_app`."""
    app = Flask("handled")
    app.testing = True
    init_app(app)
    app.before_request(lambda: enforce(flask_request.environ, requirement) and None)
    app.add_url_rule("/x", "x", lambda: "ok", methods=METHODS, provide_automatic_options=False)
    return app.wsgi_app


def by_bottle_route(requirement: Any) -> Any:
    """`jwt=...`."""
    app = Bottle()
    app.install(JWTPlugin())
    app.route("/x", method=list(METHODS), callback=lambda: "ok", jwt=requirement)
    return app


def by_bottle_hook(requirement: Any) -> Any:
    """`enforce` in a hook."""
    app = Bottle()
    app.install(JWTPlugin())
    app.add_hook("before_request", lambda: enforce(bottle_request.environ, requirement))
    app.route("/x", method=list(METHODS), callback=lambda: "ok")
    return app


VIEWS = (plain, by_flask_decorator, by_flask_handler, by_bottle_route, by_bottle_hook)


def answer_of(
    app: Any, method: str, token: str | None, origin: str | None, mount: str
) -> tuple[Answer, dict[str, Any], int]:
    """The answer, the environ after it, and how much of the body was read."""
    body = io.BytesIO(b"x" * 100)
    environ: dict[str, Any] = {
        "REQUEST_METHOD": method,
        "SCRIPT_NAME": "",
        "PATH_INFO": f"{mount}/x",
        "QUERY_STRING": "",
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "CONTENT_LENGTH": "100",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": body,
        "wsgi.errors": io.StringIO(),
        "wsgi.multithread": False,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    if token:
        environ["HTTP_AUTHORIZATION"] = f"Bearer {token}"
    if origin:
        environ["HTTP_ORIGIN"] = origin
    started: list[Any] = []

    def start_response(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
        started.append((status, headers))
        return started.append

    whole = DispatcherMiddleware(NotFound(), {mount: app}) if mount else app
    parts = whole(environ, start_response)
    text = b"".join(parts)
    getattr(parts, "close", lambda: None)()
    return (*started[-1], text), environ, body.tell()


@pytest.mark.parametrize("view", VIEWS, ids=lambda view: view.__name__)
@pytest.mark.parametrize("with_token", [True, False], ids=["a token", "no token"])
@pytest.mark.parametrize("asked", ASKED.values(), ids=ASKED)
def test_a_view_refuses_as_the_middleware_does(
    asked: Any, with_token: bool, view: Any, mount: str, minter: TokenMinter
) -> None:
    """Status line, every header in its order and once, and body; the reason in the environ, and
    the rest of the request's body read."""
    options: dict[str, Any] = {
        "providers": [minter.provider],
        "realm": "the app",
        "allowed_origins": ALLOWED,
    }
    ours = JWTMiddleware(plain(asked), rules=[Rule("/", asked)], **options)
    theirs = JWTMiddleware(lint.middleware(view(asked)), rules=[Rule("/", optional)], **options)
    token = minter.mint("ada") if with_token else None
    for method in METHODS:
        for origin in ORIGINS.values():
            expected, by_us, read = answer_of(ours, method, token, origin, mount)
            found, by_view, read_by_view = answer_of(theirs, method, token, origin, mount)
            assert not expected[0].startswith("200")
            assert found == expected, (method, origin)
            reason = by_us["jwt_middleware.reason"]
            # A dispatcher may hand on a copy; what is mounted is the same dict.
            assert by_view["jwt_middleware.reason"] == reason
            assert (read, read_by_view) == (100, 100)
            names = [name.lower() for name, _ in found[1]]
            assert len(set(names)) == len(names)
            assert (found[2] == b"") == (method == "HEAD")
