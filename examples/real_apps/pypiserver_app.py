"""pypiserver, an index of packages: installing needs a scope, and uploading another one:
`PACKAGES=/srv/packages gunicorn examples.real_apps.pypiserver_app`.

`jwt-middleware users add ci --scope read --scope write --database sqlite:///auth.db --create` makes
a user, `jwt-middleware tokens add ci --name pip --scope read --days 90 --database
sqlite:///auth.db` a token. `pip install --index-url http://ci:$TOKEN@localhost:8000/simple NAME`
and `twine upload -u ci -p $TOKEN --repository-url http://localhost:8000/` send it as a password.
"""

import os
import secrets

import pypiserver

from jwt_middleware import JWTMiddleware, RevocationList, Rule, basic_password, bearer, scope
from jwt_middleware.login import LoginApp, TokenMinter
from jwt_middleware.stores import OpaqueTokens, SQLStore

packages = pypiserver.app(
    roots=[os.environ.get("PACKAGES", "packages")],
    authenticate=[],  # JWTMiddleware asks, not pypiserver
    password_file=".",
    disable_fallback=True,  # or it sends pip to the public index for names it lacks
)
store = SQLStore(os.environ.get("DATABASE_URL", "sqlite:///auth.db"))
secret = os.environ.get("JWT_SECRET") or secrets.token_hex()  # several workers need one
minter = TokenMinter.from_secret(secret, issuer="https://example.com", audience="packages")
providers = [minter.provider, OpaqueTokens(store, issuer="https://example.com")]
rules = [Rule("/", scope("write")), Rule("/", scope("read"), methods=("GET", "HEAD", "OPTIONS"))]
options = {"credentials": (bearer, basic_password), "revocations": RevocationList(store)}
guarded = JWTMiddleware(packages, providers=providers, rules=rules, **options)
application = LoginApp(store, minter).wrap(guarded, prefix="/auth")
