"""What every app is put behind: all its paths are closed, and a browser signs in on a page."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from jwt_middleware import JWTMiddleware, RevocationList, Rule, bearer, in_cookie
from jwt_middleware.login import LoginApp, TokenMinter
from jwt_middleware.stores import SQLStore

SECRET = "a secret of thirty-two bytes ...."


def open_store(folder: Path) -> SQLStore:
    """The store of the site, for the server and for a test that adds a user."""
    return SQLStore(f"sqlite:///{folder / 'auth.db'}", password_method="scrypt:1024:8:1")


def behind_sign_in(app: Callable[..., Any]) -> Callable[..., Any]:
    """Return the app with the middleware and the login app in front, its store in the working
    folder. REMOTE_USER is the name of the user."""
    store = open_store(Path.cwd())
    minter = TokenMinter.from_secret(SECRET, issuer="site", audience="pages")
    guarded = JWTMiddleware(
        app,
        providers=[replace(minter.provider, remote_user_claim="preferred_username")],
        rules=[Rule("/")],
        credentials=(bearer, in_cookie("__Host-jwt")),
        revocations=RevocationList(store, max_staleness=0),
        sign_in="/auth/login",
    )
    return LoginApp(store, minter, access_cookie="__Host-jwt").wrap(guarded, prefix="/auth")
