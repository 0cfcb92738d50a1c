"""Checks the form of a JSON Web Key (RFC 7517 section 4) before any library reads it.

A JWK is read as strictly as a token. A lenient reader drops the characters that it does not know,
so it would turn `k` into another secret than the intended one.
"""

import re
from collections.abc import Mapping
from typing import Any, NoReturn

from .._options import got, require
from ..errors import ConfigurationError
from .encoding import decode_base64url
from .key_material import ALGORITHMS, check_rsa_numbers

# The members of each kind that stand for bytes (RFC 7518 section 6, RFC 8037 section 2). Those of
# the first tuple are required.
_BYTE_MEMBERS: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "oct": (("k",), ()),
    "RSA": (("n", "e"), ("d", "p", "q", "dp", "dq", "qi")),
    "EC": (("x", "y"), ("d",)),
    "OKP": (("x",), ("d",)),
}

# Only EC keys have a fixed size. Each number of an RSA key has as few bytes as possible (RFC 7518
# section 2, Base64urlUInt).
_COORDINATE_BYTES = {"P-256": 32, "P-384": 48, "P-521": 66}
"""The bytes of `x`, `y` and `d` on each curve, including leading zeros (RFC 7518 section 6.2)."""

PAIRS = {
    "oct": '"k" must be a secret',
    "RSA": '"d", "p", "q", "dp", "dq" and "qi" must be the private numbers of "n" and "e"',
    "EC": '"x" and "y" must be a point on the curve "crv", and "d" its private key',
    "OKP": '"x" must be a public key of the curve "crv", and "d" its private key',
}
"""How the members of each kind belong together. Libraries do not tell which member is wrong."""

ALGORITHM_OF_KIND = {"oct": "HS256", "RSA": "RS256", "EC": "ES256", "OKP": "EdDSA"}
"""Every accepted `kty` with one of its algorithms, since PyJWT reads all keys of a kind alike."""

THUMBPRINT_MEMBERS: Mapping[str, tuple[str, ...]] = {
    "oct": ("k", "kty"),
    "RSA": ("e", "kty", "n"),
    "EC": ("crv", "kty", "x", "y"),
    "OKP": ("crv", "kty", "x"),
}
"""The members that make a thumbprint (RFC 7638 section 3.2, RFC 8037 appendix A.3)."""


# A string, for `re` to compile at first use and not at every import.
_NOT_FOR_SIGNATURES = (
    r"RSA1_5|RSA-OAEP.*|ECDH-ES.*|PBES2-.*|dir|A(128|192|256)((GCM)?KW|GCM|CBC-HS\d+)"
)
"""The algorithms of encryption (RFC 7518 sections 4.1 and 5.1, RFC 8230 section 4)."""

_NOT_OF_SIGNATURES = {"encrypt", "decrypt", "wrapKey", "unwrapKey", "deriveKey", "deriveBits"}
"""The operations that are not those of signatures (RFC 7517 section 4.3)."""


def is_for_encryption(jwk: object) -> bool:
    """Return whether a JWK says that it is for encryption or key agreement: by `use`, `key_ops`,
    `alg` or its curve. Only an exact value counts: a slip such as `"use": "ENC"` is a fault."""
    if not isinstance(jwk, Mapping):
        return False
    use, algorithm, operations = jwk.get("use"), jwk.get("alg"), jwk.get("key_ops")
    names = operations if isinstance(operations, list) else []
    return (
        use == "enc"
        or (isinstance(algorithm, str) and bool(re.fullmatch(_NOT_FOR_SIGNATURES, algorithm)))
        or (bool(names) and all(isinstance(n, str) and n in _NOT_OF_SIGNATURES for n in names))
        or (jwk.get("kty") == "OKP" and jwk.get("crv") in ("X25519", "X448"))
    )


def refuse_keys(jwks: list[Any]) -> NoReturn:
    """Raise the `ConfigurationError` about a document of which no key can be used. One with keys
    for encryption alone is well-formed, so say that."""
    found = "1 key" if len(jwks) == 1 else f"{len(jwks)} keys"
    if not jwks:
        found = "none"
    elif all(is_for_encryption(jwk) for jwk in jwks):
        found += " for encryption alone"
    else:
        found += ", all left out: for encryption, broken, or different ones with one kid"
    raise ConfigurationError(f"a JWKS document must have a key for verifying, got {found}")


