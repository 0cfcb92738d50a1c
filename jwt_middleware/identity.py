"""`Identity`: who is calling, as a verified token says."""

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

ENVIRON_KEY = "jwt_middleware.identity"
"""Where the environ holds the `Identity`. A key with a dot and lower case: no client header can
produce it."""


class Identity(NamedTuple):
    """The caller of a request whose token was verified. Frozen, hashable, safe to share between
    requests.

    `subject` (RFC 7519 section 4.1.2, or the provider's `subject_claim`) is unique only within its
    `issuer`. `scopes` are the granted scopes in the token's order; `token_id` is the `jti` and
    `session_id` the `sid`, or None; `expires_at` is the `exp` in seconds since the epoch.
    """

    subject: str
    issuer: str
    scopes: tuple[str, ...]
    token_id: str | None
    session_id: str | None
    expires_at: float
    claims_json: bytes

    @property
    def claims(self) -> dict[str, Any]:
        """All claims of the token, a fresh dict at each access: changing it reaches no other
        request."""
        claims: dict[str, Any] = json.loads(self.claims_json)
        return claims

    @staticmethod
    def from_environ(environ: Mapping[str, Any]) -> "Identity | None":
        """Return the caller of this request, or None where no rule asked for a token or an optional
        one is absent."""
        return environ.get(ENVIRON_KEY)
