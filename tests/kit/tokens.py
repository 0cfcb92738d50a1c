"""Makes tokens, good and hostile, without the code under test: PyJWT's algorithm objects sign, the
rest is bytes.

`ISSUERS` are the issuers that the tests trust, one for each algorithm and one for each option of a
provider; each knows its `Provider` and its private material. A token is built from a header and
claims given as a dict, or as the raw bytes of a JSON text.
"""

import json
import math
import time
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

from jwt_middleware import Key, KeySet, Provider
from tests.kit.rsa_primes import PRIMES

NOW = int(time.time())
TOMORROW = NOW + 86_400
"""The end of a token that a module makes, which the whole suite uses, however long it runs."""
AUDIENCE = "api"


class _Absent:
    """Its repr is an id of a test: an address there would differ between two processes."""

    def __repr__(self) -> str:
        return "ABSENT"


ABSENT: Any = _Absent()
"""As the value of a header parameter or a claim: there is none."""


def b64(raw: bytes) -> str:
    """The bytes as base64url without padding (RFC 7515 section 2)."""
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def json_bytes(value: Any) -> bytes:
    """The bytes as they are, anything else as JSON text."""
    return value if isinstance(value, bytes) else json.dumps(value, separators=(",", ":")).encode()


def compact(header: Any, payload: Any, signature: bytes) -> str:
    """A compact JWS of these three parts (RFC 7515 section 7.1)."""
    return f"{b64(json_bytes(header))}.{b64(json_bytes(payload))}.{b64(signature)}"


def signing_input(header: Any, payload: Any) -> bytes:
    """What is signed (RFC 7515 section 5.1)."""
    return f"{b64(json_bytes(header))}.{b64(json_bytes(payload))}".encode()


def sign_text(text: str, key: Key) -> str:
    """The two parts with the key's signature, whatever the header says."""
    # PyJWT knows one of the two names of this algorithm (RFC 9864).
    name = "EdDSA" if key.algorithm == "Ed25519" else key.algorithm
    signature = jwt.get_algorithm_by_name(name).sign(text.encode(), key.signing_key)
    return f"{text}.{b64(signature)}"


def sign(header: Any, payload: Any, key: Key) -> str:
    """A token of this header and payload with the key's signature, whatever the header says."""
    return sign_text(signing_input(header, payload).decode(), key)


def changed(members: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """The members with the changes; `ABSENT` takes one away."""
    return {name: value for name, value in (members | changes).items() if value is not ABSENT}


def issued(
    key: Key | str | bytes,
    *,
    algorithm: str = "HS256",
    headers: dict[str, Any] | None = None,
    **claims: Any,
) -> str:
    """A token for an hour as PyJWT makes it, signed by the key or with the secret. Claims given
    here replace the usual ones; None removes one."""
    now = int(time.time())
    every = claims | {"sub": "ada", "iat": now, "exp": now + 3600} | claims
    kept = {name: value for name, value in every.items() if value is not None}
    material, header = (key, headers or {})
    if isinstance(key, Key):
        material, algorithm = key.signing_key, key.algorithm
        header = ({"kid": key.id} if key.id else {}) | header
    return jwt.encode(kept, material, algorithm, header)


@dataclass(frozen=True)
class Issuer:
    """An issuer that the tests trust: `key` signs its tokens, `provider` says how to verify
    them."""

    key: Key
    provider: Provider

    def header(self, **changes: Any) -> dict[str, Any]:
        """The header of a good token, with changes."""
        return changed({"alg": self.key.algorithm, "typ": self.provider.typ or "JWT"}, changes)

    def claims(self, **changes: Any) -> dict[str, Any]:
        """The claims of a good token, with changes."""
        audience = self.provider.audience
        good = {
            "iss": ABSENT if self.provider.issuer is None else self.provider.issuer,
            "sub": "user",
            "aud": audience if isinstance(audience, str) else audience[0] if audience else ABSENT,
            "iat": NOW,
            "exp": NOW + 3600,
            self.provider.subject_claims[0]: "user",
        }
        return changed(good, changes)

    def token(self, header: dict[str, Any] | None = None, **claims: Any) -> str:
        """A token of this issuer, good but for the changes to its header and claims."""
        return sign(self.header(**header or {}), self.claims(**claims), self.key)


def issuer(name: str, *keys: Key, **options: Any) -> Issuer:
    """The issuer `https://NAME.example`, whose tokens the first of the keys signs."""
    settings = {
        "issuer": f"https://{name}.example",
        "audience": AUDIENCE,
        "keys": KeySet(keys),
    } | options
    return Issuer(keys[0], Provider(**settings))


def key_of(algorithm: str, material: Key) -> Key:
    """A key with the material of another one, and this algorithm."""
    return Key(algorithm, None, material.signing_key, material.verifying_key)


def nameless(algorithm: str) -> Key:
    """A new key without an id, which serves any `kid`."""
    is_rsa = algorithm[:2] in ("RS", "PS")
    return key_of(algorithm, _new_rsa_key() if is_rsa else Key.generate(algorithm))


_unused_primes = iter(PRIMES)


def _new_rsa_key() -> Key:
    """A key of primes that are there; a generated one when all have been used."""
    pair = next(_unused_primes, None)
    if pair is None:
        return Key.generate("RS256")
    p, q = (int(text, 16) for text in pair)
    d = pow(65537, -1, math.lcm(p - 1, q - 1))
    more = rsa.rsa_crt_dmp1(d, p), rsa.rsa_crt_dmq1(d, q), rsa.rsa_crt_iqmp(p, q)
    numbers = rsa.RSAPrivateNumbers(p, q, d, *more, rsa.RSAPublicNumbers(65537, p * q))
    private = numbers.private_key(unsafe_skip_rsa_key_validation=True)
    return Key("RS256", None, private, private.public_key())


RSA = nameless("RS256")
PSS = nameless("PS256")
HS256 = nameless("HS256")

ISSUERS = {
    **{
        name.lower(): issuer(name.lower(), nameless(name))
        for name in ("HS384", "HS512", "ES256", "ES384", "ES512")
    },
    **{
        name.lower(): issuer(name.lower(), key_of(name, RSA))
        for name in ("RS256", "RS384", "RS512")
    },
    **{
        name.lower(): issuer(name.lower(), key_of(name, PSS))
        for name in ("PS256", "PS384", "PS512")
    },
    "eddsa": issuer("eddsa", nameless("EdDSA")),
    "hs256": issuer("hs256", HS256),
    "kids": issuer(
        "kids", Key.generate(id="a"), Key.generate(id="b"), Key.generate("EdDSA", id="c")
    ),
    "lenient": issuer("lenient", HS256, leeway=300),
    "no-aud": issuer("no-aud", HS256, audience=None),
    "several": issuer("several", HS256, audience=("one", "two")),
    "typed": issuer("typed", HS256, typ="at+jwt"),
    "brief": issuer("brief", HS256, max_lifetime=3600),
    "uid": issuer("uid", HS256, subject_claim="uid"),
}
PROVIDERS = [known.provider for known in ISSUERS.values()]


class MovingKeys:
    """A source of keys that come and go, with a new generation each time; it counts how often it is
    asked."""

    def __init__(self, *keys: Key) -> None:
        self.generation = 0
        self.asked = 0
        self.change(*keys)

    def change(self, *keys: Key) -> None:
        """From now on these are the keys; there may be none."""
        self._keys = KeySet(keys) if keys else None
        self.generation += 1

    def find(self, kid: str | None) -> tuple[Key, ...]:
        """The keys that may verify a token with this `kid`."""
        self.asked += 1
        return self._keys.find(kid) if self._keys else ()
