"""Proofs for tokens that are bound to a key by DPoP (RFC 9449).

key = DPoPKey()
token = jwt_tokens(app).good("ada", cnf=key.confirmation)
client.get("/api/me", headers=key.headers("GET", "https://api.example/api/me", token))
"""

import json
import secrets
import time
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from .._options import require
from ..errors import ConfigurationError
from ..trust import jws
from ..trust.encoding import encode_base64url
from ..trust.keys import Key


@dataclass(frozen=True, slots=True)
class DPoPKey:
    """The key of a client, which makes a new proof for each request.

    - `key`: a private `Key`; by default a new ES256 key.
    """

    key: Key = field(default_factory=Key.generate)

    def __post_init__(self) -> None:
        is_private = isinstance(self.key, Key) and self.key.signing_key is not None
        require(
            is_private and not isinstance(self.key.verifying_key, bytes),
            "key must be a private Key: DPoPKey(Key.generate('ES256'))",
        )

    @property
    def thumbprint(self) -> str:
        """The thumbprint of the key (RFC 7638), for `cnf.jkt`."""
        return self.key.thumbprint()

    @property
    def confirmation(self) -> dict[str, str]:
        """The claim `cnf` of a token that is bound to the key (RFC 9449 section 6.1)."""
        return {"jkt": self.thumbprint}

    def proof(self, method: str, url: str, token: str | None = None, **changes: Any) -> str:
        """Return a new proof for one request (RFC 9449 section 4.2).

        - `token`: the access token of the request; None at a token endpoint.
        - `changes`: claims that are added to the usual claims or replace them, such as `nonce` or
          `iat`. None removes a claim.
        """
        claims: dict[str, Any] = {
            "jti": secrets.token_urlsafe(16),
            "htm": method,
            "htu": url,
            "iat": int(time.time()),
        }
        if token is not None:
            digest = sha256(token.encode()).digest()
            claims["ath"] = encode_base64url(digest).decode()
        claims = {name: value for name, value in (claims | changes).items() if value is not None}
        try:
            payload = json.dumps(claims, allow_nan=False).encode()
        except (TypeError, ValueError, RecursionError):
            raise ConfigurationError("claims of a proof must be JSON values") from None
        jwk = {
            name: value
            for name, value in self.key.to_jwk().items()
            if name not in ("kid", "use", "alg")
        }
        # Without an id: RFC 9449 has the whole key in the header.
        key = Key(self.key.algorithm, None, self.key.signing_key, self.key.verifying_key)
        return jws.sign({"typ": "dpop+jwt", "jwk": jwk}, payload, key)

    def headers(self, method: str, url: str, token: str, **changes: Any) -> dict[str, str]:
        """Return the headers of one request with the token and a new proof (RFC 9449 section
        7.1)."""
        return {
            "Authorization": f"DPoP {token}",
            "DPoP": self.proof(method, url, token, **changes),
        }
