"""Reads the JWKS document of a URL (RFC 7517 section 5), from which only public keys come."""

from typing import Any

from .._options import got, require
from ..errors import ConfigurationError
from .encoding import parse_document
from .key_material import ALGORITHMS, ED25519_NAMES, RSA_ALGORITHMS, SECRET_BYTES
from .keys import KeySet

_MAX_KEYS = 100

# All members that a public key needs. The others are dropped unread: private members, since PyJWT
# takes seconds for a huge `d`, and `k`, since a secret never comes from a URL.
_PUBLIC_MEMBERS = ("kty", "use", "key_ops", "alg", "kid", "n", "e", "crv", "x", "y", "issuer")


_KIND_OF = dict.fromkeys(RSA_ALGORITHMS, "RSA") | dict.fromkeys(ED25519_NAMES, "OKP")
"""The `kty` of the algorithms among which a key has a choice. The algorithm of an EC key is that of
its curve (RFC 7518 section 3.4)."""


def check_algorithm(algorithm: object) -> None:
    """Raise `ConfigurationError` unless this is an algorithm of public keys, or None."""
    known = [name for name in ALGORITHMS if name not in SECRET_BYTES]
    is_known = algorithm is None or (isinstance(algorithm, str) and algorithm in known)
    require(is_known, f"algorithm must be one of {', '.join(known)}, or None, got {got(algorithm)}")


def read_keys(body: bytes, algorithm: str | None = None) -> KeySet:
    """Return the usable keys of the document. Raise `ConfigurationError` if there are none.

    `algorithm` is that of the keys of its kind that have no `alg`.
    """
    try:
        jwks = parse_document(body).get("keys")
    except ValueError:
        raise ConfigurationError("the answer is not strict JSON") from None
    if not isinstance(jwks, list):
        raise ConfigurationError('the answer has no list of "keys"')
    require(len(jwks) <= _MAX_KEYS, f"the answer has more than {_MAX_KEYS} keys")
    return KeySet.from_jwks({"keys": [_public(jwk, algorithm) for jwk in jwks]})


def _public(jwk: Any, algorithm: str | None) -> Any:
    if not isinstance(jwk, dict):
        return jwk
    public = {name: jwk[name] for name in _PUBLIC_MEMBERS if name in jwk}
    if algorithm is not None and public.get("kty") == _KIND_OF.get(algorithm, ""):
        public.setdefault("alg", algorithm)
    return public
