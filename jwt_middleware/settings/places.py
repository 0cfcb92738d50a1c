"""Reads where a request has its token and the certificate of its client."""

from collections.abc import Callable, Mapping
from typing import Any

from .._options import got, require
from ..wire.places import Place, basic_password, bearer, in_cookie, in_header

__all__ = [
    "CERTIFICATES",
    "CERTIFICATE_FORM",
    "PLACES",
    "read_certificate",
    "read_places",
]

_PLACES: Mapping[str, Place] = {"bearer": bearer, "basic_password": basic_password}
_NAMED_PLACES: Mapping[str, Callable[[str], Place]] = {
    "in_cookie": in_cookie,
    "in_header": in_header,
}
PLACES = (*_PLACES, *_NAMED_PLACES)
"""Every place of a token that an option can name."""


def read_places(text: str) -> list[Place]:
    """Return the places that a string names, in its order."""
    return [_place(word) for word in text.split()]


def _place(word: str) -> Place:
    kind, equals, name = word.partition("=")
    if equals and kind in _NAMED_PLACES:
        return _NAMED_PLACES[kind](name)
    require(
        word in _PLACES,
        f"each word must be {', '.join(_PLACES)}, in_cookie=NAME or in_header=NAME, "
        f"got {got(word)}",
    )
    return _PLACES[word]


_CERTIFICATES = ("ssl_client_cert", "uwsgi_client_cert", "client_cert_header")
_ESCAPED = "escaped_cert_header"
CERTIFICATES = (*_CERTIFICATES, _ESCAPED)
"""Every function of `jwt_middleware.certificates` that an option can name."""


CERTIFICATE_FORM = f"{', '.join(_CERTIFICATES)} or {_ESCAPED}=NAME, as the server has it"


def read_certificate(text: str) -> Any:
    """Return the function that finds the client's certificate. `ValueError` for another name."""
    from .. import certificates

    kind, equals, name = text.partition("=")
    if equals and kind == _ESCAPED:
        return certificates.escaped_cert_header(name)
    if text not in _CERTIFICATES:
        raise ValueError
    return getattr(certificates, text)
