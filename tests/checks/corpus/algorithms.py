"""Which algorithm: none, near misses, other algorithms of the same key, and public keys taken for
secrets."""

import hashlib
import hmac
import json
from collections.abc import Iterator
from typing import Any

import jwt
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from jwt_middleware import Key
from tests.kit.tokens import (
    ABSENT,
    HS256,
    ISSUERS,
    RSA,
    Issuer,
    b64,
    compact,
    key_of,
    nameless,
    sign,
    signing_input,
)

from .case import Case, bad, good

_ASYMMETRIC = ("rs256", "ps256", "es256", "eddsa")
_NONE = (
    "none",
    "None",
    "NONE",
    "nOnE",
    "none ",
    " none",
    "none\0",
    "n\N{CYRILLIC SMALL LETTER O}ne",
)
_WRONG_TYPES = (
    ABSENT,
    None,
    True,
    False,
    0,
    1,
    1.5,
    [],
    ["HS256"],
    ["RS256"],
    {},
    {"alg": "HS256"},
)
_NEAR_MISSES = (
    *(
        "",
        "hs256",
        "Hs256",
        "HS256 ",
        " HS256",
        "HS256\n",
        "HS256\0",
        "HS-256",
        "HS256,none",
        "HMAC",
        "sha256",
    ),
    *(
        "HS1",
        "HS128",
        "HS224",
        "HS257",
        "HS2560",
        "\N{FULLWIDTH LATIN CAPITAL LETTER H}S256",
        "RS256",
        "PS256",
    ),
    *(
        "ES256",
        "ES256K",
        "EdDSA",
        "Ed25519",
        "Ed448",
        "dir",
        "A128KW",
        "A256GCMKW",
        "RSA-OAEP",
        "RSA1_5",
        "ECDH-ES",
    ),
    *("PBES2-HS256+A128KW", "http://www.w3.org/2001/04/xmldsig-more#hmac-sha256"),
)
# The algorithm of the issuer, and others that its key can compute just as well.
_OTHER_ALGORITHMS = {
    "rs256": ("RS384", "RS512", "PS256", "PS384", "PS512"),
    "rs512": ("RS256", "RS384"),
    "ps256": ("PS384", "PS512", "RS256", "RS384", "RS512"),
    "hs512": ("HS256", "HS384"),
}
_ALGORITHMS = [name for name, known in ISSUERS.items() if name == known.key.algorithm.lower()]


def cases() -> Iterator[Case]:
    """All cases of this module."""
    for make in (
        _controls,
        _nones,
        _wrong_types,
        _near_misses,
        _others,
        _lies,
        _confusions,
        _foreign,
        _borrowed,
    ):
        yield from make()


def _controls() -> Iterator[Case]:
    for name in _ALGORITHMS:
        yield good(
            f"a token signed with {name}", ISSUERS[name].token(), "RFC 7518 section 3.1", name
        )


def _nones() -> Iterator[Case]:
    for name in ("hs256", *_ASYMMETRIC):
        known = ISSUERS[name]
        for alg in _NONE:
            token = compact(known.header(alg=alg), known.claims(), b"")
            yield bad(
                f"alg {alg!r} without a signature to {name}",
                token,
                "algorithm",
                "RFC 8725 section 3.1",
                name,
            )
        token = known.token({"alg": "none"})
        yield bad(
            f"alg none with the signature of {name}",
            token,
            "algorithm",
            "RFC 8725 section 3.1",
            name,
        )


def _wrong_types() -> Iterator[Case]:
    for name in ("hs256", "rs256"):
        for alg in _WRONG_TYPES:
            shown = "absent" if alg is ABSENT else json.dumps(alg)
            token = ISSUERS[name].token({"alg": alg})
            yield bad(f"alg {shown} to {name}", token, "malformed", "RFC 7515 section 4.1.1", name)


def _near_misses() -> Iterator[Case]:
    for alg in _NEAR_MISSES:
        token = ISSUERS["hs256"].token({"alg": alg})
        yield bad(
            f"alg {alg!r} with the signature of HS256", token, "algorithm", "RFC 7515 section 4.1.1"
        )


def _others() -> Iterator[Case]:
    source = "RFC 8725 section 3.1"
    for name, algorithms in _OTHER_ALGORITHMS.items():
        known = ISSUERS[name]
        for algorithm in algorithms:
            token = sign(known.header(alg=algorithm), known.claims(), key_of(algorithm, known.key))
            yield bad(f"the key of {name} used with {algorithm}", token, "algorithm", source, name)
    known = ISSUERS["es256"]
    token = _signed_by_object(
        known, "ES384", jwt.algorithms.ECAlgorithm(jwt.algorithms.ECAlgorithm.SHA384)
    )
    yield bad("a P-256 key used with SHA-384", token, "algorithm", "RFC 7518 section 3.4", "es256")
    for algorithm in ("Ed25519", "Ed448", "ES256K", "eddsa"):
        token = ISSUERS["eddsa"].token({"alg": algorithm})
        yield bad(
            f"the signature of EdDSA named {algorithm}",
            token,
            "algorithm",
            "RFC 8037 section 3.1",
            "eddsa",
        )


