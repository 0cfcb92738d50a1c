"""WsgiDAV, a WebDAV server: everybody reads /public, writing anywhere needs a scope:
`PASSWORD="analytical engine" DAV_FOLDER=/srv/dav gunicorn examples.real_apps.wsgidav_app`.

A copy or a move names its target in a header that no rule sees, so both are writing.
"""

import os
import secrets

from wsgidav.wsgidav_app import WsgiDAVApp

from jwt_middleware import JWTMiddleware, Key, Rule, basic_password, bearer, public, scope
from jwt_middleware.login import LoginApp, TokenMinter
from jwt_middleware.stores import MemoryStore

dav = WsgiDAVApp(
    {
        "provider_mapping": {"/": os.environ.get("DAV_FOLDER", ".")},
        "simple_dc": {"user_mapping": {"*": True}},  # JWTMiddleware asks, not WsgiDAV
        "http_authenticator": {"trusted_auth_header": "REMOTE_USER"},
    }
)
store = MemoryStore()
password = os.environ.get("PASSWORD") or secrets.token_hex()
store.add_user("ada", password, scopes=("read", "write"))
store.add_user("grace", password, scopes=("read",))
minter = TokenMinter(Key.generate(), issuer="https://example.com", audience="dav")
reading = ("GET", "HEAD", "OPTIONS", "PROPFIND")  # MKCOL, MOVE, LOCK and all others are writing
rules = [
    Rule("/", scope("write")),
    Rule("/", scope("read"), methods=reading),
    Rule("/public", scope("write")),
    Rule("/public", public, methods=reading),
]
credentials = (bearer, basic_password)  # most WebDAV clients send a password alone
guarded = JWTMiddleware(dav, providers=[minter.provider], rules=rules, credentials=credentials)
application = LoginApp(store, minter).wrap(guarded, prefix="/auth")
