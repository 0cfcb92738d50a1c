"""Tokens of Auth0, Entra, Keycloak, Cognito, Okta: `ISSUER=https://idp.example/ gunicorn
examples.remote_keys`."""

import os

from bottle import Bottle, request

from jwt_middleware import Identity, JWTMiddleware, Provider, Rule

app = Bottle()


@app.get(["/", "/api/me"])
def me():
    caller = Identity.from_environ(request.environ)
    return {"id": caller and caller.subject}


# As its tokens write it, with or without the last slash. It is asked for its keys when the first
# token comes.
issuer = os.environ.get("ISSUER", "https://idp.example/")
provider = Provider.discover(issuer, audience=os.environ.get("AUDIENCE", "example-api"))
application = JWTMiddleware(app, providers=[provider], rules=[Rule("/api")])
