"""What a path asks beyond a token: `PASSWORD="analytical engine" gunicorn examples.scopes`, one
process."""

import os
import secrets

from bottle import Bottle, request

from jwt_middleware import Identity, JWTMiddleware, Key, Rule, any_of, claim, public, scope
from jwt_middleware.login import LoginApp, TokenMinter
from jwt_middleware.stores import MemoryStore

app = Bottle()


@app.route("/api/<anything:path>", method=["GET", "POST"])
def me(anything):
    caller = Identity.from_environ(request.environ)
    return {"id": caller and caller.subject}


store = MemoryStore()
password = os.environ.get("PASSWORD") or secrets.token_hex()
store.add_user("ada", password, scopes=("read", "write"), claims={"team": {"roles": ["lead"]}})
store.add_user("grace", password, scopes=("read",), claims={"department": "audit"})
minter = TokenMinter(Key.generate(), issuer="https://example.com", audience="example-api")
rules = [
    Rule("/api"),
    Rule("/api/news", public, exact=True),
    # Name the methods that need less: one that nobody thought of meets the stricter rule.
    Rule("/api/docs", scope("write")),
    Rule("/api/docs", scope("read"), methods=("GET", "HEAD", "OPTIONS")),
    Rule(
        "/api/team", claim(("team", "roles"), "lead", "owner")
    ),  # one of these, alone or in a list
    Rule("/api/books", any_of(scope("books"), claim("department", "audit"))),
]
guarded = JWTMiddleware(app, providers=[minter.provider], rules=rules)
application = LoginApp(store, minter).wrap(guarded, prefix="/auth")
