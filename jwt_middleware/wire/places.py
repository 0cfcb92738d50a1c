"""The places of a request that may hold a token.

| place | reads | `AUTH_TYPE` |
|---|---|---|
| `bearer` | `Authorization: Bearer TOKEN` (RFC 6750 section 2.1) | `Bearer` |
| `in_header("X-Token")` | `X-Token: TOKEN`, which a proxy sets and overwrites | `Bearer` |
| `in_cookie("__Host-jwt")` | `Cookie: __Host-jwt=TOKEN` | `Bearer` |
| `basic_password` | `Authorization: Basic`, the token as the password (RFC 7617) | `Basic` |

The first place that holds a credential decides. The challenges of a refusal are in this order too:
with `basic_password` before `bearer`, Basic comes first. hg and other programs with `urllib` need
that, since they fail at a first challenge that they do not know.

A token in a query string is never read, since URLs end up in logs, in histories and in `Referer`
(RFC 9700 section 4.3.2).
"""

import re
from base64 import b64decode
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from .._options import got, require
from ..errors import InvalidRequest, InvalidToken
from .cookies import cookie_values, loopback_cookie_name
from .same_site import is_plain_loopback
from .token_form import checked_token

__all__ = [
    "Place",
    "basic_password",
    "bearer",
    "checked_places",
    "checked_token",
    "in_cookie",
    "in_header",
]

# RFC 9110 section 5.6.2: the characters that may continue the name of a scheme. `Bearerish x` is
# another scheme, not a malformed Bearer.
SCHEME_CHARACTERS = frozenset(
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~+!#$%&'*^`|"
)
_NAME = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
"""A token of RFC 9110 section 5.6.2: the name of a header, and of a cookie (RFC 6265)."""

_NOT_FOR_TOKENS = frozenset(("authorization", "cookie", "host", "origin"))


class Place:
    """A place of a request that may hold a token. Created by the names at the top of this
    module."""

    __slots__ = ()

    scheme: ClassVar[str] = "Bearer"
    """The `AUTH_TYPE` of a request whose token was found here."""

    is_ambient: ClassVar[bool] = False
    """Whether a browser, or a gateway that knows a browser by its cookie, adds the credential by
    itself, also to a request from another site."""

    is_for_programs: ClassVar[bool] = True
    """Whether programs send it too, which cannot prove that a page of this site sent a request."""

    malformed: ClassVar[str] = "malformed"
    """The reason of a refusal if the place does not hold a well-formed token."""

    header: str = "Authorization"
    """The request header that holds the credential, for `Vary`."""

    @property
    def source(self) -> str:
        """The header or the cookie, such as `cookie __Host-jwt`."""
        return f"header {self.header}"

    def find(self, environ: Mapping[str, Any]) -> str | None:
        """Return the unchanged credential, or None without one.

        Raise `InvalidRequest` if there are several credentials.
        """
        raise NotImplementedError

    def read(self, credential: str, max_bytes: int) -> str:
        """Return the token in a credential that was found here.

        Raise `InvalidRequest` unless it is exactly one token, and `InvalidToken("too_large")` over
        `max_bytes`.
        """
        raise NotImplementedError


class _Bearer(Place):
    __slots__ = ()

    def find(self, environ: Mapping[str, Any]) -> str | None:
        header = environ.get("HTTP_AUTHORIZATION")
        if header is None:
            return None
        if not isinstance(header, str):
            raise InvalidRequest
        if not header.startswith("Bearer "):
            if header[:6].lower() != "bearer" or header[6:7] in SCHEME_CHARACTERS:
                return None
            if header[6:7] != " ":
                raise InvalidRequest
            header = f"Bearer {header[7:]}"
        if header[7:8] == " ":
            header = f"Bearer {header[7:].lstrip(' ')}"
        return header

    def read(self, credential: str, max_bytes: int) -> str:
        return checked_token(credential[7:], max_bytes)

    def __repr__(self) -> str:
        return "bearer"


class _InHeader(Place):
    __slots__ = ("_key", "header")

    is_ambient = True
    malformed = "header_malformed"

    def __init__(self, name: str) -> None:
        self.header = name
        self._key = "HTTP_" + name.upper().replace("-", "_")

    def find(self, environ: Mapping[str, Any]) -> str | None:
        value = environ.get(self._key)
        if value is not None and not isinstance(value, str):
            raise InvalidRequest(self.malformed)
        return value or None

    def read(self, credential: str, max_bytes: int) -> str:
        # Some gateways also send the scheme in their own headers.
        token = credential[7:].lstrip(" ") if credential[:7].lower() == "bearer " else credential
        try:
            return checked_token(token, max_bytes)
        except InvalidRequest:
            raise InvalidRequest(self.malformed) from None

    def __repr__(self) -> str:
        return f"in_header({self.header!r})"


