"""Finds the first credential of a request in the places that the owner named."""

import itertools
from base64 import b64encode
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any, TypeVar

from ..errors import Forbidden
from .origins import AllowedOrigins
from .places import Place, basic_password, bearer, checked_places
from .same_site import is_from_this_site, is_safe

T = TypeVar("T")


class Credentials:
    """The credential of a request: one `token`, and the `place` that held it.

    The repr does not show the token.
    """

    # Not frozen: one is made for each first-seen token. Written out, since a dataclass takes a
    # third of a millisecond of every import.
    __slots__ = ("place", "token")

    def __init__(self, token: str, place: Place) -> None:
        self.token = token
        self.place = place

    @property
    def scheme(self) -> str:
        """The `AUTH_TYPE` of the request."""
        return self.place.scheme

    @property
    def source(self) -> str:
        """The header or the cookie that held the token, such as `header Authorization`."""
        return self.place.source

    def __repr__(self) -> str:
        return f"Credentials(place={self.place!r})"


class Places:
    """The places where a middleware looks for a token, in the owner's order.

    The first place that holds a credential decides. Anything but a list of places raises
    `ConfigurationError`. `dpop` is the scheme DPoP (`wire.dpop`), asked where `bearer` is.
    """

    def __init__(self, places: Sequence[Place] = (bearer,), dpop: Any = None) -> None:
        self._places = checked_places(places)
        self.dpop = dpop
        if dpop is not None:
            at = self._places.index(bearer) + 1 if bearer in self._places else 0
            self._places = (*self._places[:at], dpop, *self._places[at:])
        self.asks_bearer_first = self._places[0] is bearer
        proofs = () if dpop is None else ("DPoP",)
        self.headers = tuple(dict.fromkeys([*(place.header for place in self._places), *proofs]))
        """The request headers that are read, for `Vary`."""
        self.take_cookies = "Cookie" in self.headers
        before_password = [
            *itertools.takewhile(lambda place: place is not basic_password, self._places)
        ]
        self.take_passwords = basic_password in self._places
        # The scheme decides between places that read one header. So DPoP is asked at once if no
        # other header comes before it.
        before_dpop = itertools.takewhile(lambda place: place is not dpop, self._places)
        self._reads_dpop_soon = dpop is not None and all(
            place.header == "Authorization" for place in before_dpop
        )
        self._dpop_alone = (dpop,)
        # Only a password and a bound token have another scheme. A request without this key has
        # neither, which is known by one look-up.
        self._scheme_key = "HTTP_DPOP" if dpop is not None else ""
        if self.take_passwords:
            self._scheme_key = "HTTP_AUTHORIZATION"
        self.prefer_passwords = self.take_passwords and bearer not in before_password
        self._elsewhere = tuple(place for place in self._places if place.header != "Authorization")
        # A header of the scheme Basic does not hold a bearer token. So the password decides at
        # once if no other place is asked before it, or only cookies, and there are none.
        headers_before = {place.header for place in before_password if place is not bearer}
        self._asks_password_first = self.take_passwords and not headers_before
        self._asks_password_soon = self.take_passwords and headers_before <= {"Cookie"}

    def __iter__(self) -> Iterator[Place]:
        return iter(self._places)

    def find(self, environ: Mapping[str, Any]) -> tuple[Place | None, str]:
        """Return the first place that holds a credential, or None, and the unchanged credential.

        Raise `InvalidRequest` if several credentials make the place ambiguous.
        """
        places = self._places
        header = environ.get("HTTP_AUTHORIZATION")
        if header is None:
            places = self._elsewhere
        elif self._asks_password_soon and isinstance(header, str) and header[:6] == "Basic ":
            has_cookie = not self._asks_password_first and bool(environ.get("HTTP_COOKIE"))
            if not has_cookie:
                return basic_password, header
        elif self._reads_dpop_soon and isinstance(header, str) and header[:5] == "DPoP ":
            if header[5:6] != " ":
                return self.dpop, header
            places = self._dpop_alone
        for place in places:
            credential = place.find(environ)
            if credential is not None:
                return place, credential
        return None, ""

    def giving_nonces(
        self, is_observed: bool, call: Callable[..., T]
    ) -> tuple[bool, Callable[..., T]]:
        """Return whether a middleware must observe its requests, and how it calls its app then.
        Both as given, unless DPoP uses nonces (`wire.dpop`)."""
        if self.dpop is None or not self.dpop.uses_nonces:
            return is_observed, call
        return True, self.dpop.giving_nonces(call)

    def scheme(self, environ: Mapping[str, Any]) -> str:
        """Return the AUTH_TYPE of a request whose caller is known."""
        if self._scheme_key not in environ:
            return bearer.scheme
        header = environ.get("HTTP_AUTHORIZATION")
        if self._reads_dpop_soon and isinstance(header, str) and header[:5] == "DPoP ":
            return "DPoP"
        if self._asks_password_first and isinstance(header, str) and header[:6] == "Basic ":
            return basic_password.scheme
        place = self.find(environ)[0]
        return bearer.scheme if place is None else place.scheme


BEARER = Places()
"""The Authorization header alone."""


def extract(
    environ: Mapping[str, Any], max_bytes: int = 8192, places: Places = BEARER
) -> Credentials | None:
    """Return the credentials of a request, or None if no place holds any.

    Raise `InvalidRequest` if the first place with a value does not hold exactly one well-formed
    token. Raise `InvalidToken("too_large")` over `max_bytes`.
    """
    place, credential = places.find(environ)
    return None if place is None else Credentials(place.read(credential, max_bytes), place)


def environ_of(token: str, place: Place) -> dict[str, str]:
    """Return the environ key of the header by which a client sends a token at a place."""
    kind, _, name = place.source.partition(" ")
    if place is bearer:
        return {"HTTP_AUTHORIZATION": f"Bearer {token}"}
    if place is basic_password:
        encoded = b64encode(f"__token__:{token}".encode()).decode()
        return {"HTTP_AUTHORIZATION": f"Basic {encoded}"}
    if kind == "cookie":
        return {"HTTP_COOKIE": f"{name}={token}"}
    return {"HTTP_" + name.upper().replace("-", "_"): token}


def check_site(
    place: Place,
    environ: Mapping[str, Any],
    methods_of: Callable[[Mapping[str, Any]], Collection[str]],
    allowed_origins: AllowedOrigins,
) -> None:
    """Raise `Forbidden("cross_site")` if a foreign page may have made a browser send this request.

    `methods_of` returns the methods that a request may mean. A browser adds a cookie by itself, and
    also a password that was typed into its own dialog. A gateway adds its header to every request
    of a browser that is signed in there. A program does not send the headers of a browser.
    """
    site = environ.get("HTTP_SEC_FETCH_SITE")
    if site == "same-origin":  # most requests: the result of `is_from_this_site`, without a call
        return
    is_program = place.is_for_programs and site is None and "HTTP_ORIGIN" not in environ
    if is_program or is_safe(environ, methods_of(environ)):
        return
    if not is_from_this_site(environ, allowed_origins):
        raise Forbidden("cross_site")


def has_unread_scheme(environ: Mapping[str, Any]) -> bool:
    """Return whether a request without credentials has an Authorization header, whose scheme is
    then not accepted."""
    return bool(str(environ.get("HTTP_AUTHORIZATION") or "").strip())
