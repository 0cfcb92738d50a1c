"""Flask views that say what they ask, with the names of Flask-JWT-Extended: `PASSWORD="analytical
engine" gunicorn examples.flask_views`, one process."""

import os
import secrets

from flask import Flask, request

from jwt_middleware import JWTMiddleware, Key, Rule, enforce, optional, scope
from jwt_middleware.flask import get_jwt_identity, init_app, jwt_required
from jwt_middleware.login import LoginApp, TokenMinter
from jwt_middleware.stores import MemoryStore

app = Flask(__name__)
init_app(app)  # a refusal by `enforce` is answered too


@app.get("/")
@jwt_required(optional=True)
def home():
    return {"for": get_jwt_identity() or "everybody"}


@app.get("/api/me")
@jwt_required()
def me():
    return {"id": get_jwt_identity()}


@app.delete("/api/users/<int:id>")
@jwt_required(scope("read"))
def remove(id):
    if str(id) != get_jwt_identity():
        enforce(request.environ, scope("admin"))
    return {"removed": id}


store = MemoryStore()
store.add_user("ada", os.environ.get("PASSWORD") or secrets.token_hex(), scopes=("read",))
minter = TokenMinter(Key.generate(), issuer="https://example.com", audience="example-api")
rules = [Rule("/", optional), Rule("/api")]  # below /api nothing is open, whatever a view forgets
guarded = JWTMiddleware(app.wsgi_app, providers=[minter.provider], rules=rules)
app.wsgi_app = LoginApp(store, minter).wrap(guarded, prefix="/auth")
application = app
