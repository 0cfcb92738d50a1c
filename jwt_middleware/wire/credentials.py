"""Where a token is looked for: the Bearer scheme (RFC 6750 section 2.1)."""

from collections.abc import Mapping
from typing import Any

from ..errors import InvalidRequest, InvalidToken

# RFC 9110 section 11.2: token68 is 1*( ALPHA / DIGIT / "-" / "." / "_" / "~" / "+" / "/" ) *"="
_TOKEN68 = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~+/"
# RFC 9110 section 5.6.2: what could go on with the name of a scheme, so that `Bearerish x` is
# another scheme
_SCHEME_CHARACTERS = frozenset(
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~+!#$%&'*^`|"
)


def extract_token(environ: Mapping[str, Any], max_bytes: int = 8192) -> str | None:
    """Return the one token of `Authorization: Bearer`, or None without the header or with another
    scheme.

    `InvalidRequest` when there is not exactly one well-formed token: none, two, or a character
    outside token68, which a comma is too, so two headers joined by a server are refused.
    `InvalidToken` over `max_bytes`.
    """
    header: str = environ.get("HTTP_AUTHORIZATION", "")
    if not header.startswith("Bearer ") and header[:7].lower() != "bearer ":
        if header[:6].lower() == "bearer" and header[6:7] not in _SCHEME_CHARACTERS:
            raise InvalidRequest
        return None
    token = header[7:].lstrip(" ")
    if len(token) > max_bytes:
        raise InvalidToken("too_large")
    text = token.rstrip("=")
    if not text or not text.isascii() or text.encode().translate(None, _TOKEN68):
        raise InvalidRequest
    return token
