"""Checks that a string has the form of one token (RFC 9110 section 11.2)."""

from ..errors import InvalidRequest, InvalidToken

# RFC 9110 section 11.2: token68 is 1*( ALPHA / DIGIT / "-" / "." / "_" / "~" / "+" / "/" ) *"="
_TOKEN68 = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~+/"


def checked_token(token: object, max_bytes: int) -> str:
    """Return the token if it is a string of token68 (RFC 9110 section 11.2), as every JWT is.

    Raise `InvalidToken("too_large")` over `max_bytes`, and `InvalidRequest` for anything else. A
    comma is not part of token68, so two headers that a server joined are refused.
    """
    if not isinstance(token, str):
        raise InvalidRequest
    if len(token) > max_bytes:
        raise InvalidToken("too_large")
    text = token.rstrip("=")
    if not text or not text.isascii() or text.encode().translate(None, _TOKEN68):
        raise InvalidRequest
    return token
