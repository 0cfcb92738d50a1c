"""Builds the checks of bound tokens from the values of text options."""

from typing import Any

from .._options import require
from .options import DPOP, STORE
from .reading import Values

__all__ = [
    "dpop_of",
]


def dpop_of(values: Values, store: Any) -> dict[str, Any]:
    """Return the option `dpop` of a middleware or a login app, if an option sets it.

    The store records the proofs that were used, so that each counts once for all workers.
    """
    given = values.picked(DPOP)
    if not given:
        return {}
    values.need("dpop_url")
    place = " or ".join(map(values.name_of, STORE))
    require(store is not None, f"{values.name_of('dpop_url')} must be set together with {place}")
    from ..trust.proof import DPoP

    names = {option.removeprefix("dpop_"): value for option, value in given.items()}
    with values.worded(url="dpop_url", max_age="dpop_max_age", nonces="dpop_nonces"):
        return {"dpop": DPoP(names.pop("url"), replays=store, **names)}
