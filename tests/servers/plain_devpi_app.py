"""devpi-server as it is, without the plugin of the example, behind the middleware."""

import os

from devpi_server.config import get_pluginmanager, parseoptions
from devpi_server.main import xom_from_config

from jwt_middleware import JWTMiddleware, Key, RevocationList, Rule, basic_password, scope
from jwt_middleware.login import LoginApp, TokenMinter
from jwt_middleware.stores import OpaqueTokens, SQLStore

store = SQLStore(os.environ["DATABASE_URL"])
minter = TokenMinter(Key.generate(), issuer="https://example.com", audience="packages")
guarded = JWTMiddleware(
    xom_from_config(parseoptions(get_pluginmanager(), ["devpi-server"])).create_app(),
    providers=[minter.provider, OpaqueTokens(store, issuer="https://example.com")],
    rules=[Rule("/", scope("read"))],
    credentials=(basic_password,),
    revocations=RevocationList(store),
)
application = LoginApp(store, minter).wrap(guarded, prefix="/auth")
