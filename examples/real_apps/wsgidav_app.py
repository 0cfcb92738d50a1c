"""WsgiDAV, a WebDAV server: everybody reads /public, writing anywhere needs a scope:
`DAV_FOLDER=/srv/dav gunicorn examples.real_apps.wsgidav_app`. Users and tokens are made as in
pypiserver_app.py. cadaver sends 255 bytes of a password at most: a personal token, but not a JWT.

A copy or a move names its target in a header that no rule sees, so both are writing.
"""

import os
import secrets

from wsgidav.wsgidav_app import WsgiDAVApp

from jwt_middleware import (
    JWTMiddleware,
    RevocationList,
    Rule,
    basic_password,
    bearer,
    public,
    scope,
)
from jwt_middleware.login import LoginApp, TokenMinter
from jwt_middleware.stores import OpaqueTokens, SQLStore

dav = WsgiDAVApp(
    {
        "provider_mapping": {"/": os.environ.get("DAV_FOLDER", ".")},
        "simple_dc": {"user_mapping": {"*": True}},  # JWTMiddleware asks, not WsgiDAV
        "http_authenticator": {"trusted_auth_header": "REMOTE_USER"},
    }
)
store = SQLStore(os.environ.get("DATABASE_URL", "sqlite:///auth.db"))
secret = os.environ.get("JWT_SECRET") or secrets.token_hex()  # several workers need one
minter = TokenMinter.from_secret(secret, issuer="https://example.com", audience="dav")
providers = [minter.provider, OpaqueTokens(store, issuer="https://example.com")]
reading = ("GET", "HEAD", "OPTIONS", "PROPFIND")  # MKCOL, MOVE, LOCK and all others are writing
rules = [
    Rule("/", scope("write")),
    Rule("/", scope("read"), methods=reading),
    Rule("/public", scope("write")),
    Rule("/public", public, methods=reading),
]
options = {"credentials": (bearer, basic_password), "revocations": RevocationList(store)}
guarded = JWTMiddleware(dav, providers=providers, rules=rules, **options)
application = LoginApp(store, minter).wrap(guarded, prefix="/auth")
