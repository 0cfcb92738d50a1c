"""The service that signs in, for `api_service`: `gunicorn --bind 127.0.0.1:8001
examples.auth_service`, one process.

Before: `jwt-middleware users add ada --database sqlite:///auth.db --create`. For more processes,
and to keep the key: `jwt-middleware keys new --algorithm ES256 --out key.pem; export
JWT_KEY_FILE=key.pem`.
"""

import os
from pathlib import Path

from jwt_middleware import Key
from jwt_middleware.login import LoginApp, TokenMinter
from jwt_middleware.stores import SQLStore

file = os.environ.get("JWT_KEY_FILE")
key = (
    Key.from_pem(Path(file).read_bytes(), id="2026") if file else Key.generate()
)  # another key, another id
minter = TokenMinter(key, issuer="https://auth.example.com", audience="example-api")
# Served by itself it has POST /token, GET /login, and the public key at GET /.well-known/jwks.json.
application = LoginApp(SQLStore(os.environ.get("DATABASE_URL", "sqlite:///auth.db")), minter)
