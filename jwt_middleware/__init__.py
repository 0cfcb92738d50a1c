"""WSGI middleware that verifies Bearer JWTs on configured path prefixes, for any framework."""

import typing

from .decision import Decision
from .errors import (
    ConfigurationError,
    Forbidden,
    InsufficientScope,
    InvalidProof,
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
from .trust.keys import Key, KeySet
from .trust.provider import Provider
from .trust.remote_keys import RemoteKeySet
from .trust.revocation import RevocationList
from .views import enforce, refusal_response
from .wire.places import basic_password, bearer, in_cookie, in_header

if typing.TYPE_CHECKING:
    from .policy.binding import sender_constrained
    from .policy.step_up import acr, fresh
    from .trust.introspection import Introspection
    from .trust.proof import DPoP

__version__ = "0.1.0"

__all__ = [
    "DPoP",
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
    "sender_constrained",
]
__all__ += ["basic_password", "bearer", "in_cookie", "in_header"]
__all__ += ["enforce", "refusal_response"]
__all__ += ["ConfigurationError", "JWTMiddlewareError", "Refusal", "StoreUnavailable"]
__all__ += ["Forbidden", "InsufficientScope", "InvalidProof", "InvalidRequest", "InvalidToken"]
__all__ += ["MissingToken", "StepUp", "Unavailable"]

_LAZY = {
    "DPoP": "trust.proof",
    "Introspection": "trust.introspection",
    "acr": "policy.step_up",
    "fresh": "policy.step_up",
    "sender_constrained": "policy.binding",
}
"""Names that few apps use, with their modules. They are loaded at their first use."""


def __getattr__(name: str) -> typing.Any:
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    module = importlib.import_module(f".{_LAZY[name]}", __name__)
    value = globals()[name] = getattr(module, name)
    return value
