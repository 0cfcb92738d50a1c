"""The challenge of a refusal: `WWW-Authenticate` (RFC 6750 section 3)."""

from ..errors import Refusal


def challenge(refusal: Refusal, realm: str) -> str:
    """Return the value of `WWW-Authenticate`: fixed printable ASCII, nothing of the request."""
    parameters = {"realm": realm}
    if refusal.code:
        parameters |= {"error": refusal.code, "error_description": refusal.description}
    parameters |= refusal.parameters
    return "Bearer " + ", ".join(f'{name}="{value}"' for name, value in parameters.items())
