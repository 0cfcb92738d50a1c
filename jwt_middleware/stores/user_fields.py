"""Checks scopes and claims, and turns them into the strings that a store holds."""

import json
import re
import reprlib
from collections.abc import Mapping, Sequence
from typing import Any

from .._options import require, tuple_of
from ..errors import ConfigurationError, StoreUnavailable
from ..trust.minted_claims import fault_of_claims

_SCOPE_TOKEN = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+")  # RFC 6749 section 3.3: scope-token


def join_scopes(scopes: Sequence[str]) -> str:
    """Return scopes separated by spaces, each once. Raise `ConfigurationError` for other values."""
    names = tuple_of(
        str,
        scopes,
        "scopes must be a list or tuple of strings, such as scopes=('read', 'write'), "
        f"got {reprlib.repr(scopes)}",
    )
    for name in names:
        require(
            _SCOPE_TOKEN.fullmatch(name),
            'each of scopes must be printable ASCII without spaces, " and \\ (RFC 6749 section '
            f"3.3), got {reprlib.repr(name)}",
        )
    return " ".join(dict.fromkeys(names))


def write_claims(claims: Mapping[str, Any] | None) -> str:
    """Return claims as JSON. Raise `ConfigurationError` for claims that JSON would change, or that
    no token can have, so that it is not the next sign-in that fails."""
    given = {} if claims is None else claims
    try:
        text = json.dumps(given, allow_nan=False)
        # JSON turns a tuple into a list, and a number that is a key into a string.
        comes_back_equal = isinstance(given, dict) and json.loads(text) == given
    except (RecursionError, TypeError, ValueError):
        comes_back_equal = False
    if not comes_back_equal:
        raise ConfigurationError(
            "claims must be a dict that JSON gives back unchanged, such as "
            f"claims={{'department': 'sales'}}, got {type(claims).__name__}"
        )
    if given:
        fault = fault_of_claims(given)
        require(fault is None, f"claims {fault}")
    return text


def read_claims(text: str) -> dict[str, Any]:
    """Return stored claims as a fresh dict. Raise `StoreUnavailable` if they are damaged."""
    try:
        claims = json.loads(text)
    except (RecursionError, TypeError, ValueError):
        claims = None
    if not isinstance(claims, dict):
        raise StoreUnavailable("the claims of a user are damaged")
    return claims
