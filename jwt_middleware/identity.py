"""`Identity`: who is calling, as a verified token says, and its keys in the environ."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

ENVIRON_KEY = "jwt_middleware.identity"
"""The key of the `Identity`. It has a dot and lower case, so no client header can produce it."""

REASON_KEY = "jwt_middleware.reason"
"""The key of the reason of a refusal, for access logs."""

GOVERNED_BY_KEY = "jwt_middleware.governed_by"
"""The key of what views are told by the innermost `JWTMiddleware` with a rule for the request.

It is a tuple: the middleware, the rules, and what a report-only rule would have answered. Only
`views` reads it. The middleware replaces whatever is there."""

SUBJECT_KEY = "jwt_middleware.subject"
"""The key of the subject of a caller whose token is good and who is refused, for access logs:
printable ASCII, truncated."""

WOULD_REFUSE_KEY = "jwt_middleware.would_refuse"
"""The key of the reason for which a report-only rule would have refused the request."""


@dataclass(frozen=True, slots=True)
class Identity:
    """The caller of a request whose token was verified. Frozen, hashable, shared between requests.

    - `subject`: RFC 7519 section 4.1.2, or the provider's `subject_claim`. It is unique only
      within its `issuer`.
    - `issuer`: the `iss` of the token.
    - `scopes`: the granted scopes in the token's order.
    - `token_id` and `session_id`: the `jti` and the `sid`, or None.
    - `expires_at`: the `exp`, in seconds since the epoch.
    - `claims` and `header`: everything in the token, as fresh dicts.
    - `remote_user`: REMOTE_USER as PEP 3333 text: the subject, or what the provider's
      `remote_user_claim` says. None sets none.
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
        """Return all claims, a fresh dict at each access: changing it reaches no other request."""
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

        None where no rule asked for a token, or where an optional one is absent.
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
    """Put the caller into the environ, in place of whatever is there.

    `scheme` becomes AUTH_TYPE. With several issuers a subject may name two people, so REMOTE_USER
    is set only where `names_one_person`.
    """
    # Three looks cost what one `pop` does.
    if REASON_KEY in environ or SUBJECT_KEY in environ or WOULD_REFUSE_KEY in environ:
        clear_identity(environ)
    environ[ENVIRON_KEY] = identity
    environ["AUTH_TYPE"] = scheme
    if names_one_person and identity.remote_user is not None:
        environ["REMOTE_USER"] = identity.remote_user
    else:
        environ.pop("REMOTE_USER", None)


class _Draft:
    """An `Identity` that is being made: a class with the same slots, whose fields can be set."""

    # Written out, since making one more dataclass takes half a millisecond of every import.
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

    The constructor of a frozen dataclass sets each field by a call of its own. The fields of a
    draft are set at once, and it becomes an Identity with all of them: 4 % of a first-seen token.
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
