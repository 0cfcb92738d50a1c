"""An app behind a gateway, which sends its token in a header of its own: `GATEWAY_HEADER`."""

import json
import os
from collections.abc import Iterable
from typing import Any

from jwt_middleware import Identity, JWTMiddleware, Rule, in_header
from jwt_middleware.login import KeyFolder, TokenMinter


def app(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    """Tell who is calling."""
    caller = Identity.from_environ(environ)
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps({"subject": caller and caller.subject}).encode()]


minter = TokenMinter(KeyFolder("keys"), issuer="https://gateway.example", audience="example-api")
application = JWTMiddleware(
    app,
    providers=[minter.provider],
    rules=[Rule("/api")],
    credentials=(in_header(os.environ["GATEWAY_HEADER"]),),
)
