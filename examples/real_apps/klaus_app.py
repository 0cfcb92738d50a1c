"""klaus, a git server: everybody reads one repository, pushing to any needs a scope:
`PASSWORD="analytical engine" REPOSITORIES="/srv/git/open /srv/git/secret" gunicorn
examples.real_apps.klaus_app`, then
`git push http://token:$TOKEN@localhost:8000/open main`: git sends its token as a password.
"""

import os
import secrets

from klaus import make_app

from jwt_middleware import JWTMiddleware, Key, Rule, basic_password, bearer, public, scope
from jwt_middleware.login import LoginApp, TokenMinter
from jwt_middleware.stores import MemoryStore

repositories = os.environ.get("REPOSITORIES", "").split()
klaus = make_app(
    repositories, "git", use_smarthttp=True, disable_push=False, unauthenticated_push=True
)
store = MemoryStore()
password = os.environ.get("PASSWORD") or secrets.token_hex()
store.add_user("ada", password, scopes=("write",))
store.add_user("grace", password)
minter = TokenMinter(Key.generate(), issuer="https://example.com", audience="git")
rules = [
    Rule("/"),  # a repository that is added later is closed
    Rule("/", public, exact=True),
    Rule("/static", public),
    Rule("/open", public),
    Rule("/*/git-receive-pack", scope("write")),  # longer than /open, so it governs there too
]
credentials = (bearer, basic_password)
guarded = JWTMiddleware(
    klaus.wsgi_app, providers=[minter.provider], rules=rules, credentials=credentials
)
application = LoginApp(store, minter).wrap(guarded, prefix="/auth")
