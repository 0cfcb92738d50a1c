"""Falcon responders that ask for more than their path does: `PASSWORD="analytical engine" gunicorn
examples.falcon_views`, one process."""

import os
import secrets

import falcon
from werkzeug.wrappers import Response

from jwt_middleware import JWTMiddleware, Key, Refusal, Rule, enforce, optional, scope
from jwt_middleware import refusal_response as response_of
from jwt_middleware.login import LoginApp, TokenMinter
from jwt_middleware.stores import MemoryStore


def asks(request, response, resource, params, *requirements):  # a hook
    request.context.caller = enforce(request.env, *requirements)


def refuse(request, response, refusal, params):  # as JWTMiddleware itself would
    answer = Response.from_app(response_of(refusal, request.env), request.env)
    response.status, response.data = answer.status, answer.data
    response.set_headers(list(answer.headers))


class Me:
    @falcon.before(asks)
    def on_get(self, request, response):
        response.media = {"id": request.context.caller.subject}


class Admin:
    @falcon.before(asks, scope("admin"))
    def on_get(self, request, response):
        response.media = {"id": request.context.caller.subject}


app = falcon.App()
app.add_error_handler(Refusal, refuse)
app.add_route("/api/me", Me())
app.add_route("/api/admin", Admin())
app.add_sink(lambda request, response: None, "/$")
store = MemoryStore()
store.add_user("ada", os.environ.get("PASSWORD") or secrets.token_hex())
minter = TokenMinter(Key.generate(), issuer="https://example.com", audience="example-api")
rules = [Rule("/", optional), Rule("/api")]
guarded = JWTMiddleware(app, providers=[minter.provider], rules=rules)
application = LoginApp(store, minter).wrap(guarded, prefix="/auth")
