"""`Key`, which has one algorithm, and `KeySet` (RFC 7517, RFC 7518 section 3, RFC 8037)."""

import hashlib
import json
import logging
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, cast

import jwt

from .._options import got, is_text, require
from ..errors import ConfigurationError
from . import jwk as jwk_forms
from . import key_material
from .encoding import encode_base64url, parse_document
from .jwk import ALGORITHM_OF_KIND, PAIRS, THUMBPRINT_MEMBERS, check_form, is_for_encryption
from .key_material import ALGORITHMS, ED25519_NAMES, RSA_ALGORITHMS, Material
from .key_source import KeySource

__all__ = [
    "ALGORITHMS",
    "Key",
    "KeySet",
    "KeySource",
]

_log = logging.getLogger("jwt_middleware")


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class Key:
    """One key with one algorithm. Create it with a class method; every existing key is valid.

    - `algorithm`: a name of RFC 7518 section 3.1, `EdDSA` or `Ed25519`.
    - `id`: the `kid`, or None: the key then serves any `kid`.
    - `signing_key`: the secret or private key, or None for a public key, which only verifies.
    - `verifying_key`: the secret or public key.
    - `algorithms`: the names that a token may use for the algorithm. There is one, except for an
      Ed25519 key without a given algorithm: it serves `EdDSA` and `Ed25519` (RFC 9864).

    - `issuer`: the issuer whose tokens the key verifies, or a template of it, as Entra publishes it
      beside its keys; None means every issuer that has the key.

    Every fault of a key raises `ConfigurationError`.
    """

    algorithm: str
    id: str | None
    signing_key: Material | None
    verifying_key: Material
    algorithms: tuple[str, ...] = ()
    issuer: str | None = None
    _implementation: jwt.algorithms.Algorithm = field(init=False)

    def __post_init__(self) -> None:
        possible = key_material.algorithms_of(self.verifying_key)
        require(
            isinstance(self.algorithm, str) and self.algorithm in possible,
            f"algorithm must be one of {', '.join(possible)} for this key, "
            f"got {got(self.algorithm)}",
        )
        require(
            self.id is None or (is_text(self.id) and self.id),
            f"id must be a string that is not empty and has no lone surrogates, or None, "
            f"got {got(self.id)}",
        )
        require(
            self.issuer is None or (is_text(self.issuer) and self.issuer),
            f"issuer of a key must be a string that is not empty, or None, got {got(self.issuer)}",
        )
        names = self.algorithms or (self.algorithm,)
        require(
            names == (self.algorithm,) or (names == ED25519_NAMES and possible == ED25519_NAMES),
            f"algorithms must be names of {self.algorithm}, got {got(names)}",
        )
        key_material.check_strength(self.algorithm, self.verifying_key)
        # PyJWT only knows the older name; the computation is the same (RFC 9864 section 2.2).
        name = "EdDSA" if self.algorithm in ED25519_NAMES else self.algorithm
        implementation = jwt.get_algorithm_by_name(name)
        _refuse_key_document(implementation, self.verifying_key)
        object.__setattr__(self, "algorithms", names)
        object.__setattr__(self, "_implementation", implementation)

    @classmethod
    def from_secret(
        cls, secret: str | bytes, *, algorithm: str = "HS256", id: str | None = None
    ) -> "Key":
        """Return an HMAC key. A string is encoded as UTF-8.

        The secret must be at least as long as the hash: 32, 48 or 64 bytes (RFC 7518 section 3.2).
        """
        material = key_material.to_bytes("secret", secret)
        return cls(algorithm, id, material, material)

    @classmethod
    def from_pem(
        cls, pem: str | bytes, *, algorithm: str | None = None, id: str | None = None
    ) -> "Key":
        """Return a private or public key from PEM (RFC 7468), not encrypted.

        A certificate (X.509) gives its public key; its dates and its issuer are not checked. `\\n`
        may stand for a line break, as in environment variables. An RSA key is RS256 by default.
        """
        return cls._from_material(
            key_material.load_pem(key_material.to_bytes("pem", pem)), algorithm, id
        )

    @classmethod
    def from_jwk(cls, jwk: Mapping[str, Any]) -> "Key":
        """Return a key from a JSON Web Key (RFC 7517 section 4), private or public.

        Its `kid` is the id. An RSA key without `alg` means RS256. A JWK is refused if its `use` or
        `key_ops` forbids verifying, or if it does not strictly have the RFC's form.
        """
        check_form(jwk)
        try:
            implementation: Any = jwt.get_algorithm_by_name(ALGORITHM_OF_KIND[jwk["kty"]])
            material = implementation.from_jwk(dict(jwk))
        except Exception as error:  # PyJWT and cryptography raise a dozen kinds of errors here
            raise ConfigurationError(f"a JWK must be one key: {PAIRS[jwk['kty']]}") from error
        key = cls._from_material(material, jwk.get("alg"), jwk.get("kid"))
        if "issuer" in jwk:
            key = replace(key, issuer=jwk["issuer"] or "")
        if jwk["kty"] in ("EC", "OKP"):  # cryptography has checked the numbers of an RSA key
            is_pair = all(jwk[name] == value for name, value in key._members().items())
            require(is_pair, f"a JWK must be one key: {PAIRS[jwk['kty']]}")
        return key

    @classmethod
    def generate(cls, algorithm: str = "ES256", *, id: str | None = None) -> "Key":
        """Return a new random key (RSA: 2048 bits). Without an id it gets its thumbprint (RFC
        7638)."""
        require(
            isinstance(algorithm, str) and algorithm in ALGORITHMS,
            f"algorithm must be one of {', '.join(ALGORITHMS)}, got {got(algorithm)}",
        )
        key = cls._from_material(key_material.random_material(algorithm), algorithm, id)
        return key if id else cls(algorithm, key.thumbprint(), key.signing_key, key.verifying_key)

    @classmethod
    def _from_material(cls, material: Material, algorithm: str | None, id: str | None) -> "Key":
        public = material.public_key() if hasattr(material, "public_key") else material
        private = material if isinstance(material, bytes) or public is not material else None
        if algorithm is not None:
            return cls(algorithm, id, private, public)
        usual, *others = key_material.algorithms_of(public)
        names = ED25519_NAMES if (usual, *others) == ED25519_NAMES else (usual,)
        return cls(usual, id, private, public, names)

    def sign(self, message: bytes) -> bytes:
        """Return the signature of the message (RFC 7515 section 5.1, step 5).

        Raise `ConfigurationError` for a public key.
        """
        require(self.signing_key is not None, "a key must have a secret or private part to sign")
        return self._implementation.sign(message, self.signing_key)

    def verify(self, message: bytes, signature: bytes) -> bool:
        """Return whether the signature is this key's for the message (RFC 7515 section 5.2, step
        8)."""
        if isinstance(self.verifying_key, bytes):
            return key_material.is_mac(self.algorithm, self.verifying_key, message, signature)
        if self.algorithm in RSA_ALGORITHMS and len(signature) * 8 < self.verifying_key.key_size:
            # OpenSSL accepts an RSA-PSS signature without its leading zeros, which is not valid
            # (RFC 8017 section 8.1.2, step 1).
            return False
        return self._implementation.verify(message, self.verifying_key, signature)

    def to_jwk(self) -> dict[str, str]:
        """Return the public JWK (RFC 7517 section 4) with `kid`, `alg` and `use`.

        Raise `ConfigurationError` for a secret, which is never published.
        """
        require(not isinstance(self.verifying_key, bytes), "a secret must not be published")
        jwk = self._members() | {"alg": self.algorithm, "use": "sig"}
        return jwk | {"kid": self.id} if self.id else jwk

    def to_pem(self) -> bytes:
        """Return the private key as PEM (PKCS #8), not encrypted. Raise `ConfigurationError` for a
        secret or public key."""
        is_private = self.signing_key is not None and self.signing_key is not self.verifying_key
        require(is_private, "a key must be a private key to be written as a PEM")
        return key_material.to_pem(self.signing_key)

    def thumbprint(self) -> str:
        """Return the SHA-256 thumbprint (RFC 7638 section 3), base64url without padding."""
        text = json.dumps(self._members(), separators=(",", ":"), sort_keys=True)
        return encode_base64url(hashlib.sha256(text.encode()).digest()).decode()

    def _members(self) -> dict[str, str]:
        jwk = cast(Any, self._implementation).to_jwk(self.verifying_key, as_dict=True)
        return {name: jwk[name] for name in THUMBPRINT_MEMBERS[jwk["kty"]]}

    def __repr__(self) -> str:
        kind = "private" if self.signing_key else "public"
        if isinstance(self.verifying_key, bytes):
            kind = "secret"
        return f"<Key {self.algorithm} id={self.id!r} {kind}>"


