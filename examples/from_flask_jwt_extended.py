"""Replaces Flask-JWT-Extended: `JWT_SECRET_KEY="$(cat secret)" gunicorn
examples.from_flask_jwt_extended`.

JWT_SECRET_KEY is the secret of the old app, at least 32 bytes. Here a token needs an issuer and an
audience, so move in two steps:

1. Set JWT_ENCODE_ISSUER and JWT_ENCODE_AUDIENCE in the old app, as below. Wait until the last token
   without them has expired, then serve this app.
2. If the old app stays beside this one, set JWT_DECODE_ISSUER and JWT_DECODE_AUDIENCE there only
   now: with them it refuses its older tokens.
"""

import os

from flask import Flask, request

from jwt_middleware import Identity, JWTMiddleware, Key, KeySet, Provider, Rule, claim

app = Flask(__name__)


@app.get("/")
@app.get("/api/me")  # without @jwt_required(): a rule protects every path below /api
@app.get("/api/password")
def me():
    caller = Identity.from_environ(request.environ)  # get_jwt() is caller.claims
    return {"id": caller and caller.subject}  # get_jwt_identity() is caller.subject


keys = KeySet([Key.from_secret(os.environ["JWT_SECRET_KEY"])])
provider = Provider(issuer="https://example.com", audience="example-api", keys=keys)
# Refresh tokens have the same key and must be refused. If a LoginApp mints tokens too, accept its
# issuer: any_of(claim("type", "access"), issued_by("https://login.example.com"))
access = claim("type", "access")
fresh = claim("fresh", True)  # jwt_required(fresh=True)
rules = [Rule("/api", access), Rule("/api/password", access, fresh)]
# This middleware reads the Authorization header only: no cookies, query strings or JSON bodies.
app.wsgi_app = JWTMiddleware(app.wsgi_app, providers=[provider], rules=rules)
application = app