class _InCookie(Place):
    __slots__ = ("_loopback_name", "_start", "name")

    header = "Cookie"
    is_ambient = True
    is_for_programs = False
    malformed = "cookie_malformed"

    def __init__(self, name: str) -> None:
        self.name = name
        self._start = f"{name}="
        self._loopback_name = loopback_cookie_name(name)

    @property
    def source(self) -> str:
        return f"cookie {self.name}"

    def find(self, environ: Mapping[str, Any]) -> str | None:
        header = environ.get("HTTP_COOKIE")
        if not header:
            return None
        if not isinstance(header, str):
            raise InvalidRequest(self.malformed)
        before, found, value = header.partition(self._start)
        # Most headers are of the form of RFC 6265 section 4.2.1 and hold the name once. Reading
        # only this cookie takes a third of the time of reading all of them.
        if found and before[-2:] in ("", "; ") and self.name not in before:
            if ";" not in value:  # the last cookie of the header
                return value or None
            if self.name not in value:
                return value.partition(";")[0] or None
        values = cookie_values(header, self.name)
        # Read the cookie without the prefix only there, since elsewhere a sibling host can plant
        # it.
        if not values and self._loopback_name != self.name and is_plain_loopback(environ):
            values = cookie_values(header, self._loopback_name)
        if len(values) > 1:
            raise InvalidRequest(self.malformed)
        return values[0] or None if values else None

    def read(self, credential: str, max_bytes: int) -> str:
        credential = credential.strip(" \t")
        if credential[:1] == credential[-1:] == '"':  # RFC 6265 section 4.1.1 allows quotes
            credential = credential[1:-1]
        try:
            return checked_token(credential, max_bytes)
        except InvalidRequest:
            # A person with a broken cookie must get to the sign-in page, as with an expired one.
            raise InvalidToken(self.malformed) from None

    def __repr__(self) -> str:
        return f"in_cookie({self.name!r})"


class _BasicPassword(Place):
    __slots__ = ()

    scheme = "Basic"
    is_ambient = True  # once a person has typed it into the browser's dialog
    malformed = "basic_malformed"

    def find(self, environ: Mapping[str, Any]) -> str | None:
        header = environ.get("HTTP_AUTHORIZATION")
        if not isinstance(header, str):
            return None
        if header.startswith("Basic "):
            return header
        if header[:5].lower() != "basic" or header[5:6] in SCHEME_CHARACTERS:
            return None  # another scheme, such as "Basically"
        return f"Basic {header[5:]}"

    def read(self, credential: str, max_bytes: int) -> str:
        credential = credential[6:].strip(" ")
        # Allow base64 of the token and of a name of the same length.
        if len(credential) > 3 * max_bytes:
            raise InvalidToken("too_large")
        try:
            name, colon, password = b64decode(credential, validate=True).decode().partition(":")
        except ValueError:
            raise InvalidRequest(self.malformed) from None
        if not colon:
            raise InvalidRequest(self.malformed)
        try:
            # Gateways and some tools send the token as the name.
            return checked_token(password or name, max_bytes)
        except InvalidRequest:
            # The password is not a token. Answer 401, so that the client asks for another one.
            raise InvalidToken(self.malformed) from None

    def __repr__(self) -> str:
        return "basic_password"


bearer: Place = _Bearer()
"""The token in `Authorization: Bearer TOKEN` (RFC 6750 section 2.1)."""

basic_password: Place = _BasicPassword()
"""The token as the password of `Authorization: Basic` (RFC 7617), or as the name with an empty
password. For clients that cannot send a bearer token: pip, twine, git, WebDAV."""


def in_header(name: str) -> Place:
    """Look for the token in its own header, such as `Cf-Access-Jwt-Assertion`, with or without
    `Bearer` before it.

    Any client can send the header, so its token is verified like any other. Let the proxy in front
    remove or overwrite it. Otherwise a client chooses which of two tokens counts.

    A gateway knows a browser by a cookie of its own, and adds the header to a forged request of a
    foreign page too. So a browser's request with an unsafe method needs the same proof as with
    `in_cookie`. A program, which sends neither `Origin` nor `Sec-Fetch-Site`, needs none.
    """
    is_name = isinstance(name, str) and re.fullmatch(_NAME, name) is not None
    require(
        is_name and name.lower() not in _NOT_FOR_TOKENS and "_" not in name,
        "in_header must be called with the name of a header of its own, "
        f"got {got(name)}; in_header('Cf-Access-Jwt-Assertion'), and `bearer` for Authorization",
    )
    return _InHeader(name)


def in_cookie(name: str) -> Place:
    """Look for the token in a cookie, which browsers also send with navigations, images and
    downloads.

    An unsafe method then needs proof that a page of this site made the request (`wire.same_site`).
    Two cookies with the name are refused with 400, since a sibling host may have planted one. The
    prefix `__Host-` prevents that (RFC 6265bis section 4.1.3.2). Over plain http at a loopback
    host, the cookie is read without that prefix, as `LoginApp` sets it there.
    """
    require(
        isinstance(name, str) and re.fullmatch(_NAME, name) is not None,
        f"in_cookie must be called with the name of a cookie, got {got(name)}; "
        "in_cookie('__Host-jwt')",
    )
    return _InCookie(name)


def checked_places(places: Sequence[Any]) -> tuple[Place, ...]:
    """Return the places of a `credentials` option, or raise `ConfigurationError`."""
    form = "credentials=(bearer, in_cookie('__Host-jwt'))"
    require(
        isinstance(places, (list, tuple)) and len(places) > 0,
        f"credentials must be a list of at least one place, got {got(places)}; {form}",
    )
    for place in places:
        is_uncalled = place is in_header or place is in_cookie
        hint = f"{place.__name__}('NAME')" if is_uncalled else form
        require(isinstance(place, Place), f"credentials must hold places, got {got(place)}; {hint}")
    names = [repr(place) if place.scheme == "Basic" else place.source.lower() for place in places]
    require(
        len({*names}) == len(names), f"credentials must name each place once, got {got(places)}"
    )
    return tuple(places)