@dataclass(frozen=True, slots=True, init=False, repr=False, eq=False)
class KeySet:
    """A fixed set of keys (RFC 7517 section 5): secrets only or public keys only, never mixed.

    `keys` are the keys in the given order. `generation` never changes.
    """

    keys: tuple[Key, ...]
    generation: int
    _without_id: tuple[Key, ...]
    _by_id: Mapping[str, tuple[Key, ...]]

    def __init__(self, keys: Iterable[Key]) -> None:
        found = tuple(keys) if isinstance(keys, Iterable) else ()
        are_keys = found and all(isinstance(key, Key) for key in found)
        require(are_keys, "keys must be a list of at least one Key: KeySet([key])")
        are_secrets = {isinstance(key.verifying_key, bytes) for key in found}
        require(
            len(are_secrets) == 1,
            "secrets and public keys do not mix in one set: one could pass for the other",
        )
        for (id_, name), count in Counter(_uses(found)).items():
            require(
                count == 1, f"two keys of the set have the same id {got(id_)} and algorithm {name}"
            )
        ids = {key.id for key in found if key.id is not None}
        by_id = {id_: tuple(key for key in found if key.id in (id_, None)) for id_ in ids}
        object.__setattr__(self, "keys", found)
        object.__setattr__(self, "generation", 0)
        object.__setattr__(self, "_without_id", tuple(key for key in found if key.id is None))
        object.__setattr__(self, "_by_id", by_id)

    @classmethod
    def from_jwks(cls, document: Mapping[str, Any] | str | bytes) -> "KeySet":
        """Return the usable keys of a JWKS document, a mapping or its JSON text.

        A key is left out with one WARNING if it is not for verifying, of an unknown kind or broken
        (RFC 7517 section 5). One that says that it is for encryption (section 4.2) is everyday, so
        it is left out with a DEBUG line. Different keys with the same `kid` are left out too. Raise
        `ConfigurationError` if no key is left, or if the text is not strict JSON.
        """
        rule = 'a JWKS document must be {"keys": [...]}, a mapping or its JSON text'
        if isinstance(document, (str, bytes)):
            try:
                text = document.encode() if isinstance(document, str) else document
                document = parse_document(text)
            except ValueError as error:
                raise ConfigurationError(rule) from error
        jwks = document.get("keys") if isinstance(document, Mapping) else None
        if not isinstance(jwks, list):
            raise ConfigurationError(rule)
        return cls(_usable_keys(jwks) or jwk_forms.refuse_keys(jwks))

    def find(self, kid: str | None) -> tuple[Key, ...]:
        """Return the keys with this id and those without one.

        Any key of the set may have signed a token without a `kid` (RFC 7515 section 4.1.4).
        """
        return self.keys if kid is None else self._by_id.get(kid, self._without_id)

    def __repr__(self) -> str:
        return f"KeySet({list(self.keys)!r})"


