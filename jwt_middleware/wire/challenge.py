"""The challenge of a refusal: `WWW-Authenticate` (RFC 6750 section 3)."""

from ..errors import InsufficientScope, Refusal


def challenge(refusal: Refusal, realm: str) -> str:
    """Return the value of `WWW-Authenticate` (RFC 6750 section 3): fixed printable ASCII, nothing
    of the request."""
    attributes = {"realm": realm}
    if refusal.code:
        attributes |= {"error": refusal.code, "error_description": refusal.description}
    if isinstance(refusal, InsufficientScope) and refusal.scope:
        attributes["scope"] = " ".join(refusal.scope)
    return "Bearer " + ", ".join(f'{name}="{value}"' for name, value in attributes.items())
