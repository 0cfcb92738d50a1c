"""Defines every error of the package.

    JWTMiddlewareError
    ├── ConfigurationError(ValueError)   raised while building, never during a request
    ├── StoreUnavailable                 a store cannot answer
    ├── UnknownUser(LookupError)         of `stores`: the user to change does not exist
    └── Refusal                          the middleware answers the request itself
        ├── MissingToken        401  no error code
        ├── InvalidRequest      400  invalid_request
        │   └── PathTooLong     414  invalid_request
        ├── InvalidToken        401  invalid_token
        ├── StepUp              401  insufficient_user_authentication
        ├── InvalidProof        401  invalid_dpop_proof
        │   └── NonceNeeded     401  use_dpop_nonce
        ├── InsufficientScope   403  insufficient_scope
        ├── Forbidden           403  no error code
        └── Unavailable         503  temporarily_unavailable

The `reason` of a refusal selects a fixed description. A response never quotes the request.
"""

import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import ClassVar

from .reasons import DESCRIPTIONS


class JWTMiddlewareError(Exception):
    """The root of every error that this package raises on purpose."""


class ConfigurationError(JWTMiddlewareError, ValueError):
    """An option is invalid; the message shows the right form. Never raised during a request."""


class StoreUnavailable(JWTMiddlewareError):
    """A store cannot answer now: it is down, locked, or took longer than two seconds.

    `detail` says in words without secrets what is wrong, if the store knows.
    """

    detail: str | None = None

    def __init__(self, *arguments: object, detail: str | None = None) -> None:
        super().__init__(*arguments)
        if detail is not None:
            self.detail = detail

    @property
    def cause(self) -> str:
        """The fault: the `detail`, else the class of the driver's error with its SQLSTATE or
        SQLite name, else our own message.

        The driver's message may quote a statement or a URL, so it is never shown.
        """
        if self.detail is not None:
            return self.detail
        error = self.__cause__
        if error is None:
            return str(self)
        code = getattr(error, "sqlstate", None) or getattr(error, "sqlite_errorname", None)
        return type(error).__name__ if code is None else f"{type(error).__name__} {code}"

    def in_full(self) -> str:
        """Return the message and what is wrong, for a log line."""
        message, cause = str(self), self.cause
        return message if cause == message else f"{message}: {cause}"


# Strings, which are compiled when they are needed and not at every import.
# RFC 6749 section 3.3: the characters of a scope. RFC 9110 sections 5.6.2 and 5.6.4: a name, and
# what may stand between quotes without a backslash.
_SCOPE = r"[\x21\x23-\x5b\x5d-\x7e]+"
_NAME = r"[!#-'*+.0-9A-Z^-z|~-]+"
_STATUSES = frozenset(status.value for status in HTTPStatus if status.value >= 400)
_QUOTED = r"[\x20\x21\x23-\x5b\x5d-\x7e]*"


class Refusal(JWTMiddlewareError):
    """The middleware answers the request, which never reaches the app. Raise one of the subclasses:
    `Refusal` itself has no status, and making one is a `TypeError`.

    - `reason`: a key of `reasons.DESCRIPTIONS`; any other string raises `ValueError`.
    - `description`: the sentence of that reason.
    - `status`: the HTTP status. `code`: the error code of RFC 6750 section 3.1, or None.
    - `parameters`: further parameters of the challenge, such as `{"scope": "read write"}`.
    - `retry_after`: seconds after which the client may try again, or None. It is set if the fault
      is the server's; the answer then has no challenge.

    An app's own requirements may raise these too.
    """

    status: ClassVar[int]
    code: ClassVar[str | None]
    usual_reason: ClassVar[str] = ""

    def __init__(self, reason: str | None = None) -> None:
        if not hasattr(self, "status"):
            raise TypeError(f"{type(self).__name__} has no status: raise one of the subclasses")
        self.reason = self.usual_reason if reason is None else reason
        if self.reason not in DESCRIPTIONS:
            raise ValueError(f"reason must be one of {', '.join(DESCRIPTIONS)}")
        self.description = DESCRIPTIONS[self.reason]
        self.retry_after: int | None = None
        super().__init__(self.reason)

    @property
    def parameters(self) -> Mapping[str, str]:
        """Further parameters of the challenge, beside code and description (RFC 6750 section 3)."""
        return {}


class MissingToken(Refusal):
    """401 without an error code: the configured places of the request hold no token (RFC 6750
    section 3.1)."""

    status = 401
    code = None
    usual_reason = "missing"


class InvalidRequest(Refusal):
    """400 `invalid_request`: the place of the token does not hold exactly one token (RFC 6750
    section 3.1)."""

    status = 400
    code = "invalid_request"
    usual_reason = "malformed"


class PathTooLong(InvalidRequest):
    """414: the path is too long or has too many readings (RFC 9110 section 15.5.15)."""

    status, usual_reason = 414, "path_too_long"


