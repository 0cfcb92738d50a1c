"""Signatures of the right algorithm that are not right: cut, stretched, forged, of another form."""

import hashlib
from base64 import b64encode
from collections.abc import Iterator
from itertools import count
from typing import Any

import jwt
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from tests.kit.tokens import ISSUERS, b64, compact, json_bytes, signing_input

from .case import Case, bad, good

# The orders of the groups: FIPS 186-4 appendix D.1.2 and RFC 8032 section 5.1
_P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
_P256_FIELD = 2**256 - 2**224 + 2**192 + 2**96 - 1
_ED25519_ORDER = 2**252 + 27742317777372353535851937790883648493

_SHA256_INFO = bytes.fromhex(
    "3031300d060960864801650304020105000420"
)  # RFC 8017 section 9.2, note 1
_SHA256_INFO_WITHOUT_NULL = bytes.fromhex("302f300b0609608648016503040201") + b"\x04\x20"
_SHA1_INFO = bytes.fromhex("3021300906052b0e03021a05000414")


def cases() -> Iterator[Case]:
    """All cases of this module."""
    for name, forgeries in _FORGERIES.items():
        known = ISSUERS[name]
        for number in count():
            header, claims = known.header(), known.claims(jti=f"forged {number}")
            text = signing_input(header, claims)
            genuine = jwt.get_algorithm_by_name(known.key.algorithm).sign(
                text, known.key.signing_key
            )
            if genuine[
                0
                # Without a leading zero some libraries take it, once in 256 runs: see test_keys.py.
            ]:
                break
        for form, signature in (*_of_any_kind(genuine), *forgeries(text, genuine)):
            token = compact(header, claims, signature)
            yield bad(f"{name} signature: {form}", token, "signature", "RFC 7515 section 5.2", name)
    yield from _spliced()
    yield from _malleable()


