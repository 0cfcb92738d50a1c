"""`Identity`: the caller that a verified token names, and its keys in the environ."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

ENVIRON_KEY = "jwt_middleware.identity"
"""The key of the `Identity`. It has a dot and lower case, so no client header can produce it."""

REASON_KEY = "jwt_middleware.reason"
"""The key of the reason of a refusal, for access logs."""

GOVERNED_BY_KEY = "jwt_middleware.governed_by"
"""The key for views, which the innermost `JWTMiddleware` with a rule for the request sets.

Its value is a tuple: the middleware, the rules, and the answer of a report-only rule. Only `views`
reads it. The middleware replaces any former value."""

SUBJECT_KEY = "jwt_middleware.subject"
"""The key of the subject of a refused caller with a valid token, for access logs: printable ASCII,
truncated."""

WOULD_REFUSE_KEY = "jwt_middleware.would_refuse"
"""The key of the reason for which a report-only rule would have refused the request."""

PROOF_KEY = "jwt_middleware.proof"
"""The key of the DPoP proofs that this request has used up, as the store names them. A middleware
further inside checks them again, and does not count them twice."""

NONCE_KEY = "jwt_middleware.nonce"
"""The key of the nonce for the client's next DPoP proof, if that of this request is about to end.
The answer carries it."""

PEEK_KEY = "jwt_middleware.peek"
"""The key of a copy of an environ that is only looked at: its proof is not used up."""


@dataclass(frozen=True, slots=True)
class Identity:
    """The caller of a request whose token was verified. Frozen, hashable, shared between requests.

    - `subject`: RFC 7519 section 4.1.2, or the provider's `subject_claim`. It is unique only
      within its `issuer`.
    - `issuer`: the `iss` of the token; "" if its provider has `issuer=None`.
    - `scopes`: the granted scopes in the token's order.
    - `token_id` and `session_id`: the `jti` and the `sid`, or None.
    - `expires_at`: the `exp`, in seconds since the epoch.
    - `claims` and `header`: everything in the token, as fresh dicts.
    - `remote_user`: REMOTE_USER as a PEP 3333 string: the subject, or the provider's
      `remote_user_claim`. None sets no REMOTE_USER.
    """

    subject: str
    issuer: str
    scopes: tuple[str, ...]
    token_id: str | None
    session_id: str | None
    expires_at: float
    claims_json: bytes = field(repr=False)
    header_json: bytes = field(default=b"{}", repr=False)
    remote_user: str | None = field(default=None, repr=False, compare=False)

    @property
    def claims(self) -> dict[str, Any]:
        """Return all claims as a fresh dict, so that changing it does not affect other requests."""
        claims: dict[str, Any] = json.loads(self.claims_json)
        return claims

    @property
    def header(self) -> dict[str, Any]:
        """Return the token's header (RFC 7515 section 4), a fresh dict at each access."""
        header: dict[str, Any] = json.loads(self.header_json)
        return header

    @staticmethod
    def from_environ(environ: Mapping[str, Any]) -> "Identity | None":
        """Return the caller of this request.

        Return None if no rule asked for a token, or if an optional token is absent.
        """
        return environ.get(ENVIRON_KEY)


def clear_identity(environ: dict[str, Any]) -> None:
    """Remove our keys, so that no server or outer middleware can supply an identity."""
    environ.pop(ENVIRON_KEY, None)
    environ.pop(REASON_KEY, None)
    environ.pop(SUBJECT_KEY, None)
    environ.pop(WOULD_REFUSE_KEY, None)
    environ.pop("REMOTE_USER", None)
    environ.pop("AUTH_TYPE", None)


def put_identity(
    environ: dict[str, Any], identity: Identity, scheme: str, names_one_person: bool
) -> None:
    """Put the caller into the environ, and replace any former values.

    `scheme` becomes AUTH_TYPE. With several issuers a subject may name two people, so REMOTE_USER
    is set only if `names_one_person`.
    """
    # Three look-ups cost as much as one `pop`.
    if REASON_KEY in environ or SUBJECT_KEY in environ or WOULD_REFUSE_KEY in environ:
        clear_identity(environ)
    environ[ENVIRON_KEY] = identity
    environ["AUTH_TYPE"] = scheme
    if names_one_person and identity.remote_user is not None:
        environ["REMOTE_USER"] = identity.remote_user
    else:
        environ.pop("REMOTE_USER", None)


class _Draft:
    """An `Identity` under construction: a class with the same slots, whose fields can be set."""

    # This is not a dataclass, since creating one takes half a millisecond of every import.
    __slots__ = tuple(one.name for one in fields(Identity))


def new_identity(
    subject: str,
    issuer: str,
    scopes: tuple[str, ...],
    token_id: str | None,
    session_id: str | None,
    expires_at: float,
    claims_json: bytes,
    header_json: bytes,
    remote_user: str | None,
) -> Identity:
    """Return an `Identity` of these values.

    The constructor of a frozen dataclass sets each field with a separate call. Setting the fields
    of a draft and turning it into an Identity saves 4 % of the cost of a first-seen token.
    """
    draft: Any = _Draft()
    draft.subject = subject
    draft.issuer = issuer
    draft.scopes = scopes
    draft.token_id = token_id
    draft.session_id = session_id
    draft.expires_at = expires_at
    draft.claims_json = claims_json
    draft.header_json = header_json
    draft.remote_user = remote_user
    draft.__class__ = Identity
    identity: Identity = draft
    return identity
