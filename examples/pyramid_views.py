"""Pyramid views that ask for more than their path does: `PASSWORD="analytical engine" gunicorn
examples.pyramid_views`, one process."""

import os
import secrets

from pyramid.config import Configurator

from jwt_middleware import JWTMiddleware, Key, Refusal, Rule, enforce, optional, scope
from jwt_middleware import refusal_response as response_of
from jwt_middleware.login import LoginApp, TokenMinter
from jwt_middleware.stores import MemoryStore


def asking(view, info):  # a view deriver: add_view(..., asks=[scope("admin")])
    if (requirements := info.options.get("asks")) is None:
        return view

    def guarded(context, request):
        request.caller = enforce(request.environ, *requirements)
        return view(context, request)

    return guarded


asking.options = ("asks",)


def refuse(refusal, request):  # as JWTMiddleware itself would, also for `enforce` in a view
    return request.get_response(response_of(refusal, request.environ))


def me(request):
    return {"id": request.caller.subject if "caller" in vars(request) else None}


with Configurator() as config:
    config.add_view_deriver(asking)
    config.add_exception_view(refuse, context=Refusal)
    for path, asks in {"/": None, "/api/me": [], "/api/admin": [scope("admin")]}.items():
        config.add_route(path, path)
        config.add_view(me, route_name=path, renderer="json", asks=asks)
store = MemoryStore()
store.add_user("ada", os.environ.get("PASSWORD") or secrets.token_hex())
minter = TokenMinter(Key.generate(), issuer="https://example.com", audience="example-api")
rules = [Rule("/", optional), Rule("/api")]
guarded = JWTMiddleware(config.make_wsgi_app(), providers=[minter.provider], rules=rules)
application = LoginApp(store, minter).wrap(guarded, prefix="/auth")