def _of_any_kind(genuine: bytes) -> Iterator[tuple[str, bytes]]:
    yield "none at all", b""
    yield "one byte", b"\0"
    yield "zeros", bytes(len(genuine))
    yield "ones", b"\xff" * len(genuine)
    yield "without the last byte", genuine[:-1]
    yield "without the first byte", genuine[1:]
    yield "half", genuine[: len(genuine) // 2]
    yield "with a zero after it", genuine + b"\0"
    yield "with a zero before it", b"\0" + genuine
    yield "twice", genuine * 2
    yield "backwards", genuine[::-1]
    yield "first bit flipped", bytes([genuine[0] ^ 0x80]) + genuine[1:]
    yield "last bit flipped", genuine[:-1] + bytes([genuine[-1] ^ 1])
    yield "as hexadecimal text", genuine.hex().encode()
    yield "as base64 text", b64encode(genuine)


def _hmac_forgeries(text: bytes, genuine: bytes) -> Iterator[tuple[str, bytes]]:
    known = ISSUERS["hs256"]
    sign = jwt.get_algorithm_by_name("HS256").sign
    yield "of the payload alone", sign(text.partition(b".")[2], known.key.signing_key)
    yield (
        "of the decoded parts",
        sign(json_bytes(known.header()) + b"." + json_bytes(known.claims()), HS_SECRET),
    )
    yield "of the text and a dot", sign(text + b".", HS_SECRET)
    yield "of nothing", sign(b"", HS_SECRET)
    yield "plain SHA-256", hashlib.sha256(HS_SECRET + text).digest()


def _rsa_forgeries(text: bytes, genuine: bytes) -> Iterator[tuple[str, bytes]]:
    """Numbers out of range, and blocks that only a lax reader of PKCS #1 takes (RFC 8017 sections
    8.2.2 and 9.2)."""
    private: Any = ISSUERS["rs256"].key.signing_key
    n, numbers = private.public_key().public_numbers().n, private.private_numbers()
    for name, number in (
        ("1", 1),
        ("n - 1", n - 1),
        ("n", n),
        ("n - s", n - int.from_bytes(genuine, "big")),
    ):
        yield name, number.to_bytes(256, "big")
    digest, sha1 = hashlib.sha256(text).digest(), hashlib.sha1(text).digest()
    for name, block in {
        "no DigestInfo": _padded(digest),
        "DigestInfo without NULL": _padded(_SHA256_INFO_WITHOUT_NULL + digest),
        "SHA-1": _padded(_SHA1_INFO + sha1),
        "SHA-256 named, SHA-1 given": _padded(_SHA256_INFO + sha1),
        "block type 2": b"\0\2" + _padded(_SHA256_INFO + digest)[2:],
        "block type 0": b"\0\0" + _padded(_SHA256_INFO + digest)[2:],
        "another filler": _padded(_SHA256_INFO + digest, filler=b"\xfe"),
        "no end of the filler": _padded(_SHA256_INFO + digest).replace(b"\xff\0", b"\xff\xff", 1),
        "garbage after the digest": b"\0\1"
        + b"\xff" * 8
        + b"\0"
        + (_SHA256_INFO + digest).ljust(245, b"\x2a"),
        "garbage before DigestInfo": b"\0\1"
        + b"\xff" * 8
        + b"\0"
        + (_SHA256_INFO + digest).rjust(245, b"\x2a"),
    }.items():
        yield name, _raised(int.from_bytes(block, "big"), numbers).to_bytes(256, "big")


def _raised(number: int, key: rsa.RSAPrivateNumbers) -> int:
    """Raise to the private exponent modulo each prime, which takes a quarter of the time (RFC 8017
    section 5.1.2)."""
    by_p, by_q = pow(number, key.dmp1, key.p), pow(number, key.dmq1, key.q)
    return by_q + (by_p - by_q) * key.iqmp % key.p * key.q


def _padded(content: bytes, filler: bytes = b"\xff") -> bytes:
    return b"\0\1" + filler * (253 - len(content)) + b"\0" + content


def _pss_forgeries(text: bytes, genuine: bytes) -> Iterator[tuple[str, bytes]]:
    """RFC 7518 section 3.5: the salt is as long as the hash, and MGF1 uses the same hash."""
    private: Any = ISSUERS["ps256"].key.signing_key
    sha1, sha256 = hashes.SHA1(), hashes.SHA256()
    for name, mask, salt in (
        ("no salt", sha256, 0),
        ("a salt of 20 bytes", sha256, 20),
        ("a salt of 64 bytes", sha256, 64),
        ("the longest salt", sha256, padding.PSS.MAX_LENGTH),
        ("MGF1 with SHA-1", sha1, 32),
    ):
        yield (
            name,
            private.sign(text, padding.PSS(mgf=padding.MGF1(mask), salt_length=salt), sha256),
        )
    yield "PKCS #1 v1.5", private.sign(text, padding.PKCS1v15(), sha256)


def _ecdsa_forgeries(text: bytes, genuine: bytes) -> Iterator[tuple[str, bytes]]:
    """RFC 7518 section 3.4: r and s as 32 bytes each; 0 and the order are no values of theirs
    (CVE-2022-21449)."""
    r, s = (int.from_bytes(half, "big") for half in (genuine[:32], genuine[32:]))
    for name, pair in {
        "r = 0": (0, s),
        "s = 0": (r, 0),
        "r = s = 1": (1, 1),
        "r = s = n": (_P256_ORDER, _P256_ORDER),
        "s = n": (r, _P256_ORDER),
        "r = p": (_P256_FIELD, s),
        "r negated": (_P256_ORDER - r, s),
        "r and s swapped": (s, r),
    }.items():
        yield name, b"".join(number.to_bytes(32, "big") for number in pair)
    yield "DER", encode_dss_signature(r, s)
    yield "as long as ES384", b"".join(number.to_bytes(48, "big") for number in (r, s))
    yield "as long as ES512", b"".join(number.to_bytes(66, "big") for number in (r, s))


def _eddsa_forgeries(text: bytes, genuine: bytes) -> Iterator[tuple[str, bytes]]:
    """RFC 8032 section 5.1.7: S below the order of the group."""
    s = int.from_bytes(genuine[32:], "little")
    yield "S plus the order", genuine[:32] + (s + _ED25519_ORDER).to_bytes(32, "little")
    yield "S negated", genuine[:32] + (_ED25519_ORDER - s).to_bytes(32, "little")
    yield "R of small order, S = 0", b"\1" + bytes(63)
    yield "R not canonical, S = 0", (2**255 - 18).to_bytes(32, "little") + bytes(32)
    yield "R negated", genuine[:31] + bytes([genuine[31] ^ 0x80]) + genuine[32:]
    yield "R and S swapped", genuine[32:] + genuine[:32]


def _spliced() -> Iterator[Case]:
    """Parts of two good tokens put together."""
    known = ISSUERS["hs256"]
    one, other = (
        known.token(sub="one").split("."),
        known.token({"kid": "x"}, sub="other").split("."),
    )
    for name, parts in {
        "another payload": (one[0], other[1], one[2]),
        "another header": (other[0], one[1], one[2]),
        "another signature": (one[0], one[1], other[2]),
    }.items():
        yield bad(f"spliced: {name}", ".".join(parts), "signature", "RFC 7515 section 5.2")
    for name in ("es384", "es512"):
        known = ISSUERS[name]
        size = {"es384": 96, "es512": 132}[name]
        token = compact(known.header(), known.claims(), bytes(size))
        yield bad(f"{name}: r = s = 0", token, "signature", "RFC 7518 section 3.4", name)


def _malleable() -> Iterator[Case]:
    """Standard ECDSA: with s, n - s is a signature too. And RSA's s + n is none, though it is the
    same residue."""
    known = ISSUERS["es256"]
    text, _, signature = known.token().rpartition(".")
    raw = jwt.utils.base64url_decode(signature)
    mirrored = (_P256_ORDER - int.from_bytes(raw[32:], "big")).to_bytes(32, "big")
    token = f"{text}.{b64(raw[:32] + mirrored)}"
    yield good("es256 signature with n - s for s", token, "FIPS 186-4 section 6.4", "es256")
    known = ISSUERS["rs256"]
    n = known.key.verifying_key.public_numbers().n
    for attempt in count():
        text, _, signature = known.token(jti=str(attempt)).rpartition(".")
        shifted = int.from_bytes(jwt.utils.base64url_decode(signature), "big") + n
        if shifted < 2**2048:
            break
    yield bad(
        "rs256 signature: s + n",
        f"{text}.{b64(shifted.to_bytes(256, 'big'))}",
        "signature",
        "RFC 8017 section 5.2.2",
        "rs256",
    )


HS_SECRET: bytes = ISSUERS["hs256"].key.signing_key
_FORGERIES: dict[str, Any] = {
    "hs256": _hmac_forgeries,
    "rs256": _rsa_forgeries,
    "ps256": _pss_forgeries,
    "es256": _ecdsa_forgeries,
    "eddsa": _eddsa_forgeries,
}
