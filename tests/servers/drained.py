"""What `test_draining` serves: an app with its login. Bodies are read for one second."""

import os

from jwt_middleware import JWTMiddleware, Key, KeySet, Provider, Rule, public
from jwt_middleware.login import LoginApp, TokenMinter, body
from jwt_middleware.stores import MemoryStore
from jwt_middleware.wire import wsgi

# inside: a limit of our own, so that no test waits for the real one
wsgi._DRAIN_SECONDS = body._READ_SECONDS = float(os.environ.get("DRAIN_SECONDS", "1"))
_PROVIDER = Provider(
    issuer="https://idp.example", audience="api", keys=KeySet([Key.from_secret("s" * 32)])
)


def _empty(environ, start_response):  # type: ignore[no-untyped-def]
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "0")])
    return []


_guarded = JWTMiddleware(_empty, providers=[_PROVIDER], rules=[Rule("/"), Rule("/up", public)])
application = LoginApp(
    MemoryStore(), TokenMinter.from_secret("s" * 32, issuer="https://idp.example", audience="api")
).wrap(_guarded, prefix="/auth")
