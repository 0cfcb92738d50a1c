"""klaus, a git server: everybody reads one repository, pushing to any needs a scope:
`REPOSITORIES="/srv/git/open /srv/git/secret" gunicorn examples.real_apps.klaus_app`.

`jwt-middleware users add ada --scope write --database sqlite:///auth.db --create` makes a user, and
`jwt-middleware tokens add ada --name git --scope write --days 90 --database sqlite:///auth.db` a
token. `git push http://ada:$TOKEN@localhost:8000/open main`: git sends it as a password.
"""

import os
import secrets

from klaus import make_app

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

repositories = os.environ.get("REPOSITORIES", "").split()
klaus = make_app(
    repositories, "git", use_smarthttp=True, disable_push=False, unauthenticated_push=True
)
store = SQLStore(os.environ.get("DATABASE_URL", "sqlite:///auth.db"))
secret = os.environ.get("JWT_SECRET") or secrets.token_hex()  # several workers need one
minter = TokenMinter.from_secret(secret, issuer="https://example.com", audience="git")
providers = [minter.provider, OpaqueTokens(store, issuer="https://example.com")]
rules = [
    Rule("/"),  # a repository that is added later is closed
    Rule("/", public, exact=True),
    Rule("/static", public),
    Rule("/open", public),
    Rule("/*/git-receive-pack", scope("write")),  # longer than /open, so it governs there too
]
options = {"credentials": (bearer, basic_password), "revocations": RevocationList(store)}
guarded = JWTMiddleware(klaus.wsgi_app, providers=providers, rules=rules, **options)
application = LoginApp(store, minter).wrap(guarded, prefix="/auth")