def _lies() -> Iterator[Case]:
    """The header names the right algorithm, the signature is of another."""
    for name, algorithm in (
        ("rs256", "PS256"),
        ("rs256", "RS512"),
        ("ps256", "RS256"),
        ("ps256", "PS384"),
    ):
        known = ISSUERS[name]
        token = sign(known.header(), known.claims(), key_of(algorithm, known.key))
        yield bad(
            f"named {name}, signed with {algorithm}",
            token,
            "signature",
            "RFC 7515 section 5.2",
            name,
        )
    known = ISSUERS["es256"]
    token = _signed_by_object(
        known, "ES256", jwt.algorithms.ECAlgorithm(jwt.algorithms.ECAlgorithm.SHA512)
    )
    yield bad(
        "named es256, signed with SHA-512", token, "signature", "RFC 7518 section 3.4", "es256"
    )
    for digest in ("sha1", "sha384", "sha512", "md5"):
        token = _mac("hs256", "HS256", HS256.signing_key, digest)
        yield bad(
            f"named hs256, signed with HMAC {digest}", token, "signature", "RFC 7518 section 3.2"
        )


def _confusions() -> Iterator[Case]:
    """An HMAC whose secret is the public key in every form it may be found in (RFC 8725 section
    2.1)."""
    for name in _ASYMMETRIC:
        for form, secret in _public_forms(ISSUERS[name].key):
            token = _mac(name, "HS256", secret)
            yield bad(
                f"HMAC with the {form} of {name}", token, "algorithm", "RFC 8725 section 2.1", name
            )
        pem = dict(_public_forms(ISSUERS[name].key))["PEM"]
        for alg, digest in (("HS384", "sha384"), ("HS512", "sha512")):
            token = _mac(name, alg, pem, digest)
            yield bad(
                f"{alg} with the PEM of {name}", token, "algorithm", "RFC 8725 section 2.1", name
            )
        token = _mac(name, ISSUERS[name].key.algorithm, pem)
        yield bad(
            f"HMAC with the PEM of {name} under its name",
            token,
            "signature",
            "RFC 8725 section 2.1",
            name,
        )


def _public_forms(key: Key) -> Iterator[tuple[str, bytes]]:
    public: Any = key.verifying_key
    pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    jwk = key.to_jwk()
    yield "PEM", pem
    yield "PEM without its last newline", pem.rstrip()
    yield "PEM with CR LF", pem.replace(b"\n", b"\r\n")
    yield "body of the PEM", b"".join(pem.splitlines()[1:-1])
    yield "DER", public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    yield "SSH form", public.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
    yield "JWK", json.dumps(jwk).encode()
    yield "compact JWK", json.dumps(jwk, separators=(",", ":")).encode()
    yield "JWKS", json.dumps({"keys": [jwk]}).encode()
    yield "thumbprint", key.thumbprint().encode()
    yield "first number", jwk.get("n", jwk.get("x", "")).encode()
    yield "emptiness", b""
    if key.algorithm in ("RS256", "PS256"):
        yield "PKCS #1 PEM", public.public_bytes(Encoding.PEM, PublicFormat.PKCS1)
        yield "PKCS #1 DER", public.public_bytes(Encoding.DER, PublicFormat.PKCS1)
        yield "modulus", public.public_numbers().n.to_bytes(256, "big")
    if key.algorithm == "ES256":
        yield "point", public.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        yield "compressed point", public.public_bytes(Encoding.X962, PublicFormat.CompressedPoint)
    if key.algorithm == "EdDSA":
        yield "raw form", public.public_bytes_raw()


def _foreign() -> Iterator[Case]:
    strangers = {"RS": nameless("RS256")}
    strangers["PS"] = strangers["RS"]
    for name in _ALGORITHMS:
        known = ISSUERS[name]
        algorithm = known.key.algorithm
        stranger = strangers.get(algorithm[:2])
        key = key_of(algorithm, stranger) if stranger else nameless(algorithm)
        token = sign(known.header(), known.claims(), key)
        yield bad(f"{name} signed by a stranger", token, "signature", "RFC 7515 section 5.2", name)


def _borrowed() -> Iterator[Case]:
    """Tokens that one trusted issuer signs in the name of another (RFC 8725 section 3.8)."""
    pairs = (
        ("hs256", "hs512", "algorithm"),
        ("rs256", "es256", "algorithm"),
        ("kids", "es256", "signature"),
    )
    for name, signer, reason in (
        *pairs,
        ("es256", "kids", "signature"),
        ("hs256", "rs256", "algorithm"),
    ):
        token = ISSUERS[signer].token(iss=ISSUERS[name].provider.issuer)
        yield bad(f"{signer} signs as {name}", token, reason, "RFC 8725 section 3.8", name)
    token = sign(
        ISSUERS["rs256"].header(), ISSUERS["rs256"].claims(), key_of("RS256", ISSUERS["ps256"].key)
    )
    yield bad(
        "the RSA key of ps256 signs as rs256", token, "signature", "RFC 8725 section 3.8", "rs256"
    )
    token = sign(ISSUERS["rs512"].header(), ISSUERS["rs512"].claims(), key_of("RS512", RSA))
    yield good(
        "one RSA key, two issuers, each its algorithm", token, "RFC 8725 section 3.1", "rs512"
    )


def _mac(name: str, alg: str, secret: bytes, digest: str = "sha256") -> str:
    known = ISSUERS[name]
    text = signing_input(known.header(alg=alg), known.claims())
    return f"{text.decode()}.{b64(hmac.new(secret, text, getattr(hashlib, digest)).digest())}"


def _signed_by_object(known: Issuer, alg: str, algorithm: jwt.algorithms.Algorithm) -> str:
    header, claims = known.header(alg=alg), known.claims()
    return compact(
        header, claims, algorithm.sign(signing_input(header, claims), known.key.signing_key)
    )
