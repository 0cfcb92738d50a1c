"""A Pyramid app behind the middleware: `PASSWORD="analytical engine" gunicorn
examples.pyramid_app`, one process."""

import os
import secrets

from pyramid.config import Configurator
from pyramid.security import Allowed, Denied

from jwt_middleware import Identity, JWTMiddleware, Key, Rule
from jwt_middleware.login import LoginApp, TokenMinter
from jwt_middleware.stores import MemoryStore


class BearerPolicy:  # a permission is a scope
    def identity(self, request):
        return Identity.from_environ(request.environ)

    def authenticated_userid(self, request):
        return request.identity and request.identity.subject

    def permits(self, request, context, permission):
        has_scope = request.identity and permission in request.identity.scopes
        return Allowed("scope") if has_scope else Denied("scope")


def me(request):
    return {"id": request.authenticated_userid}


with Configurator(security_policy=BearerPolicy()) as config:
    for path, permission in {"/": None, "/api/me": None, "/api/admin": "admin"}.items():
        config.add_route(path, path)
        config.add_view(me, route_name=path, permission=permission, renderer="json")
app = config.make_wsgi_app()
store = MemoryStore()
store.add_user("ada", os.environ.get("PASSWORD") or secrets.token_hex())
minter = TokenMinter(Key.generate(), issuer="https://example.com", audience="example-api")
guarded = JWTMiddleware(app, providers=[minter.provider], rules=[Rule("/api")])
application = LoginApp(store, minter).wrap(guarded, prefix="/auth")
