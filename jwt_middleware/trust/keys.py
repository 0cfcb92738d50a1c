"""`Key`, which knows its one algorithm, and `KeySet` (RFC 7517, RFC 7518 section 3, RFC 8037)."""

import hashlib
import json
import logging
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, cast

import jwt
from cryptography.hazmat.primitives import serialization as pem_form
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from ..errors import ConfigurationError, require

_log = logging.getLogger("jwt_middleware")

_CURVES = {"ES256": ec.SECP256R1(), "ES384": ec.SECP384R1(), "ES512": ec.SECP521R1()}
_HASH_BYTES = {"HS256": 32, "HS384": 48, "HS512": 64}
_RSA = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512")
ALGORITHMS = (*_HASH_BYTES, *_RSA, *_CURVES, "EdDSA")
"""Every algorithm a key may have (RFC 7518 section 3.1; RFC 8037 section 3.1 with Ed25519)."""

_BY_KTY = {"oct": "HS256", "RSA": "RS256", "EC": "ES256", "OKP": "EdDSA"}
"""An algorithm of each kind of key: PyJWT reads all keys of a kind alike."""

Material = Any
"""A secret (bytes) or a key object of `cryptography`, private or public."""


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class Key:
    """One key with one algorithm. Make it with a class method; what exists is valid, or
    `ConfigurationError`.

    `algorithm` is a name of RFC 7518 section 3.1; `id` is the `kid`, or None: then the key serves
    any `kid`. A secret or a private key can sign and verify, a public key only verify
    (`signing_key` is None).
    """

    algorithm: str
    id: str | None
    signing_key: Material | None
    verifying_key: Material
    _implementation: jwt.algorithms.Algorithm = field(init=False)

    def __post_init__(self) -> None:
        possible = _algorithms_of(self.verifying_key)
        require(
            self.algorithm in possible, f"the algorithm of this key is one of {', '.join(possible)}"
        )
        require(
            self.id is None or (isinstance(self.id, str) and self.id),
            "the id of a key is a text or None",
        )
        _check_strength(self.algorithm, self.verifying_key)
        object.__setattr__(self, "_implementation", jwt.get_algorithm_by_name(self.algorithm))

    @classmethod
    def from_secret(
        cls, secret: str | bytes, *, algorithm: str = "HS256", id: str | None = None
    ) -> "Key":
        """An HMAC key. A text is taken as its UTF-8 bytes; at least as long as the hash (RFC 7518
        section 3.2)."""
        material = _to_bytes(secret)
        return cls(algorithm, id, material, material)

    @classmethod
    def from_pem(
        cls, pem: str | bytes, *, algorithm: str | None = None, id: str | None = None
    ) -> "Key":
        """A private or public key from PEM (RFC 7468), not encrypted. An RSA key is RS256 by
        default."""
        return cls._from_material(_load_pem(_to_bytes(pem)), algorithm, id)

    @classmethod
    def from_jwk(cls, jwk: Mapping[str, Any]) -> "Key":
        """A key from a JSON Web Key (RFC 7517 section 4), private or public; its `kid` is the id.

        An RSA key without `alg` means RS256. A `use` or `key_ops` that forbids verifying is
        refused.
        """
        require(isinstance(jwk, Mapping), "a JWK is a mapping, such as json.loads gives")
        operations = jwk.get("key_ops", ["verify"])
        may_verify = isinstance(operations, list) and (
            "verify" in operations or ("sign" in operations and "d" in jwk)
        )
        is_for_us = may_verify and jwk.get("use", "sig") == "sig"
        require(is_for_us, "this JWK is not for verifying signatures (use, key_ops)")
        try:
            implementation: Any = jwt.get_algorithm_by_name(_BY_KTY[jwk["kty"]])
            material = implementation.from_jwk(dict(jwk))
        except Exception as error:  # PyJWT and cryptography raise a dozen kinds on a bad document
            raise ConfigurationError(
                f"this JWK is no key of a kind in {', '.join(_BY_KTY)}"
            ) from error
        return cls._from_material(material, jwk.get("alg"), jwk.get("kid"))

    @classmethod
    def generate(cls, algorithm: str = "ES256", *, id: str | None = None) -> "Key":
        """A new random key (RSA: 2048 bits). Without an id it gets its thumbprint (RFC 7638)."""
        require(algorithm in ALGORITHMS, f"algorithm is one of {', '.join(ALGORITHMS)}")
        key = cls._from_material(_random_material(algorithm), algorithm, id)
        return key if id else cls(algorithm, key.thumbprint(), key.signing_key, key.verifying_key)

    @classmethod
    def _from_material(cls, material: Material, algorithm: str | None, id: str | None) -> "Key":
        public = material.public_key() if hasattr(material, "public_key") else material
        private = material if isinstance(material, bytes) or public is not material else None
        return cls(algorithm or _algorithms_of(public)[0], id, private, public)

    def verify(self, message: bytes, signature: bytes) -> bool:
        """Whether the signature is this key's for the message (RFC 7515 section 5.2, step 8)."""
        if self.algorithm in _RSA and len(signature) * 8 < self.verifying_key.key_size:
            # with RSA-PSS OpenSSL takes one without its leading zeros (RFC 8017 section 8.1.2, step
            # 1)
            return False
        return self._implementation.verify(message, self.verifying_key, signature)

    def to_jwk(self) -> dict[str, str]:
        """The public JWK (RFC 7517 section 4) with `kid`, `alg` and `use`. A secret has none:
        `ConfigurationError`."""
        require(not isinstance(self.verifying_key, bytes), "a secret is never published")
        jwk = self._members() | {"alg": self.algorithm, "use": "sig"}
        return jwk | {"kid": self.id} if self.id else jwk

    def to_pem(self) -> bytes:
        """The private key as PEM (PKCS #8), not encrypted. `ConfigurationError` for a secret or
        public key."""
        require(
            self.signing_key is not self.verifying_key and self.signing_key,
            "only a private key has a PEM to keep",
        )
        private_bytes: Callable[..., bytes] = cast(Any, self.signing_key).private_bytes
        return private_bytes(
            pem_form.Encoding.PEM, pem_form.PrivateFormat.PKCS8, pem_form.NoEncryption()
        )

    def thumbprint(self) -> str:
        """The SHA-256 thumbprint (RFC 7638 section 3), base64url without padding."""
        digest = hashlib.sha256(
            json.dumps(self._members(), separators=(",", ":"), sort_keys=True).encode()
        ).digest()
        return urlsafe_b64encode(digest).rstrip(b"=").decode()

    def _members(self) -> dict[str, str]:
        """The members of a thumbprint (RFC 7638 section 3.2), which are those without which there
        is no key."""
        jwk = cast(Any, self._implementation).to_jwk(self.verifying_key, as_dict=True)
        return {name: value for name, value in jwk.items() if name != "key_ops"}

    def __repr__(self) -> str:
        kind = "private" if self.signing_key else "public"
        if isinstance(self.verifying_key, bytes):
            kind = "secret"
        return f"<Key {self.algorithm} id={self.id!r} {kind}>"