def _uses(keys: Iterable[Key]) -> Iterator[tuple[str, str]]:
    """Yield each id with each algorithm under which a key would be looked up."""
    for key in keys:
        if key.id is not None:
            yield from ((key.id, name) for name in key.algorithms)


def _usable_keys(jwks: list[Any]) -> list[Key]:
    usable: dict[tuple[str | None, str, str], Key] = {}
    for position, jwk in enumerate(jwks):
        try:
            key = Key.from_jwk(jwk)
        except ConfigurationError as error:
            level = logging.DEBUG if is_for_encryption(jwk) else logging.WARNING
            _log.log(level, "key %d of the JWKS document is left out: %s", position, error)
        else:
            usable[key.id, key.algorithm, key.thumbprint()] = key
    uses = Counter(_uses(usable.values()))
    # If different keys share a `kid`, it is unknown which one a token means.
    return [key for key in usable.values() if all(uses[use] == 1 for use in _uses([key]))]


def _refuse_key_document(implementation: jwt.algorithms.Algorithm, material: Material) -> None:
    """Refuse a public key as a secret, since everybody knows it (RFC 8725 section 2.1)."""
    if not isinstance(material, bytes):
        return
    rule = "secret must not be a PEM, certificate or JWK: use Key.from_pem or Key.from_jwk"
    try:
        for reading in key_material.readings_of(material):
            require(b"-----BEGIN " not in reading, rule)  # also if it is cut
            implementation.prepare_key(reading)
    except jwt.InvalidKeyError:
        raise ConfigurationError(rule) from None
