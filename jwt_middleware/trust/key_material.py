"""Reads, generates and checks secrets and key objects of `cryptography`.

A weak key is refused here, whether it is a secret, a PEM, a JWK or part of a JWKS document.
"""

import base64
import hmac
import secrets
from collections.abc import Iterator
from contextlib import suppress
from functools import lru_cache
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from .._options import got, require
from ..errors import ConfigurationError

Material = Any
"""A secret (bytes) or a key object of `cryptography`, private or public."""

SECRET_BYTES = {"HS256": 32, "HS384": 48, "HS512": 64}
"""The minimum length of a secret: that of the hash (RFC 7518 section 3.2)."""

_HASHES = {"HS256": "sha256", "HS384": "sha384", "HS512": "sha512"}

RSA_ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512")

ED25519_NAMES = ("EdDSA", "Ed25519")
"""Two names of one algorithm: the first of RFC 8037 section 3.1, the second of RFC 9864 section
2.2."""

_CURVES = {"ES256": ec.SECP256R1(), "ES384": ec.SECP384R1(), "ES512": ec.SECP521R1()}

ALGORITHMS = (*SECRET_BYTES, *RSA_ALGORITHMS, *_CURVES, *ED25519_NAMES)
"""Every algorithm a key may have (RFC 7518 section 3.1, RFC 8037 section 3.1, RFC 9864)."""

_LEAST_RSA_BITS = 2048  # RFC 7518 section 3.3
_MOST_RSA_BITS = 16384  # one check of a signature with such a key takes 1 ms
# FIPS 186-5 section 5.4. With 1, every message is its own signature. With 3, a careless check of
# the padding makes forgery possible. With a large exponent, a check takes as long as signing.
_LEAST_EXPONENT, _MOST_EXPONENT = 2**16 + 1, 2**256 - 1

# A public key is a point on the curve. For a point of small order, one constant signature (that
# point and the number zero) verifies every eighth message or all of them. RFC 8032 section 5.1 does
# not forbid such keys. These are the y coordinates of the eight points, in each encoding (RFC 8032
# section 5.1.2). tests/kit/edwards.py finds them by arithmetic.
_FIELD = 2**255 - 19
_ORDER_EIGHT = 2707385501144840649318225287225658788936804267575313519463743609750303402022
SMALL_ORDER = frozenset((0, 1, _ORDER_EIGHT, _FIELD - _ORDER_EIGHT, _FIELD - 1, _FIELD, _FIELD + 1))
"""The y coordinates of Ed25519's points of small order."""


def algorithms_of(material: Material) -> tuple[str, ...]:
    """Return the possible algorithms of a secret or a public key, the usual one first.

    Raise `ConfigurationError` if there are none.
    """
    if isinstance(material, bytes):
        return tuple(SECRET_BYTES)
    if isinstance(material, rsa.RSAPublicKey):
        return RSA_ALGORITHMS
    if isinstance(material, ed25519.Ed25519PublicKey):
        return ED25519_NAMES
    if isinstance(material, ec.EllipticCurvePublicKey):
        for algorithm, curve in _CURVES.items():
            if material.curve.name == curve.name:
                return (algorithm,)
    raise ConfigurationError("a key must be RSA, EC on P-256, P-384 or P-521, or Ed25519")


def to_bytes(name: str, value: str | bytes) -> bytes:
    """Return a string option as its UTF-8 bytes. Its value is a secret, so no message shows it."""
    require(isinstance(value, (str, bytes)), f"{name} must be a string or bytes")
    try:
        return value.encode() if isinstance(value, str) else value
    except UnicodeEncodeError:
        raise ConfigurationError(f"{name} must be a string without lone surrogates") from None


def load_pem(pem: bytes) -> Material:
    """Return the private or public key of a PEM (RFC 7468), or that of a certificate. Raise
    `ConfigurationError` for any other content."""
    # Environment variables often carry a PEM on one line. No PEM contains a backslash.
    pem = pem.replace(b"\\r", b"").replace(b"\\n", b"\n")
    try:
        if b"PRIVATE KEY" in pem:
            return serialization.load_pem_private_key(pem, password=None)
        if b"BEGIN CERTIFICATE" in pem:
            return _public_key_of_certificate(pem)
        return serialization.load_pem_public_key(pem)
    except Exception as error:  # ValueError, TypeError (an encrypted key), UnsupportedAlgorithm
        raise ConfigurationError(
            "pem must be that of a public key, of a certificate, or of a private key without a "
            "passphrase"
        ) from error


