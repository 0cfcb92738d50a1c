"""Key hygiene: what is no secret, no PEM and no curve point, and which algorithm a key can have."""

import base64
import hashlib
import hmac
import json
import secrets
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import jwt
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, rsa, x25519
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from jwt_middleware import ConfigurationError, InvalidToken, Key, KeySet
from jwt_middleware.trust import jws
from jwt_middleware.trust.key_material import ALGORITHMS, SMALL_ORDER
from tests.kit import edwards
from tests.kit.tokens import RSA, b64

ES256 = Key.generate()
EDDSA = Key.generate("EdDSA")


def name_of(value: object) -> str:
    """The id of a case: its name, and nothing for the bytes beside it."""
    return value if isinstance(value, str) and len(value) < 30 else ""


def private_pem(material: Any, encryption: Any = None) -> bytes:
    """The PEM (PKCS #8) of a private key."""
    return material.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption or NoEncryption())


def public_bytes(key: Key, encoding: Encoding, form: PublicFormat) -> bytes:
    """A public key in one of its forms."""
    return key.verifying_key.public_bytes(encoding, form)


def certificate(public: Any = None) -> x509.Certificate:
    """A certificate that the key ES256 issued, for itself or for another public key."""
    name, now = x509.Name([]), datetime.now(UTC)
    builder = x509.CertificateBuilder(
        name, name, public or ES256.verifying_key, 1, now, now + timedelta(days=1)
    )
    return builder.sign(ES256.signing_key, hashes.SHA256())


