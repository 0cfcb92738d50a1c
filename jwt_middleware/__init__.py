"""WSGI middleware that verifies Bearer JWTs on configured path prefixes, for any framework."""

from typing import TYPE_CHECKING, Any

from .decision import Decision
from .errors import (
    ConfigurationError,
    Forbidden,
    InsufficientScope,
    InvalidRequest,
    InvalidToken,
    JWTMiddlewareError,
    MissingToken,
    Refusal,
    StepUp,
    StoreUnavailable,
    Unavailable,
)
from .identity import Identity
from .middleware import JWTMiddleware
from .policy.requirements import (
    Requirement,
    any_of,
    authenticated,
    claim,
    issued_by,
    optional,
    public,
    scope,
)
from .policy.rules import Rule
from .trust.fetch import Fetch
from .trust.introspection import Introspection
from .trust.keys import Key, KeySet
from .trust.provider import Provider
from .trust.remote_keys import RemoteKeySet
from .trust.revocation import RevocationList
from .views import enforce, refusal_response
from .wire.places import basic_password, bearer, in_cookie, in_header

if TYPE_CHECKING:
    from .policy.step_up import acr, fresh

__version__ = "0.1.0"

__all__ = [
    "Decision",
    "Fetch",
    "Identity",
    "Introspection",
    "JWTMiddleware",
    "Key",
    "KeySet",
    "Provider",
    "RemoteKeySet",
    "RevocationList",
]
__all__ += [
    "Requirement",
    "Rule",
    "acr",
    "any_of",
    "authenticated",
    "claim",
    "fresh",
    "issued_by",
    "optional",
    "public",
    "scope",
]
__all__ += ["basic_password", "bearer", "in_cookie", "in_header"]
__all__ += ["enforce", "refusal_response"]
__all__ += ["ConfigurationError", "JWTMiddlewareError", "Refusal", "StoreUnavailable"]
__all__ += ["Forbidden", "InsufficientScope", "InvalidRequest", "InvalidToken", "MissingToken"]
__all__ += ["StepUp", "Unavailable"]


def __getattr__(name: str) -> Any:
    # Few apps need these names, so their module is loaded at the first use and not at every import.
    if name not in ("acr", "fresh"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from .policy import step_up

    return getattr(step_up, name)
