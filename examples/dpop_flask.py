"""Tokens that are worthless to a thief, since the browser signs each call (DPoP):
`PASSWORD="analytical engine" gunicorn examples.dpop_flask`, then http://localhost:8000."""

import os
import secrets

from flask import Flask, request

from jwt_middleware import DPoP, JWTMiddleware, Key, RevocationList, Rule, sender_constrained
from jwt_middleware.login import LoginApp, TokenMinter
from jwt_middleware.stores import MemoryStore

PAGE = """<!doctype html><title>Pay</title><button>Sign in and pay</button><pre></pre>
<script type="module">
import { createClient } from "/auth/jwt-client.js";
const client = createClient({ dpop: true });
document.querySelector("button").onclick = async () => {
  await client.login("ada", prompt("The password of ada?"));
  const answer = await client.fetch("/api/pay", { method: "POST" });
  document.querySelector("pre").textContent = await answer.text();
};
</script>"""
app = Flask(__name__)


@app.get("/")
def page():
    return PAGE


@app.get("/api/me")
@app.post("/api/pay")
def me():
    return {"id": request.environ["REMOTE_USER"]}


store = MemoryStore()  # several workers or machines share a SQLStore or a RedisLog
store.add_user("ada", os.environ.get("PASSWORD") or secrets.token_hex())
minter = TokenMinter(Key.generate(), issuer="https://example.com", audience="example-api")
dpop = DPoP(os.environ.get("PUBLIC_URL", "http://localhost:8000"), replays=store, nonces=True)
rules = [Rule("/api"), Rule("/api/pay", sender_constrained)]  # no plain bearer token pays
options = {"dpop": dpop, "revocations": RevocationList(store)}
guarded = JWTMiddleware(app.wsgi_app, providers=[minter.provider], rules=rules, **options)
app.wsgi_app = LoginApp(store, minter, dpop=dpop).wrap(guarded, prefix="/auth")
application = app
