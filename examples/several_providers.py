"""Tokens of our own login and of a partner: `PARTNER_KEY="$(cat public.pem)" gunicorn
examples.several_providers`."""

import os
import secrets

from bottle import Bottle, request

from jwt_middleware import Identity, JWTMiddleware, Key, KeySet, Provider, Rule, issued_by
from jwt_middleware.login import LoginApp, TokenMinter
from jwt_middleware.stores import MemoryStore

OURS, PARTNER = "https://example.com", "https://partner.example/"
app = Bottle()


@app.get(["/", "/api/me", "/api/staff/me", "/api/partner/me"])
def me():
    caller = Identity.from_environ(request.environ)
    return {
        "id": caller and caller.subject,
        "issuer": caller and caller.issuer,
    }  # unique together, not the id alone


store = MemoryStore()
store.add_user("ada", os.environ.get("PASSWORD") or secrets.token_hex())
minter = TokenMinter(Key.generate(), issuer=OURS, audience="example-api")
pem = os.environ.get("PARTNER_KEY")
key = Key.from_pem(pem) if pem else Key.generate()  # one that nobody has
partner = Provider(issuer=PARTNER, audience="example-api", keys=KeySet([key]))
rules = [
    Rule("/api"),
    Rule("/api/staff", issued_by(OURS)),
    Rule("/api/partner", issued_by(PARTNER)),
]
guarded = JWTMiddleware(app, providers=[minter.provider, partner], rules=rules)
application = LoginApp(store, minter).wrap(guarded, prefix="/auth")
