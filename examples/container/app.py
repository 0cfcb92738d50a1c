"""What compose.yaml runs: its secrets are files, and it writes none."""

import os
from pathlib import Path

from flask import Flask, jsonify, request

from jwt_middleware import Identity, JWTMiddleware, RevocationList, Rule
from jwt_middleware.login import LoginApp, TokenMinter
from jwt_middleware.stores import SQLStore

SECRETS = Path(os.environ.get("SECRETS", "/run/secrets"))


def secret(name: str) -> str:
    return (SECRETS / name).read_text().strip()


app = Flask(__name__)


@app.get("/api/me")
def me():
    return {"id": Identity.from_environ(request.environ).subject}


# No rule governs the two: a probe has no token.
@app.get("/livez")
def livez():
    return {"alive": True}


@app.get("/readyz")
def readyz():
    state = guarded.ready()
    return jsonify(state), 200 if state["ready"] else 503


store = SQLStore(secret("database-url"))
minter = TokenMinter.from_secret(
    secret("jwt-secret"), issuer="https://api.example", audience="example-api"
)
guarded = JWTMiddleware(
    app.wsgi_app,
    providers=[minter.provider],
    revocations=RevocationList(store),
    rules=[Rule("/api")],
)
application = LoginApp(store, minter).wrap(guarded, prefix="/auth")