def _public_key_of_certificate(pem: bytes) -> Material:
    # Few apps use certificates, so the module is not loaded with the others.
    from cryptography import x509

    return x509.load_pem_x509_certificate(pem).public_key()


def to_pem(private_key: Material) -> bytes:
    """Return the private key as PEM (PKCS #8), not encrypted."""
    pem: bytes = private_key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return pem


def random_material(algorithm: str) -> Material:
    """Return a new secret or private key for one of `ALGORITHMS`."""
    if algorithm in SECRET_BYTES:
        return secrets.token_bytes(SECRET_BYTES[algorithm])
    if algorithm in RSA_ALGORITHMS:
        return rsa.generate_private_key(public_exponent=65537, key_size=_LEAST_RSA_BITS)
    if algorithm in ED25519_NAMES:
        return ed25519.Ed25519PrivateKey.generate()
    return ec.generate_private_key(_CURVES[algorithm])


def check_strength(algorithm: str, material: Material) -> None:
    """Raise `ConfigurationError` if a secret or a public key is too weak for its algorithm."""
    if isinstance(material, bytes):
        _check_secret(algorithm, material)
    elif isinstance(material, rsa.RSAPublicKey):
        _check_rsa(material)
    elif isinstance(material, ed25519.Ed25519PublicKey):
        _check_ed25519(material)


def _check_secret(algorithm: str, secret: bytes) -> None:
    least = SECRET_BYTES[algorithm]
    require(
        len(secret) >= least,
        f"a secret for {algorithm} must have at least {least} bytes (RFC 7518 section 3.2), "
        f"got {len(secret)}",
    )


def readings_of(secret: bytes) -> Iterator[bytes]:
    """Yield a secret as it is, as UTF-16 text, and what it is in base64, base64url and hex.

    Issuers also show their public keys so: the lines of a PEM without its frame, the `x5c` of a
    JWK. Some editors save files as UTF-16.
    """
    yield secret
    narrow = secret.removeprefix(b"\xff\xfe").removeprefix(b"\xfe\xff").replace(b"\0", b"")
    yield narrow
    text = b"".join(narrow.split())
    with suppress(ValueError):
        yield bytes.fromhex(text.decode("ascii"))
    text = text.rstrip(b"=").translate(bytes.maketrans(b"-_", b"+/"))
    with suppress(ValueError):
        yield base64.b64decode(text + b"=" * (-len(text) % 4), validate=True)


def is_mac(algorithm: str, secret: bytes, message: bytes, signature: bytes) -> bool:
    """Return whether the signature is the HMAC of the message (RFC 7518 section 3.2)."""
    # A copy, since OpenSSL takes as long to begin as to hash a token: 7 % of a first-seen one.
    mac = _begun_mac(_HASHES[algorithm], secret).copy()
    mac.update(message)
    return hmac.compare_digest(mac.digest(), signature)


@lru_cache(maxsize=16)  # beside a `Key`, which can be copied and pickled as this cannot
def _begun_mac(hash_name: str, secret: bytes) -> hmac.HMAC:
    return hmac.new(secret, digestmod=hash_name)


def check_rsa_numbers(modulus: int, exponent: int) -> None:
    """Raise `ConfigurationError`, naming the number, unless they make a strong public RSA key."""
    require(
        _LEAST_RSA_BITS <= modulus.bit_length() <= _MOST_RSA_BITS,
        f'an RSA key must have {_LEAST_RSA_BITS} to {_MOST_RSA_BITS} bits in "n" '
        f"(RFC 7518 section 3.3), got {got(modulus.bit_length())}",
    )
    require(modulus % 2, 'the modulus "n" of an RSA key must be odd')
    require(
        _LEAST_EXPONENT <= exponent <= _MOST_EXPONENT and exponent % 2,
        'the exponent "e" of an RSA key must be odd and from 65537 to 2^256 (FIPS 186-5), such as '
        f'65537, which is "AQAB", got {got(exponent)}',
    )


def _check_rsa(key: rsa.RSAPublicKey) -> None:
    numbers = key.public_numbers()
    check_rsa_numbers(numbers.n, numbers.e)


def _check_ed25519(key: ed25519.Ed25519PublicKey) -> None:
    y = int.from_bytes(key.public_bytes_raw(), "little") & (2**255 - 1)  # without the sign of x
    require(
        y not in SMALL_ORDER,
        "an Ed25519 key must not be of small order: one signature would verify every message",
    )
