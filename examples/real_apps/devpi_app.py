"""devpi-server, whose users are those of the tokens: `devpi-init --serverdir devpi`, then
`DEVPISERVER_SERVERDIR=devpi gunicorn examples.real_apps.devpi_app`.

Users and tokens are made as in pypiserver_app.py. `devpi use http://ada:$TOKEN@localhost:8000/`
sends the token as a password; `devpi login ada --password=` then needs no other one, since the
plugin below tells devpi who is calling. A user of the name `root` is devpi's administrator.
"""

import os
import secrets

from devpi_server.config import get_pluginmanager, hookimpl, parseoptions
from devpi_server.main import xom_from_config
from devpi_server.view_auth import CredentialsIdentity

from jwt_middleware import Identity, JWTMiddleware, RevocationList, Rule, basic_password, scope
from jwt_middleware.login import LoginApp, TokenMinter
from jwt_middleware.stores import OpaqueTokens, SQLStore


class Callers:
    @hookimpl(tryfirst=True)  # before devpi reads a header or a password itself
    def devpiserver_get_identity(self, request, credentials):
        caller = Identity.from_environ(request.environ)
        return caller and CredentialsIdentity(caller.claims["preferred_username"], [])

    @hookimpl(tryfirst=True)
    def devpiserver_auth_request(self, request, userdict, username, password):
        return {"status": "ok" if request.authenticated_userid == username else "reject"}


plugins = get_pluginmanager()
plugins.register(Callers())
devpi = xom_from_config(parseoptions(plugins, ["devpi-server", "--autocreate-users"])).create_app()
store = SQLStore(os.environ.get("DATABASE_URL", "sqlite:///auth.db"))
secret = os.environ.get("JWT_SECRET") or secrets.token_hex()  # several workers need one
minter = TokenMinter.from_secret(secret, issuer="https://example.com", audience="packages")
providers = [minter.provider, OpaqueTokens(store, issuer="https://example.com")]
reading = ("GET", "HEAD", "OPTIONS")
rules = [Rule("/", scope("write")), Rule("/", scope("read"), methods=reading), Rule("/+login")]
options = {"credentials": (basic_password,), "revocations": RevocationList(store)}
guarded = JWTMiddleware(devpi, providers=providers, rules=rules, **options)
application = LoginApp(store, minter).wrap(guarded, prefix="/auth")
