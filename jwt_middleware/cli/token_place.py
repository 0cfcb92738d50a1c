"""Puts a token where a middleware looks for it, for a request that is only explained."""

from collections.abc import Iterable

import click

from ..middleware import JWTMiddleware
from ..wire.places import Place, basic_password, bearer
from .table import printable


def chosen_place(wanted: str | None, middlewares: Iterable[JWTMiddleware]) -> Place:
    """Return the place that `wanted` names: a kind (`bearer`, `basic`, `cookie`, `header`) or the
    place itself, such as `cookie __Host-jwt`.

    Without a name it is `bearer` if a middleware reads it, else the first place that one reads.
    `UsageError` for a place that none reads.
    """
    places = list(dict.fromkeys(place for each in middlewares for place in each.places))
    if wanted is None:
        return bearer if bearer in places or not places else places[0]
    for place in places:
        if wanted.lower() in (_kind(place), place.source.lower()):
            return place
    known = ", ".join(f"{_kind(place)} ({place.source})" for place in places) or "no place"
    raise click.UsageError(printable(f"no token is read from {wanted} here, but from {known}"))


def _kind(place: Place) -> str:
    if place is bearer:
        return "bearer"
    return "basic" if place is basic_password else place.source.partition(" ")[0]
