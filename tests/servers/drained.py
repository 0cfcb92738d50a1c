"""What `test_draining` serves: everything is guarded, and a refused body is read for one second."""

import os

from jwt_middleware import JWTMiddleware, Key, KeySet, Provider, Rule, public
from jwt_middleware.wire import wsgi

wsgi._DRAIN_SECONDS = float(os.environ.get("DRAIN_SECONDS", "1"))
_PROVIDER = Provider(
    issuer="https://idp.example", audience="api", keys=KeySet([Key.from_secret("s" * 32)])
)


def _empty(environ, start_response):  # type: ignore[no-untyped-def]
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "0")])
    return []


application = JWTMiddleware(_empty, providers=[_PROVIDER], rules=[Rule("/"), Rule("/up", public)])