class KeySource(Protocol):
    """What a `Provider` asks of its keys: a `KeySet`, or one that changes."""

    @property
    def generation(self) -> object:
        """Another value after each change of the keys. `Unavailable` when no key can be had."""

    def find(self, kid: str | None) -> Sequence[Key]:
        """The keys that may verify a token with this `kid`. `Unavailable` when no key can be
        had."""


class KeySet:
    """A fixed set of keys (RFC 7517 section 5): secrets only or public keys only, never mixed."""

    def __init__(self, keys: Iterable[Key]) -> None:
        self.generation = 0
        self.keys = tuple(keys) if isinstance(keys, Iterable) else ()
        are_keys = self.keys and all(isinstance(key, Key) for key in self.keys)
        require(are_keys, "KeySet takes a list of at least one Key: KeySet([key])")
        are_secrets = {isinstance(key.verifying_key, bytes) for key in self.keys}
        require(
            len(are_secrets) == 1,
            "secrets and public keys do not mix in one set: one could pass for the other",
        )
        named = [(key.id, key.algorithm) for key in self.keys if key.id]
        require(len(set(named)) == len(named), "two keys of the set have the same id and algorithm")
        self._without_id = tuple(key for key in self.keys if key.id is None)
        self._by_id = {
            id_: tuple(key for key in self.keys if key.id in (id_, None)) for id_, _ in named
        }

    @classmethod
    def from_jwks(cls, document: Mapping[str, Any] | str | bytes) -> "KeySet":
        """The usable keys of a JWKS document, a mapping or its JSON text. `ConfigurationError` when
        there is none.

        A key that is not for verifying, of an unknown kind or broken is left out with one WARNING
        (RFC 7517 section 5), and so are different keys under one `kid`.
        """
        try:
            jwks = (document if isinstance(document, Mapping) else json.loads(document))["keys"]
        except (ValueError, RecursionError, TypeError, LookupError) as error:
            raise ConfigurationError(
                'a JWKS document is {"keys": [...]}, a mapping or its JSON text'
            ) from error
        require(isinstance(jwks, list), 'a JWKS document is {"keys": [...]}')
        return cls(_usable_keys(jwks))

    def find(self, kid: str | None) -> tuple[Key, ...]:
        """The keys with this id and those without one; for a token that names none, all (RFC 7515
        section 4.1.4)."""
        return self.keys if kid is None else self._by_id.get(kid, self._without_id)

    def __repr__(self) -> str:
        return f"KeySet({list(self.keys)!r})"


