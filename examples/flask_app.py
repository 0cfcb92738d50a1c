"""A Flask app behind the middleware, its users in an SQLite file: `gunicorn --workers 4 examples.flask_app`.

Several workers need one secret: `export JWT_SECRET=$(jwt-middleware keys new)`. DATABASE_URL may name PostgreSQL.
"""

import os
import secrets
from contextlib import suppress

from flask import Flask, request

from jwt_middleware import ConfigurationError, Identity, JWTMiddleware, Rule, public, scope
from jwt_middleware.login import LoginApp, TokenMinter
from jwt_middleware.stores import SQLStore

app = Flask(__name__)


@app.get("/api/me")
def me():
    caller = Identity.from_environ(request.environ)
    return {"id": caller.subject, "scopes": caller.scopes}


@app.get("/api/health")
def health():
    return {"status": "ok"}


store = SQLStore(os.environ.get("DATABASE_URL", "sqlite:///auth.db"))
with suppress(ConfigurationError):  # she is there already
    store.add_user("ada", "analytical engine", scopes=("admin",))
secret = os.environ.get("JWT_SECRET") or secrets.token_hex(32)
minter = TokenMinter.from_secret(secret, issuer="https://example.com", audience="example-api")
rules = [Rule("/api"), Rule("/api/health", public), Rule("/api/admin", scope("admin"))]
app.wsgi_app = JWTMiddleware(app.wsgi_app, providers=[minter.provider], rules=rules)
app.wsgi_app = LoginApp(store, minter).wrap(app.wsgi_app, prefix="/auth")
application = app
