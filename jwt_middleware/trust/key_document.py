"""Reads the JWKS document of a URL (RFC 7517 section 5), from which only public keys come."""

from typing import Any

from .._options import require
from ..errors import ConfigurationError
from .encoding import parse_document
from .keys import KeySet

_MAX_KEYS = 100

# All members that a public key needs. The others are dropped unread: private members, since PyJWT
# takes seconds for a huge `d`, and `k`, since a secret never comes from a URL.
_PUBLIC_MEMBERS = ("kty", "use", "key_ops", "alg", "kid", "n", "e", "crv", "x", "y")


def read_keys(body: bytes) -> KeySet:
    """Return the usable keys of the document. Raise `ConfigurationError` if there are none."""
    try:
        jwks = parse_document(body).get("keys")
    except ValueError:
        raise ConfigurationError("the answer is not strict JSON") from None
    if not isinstance(jwks, list):
        raise ConfigurationError('the answer has no list of "keys"')
    require(len(jwks) <= _MAX_KEYS, f"the answer has more than {_MAX_KEYS} keys")
    return KeySet.from_jwks({"keys": [_public(jwk) for jwk in jwks]})


def _public(jwk: Any) -> Any:
    if not isinstance(jwk, dict):
        return jwk
    return {name: jwk[name] for name in _PUBLIC_MEMBERS if name in jwk}
