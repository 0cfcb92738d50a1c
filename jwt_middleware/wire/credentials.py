"""Finds the first credential of a request in the places that the owner named."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..errors import Forbidden
from .origins import AllowedOrigins
from .places import Place, basic_password, bearer, checked_places
from .same_site import is_from_a_browser, is_from_this_site, is_safe


@dataclass(slots=True, eq=False)  # not frozen: one is made for each first-seen token
class Credentials:
    """The credential of a request: one `token`, and the `place` that held it.

    The repr does not show the token.
    """

    token: str = field(repr=False)
    place: Place

    @property
    def scheme(self) -> str:
        """The `AUTH_TYPE` of the request."""
        return self.place.scheme

    @property
    def source(self) -> str:
        """The header or the cookie that held the token, such as `header Authorization`."""
        return self.place.source


class Places:
    """The places where a middleware looks for a token, in the owner's order.

    The first place that holds a credential decides. Anything but a list of places raises
    `ConfigurationError`.
    """

    def __init__(self, places: Sequence[Place] = (bearer,)) -> None:
        self._places = checked_places(places)
        self.asks_bearer_first = self._places[0] is bearer
        self.headers = tuple(dict.fromkeys(place.header for place in self._places))
        """The request headers that are read, for `Vary`."""
        self.take_cookies = "Cookie" in self.headers
        self.take_passwords = any(place is basic_password for place in self._places)

    def __iter__(self) -> Iterator[Place]:
        return iter(self._places)

    def find(self, environ: Mapping[str, Any]) -> tuple[Place | None, str]:
        """Return the first place that holds a credential, or None, and the unchanged credential.

        Raise `InvalidRequest` if several credentials make the place ambiguous.
        """
        for place in self._places:
            credential = place.find(environ)
            if credential is not None:
                return place, credential
        return None, ""

    def scheme(self, environ: Mapping[str, Any]) -> str:
        """Return the AUTH_TYPE of a request whose caller is known."""
        # Only a password has another scheme.
        place = self.find(environ)[0] if self.take_passwords else None
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


def check_site(
    place: Place,
    environ: Mapping[str, Any],
    methods: Collection[str],
    allowed_origins: AllowedOrigins,
) -> None:
    """Raise `Forbidden("cross_site")` if a foreign page may have made a browser send this request.

    `methods` are those that the request may mean. A browser adds a cookie by itself, and also a
    password that was typed into its own dialog. A program that sends a password does not send the
    headers of a browser.
    """
    is_program = place is basic_password and not is_from_a_browser(environ)
    if not (is_program or is_safe(environ, methods) or is_from_this_site(environ, allowed_origins)):
        raise Forbidden("cross_site")


def has_unread_scheme(environ: Mapping[str, Any]) -> bool:
    """Return whether a request without credentials has an Authorization header, whose scheme is
    then not accepted."""
    return bool(str(environ.get("HTTP_AUTHORIZATION") or "").strip())