def documents() -> Iterator[tuple[str, bytes]]:
    """Texts that hold a key, and that are published or copied around as such."""
    yield "public PEM", public_bytes(ES256, Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    yield (
        "public PEM, indented",
        b"  \n" + public_bytes(RSA, Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
    )
    yield "public PKCS #1 PEM", public_bytes(RSA, Encoding.PEM, PublicFormat.PKCS1)
    yield "private PEM", ES256.to_pem()
    yield "public DER", public_bytes(ES256, Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    yield "public PKCS #1 DER", public_bytes(RSA, Encoding.DER, PublicFormat.PKCS1)
    yield "SSH RSA", public_bytes(RSA, Encoding.OpenSSH, PublicFormat.OpenSSH)
    yield "SSH ECDSA", public_bytes(ES256, Encoding.OpenSSH, PublicFormat.OpenSSH)
    yield "SSH Ed25519", public_bytes(EDDSA, Encoding.OpenSSH, PublicFormat.OpenSSH)
    yield "certificate PEM", certificate().public_bytes(Encoding.PEM)
    yield "certificate DER", certificate().public_bytes(Encoding.DER)
    yield "JWK", json.dumps(ES256.to_jwk()).encode()
    yield "JWK of a secret", json.dumps({"kty": "oct", "k": b64(secrets.token_bytes(32))}).encode()
    yield "JWKS", json.dumps({"keys": [ES256.to_jwk()]}).encode()
    yield "JWK in UTF-16", json.dumps(ES256.to_jwk()).encode("utf-16")
    pem = public_bytes(RSA, Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    yield "PEM, cut", pem[:200]
    yield "PEM in base64", base64.b64encode(pem)
    for kind, der in (
        ("public", public_bytes(RSA, Encoding.DER, PublicFormat.SubjectPublicKeyInfo)),
        ("certificate", certificate().public_bytes(Encoding.DER)),
        ("JWKS", json.dumps({"keys": [ES256.to_jwk()]}).encode()),
    ):
        yield f"{kind}, base64", base64.b64encode(der)
        yield f"{kind}, base64 in lines", base64.encodebytes(der)
        yield f"{kind}, base64url", base64.urlsafe_b64encode(der).rstrip(b"=")
        yield f"{kind}, hex", der.hex().upper().encode()
        for name in ("utf-16", "utf-16-be"):
            yield f"{kind}, base64 in {name}", base64.b64encode(der).decode().encode(name)


@pytest.mark.parametrize(
    "write",
    [bytes, base64.b64encode, base64.urlsafe_b64encode, base64.encodebytes, bytes.hex],
    ids=["bytes", "base64", "base64url", "lines", "hex"],
)
@pytest.mark.parametrize("size", [32, 48, 64, 256])
def test_a_random_secret_is_no_key_document(write: Callable[[bytes], Any], size: int) -> None:
    """However it is written, and if it starts like a DER key too."""
    for start in (b"", b"0\x82\x01\x22"):
        secret = start + secrets.token_bytes(size)
        assert Key.from_secret(write(secret)).algorithm == "HS256"


@pytest.mark.parametrize(("algorithm", "least"), [("HS256", 32), ("HS384", 48), ("HS512", 64)])
def test_a_secret_is_as_long_as_the_hash(algorithm: str, least: int) -> None:
    """One byte less is refused, bytes being counted and not letters (RFC 7518 section 3.2)."""
    assert Key.from_secret(b"s" * least, algorithm=algorithm).algorithm == algorithm
    assert Key.from_secret("\u00e9" * (least // 2), algorithm=algorithm)
    for short in (b"s" * (least - 1), "s" * (least - 1), b"", ""):
        with pytest.raises(ConfigurationError, match=f"at least {least} bytes"):
            Key.from_secret(short, algorithm=algorithm)


@pytest.mark.parametrize(("name", "document"), list(documents()), ids=name_of)
def test_a_key_document_is_no_secret(name: str, document: bytes) -> None:
    """A public key taken for a secret is known to everybody: no way to make a key takes one (RFC
    8725 section 2.1)."""
    for make in (
        lambda: Key.from_secret(document),
        lambda: Key.from_jwk({"kty": "oct", "k": b64(document)}),
        lambda: Key("HS256", None, document, document),
    ):
        with pytest.raises(ConfigurationError, match=r"Key\.from_pem or Key\.from_jwk"):
            make()


@pytest.mark.parametrize("secret", [None, 5, ["s" * 32], bytearray(32), "\ud800" * 32])
def test_a_secret_is_a_text_or_bytes(secret: Any) -> None:
    """Anything else is a configuration error, a text without UTF-8 too."""
    with pytest.raises(ConfigurationError, match="secret"):
        Key.from_secret(secret)


@pytest.mark.parametrize("algorithm", ["RS256", "ES256", "EdDSA", "none", "hs256", "", None])
def test_a_secret_has_an_hmac_algorithm(algorithm: Any) -> None:
    """An HMAC secret is never a key for a public-key algorithm, nor for none."""
    with pytest.raises(ConfigurationError, match="HS256, HS384, HS512"):
        Key.from_secret("s" * 64, algorithm=algorithm)


@pytest.mark.parametrize("algorithm", [name for name in ALGORITHMS if not name.startswith("HS")])
def test_a_generated_key_survives_its_pem(algorithm: str) -> None:
    """Private and public PEM give the key back: it verifies what the generated one signed."""
    key = (
        Key.generate(algorithm)
        if not algorithm.startswith(("RS", "PS"))
        else Key.from_pem(RSA.to_pem(), algorithm=algorithm)
    )
    public = public_bytes(key, Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    pyjwts_name = "EdDSA" if algorithm == "Ed25519" else algorithm
    signature = jwt.get_algorithm_by_name(pyjwts_name).sign(b"message", key.signing_key)
    for again in (
        Key.from_pem(key.to_pem(), algorithm=algorithm),
        Key.from_pem(public, algorithm=algorithm),
    ):
        assert again.verify(b"message", signature)
        assert not again.verify(b"massage", signature)
        assert again.thumbprint() == key.thumbprint()
    assert Key.from_pem(public).signing_key is None


def test_the_algorithm_of_a_pem_is_that_of_its_key() -> None:
    """RS256 for RSA, the one algorithm of the curve, EdDSA for Ed25519."""
    for key in (ES256, EDDSA, RSA, Key.generate("ES384"), Key.generate("ES512")):
        assert Key.from_pem(key.to_pem()).algorithm == key.algorithm


@pytest.mark.parametrize(
    ("key", "algorithms"),
    [
        (RSA, ("HS256", "ES256", "EdDSA", "none", "rs256")),
        (ES256, ("HS256", "RS256", "ES384", "ES512", "ES256K", "EdDSA")),
        (Key.generate("ES384"), ("ES256", "ES512")),
        (EDDSA, ("HS256", "RS256", "ES256", "Ed448", "ed25519")),
    ],
    ids=["RSA", "P-256", "P-384", "Ed25519"],
)
def test_a_key_has_no_algorithm_of_another_kind(key: Key, algorithms: tuple[str, ...]) -> None:
    """An algorithm of another family, or of another curve, is refused (RFC 7518 section 3.4)."""
    for algorithm in algorithms:
        with pytest.raises(ConfigurationError):
            Key.from_pem(key.to_pem(), algorithm=algorithm)


def _pem_of(kind: str, key: Key) -> bytes:
    if kind == "private":
        return key.to_pem()
    if kind == "certificate":
        return certificate(key.verifying_key).public_bytes(Encoding.PEM)
    return public_bytes(key, Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


@pytest.mark.parametrize("line_break", ["\n", "\r\n", "\\n", "\\r\\n"], ids=repr)
@pytest.mark.parametrize("kind", ["private", "public", "certificate"])
@pytest.mark.parametrize("key", [RSA, ES256, EDDSA], ids=lambda key: key.algorithm)
def test_a_pem_in_an_environment_variable(key: Key, kind: str, line_break: str) -> None:
    """A PEM gives the same key with each line break, a literal one too; a certificate gives its
    public key, which never signs."""
    pem = _pem_of(kind, key).decode().replace("\n", line_break)
    read = Key.from_pem(pem)
    assert (read.thumbprint(), read.algorithm) == (key.thumbprint(), key.algorithm)
    assert (read.signing_key is not None) == (kind == "private")


def unusable_pems() -> Iterator[tuple[str, Any]]:
    """PEMs of keys that JWS has no algorithm for, or that are too weak, or no PEM at all."""
    yield "RSA of 1024 bits", private_pem(rsa.generate_private_key(65537, 1024))
    yield "RSA of 2047 bits", rsa_public_pem((RSA.verifying_key.public_numbers().n >> 1) | 1, 65537)
    yield (
        "RSA with an even modulus",
        rsa_public_pem(RSA.verifying_key.public_numbers().n - 1, 65537),
    )
    yield "RSA with e = 1", rsa_public_pem(RSA.verifying_key.public_numbers().n, 1)
    yield "RSA with e = 2", rsa_public_pem(RSA.verifying_key.public_numbers().n, 2)
    yield "P-224", private_pem(ec.generate_private_key(ec.SECP224R1()))
    yield "secp256k1", private_pem(ec.generate_private_key(ec.SECP256K1()))
    yield "brainpool", private_pem(ec.generate_private_key(ec.BrainpoolP256R1()))
    yield "Ed448", private_pem(ed448.Ed448PrivateKey.generate())
    yield "X25519", private_pem(x25519.X25519PrivateKey.generate())
    yield "DSA", private_pem(dsa.generate_private_key(1024))
    yield (
        "encrypted",
        private_pem(ES256.signing_key, serialization.BestAvailableEncryption(b"passphrase")),
    )
    yield "certificate, cut", certificate().public_bytes(Encoding.PEM)[:100]
    yield (
        "certificate of Ed448",
        certificate(ed448.Ed448PrivateKey.generate().public_key()).public_bytes(Encoding.PEM),
    )
    yield "cut", ES256.to_pem()[:100]
    yield "DER", public_bytes(ES256, Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    yield from (
        ("empty", b""),
        ("text", "secret"),
        ("a marker alone", "-----BEGIN PRIVATE KEY-----"),
    )
    yield from (("no text", None), ("a number", 5), ("a lone surrogate", "\ud800"))


def rsa_public_pem(n: int, e: int) -> bytes:
    """The PEM (PKCS #1) of these two numbers, which no library would write."""
    body = b"".join(der(2, value.to_bytes(value.bit_length() // 8 + 1, "big")) for value in (n, e))
    return (
        b"-----BEGIN RSA PUBLIC KEY-----\n"
        + base64.b64encode(der(0x30, body))
        + b"\n-----END RSA PUBLIC KEY-----\n"
    )


def der(tag: int, content: bytes) -> bytes:
    """One DER element of at most 64 KiB (X.690 section 8.1)."""
    size = len(content)
    length = bytes([size]) if size < 128 else b"\x82" + size.to_bytes(2, "big")
    return bytes([tag]) + length + content


@pytest.mark.parametrize(("name", "pem"), list(unusable_pems()), ids=name_of)
def test_a_pem_that_will_not_do_is_refused(name: str, pem: Any) -> None:
    """Weak keys, keys that JWS has no algorithm for, and what is no PEM, are configuration
    errors."""
    with pytest.raises(ConfigurationError):
        Key.from_pem(pem)


def test_the_helper_writes_a_pem_that_is_read() -> None:
    """So the odd PEMs above are refused for their numbers."""
    numbers = RSA.verifying_key.public_numbers()
    assert Key.from_pem(rsa_public_pem(numbers.n, numbers.e)).thumbprint() == RSA.thumbprint()


@pytest.mark.parametrize("algorithm", ["RS256", "PS256"])
def test_a_signature_keeps_its_leading_zeros(algorithm: str) -> None:
    """A number of fewer bytes is not the signature, though it is the same number (RFC 8017 section
    8.1.2, step 1)."""
    key = Key.from_pem(RSA.to_pem(), algorithm=algorithm)
    sign = jwt.get_algorithm_by_name(algorithm).sign
    signed = (
        (str(number).encode(), sign(str(number).encode(), key.signing_key)) for number in count()
    )
    message, signature = next(pair for pair in signed if pair[1].startswith(b"\0"))
    assert key.verify(message, signature)
    assert not key.verify(message, signature[1:])
    assert not key.verify(message, b"\0" + signature)


def test_the_points_of_small_order_are_all_known() -> None:
    """The list in the package is what arithmetic on the curve finds: eight points with 8P = 0, in
    seven spellings of y."""
    found = edwards.points_of_small_order()
    assert len(found) == 8
    assert all(edwards.multiplied(8, p) == edwards.NEUTRAL for p in found)
    assert edwards.spellings_of_small_order() == SMALL_ORDER


def small_order_keys() -> Iterator[bytes]:
    """Each point of small order in each spelling, as the 32 bytes of a public key."""
    for y in sorted(SMALL_ORDER):
        for sign in (0, 1):
            yield (y | sign << 255).to_bytes(32, "little")


def jwks_with(raw: bytes, **members: str) -> dict[str, Any]:
    """A document with this Ed25519 key alone."""
    return {"keys": [{"kty": "OKP", "crv": "Ed25519", "x": b64(raw)} | members]}


def spki_pem(raw: bytes) -> bytes:
    """The public key as a PEM, written by hand: cryptography does not read every spelling (RFC 8410
    section 4)."""
    body = bytes.fromhex("302a300506032b6570032100") + raw
    return (
        b"-----BEGIN PUBLIC KEY-----\n" + base64.b64encode(body) + b"\n-----END PUBLIC KEY-----\n"
    )


WAYS_IN: dict[str, Callable[[bytes], object]] = {
    "JWK": lambda raw: Key.from_jwk(jwks_with(raw)["keys"][0]),
    "JWK with alg EdDSA": lambda raw: Key.from_jwk(jwks_with(raw, alg="EdDSA")["keys"][0]),
    "JWK with alg Ed25519": lambda raw: Key.from_jwk(jwks_with(raw, alg="Ed25519")["keys"][0]),
    "JWKS": lambda raw: KeySet.from_jwks(jwks_with(raw)),
    "JWKS as text": lambda raw: KeySet.from_jwks(json.dumps(jwks_with(raw))),
    "PEM": lambda raw: Key.from_pem(spki_pem(raw)),
    "PEM as a string": lambda raw: Key.from_pem(spki_pem(raw).decode(), algorithm="EdDSA"),
    "PEM named Ed25519": lambda raw: Key.from_pem(spki_pem(raw), algorithm="Ed25519"),
}


@pytest.mark.parametrize("way", WAYS_IN)
def test_a_key_of_small_order_is_refused_however_it_comes_in(way: str) -> None:
    """Under it one signature is good for every message, so no way in takes it."""
    for raw in small_order_keys():
        with pytest.raises(ConfigurationError):
            WAYS_IN[way](raw)
    good = EDDSA.verifying_key.public_bytes_raw()
    assert WAYS_IN[way](good)


def test_a_certificate_of_a_key_of_small_order_is_refused() -> None:
    """A certificate is not a PEM of a key at all, so its key never counts."""
    public = ed25519.Ed25519PublicKey.from_public_bytes(b"\1" + bytes(31))
    with pytest.raises(ConfigurationError):
        Key.from_pem(certificate(public).public_bytes(Encoding.PEM))


def test_small_order_matters() -> None:
    """Without the refusal a signature of one and zeros would be good for any message: cryptography
    itself takes such a key. So does PyJWT."""
    raw = b"\1" + bytes(31)
    public = ed25519.Ed25519PublicKey.from_public_bytes(raw)
    material = jwt.PyJWK(jwks_with(raw, alg="EdDSA")["keys"][0]).key
    for number in range(64):
        public.verify(b"\1" + bytes(63), str(number).encode())
        assert jwt.algorithms.OKPAlgorithm().verify(
            str(number).encode(), material, b"\1" + bytes(63)
        )


@pytest.mark.parametrize(
    ("make", "names"),
    [
        (lambda: Key.generate("EdDSA"), ("EdDSA",)),
        (lambda: Key.generate("Ed25519"), ("Ed25519",)),
        (lambda: Key.from_pem(EDDSA.to_pem()), ("EdDSA", "Ed25519")),
        (lambda: Key.from_pem(EDDSA.to_pem(), algorithm="Ed25519"), ("Ed25519",)),
        (lambda: Key.from_jwk(EDDSA.to_jwk()), ("EdDSA",)),
        (lambda: Key.from_jwk(EDDSA.to_jwk() | {"alg": "Ed25519"}), ("Ed25519",)),
        (
            lambda: Key.from_jwk({"kty": "OKP", "crv": "Ed25519", "x": EDDSA.to_jwk()["x"]}),
            ("EdDSA", "Ed25519"),
        ),
    ],
    ids=[
        *("generated EdDSA", "generated Ed25519", "PEM", "PEM named Ed25519"),
        *("JWK with EdDSA", "JWK with Ed25519", "JWK without alg"),
    ],
)
def test_an_ed25519_key_serves_the_names_that_nobody_took_away(
    make: Callable[[], Key], names: tuple[str, ...]
) -> None:
    """`EdDSA` and `Ed25519` are one algorithm of it; a key that was given one name has that name
    alone (RFC 9864)."""
    key = make()
    signer = EDDSA if key.signing_key is None else key
    for name in ("EdDSA", "Ed25519", "eddsa", "ed25519", "Ed448", "none", "HS256"):
        text = f"{b64(json.dumps({'alg': name}).encode())}.{b64(b'x')}".encode()
        token = f"{text.decode()}.{b64(signer.sign(text))}"
        if name in names:
            assert jws.verify(token, KeySet([key]))[1] == b"x"
        else:
            with pytest.raises(InvalidToken, match="algorithm"):
                jws.verify(token, KeySet([key]))
    assert key.algorithms == names
    assert key.algorithm == names[0]


def test_a_signature_is_the_keys_and_needs_a_private_part() -> None:
    """`sign` and `verify` are one pair for every algorithm; a public key signs nothing."""
    for algorithm in ALGORITHMS:
        key = RSA if algorithm.startswith(("RS", "PS")) else Key.generate(algorithm)
        assert key.verify(b"message", key.sign(b"message"))
        assert not key.verify(b"massage", key.sign(b"message"))
    with pytest.raises(ConfigurationError, match="private"):
        Key.from_jwk(ES256.to_jwk()).sign(b"message")


def test_a_secret_verifies_its_own_macs_alone() -> None:
    """Keys in turn do not disturb each other: each signature is good for one secret, algorithm and
    message, the first time and later."""
    pairs = [
        (Key.from_secret(secret * 64, algorithm=algorithm), getattr(hashlib, f"sha{algorithm[2:]}"))
        for secret in "st"
        for algorithm in ("HS256", "HS384", "HS512")
    ]
    messages = (b"", b"a.b", b"c.d" * 100)
    made = {
        (key, message): hmac.new(key.verifying_key, message, hash_).digest()
        for key, hash_ in pairs
        for message in messages
    }
    for _ in range(2):
        for (signer, signed), signature in made.items():
            good = [pair for pair in made if pair[0].verify(pair[1], signature)]
            assert good == [(signer, signed)]
            assert not signer.verify(signed, signature[:-1])
            assert not signer.verify(signed, b"")
