"""Mercurial's own server behind the middleware, which the tests serve: reading needs a scope, and
pushing another one."""

import os

from mercurial.hgweb import hgweb

from jwt_middleware import JWTMiddleware, Key, RevocationList, Rule, basic_password, bearer, scope
from jwt_middleware.login import LoginApp, TokenMinter
from jwt_middleware.stores import OpaqueTokens, SQLStore

store = SQLStore(os.environ["DATABASE_URL"])
minter = TokenMinter(Key.generate(), issuer="https://example.com", audience="hg")
guarded = JWTMiddleware(
    hgweb(os.environ["REPOSITORY"].encode()),
    providers=[minter.provider, OpaqueTokens(store, issuer="https://example.com")],
    rules=[Rule("/", scope("write")), Rule("/", scope("read"), methods=("GET", "HEAD"))],
    credentials=(basic_password, bearer),  # hg only reads the first challenge
    revocations=RevocationList(store),
)
application = LoginApp(store, minter).wrap(guarded, prefix="/auth")
