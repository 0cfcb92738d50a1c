"""A service that has only the public key of `auth_service`: `gunicorn --workers 4
examples.api_service`."""

import os

from bottle import Bottle, request

from jwt_middleware import Identity, JWTMiddleware, Provider, RemoteKeySet, Rule

app = Bottle()


@app.get(["/", "/api/me"])
def me():
    caller = Identity.from_environ(request.environ)
    return {"id": caller and caller.subject}


keys = RemoteKeySet(os.environ.get("JWKS_URL", "http://127.0.0.1:8001/.well-known/jwks.json"))
provider = Provider(
    issuer="https://auth.example.com", audience="example-api", keys=keys, typ="at+jwt"
)
# Who signs out there is out here when the access token expires, after 15 minutes. At once needs its
# revocations: `RevocationList(SQLStore(...))` of the same database, or
# `RevocationList(RedisLog(...))`.
application = JWTMiddleware(app, providers=[provider], rules=[Rule("/api")])
