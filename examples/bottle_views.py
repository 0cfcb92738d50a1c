"""Bottle routes that say what they ask: `PASSWORD="analytical engine" gunicorn
examples.bottle_views`, one process."""

import os
import secrets

from bottle import Bottle, request

from jwt_middleware import Identity, JWTMiddleware, Key, Rule, optional, scope
from jwt_middleware.bottle import JWTPlugin
from jwt_middleware.login import LoginApp, TokenMinter
from jwt_middleware.stores import MemoryStore

app = Bottle()
app.install(JWTPlugin())


@app.get("/")
def home():
    return "welcome"


@app.get("/api/me", jwt=True)
def me():
    return {"id": Identity.from_environ(request.environ).subject}


@app.delete("/api/users/<id:int>", jwt=(scope("read"), scope("admin")))
def remove(id):
    return {"removed": id}


store = MemoryStore()
store.add_user("ada", os.environ.get("PASSWORD") or secrets.token_hex(), scopes=("read",))
minter = TokenMinter(Key.generate(), issuer="https://example.com", audience="example-api")
rules = [Rule("/", optional), Rule("/api")]  # below /api nothing is open, whatever a route forgets
guarded = JWTMiddleware(app, providers=[minter.provider], rules=rules)
application = LoginApp(store, minter).wrap(guarded, prefix="/auth")
