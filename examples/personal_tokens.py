"""Tokens for machines beside those of people: `PASSWORD="analytical engine" gunicorn
examples.personal_tokens`. `curl -u ada:$TOKEN localhost:8000/api/me` sends one as a password."""

import os
import secrets
import time

from flask import Flask, request

from jwt_middleware import (
    Identity,
    JWTMiddleware,
    Key,
    RevocationList,
    Rule,
    basic_password,
    bearer,
    issued_by,
)
from jwt_middleware.login import LoginApp, TokenMinter
from jwt_middleware.stores import MemoryStore, OpaqueTokens

PEOPLE, MACHINES = "https://example.com", "https://example.com/tokens"
app = Flask(__name__)


@app.get("/")
@app.get("/api/me")
def me():
    caller = Identity.from_environ(request.environ)
    return {"id": caller and caller.subject}


@app.post("/api/tokens")
def make_token():
    name = Identity.from_environ(request.environ).claims["preferred_username"]
    expires_at = time.time() + 90 * 86_400
    return {"token": store.add_token(name, name="from the API", scopes=(), expires_at=expires_at)}


store = MemoryStore()
store.add_user("ada", os.environ.get("PASSWORD") or secrets.token_hex())
minter = TokenMinter(Key.generate(), issuer=PEOPLE, audience="example-api")
providers = [minter.provider, OpaqueTokens(store, issuer=MACHINES)]
rules = [Rule("/api"), Rule("/api/tokens", issued_by(PEOPLE))]  # a machine makes no token
options = {"credentials": (bearer, basic_password), "revocations": RevocationList(store)}
guarded = JWTMiddleware(app.wsgi_app, providers=providers, rules=rules, **options)
app.wsgi_app = LoginApp(store, minter).wrap(guarded, prefix="/auth")
application = app
