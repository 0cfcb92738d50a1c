"""A refusal from a view is byte for byte the one that the middleware itself would give: over
reasons, methods, origins and mounts, from plain WSGI, Flask and Bottle."""

import io
from collections.abc import Callable, Iterable
from itertools import cycle, product
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
from jwt_middleware.flask import init_app, jwt_required
from jwt_middleware.login import TokenMinter
from jwt_middleware.reasons import DESCRIPTIONS
from tests.kit.cases import case

pytestmark = pytest.mark.usefixtures("unrecorded")

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


# All 401s go out the same way, so for most of their reasons each method and each origin is asked
# once, instead of all pairs.
PAIRS = list(product(METHODS, ORIGINS.values()))
FEW_PAIRS = list(zip(METHODS, cycle(ORIGINS.values()), strict=False))
FIRST_401 = next(name for name in ASKED if name.startswith("401 "))

# Nobody without a token is asked for anything, so a few requirements stand for all there.
CALLERS = [(name, True) for name in ASKED]
CALLERS += [(name, False) for name in ("a scope", "false", "an error", "a fault of ours", "no")]
Refused = tuple[Answer, dict[str, Any], int]


@pytest.mark.parametrize(
    ("name", "with_token"),
    CALLERS,
    ids=[f"{name}-{'a' if known else 'no'} token" for name, known in CALLERS],
)
def test_a_view_refuses_as_the_middleware_does(
    name: str, with_token: bool, mount: str, minter: TokenMinter
) -> None:
    """Status line, every header in its order and once, and body; the reason in the environ, and
    the rest of the request's body read."""
    asked = ASKED[name]
    options: dict[str, Any] = {
        "providers": [minter.provider],
        "realm": "the app",
        "allowed_origins": ALLOWED,
    }
    token = minter.mint("ada") if with_token else None
    requests = FEW_PAIRS if name.startswith("401 ") and name != FIRST_401 else PAIRS

    def answers_of(app: Any, rule: Rule) -> list[Refused]:
        guarded = JWTMiddleware(app, rules=[rule], **options)
        return [answer_of(guarded, method, token, origin, mount) for method, origin in requests]

    ours = answers_of(plain(asked), Rule("/", asked))
    for view in VIEWS:
        theirs = answers_of(lint.middleware(view(asked)), Rule("/", optional))
        for request, found, expected in zip(requests, theirs, ours, strict=True):
            with case(view.__name__, *request):
                refuses_alike(found, expected, is_head=request[0] == "HEAD")


def refuses_alike(found: Refused, expected: Refused, *, is_head: bool) -> None:
    """Compare a refusal from a view with the middleware's own."""
    (answer, by_view, read_by_view), (by_the_book, by_us, read) = found, expected
    assert not by_the_book[0].startswith("200")
    assert answer == by_the_book
    # A dispatcher may hand on a copy; what is mounted is the same dict.
    assert by_view["jwt_middleware.reason"] == by_us["jwt_middleware.reason"]
    assert (read, read_by_view) == (100, 100)
    names = [name.lower() for name, _ in answer[1]]
    assert len(set(names)) == len(names)
    assert (answer[2] == b"") == is_head
