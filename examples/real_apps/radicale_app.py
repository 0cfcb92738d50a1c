"""Radicale, a calendar server, opens the collection of the person who logged in:
`PASSWORD="analytical engine" CALENDARS=/srv/calendars gunicorn examples.real_apps.radicale_app`.

A calendar client that can send a header sends `Authorization: Bearer ...`.
"""

import os
import secrets
from dataclasses import replace

from radicale import config
from radicale.app import Application

from jwt_middleware import JWTMiddleware, Key, Rule, public
from jwt_middleware.login import LoginApp, TokenMinter
from jwt_middleware.stores import MemoryStore

configuration = config.load()
options = {
    "auth": {"type": "remote_user"},
    "rights": {"type": "owner_only"},
    "storage": {"filesystem_folder": os.environ.get("CALENDARS", "calendars")},
}
configuration.update(options, "examples", privileged=True)
store = MemoryStore()
password = os.environ.get("PASSWORD") or secrets.token_hex()
store.add_user("ada", password)
minter = TokenMinter(Key.generate(), issuer="https://example.com", audience="calendars")
# REMOTE_USER is the name, not the number that is the token's subject.
provider = replace(minter.provider, remote_user_claim="preferred_username")
rules = [Rule("/"), Rule("/.well-known", public), Rule("/.web", public)]
guarded = JWTMiddleware(Application(configuration), providers=[provider], rules=rules)
application = LoginApp(store, minter).wrap(guarded, prefix="/auth")