def _usable_keys(jwks: list[Any]) -> list[Key]:
    usable: dict[tuple[str | None, str, str], Key] = {}
    for position, jwk in enumerate(jwks):
        try:
            key = Key.from_jwk(jwk)
            usable[key.id, key.algorithm, key.thumbprint()] = key
        except ConfigurationError as error:
            _log.warning("key %d of the JWKS document is left out: %s", position, error)
    named = [(id_, algorithm) for id_, algorithm, _ in usable if id_]
    return [
        key
        for key in usable.values()
        if key.id is None or named.count((key.id, key.algorithm)) == 1
    ]


def _algorithms_of(material: Material) -> tuple[str, ...]:
    """What a secret or a public key can be a key for, the usual one first."""
    if isinstance(material, bytes):
        return tuple(_HASH_BYTES)
    if isinstance(material, rsa.RSAPublicKey):
        return _RSA
    if isinstance(material, ed25519.Ed25519PublicKey):
        return ("EdDSA",)
    for algorithm, curve in _CURVES.items():
        if isinstance(material, ec.EllipticCurvePublicKey) and material.curve.name == curve.name:
            return (algorithm,)
    raise ConfigurationError("a key is RSA, EC on P-256, P-384 or P-521, or Ed25519")


def _to_bytes(text: str | bytes) -> bytes:
    require(isinstance(text, (str, bytes)), "a secret or a PEM is a text or bytes")
    try:
        return text.encode() if isinstance(text, str) else text
    except UnicodeEncodeError:
        raise ConfigurationError(
            "a secret or a PEM is text without lone surrogates, or bytes"
        ) from None


def _load_pem(pem: bytes) -> Material:
    try:
        return (
            pem_form.load_pem_private_key(pem, None)
            if b"PRIVATE KEY" in pem
            else pem_form.load_pem_public_key(pem)
        )
    except Exception as error:  # ValueError, TypeError for an encrypted one, UnsupportedAlgorithm
        raise ConfigurationError(
            "this is no PEM of a public key or of a private key without a passphrase"
        ) from error


def _random_material(algorithm: str) -> Material:
    if algorithm in _HASH_BYTES:
        return secrets.token_bytes(_HASH_BYTES[algorithm])
    if algorithm in _RSA:
        return rsa.generate_private_key(public_exponent=65537, key_size=2048)
    if algorithm == "EdDSA":
        return ed25519.Ed25519PrivateKey.generate()
    return ec.generate_private_key(_CURVES[algorithm])


def _check_strength(algorithm: str, material: Material) -> None:
    if isinstance(material, bytes):
        least = _HASH_BYTES[algorithm]
        require(
            len(material) >= least,
            f"a secret for {algorithm} has at least {least} bytes (RFC 7518 section 3.2)",
        )
        # a public key taken for a secret is a secret that everybody knows (RFC 8725 section 2.1)
        try:
            jwt.get_algorithm_by_name(algorithm).prepare_key(material)
        except jwt.InvalidKeyError:
            message = "a PEM, certificate or JWK is no secret: use Key.from_pem or Key.from_jwk"
            raise ConfigurationError(message) from None
    elif isinstance(material, rsa.RSAPublicKey):
        require(
            2048 <= material.key_size <= 16384,
            "an RSA key has 2048 to 16384 bits (RFC 7518 section 3.3)",
        )
        require(material.public_numbers().n % 2, "the modulus of an RSA key is odd")
