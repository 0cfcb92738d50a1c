"""A Falcon app behind the middleware: `PASSWORD="analytical engine" gunicorn examples.falcon_app`,
one process."""

import os
import secrets

import falcon

from jwt_middleware import Identity, JWTMiddleware, Key, Rule
from jwt_middleware.login import LoginApp, TokenMinter
from jwt_middleware.stores import MemoryStore


class Me:
    def on_get(self, request, response):
        caller = Identity.from_environ(request.env)  # request.auth is the header as it came
        response.media = {"id": caller and caller.subject}


app = falcon.App()
app.add_route("/", Me())
app.add_route("/api/me", Me())
store = MemoryStore()
store.add_user("ada", os.environ.get("PASSWORD") or secrets.token_hex())
minter = TokenMinter(Key.generate(), issuer="https://example.com", audience="example-api")
guarded = JWTMiddleware(app, providers=[minter.provider], rules=[Rule("/api")])
application = LoginApp(store, minter).wrap(guarded, prefix="/auth")
