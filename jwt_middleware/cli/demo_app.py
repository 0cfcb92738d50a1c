"""The Flask app that the demo runs behind the middleware."""

import time
from typing import Any

from flask import Flask, request

from .. import Identity, JWTMiddleware, RevocationList, Rule
from ..login import LoginApp, TokenMinter
from ..stores import SQLStore

_LIFETIME = 60
"""Seconds. An access token lives this long; short, so that you can watch it expire."""


def make_application(database: str, secret: str, *, issuer: str) -> Any:
    """Return a Flask app whose `/api` requires a token. The login app below `/auth` gives tokens to
    the users of the database."""
    app = Flask(__name__, static_folder="demo_page", static_url_path="")
    store = SQLStore(database)

    @app.get("/")
    def front_page() -> Any:
        return app.send_static_file("index.html")

    @app.get("/api/me")
    def me() -> Any:
        caller = Identity.from_environ(request.environ)
        user = store.get(caller.subject) if caller else None
        if caller is None or user is None:
            return {}
        left = caller.expires_at - time.time()
        return {
            "id": caller.subject,
            "name": user.username,
            "token": caller.token_id,
            "expires_in": left,
        }

    minter = TokenMinter.from_secret(secret, issuer=issuer, audience="demo", lifetime=_LIFETIME)
    guarded = JWTMiddleware(
        app.wsgi_app,
        providers=[minter.provider],
        rules=[Rule("/api")],
        revocations=RevocationList(store),
    )
    return LoginApp(store, minter).wrap(guarded, prefix="/auth")
