"""`/readyz` for Kubernetes, and reports before a rule is enforced: `PASSWORD="analytical engine"
gunicorn examples.readiness`, one process."""

import json
import os
import secrets

from bottle import Bottle, HTTPResponse, request

from jwt_middleware import Identity, JWTMiddleware, Key, RevocationList, Rule, scope
from jwt_middleware.login import LoginApp, TokenMinter
from jwt_middleware.stores import MemoryStore

app = Bottle()


@app.get("/api/me")
def me():
    return {"id": Identity.from_environ(request.environ).subject}


# No rule governs the two: a probe has no token.
@app.get("/livez")
def livez():
    return {"alive": True}


# It answers 503 until keys and revocations are there.
@app.get("/readyz")
def readyz():
    state = guarded.ready()
    headers = {"Content-Type": "application/json", "Cache-Control": "no-store"}
    return HTTPResponse(json.dumps(state), 200 if state["ready"] else 503, headers)


store = MemoryStore()
store.add_user("ada", os.environ.get("PASSWORD") or secrets.token_hex(), scopes=("read",))
minter = TokenMinter(Key.generate(), issuer="https://example.com", audience="example-api")
guarded = JWTMiddleware(
    app,
    providers=[minter.provider],
    # Today's rule, and the one to come: the log says whom it would refuse.
    rules=[Rule("/api"), Rule("/api", scope("write"), report_only=True)],
    revocations=RevocationList(store),
)
application = LoginApp(store, minter).wrap(guarded, prefix="/auth")