class InvalidToken(Refusal):
    """401 `invalid_token`: the request carries a token that is invalid (RFC 6750 section 3.1)."""

    status = 401
    code = "invalid_token"


class InvalidProof(Refusal):
    """401 `invalid_dpop_proof`: the request does not prove that its sender has the key of the token
    (RFC 9449 section 7.1)."""

    status = 401
    code = "invalid_dpop_proof"
    usual_reason = "proof"


class NonceNeeded(InvalidProof):
    """401 `use_dpop_nonce`: the proof must be made again with this nonce, which the header
    `DPoP-Nonce` carries (RFC 9449 section 9).

    Raise `ValueError` for anything but a nonce in the form of RFC 9449 section 8.1.
    """

    code = "use_dpop_nonce"
    usual_reason = "proof_nonce"

    def __init__(self, nonce: str) -> None:
        super().__init__()
        if not isinstance(nonce, str) or not re.fullmatch(_SCOPE, nonce):
            raise ValueError("nonce must be printable ASCII without spaces and quotes")
        self.nonce = nonce


class InsufficientScope(Refusal):
    """403 `insufficient_scope`: the token is valid but does not grant this (RFC 6750 section 3.1).

    `scope` names the scopes that are needed; it may be empty. Raise `ValueError` for anything but a
    tuple of names as RFC 6749 section 3.3 has them.
    """

    status = 403
    code = "insufficient_scope"
    usual_reason = "scope"

    def __init__(self, reason: str | None = None, *, scope: tuple[str, ...] = ()) -> None:
        super().__init__(reason)
        if not _are_names(scope):
            raise ValueError("scope must be a tuple of names without spaces and quotes")
        self.scope = scope

    @property
    def parameters(self) -> Mapping[str, str]:
        """The parameter `scope`: the required scopes, separated by spaces."""
        return {"scope": " ".join(self.scope)} if self.scope else {}


class StepUp(Refusal):
    """401 `insufficient_user_authentication`: the token is valid, but its user must log in again
    (RFC 9470 section 3).

    `max_age` is the most seconds since the login, or None. `acr_values` are the sufficient classes
    of a login; they may be empty. Raise `ValueError` for anything but a number of seconds and a
    tuple of names.
    """

    status = 401
    code = "insufficient_user_authentication"
    usual_reason = "login_too_old"

    def __init__(
        self,
        reason: str | None = None,
        *,
        max_age: int | None = None,
        acr_values: tuple[str, ...] = (),
    ) -> None:
        super().__init__(reason)
        if max_age is not None and (type(max_age) is not int or max_age < 0):
            raise ValueError("max_age must be a number of seconds, an integer")
        if not _are_names(acr_values):
            raise ValueError("acr_values must be a tuple of names without spaces and quotes")
        self.max_age = max_age
        self.acr_values = acr_values

    @property
    def parameters(self) -> Mapping[str, str]:
        """The parameters `max_age` and `acr_values`, as far as they are known."""
        age = {} if self.max_age is None else {"max_age": str(self.max_age)}
        return {**age, **({"acr_values": " ".join(self.acr_values)} if self.acr_values else {})}


class Forbidden(Refusal):
    """403 without an error code: a requirement that the app defines refused a valid token, or the
    request comes from a foreign page. RFC 6750 has no code for that."""

    status, code, usual_reason = 403, None, "forbidden"


class Unavailable(Refusal):
    """503: the fault is the server's, so the answer has `Retry-After` and no challenge (RFC 9110
    section 15.6.4)."""

    status = 503
    code = "temporarily_unavailable"

    def __init__(self, reason: str, *, retry_after: int = 5) -> None:
        super().__init__(reason)
        if type(retry_after) is not int or retry_after < 0:
            raise ValueError("retry_after must be a number of seconds, an integer")
        self.retry_after = retry_after


def _are_names(names: object) -> bool:
    return isinstance(names, tuple) and all(
        isinstance(name, str) and re.fullmatch(_SCOPE, name) for name in names
    )


def is_answerable(refusal: Refusal) -> bool:
    """Return whether a refusal can be sent, since an owner may define their own class.

    It must have a status from 400 to 599, one of the reasons with its description, and parameters
    that fit into a challenge.
    """
    try:
        texts = [refusal.description, *refusal.parameters.values()]
        names = [*refusal.parameters, *([] if refusal.code is None else [refusal.code])]
        return (
            type(refusal.status) is int
            and refusal.status in _STATUSES
            and refusal.reason in DESCRIPTIONS
            and all(re.fullmatch(_NAME, name) for name in names)
            and all(re.fullmatch(_QUOTED, text) for text in texts)
            and (refusal.retry_after is None or type(refusal.retry_after) is int)
        )
    except Exception:  # an `__init__` that did not call ours, a property that raises
        return False
