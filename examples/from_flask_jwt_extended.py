"""An app that comes from Flask-JWT-Extended: `JWT_SECRET_KEY=... gunicorn
examples.from_flask_jwt_extended`.

The old one sets JWT_ENCODE_ISSUER and JWT_ENCODE_AUDIENCE as below a lifetime ahead: here no token
is good without. It sets JWT_DECODE_ISSUER and JWT_DECODE_AUDIENCE only after that, since with them
it refuses its own older ones.
"""

import os
import secrets

from flask import Flask, request

from jwt_middleware import Identity, JWTMiddleware, Key, KeySet, Provider, Rule, claim

app = Flask(__name__)


@app.get("/")
@app.get("/api/me")  # no @jwt_required(): the rule says it for all below /api
@app.get("/api/password")
def me():
    caller = Identity.from_environ(request.environ)  # get_jwt() is caller.claims
    return {"id": caller and caller.subject}  # get_jwt_identity() is caller.subject


secret = os.environ.get("JWT_SECRET_KEY") or secrets.token_hex()  # the old one's, 32 bytes at least
provider = Provider(
    issuer="https://example.com", audience="example-api", keys=KeySet([Key.from_secret(secret)])
)
# Refresh tokens have the same key, and must not pass. Once a LoginApp mints beside them, with an
# issuer of its own: access = any_of(claim("type", "access"),
# issued_by("https://login.example.com"))
access = claim("type", "access")
rules = [
    Rule("/api", access),
    Rule("/api/password", access, claim("fresh", True)),
]  # jwt_required(fresh=True)
# Not offered: access tokens in cookies, with CSRF double submit, in query strings and in JSON
# bodies.
app.wsgi_app = JWTMiddleware(app.wsgi_app, providers=[provider], rules=rules)
application = app
