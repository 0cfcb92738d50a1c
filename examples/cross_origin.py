"""An API for the front end of another origin: `FRONT_END=https://app.example.com gunicorn
examples.cross_origin`."""

import os
import secrets

from bottle import Bottle, request

from jwt_middleware import Identity, JWTMiddleware, Key, Rule
from jwt_middleware.login import LoginApp, TokenMinter
from jwt_middleware.stores import MemoryStore

app = Bottle()


@app.get(["/", "/api/me"])
def me():
    caller = Identity.from_environ(request.environ)
    return {"id": caller and caller.subject}


origins = [
    os.environ.get("FRONT_END", "http://localhost:5173")
]  # exactly as a browser sends it, without a path
store = MemoryStore()
store.add_user("ada", os.environ.get("PASSWORD") or secrets.token_hex())
minter = TokenMinter(Key.generate(), issuer="https://example.com", audience="example-api")
# On both, so that sign-in and calls pass the preflight, and scripts can read a 401 instead of a
# "network error".
guarded = JWTMiddleware(
    app, providers=[minter.provider], rules=[Rule("/api")], allowed_origins=origins
)
application = LoginApp(store, minter, allowed_origins=origins).wrap(guarded, prefix="/auth")
