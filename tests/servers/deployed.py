"""What the tests of the deployment serve: `servers.deployed`. In its folder lie `keys`, and perhaps
a `release`."""

import json
import os
from pathlib import Path
from typing import Any

from werkzeug.middleware.proxy_fix import ProxyFix

from jwt_middleware import Identity, JWTMiddleware, RevocationList, Rule
from jwt_middleware.login import KeyFolder, LoginApp, TokenMinter
from jwt_middleware.stores import RedisLog, SQLStore

RELEASE = Path("release").read_text() if Path("release").exists() else ""


def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    """Tell who is calling, and what the server has made of the request."""
    caller = Identity.from_environ(environ)
    told = {
        key: environ.get(key)
        for key in ("SCRIPT_NAME", "PATH_INFO", "wsgi.url_scheme", "HTTP_HOST")
    }
    body = json.dumps({**told, "subject": caller and caller.subject, "release": RELEASE}).encode()
    start_response(
        "200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
    )
    return [body]


log = RedisLog(os.environ["REDIS_URL"]) if "REDIS_URL" in os.environ else None
store = SQLStore(os.environ["DATABASE_URL"], log=log, password_method="scrypt:1024:1:1")
minter = TokenMinter(KeyFolder("keys"), issuer="https://example.com", audience="example-api")
guarded = JWTMiddleware(
    app, providers=[minter.provider], revocations=RevocationList(store), rules=[Rule("/api")]
)
application = LoginApp(store, minter).wrap(guarded, prefix="/auth")
if "BEHIND_PROXY" in os.environ:
    application = ProxyFix(application)