def check_form(jwk: Mapping[str, Any]) -> None:
    """Raise `ConfigurationError` unless this is the JWK of a key for verifying signatures.

    The members of a secret or a private key are never shown.
    """
    require(isinstance(jwk, Mapping), "a JWK must be a mapping, such as json.loads gives")
    kind = jwk.get("kty")
    if not isinstance(kind, str) or kind not in ALGORITHM_OF_KIND:
        raise ConfigurationError(
            f'"kty" must be one of {", ".join(ALGORITHM_OF_KIND)}, got {got(kind)}'
        )
    _check_texts(jwk)
    _check_use(jwk)
    required, optional = _BYTE_MEMBERS[kind]
    for name in required:
        _check_bytes(name, jwk.get(name))
    for name in optional:
        if name in jwk:
            _check_bytes(name, jwk[name])
    if kind == "RSA":
        _check_rsa(jwk)
    elif kind == "EC":
        _check_coordinates(jwk)


def _check_rsa(jwk: Mapping[str, Any]) -> None:
    required, optional = _BYTE_MEMBERS["RSA"]
    for name in (*required, *optional):
        if name in jwk:
            require(
                _bytes_of(jwk[name])[:1] != b"\0",
                f'"{name}" must be a number other than 0 without zero bytes in front '
                "(RFC 7518 section 2)",
            )
    modulus, exponent = (int.from_bytes(_bytes_of(jwk[name]), "big") for name in required)
    check_rsa_numbers(modulus, exponent)


def _check_coordinates(jwk: Mapping[str, Any]) -> None:
    curve = jwk.get("crv")
    if not isinstance(curve, str) or curve not in _COORDINATE_BYTES:
        raise ConfigurationError(
            f'"crv" must be one of {", ".join(_COORDINATE_BYTES)}, got {got(curve)}'
        )
    size = _COORDINATE_BYTES[curve]
    for name in ("x", "y", "d"):
        if name in jwk:
            found = len(_bytes_of(jwk[name]))
            require(
                found == size,
                f'"{name}" must have {size} bytes on {curve} (RFC 7518 section 6.2), got {found}',
            )


def _bytes_of(text: str) -> bytes:
    return decode_base64url(text.encode("ascii"))


def _check_texts(jwk: Mapping[str, Any]) -> None:
    algorithm = jwk.get("alg", ALGORITHMS[0])
    if not isinstance(algorithm, str) or algorithm not in ALGORITHMS:
        raise ConfigurationError(
            f'"alg" must be one of {", ".join(ALGORITHMS)}, or absent, got {got(algorithm)}'
        )
    kid = jwk.get("kid", "absent")
    if not isinstance(kid, str) or not kid or _has_surrogates(kid):
        raise ConfigurationError(f'"kid" must be a string that is not empty, got {got(kid)}')


def _has_surrogates(text: str) -> bool:
    return any("\ud800" <= character <= "\udfff" for character in text)


def _check_use(jwk: Mapping[str, Any]) -> None:
    """Raise `ConfigurationError` unless the key may verify (RFC 7517 sections 4.2 and 4.3)."""
    use = jwk.get("use", "sig")
    require(
        isinstance(use, str) and use == "sig",
        f'"use" must be "sig", since the key verifies signatures, got {got(use)}',
    )
    operations = jwk.get("key_ops", ["verify"])
    are_strings = isinstance(operations, list) and all(
        isinstance(operation, str) for operation in operations
    )
    require(
        are_strings and len(set(operations)) == len(operations),
        f'"key_ops" must be a list of distinct strings, got {got(operations)}',
    )
    # A private key that may sign comes with the public half that verifies its signatures.
    may_verify = "verify" in operations or ("sign" in operations and "d" in jwk)
    require(may_verify, f'"key_ops" must name "verify", got {got(operations)}')


def _check_bytes(name: str, value: object) -> None:
    rule = f'"{name}" must be base64url without padding, foreign characters or unused bits'
    if not isinstance(value, str) or not value:
        raise ConfigurationError(rule)
    try:
        decode_base64url(value.encode("ascii"))
    except ValueError:
        raise ConfigurationError(rule) from None
