"""The app that the demo guards."""

from typing import Any

from flask import Flask, redirect, request

from .. import Identity, JWTMiddleware, Rule
from ..login import LoginApp, TokenMinter
from ..stores import SQLStore


def make_application(database: str, secret: str, *, issuer: str) -> Any:
    """Return a Flask app whose `/api` needs a token, which `/auth` gives to the users of the database."""
    app = Flask(__name__)

    @app.get("/")
    def front_page() -> Any:
        return redirect("auth/login")

    @app.get("/api/me")
    def me() -> Any:
        caller = Identity.from_environ(request.environ)
        return {"id": caller.subject, "expires_at": caller.expires_at} if caller else {}

    minter = TokenMinter.from_secret(secret, issuer=issuer, audience="demo")
    guarded = JWTMiddleware(app.wsgi_app, providers=[minter.provider], rules=[Rule("/api")])
    return LoginApp(SQLStore(database), minter).wrap(guarded, prefix="/auth")
