"""A Bottle app behind the middleware: `PASSWORD="analytical engine" gunicorn examples.bottle_app`,
one process."""

import os
import secrets

from bottle import Bottle, request

from jwt_middleware import Identity, JWTMiddleware, Key, Rule, optional
from jwt_middleware.login import LoginApp, TokenMinter
from jwt_middleware.stores import MemoryStore

app = Bottle()


@app.get("/api/me")
def me():
    return {"id": Identity.from_environ(request.environ).subject}


@app.get("/news")
def news():
    caller = Identity.from_environ(request.environ)
    return {"for": caller.subject if caller else "everybody"}


store = MemoryStore()
store.add_user("ada", os.environ.get("PASSWORD") or secrets.token_hex())
minter = TokenMinter(Key.generate(), issuer="https://example.com", audience="example-api")
guarded = JWTMiddleware(
    app, providers=[minter.provider], rules=[Rule("/api"), Rule("/news", optional)]
)
application = LoginApp(store, minter).wrap(guarded, prefix="/auth")
