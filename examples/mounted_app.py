"""An app mounted below another: `PASSWORD="analytical engine" gunicorn examples.mounted_app`, one
process.

A Dash app is mounted the same way, with `Rule("/_dash-update-component")` and what else has data.
"""

import os
import secrets

from flask import Flask, request
from werkzeug.middleware.dispatcher import DispatcherMiddleware

from jwt_middleware import Identity, JWTMiddleware, Key, Rule
from jwt_middleware.login import LoginApp, TokenMinter
from jwt_middleware.stores import MemoryStore

app, reports = Flask("main"), Flask("reports")


@app.get("/")
@app.get("/api/me")
@reports.get("/")
@reports.get("/data/me")
def me():
    caller = Identity.from_environ(request.environ)
    return {"id": caller and caller.subject}


store = MemoryStore()
store.add_user("ada", os.environ.get("PASSWORD") or secrets.token_hex())
minter = TokenMinter(Key.generate(), issuer="https://example.com", audience="example-api")
# Each app is wrapped by itself, below the dispatcher: a rule is relative to the mount, and `/data`
# is /reports/data. One middleware around the dispatcher would see the whole path, and need a rule
# for `/reports/data`.
app.wsgi_app = JWTMiddleware(app.wsgi_app, providers=[minter.provider], rules=[Rule("/api")])
reports.wsgi_app = JWTMiddleware(
    reports.wsgi_app, providers=[minter.provider], rules=[Rule("/data")]
)
application = DispatcherMiddleware(app, {"/reports": reports, "/auth": LoginApp(store, minter)})
