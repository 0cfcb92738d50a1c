"""Where a token is looked for: the Bearer scheme of the Authorization header (RFC 6750, 2.1)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..errors import InvalidRequest, InvalidToken

# RFC 9110 section 11.2: token68 is 1*( ALPHA / DIGIT / "-" / "." / "_" / "~" / "+" / "/" ) *"="
_TOKEN68 = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~+/"
# RFC 9110 section 5.6.2: the characters that may continue the name of a scheme. `Bearerish x` is
# another scheme, not a malformed Bearer.
_SCHEME_CHARACTERS = frozenset(
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~+!#$%&'*^`|"
)


@dataclass(slots=True, eq=False)  # not frozen: one is made for each first-seen token
class Credentials:
    """What a request presents: the `scheme` as the challenge names it, one `token`, its `source`.

    `source` says where the token was found: `header`. The repr does not show the token.
    """

    scheme: str
    token: str = field(repr=False)
    source: str
    authorization: str = field(repr=False)
    """The `Authorization` value in its usual form, by which a verdict is cached."""


def extract(environ: Mapping[str, Any], max_bytes: int = 8192) -> Credentials | None:
    """Return the credentials of a request; None without the header or with another scheme.

    `InvalidRequest` when there is not exactly one well-formed token: none, two, or a character
    outside token68. A comma is outside it, so two headers that a server joined are refused.
    `InvalidToken("too_large")` over `max_bytes`.
    """
    header = environ.get("HTTP_AUTHORIZATION")
    if header is None:
        return None
    if not isinstance(header, str):
        raise InvalidRequest
    if not header.startswith("Bearer "):
        if header[:7].lower() != "bearer ":
            if header[:6].lower() == "bearer" and header[6:7] not in _SCHEME_CHARACTERS:
                raise InvalidRequest
            return None
        header = f"Bearer {header[7:]}"
    if header[7:8] == " ":
        header = f"Bearer {header[7:].lstrip(' ')}"
    return Credentials("Bearer", checked_token(header[7:], max_bytes), "header", header)


def checked_token(token: object, max_bytes: int) -> str:
    """Return the token if it is a string of token68 (RFC 9110 section 11.2), as every JWT is.

    `InvalidToken("too_large")` over `max_bytes`, `InvalidRequest` for anything else.
    """
    if not isinstance(token, str):
        raise InvalidRequest
    if len(token) > max_bytes:
        raise InvalidToken("too_large")
    text = token.rstrip("=")
    if not text or not text.isascii() or text.encode().translate(None, _TOKEN68):
        raise InvalidRequest
    return token
