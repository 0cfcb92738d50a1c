"""A plain WSGI app behind the middleware: `PASSWORD="analytical engine" gunicorn
examples.quickstart`, one process.

Sign in as ada with that password at /auth/login; then call /api/me with the token.
"""

import json
import os
import secrets

from jwt_middleware import Identity, JWTMiddleware, Key, Rule, public
from jwt_middleware.login import LoginApp, TokenMinter
from jwt_middleware.stores import MemoryStore


def app(environ, start_response):
    caller = Identity.from_environ(environ)
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps({"id": caller.subject if caller else None}).encode()]


store = MemoryStore()
store.add_user(
    "ada", os.environ.get("PASSWORD") or secrets.token_hex()
)  # without one nobody can sign in
minter = TokenMinter(Key.generate(), issuer="https://example.com", audience="example-api")
guarded = JWTMiddleware(
    app, providers=[minter.provider], rules=[Rule("/api"), Rule("/api/health", public, exact=True)]
)
application = LoginApp(store, minter).wrap(guarded, prefix="/auth")
