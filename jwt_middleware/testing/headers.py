"""The headers that carry a token at places other than `Authorization: Bearer`, for any client:

client.get("/page", headers=cookie_headers(jwt_tokens(app).good("ada")))
client.get("/simple/", headers=basic_headers(jwt_tokens(app).good("ada")))
"""

from base64 import b64encode

from .._options import require
from ..wire.places import in_cookie


def cookie_headers(token: str, name: str = "__Host-jwt") -> dict[str, str]:
    """Return the headers of a browser that has the token in a cookie, for `in_cookie(name)`.

    They say that a page of the same site sends the request, which unsafe methods need. Raise
    `ConfigurationError` unless the name is that of a cookie.
    """
    _check(token)
    in_cookie(name)
    return {"Cookie": f"{name}={token}", "Sec-Fetch-Site": "same-origin"}


def basic_headers(token: str, username: str = "token") -> dict[str, str]:
    """Return the header of a client that sends the token as a password, for `basic_password`
    (RFC 7617).

    Raise `ConfigurationError` for a username with a colon, which Basic cannot send.
    """
    _check(token)
    is_name = isinstance(username, str) and ":" not in username
    require(is_name, "username must be a string without a colon")
    return {"Authorization": f"Basic {b64encode(f'{username}:{token}'.encode()).decode()}"}


def _check(token: object) -> None:
    require(isinstance(token, str), "token must be a string")
