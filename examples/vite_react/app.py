"""A Flask API behind the middleware that also serves the built front end: see README.md beside
this file."""

import os
import secrets
from pathlib import Path

from flask import Flask, request

from jwt_middleware import Identity, JWTMiddleware, Key, Rule
from jwt_middleware.login import LoginApp, TokenMinter
from jwt_middleware.stores import MemoryStore

DIST = Path(__file__).parent / "dist"
app = Flask(__name__, static_folder=DIST, static_url_path="")


@app.get("/")
def page():
    return app.send_static_file("index.html")


@app.get("/api/me")
def me():
    return {"id": Identity.from_environ(request.environ).subject}


store = MemoryStore()
store.add_user("ada", os.environ.get("PASSWORD") or secrets.token_hex())
lifetime = int(os.environ.get("TOKEN_LIFETIME", "900"))  # seconds
identity = {"issuer": "https://example.com", "audience": "example-api"}
minter = TokenMinter(Key.generate(), lifetime=lifetime, **identity)
guarded = JWTMiddleware(app.wsgi_app, providers=[minter.provider], rules=[Rule("/api")])
app.wsgi_app = LoginApp(store, minter).wrap(guarded, prefix="/auth")
application = app
