"""A Flask app behind the middleware, its users in an SQLite file: `gunicorn --workers 4
examples.flask_app`.

Several workers need one secret, and logins last over a restart if it stays the same:
`jwt-middleware keys new --out secret` once, then `export JWT_SECRET=$(cat secret)`. DATABASE_URL
may name PostgreSQL. `jwt-middleware users add ada --scope admin --database sqlite:///auth.db
--create` makes the first user.
"""

import os
import secrets

from flask import Flask, request

from jwt_middleware import Identity, JWTMiddleware, RevocationList, Rule, public, scope
from jwt_middleware.login import LoginApp, TokenMinter
from jwt_middleware.stores import SQLStore

app = Flask(__name__)


@app.get("/api/me")
def me():
    caller = Identity.from_environ(request.environ)
    return {"id": caller.subject, "scopes": caller.scopes}


@app.get("/api/admin")
def admin():
    return {"admin": Identity.from_environ(request.environ).subject}


@app.get("/api/health")
def health():
    return {"status": "ok"}


store = SQLStore(os.environ.get("DATABASE_URL", "sqlite:///auth.db"))
secret = os.environ.get("JWT_SECRET") or secrets.token_hex()
minter = TokenMinter.from_secret(secret, issuer="https://example.com", audience="example-api")
rules = [Rule("/api"), Rule("/api/health", public, exact=True), Rule("/api/admin", scope("admin"))]
guarded = JWTMiddleware(
    app.wsgi_app, providers=[minter.provider], rules=rules, revocations=RevocationList(store)
)
app.wsgi_app = LoginApp(store, minter).wrap(guarded, prefix="/auth")
application = app
