"""Forms of a JWK: which document is a key, and which is refused because readers differ over it (RFC
7517, RFC 7518 section 6, RFC 8037)."""

import json
from collections.abc import Iterator
from contextlib import AbstractContextManager
from functools import cache
from typing import Any, NamedTuple
from unittest.mock import patch

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from jwt_middleware import ConfigurationError, Key
from tests.kit import edwards
from tests.kit.tokens import ABSENT, RSA, b64, changed

_BASE64URL = "RFC 7515 section 2"
_SMALL_ORDER = "RFC 8032 section 5.1.7"


class KeyCase(NamedTuple):
    """A JWK, whether it is a good key, and where that stands."""

    name: str
    jwk: Any
    is_good: bool
    source: str


def is_usable(case: KeyCase) -> bool:
    """Whether this package takes the JWK."""
    try:
        Key.from_jwk(case.jwk)
    except ConfigurationError:
        return False
    return True


def pyjwt_takes(case: KeyCase) -> bool:
    """Whether PyJWT takes it; it raises a dozen kinds of exceptions."""
    try:
        jwt.PyJWK(case.jwk)
    except Exception:
        return False
    return True


class _CheckedNumbers:
    """The numbers of a private RSA key, which OpenSSL finds to belong together once for all cases
    that have the same."""

    private_key_of = staticmethod(cache(rsa.RSAPrivateNumbers.private_key))

    def __init__(self, **numbers: Any) -> None:
        self._numbers = rsa.RSAPrivateNumbers(**numbers)

    def private_key(self) -> rsa.RSAPrivateKey:
        return self.private_key_of(self._numbers)


def checked_once() -> AbstractContextManager[object]:
    """Within it PyJWT has OpenSSL check each private RSA key once. This takes 30 ms, and two cases
    in three differ elsewhere."""
    return patch.object(jwt.algorithms, "RSAPrivateNumbers", _CheckedNumbers)


def _fixed_key(kind: str, number: int) -> Key:
    """The same key in each run: whether a changed member is a key too can depend on the key."""
    private: Any = (
        ec.derive_private_key(2**200 + number, ec.SECP256R1())
        if kind == "EC"
        else ed25519.Ed25519PrivateKey.from_private_bytes(number.to_bytes(32, "big"))
    )
    pem = private.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return Key.from_pem(pem, algorithm="ES256" if kind == "EC" else "EdDSA")


def _full_rsa_key() -> Key:
    """A key whose numbers have their full length. About one in a hundred has a shorter one, whose
    text may have no unused bits, so that the corpus would have a case less."""
    key = RSA
    while True:
        jwk = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(key.signing_key))
        if all(len(jwk[name]) == 342 for name in ("n", "d")) and all(
            len(jwk[name]) == 171 for name in ("p", "q", "dp", "dq", "qi")
        ):
            return key
        key = Key.generate("RS256")


_SECRET = b64(bytes(range(97, 129)))  # a last character with unused bits
_PRIVATE_EC = json.loads(jwt.algorithms.ECAlgorithm.to_jwk(_fixed_key("EC", 1).signing_key))
_PRIVATE_OKP = json.loads(jwt.algorithms.OKPAlgorithm.to_jwk(_fixed_key("OKP", 2).signing_key))
_RSA = _full_rsa_key()
_PRIVATE_RSA = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(_RSA.signing_key))
for _members in (_PRIVATE_EC, _PRIVATE_OKP, _PRIVATE_RSA):
    _members.pop("key_ops", None)

GOOD: dict[str, dict[str, Any]] = {
    "oct": {"kty": "oct", "k": _SECRET},
    "EC": _fixed_key("EC", 3).to_jwk(),
    "OKP": _fixed_key("OKP", 4).to_jwk(),
    "RSA": Key.from_pem(_RSA.to_pem()).to_jwk(),
    "private EC": _PRIVATE_EC,
    "private OKP": _PRIVATE_OKP,
    "private RSA": _PRIVATE_RSA,
}
"""A good JWK of each kind."""

_BYTE_MEMBERS = {
    "oct": ("k",),
    "EC": ("x", "y"),
    "OKP": ("x",),
    "RSA": ("n", "e"),
    "private EC": ("x", "y", "d"),
    "private OKP": ("x", "d"),
    "private RSA": ("n", "e", "d", "p", "q", "dp", "dq", "qi"),
}
# Each spells the same bytes for a lenient reader, or other bytes than the author meant.
_SPELLINGS = {
    "padding": lambda text: text + "=" * (-len(text) % 4 or 4),
    "a foreign character": lambda text: text[:3] + "!" + text[3:],
    "a space": lambda text: text[:3] + " " + text[3:],
    "a blank at the end": lambda text: text + " ",
    "a line break": lambda text: text[:3] + "\n" + text[3:],
    "a dot": lambda text: text + ".",
    "a NUL": lambda text: text + "\0",
    "a plus sign": lambda text: "+" + text[1:],
    "a slash": lambda text: "/" + text[1:],
    "a letter of another script": lambda text: "\N{CYRILLIC CAPITAL LETTER A}" + text[1:],
    "a percent escape": lambda text: "%41" + text[1:],
    "one character more": lambda text: text + "A" * ((1 - len(text)) % 4 or 4),
    "nothing": lambda text: "",
}
_NO_STRINGS: tuple[Any, ...] = (None, 5, True, ["AQAB"], {"x": 1}, b"AQAB")


def cases() -> Iterator[KeyCase]:
    """All cases of this module."""
    for make in (_good, _bytes, _unused_bits, _names, _uses, _pairs, _small_order):
        yield from make()


def _good() -> Iterator[KeyCase]:
    for kind, jwk in GOOD.items():
        yield KeyCase(f"{kind}: as it should be", jwk, True, "RFC 7517 section 4")
        unknown = jwk | {"ext": True, "x5t": "?", "of tomorrow": [1]}
        yield KeyCase(f"{kind}: unknown members", unknown, True, "RFC 7517 section 4")
        bare = {name: jwk[name] for name in ("kty", "crv", *_BYTE_MEMBERS[kind]) if name in jwk}
        yield KeyCase(f"{kind}: nothing but what is required", bare, True, "RFC 7517 section 4")


def _bytes() -> Iterator[KeyCase]:
    for kind, names in _BYTE_MEMBERS.items():
        for name in names:
            text = GOOD[kind][name]
            for spelling, spell in _SPELLINGS.items():
                jwk = GOOD[kind] | {name: spell(text)}
                yield KeyCase(f"{kind}: {name} with {spelling}", jwk, False, _BASE64URL)
            for value in _NO_STRINGS:
                jwk = GOOD[kind] | {name: value}
                yield KeyCase(f"{kind}: {name} {value!r}", jwk, False, "RFC 7518 section 6")


def _unused_bits() -> Iterator[KeyCase]:
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    for kind, names in _BYTE_MEMBERS.items():
        for name in names:
            text = GOOD[kind][name]
            if len(text) % 4:
                other = alphabet[alphabet.index(text[-1]) + 1]
                jwk = GOOD[kind] | {name: text[:-1] + other}
                yield KeyCase(f"{kind}: {name} with a dropped bit", jwk, False, _BASE64URL)


def _names() -> Iterator[KeyCase]:
    for kind, jwk in GOOD.items():
        for name, source in (("alg", "RFC 7517 section 4.4"), ("kid", "RFC 7517 section 4.5")):
            for value in (None, 0, 5, "", [], ["ES256"], {}, True, False):
                case = jwk | {name: value}
                yield KeyCase(f"{kind}: {name} {value!r}", case, False, source)
        for value in ("none", "None", "es256", "HS256 ", "ES256K", "dir", "RSA-OAEP", "X"):
            case = jwk | {"alg": value}
            yield KeyCase(f"{kind}: alg {value!r}", case, False, "RFC 7517 section 4.4")
        for value in (None, 5, "", "ec", "rsa", "Oct", "AKP", "EC ", ["EC"], ABSENT):
            case = changed(jwk, {"kty": value})
            shown = "absent" if value is ABSENT else repr(value)
            yield KeyCase(f"{kind}: kty {shown}", case, False, "RFC 7517 section 4.1")
        yield KeyCase(f"{kind}: a kid", jwk | {"kid": "a\nb"}, True, "RFC 7517 section 4.5")
    for alg in ("EdDSA", "Ed25519"):
        jwk = GOOD["OKP"] | {"alg": alg}
        yield KeyCase(f"OKP: alg {alg}", jwk, True, "RFC 9864 section 2.2")


def _uses() -> Iterator[KeyCase]:
    source = "RFC 7517 sections 4.2 and 4.3"
    for kind, jwk in GOOD.items():
        for use in (None, "", "enc", "SIG", "sig ", 5, ["sig"], {}, True):
            yield KeyCase(f"{kind}: use {use!r}", jwk | {"use": use}, False, source)
        for operations in (
            *(None, "", "verify", 5, {}, {"verify": 1}, [], ["encrypt"], ["VERIFY"]),
            *(["verify", "verify"], ["verify", "sign", "sign"], ["verify", 5], [5], [None]),
            *(["verify", ["sign"]], ["verify", {}], [["verify"]], ("verify",)),
        ):
            case = jwk | {"key_ops": operations}
            yield KeyCase(f"{kind}: key_ops {operations!r}", case, False, source)
        for operations in (["verify"], ["sign", "verify"], ["verify", "of tomorrow"]):
            case = jwk | {"key_ops": operations}
            yield KeyCase(f"{kind}: key_ops {operations!r}", case, True, source)


def _pairs() -> Iterator[KeyCase]:
    """A private key beside another one's public members: readers differ over whose it is."""
    for kind, name in (("private EC", "x"), ("private EC", "d"), ("private OKP", "x")):
        fresh = _fixed_key(kind.removeprefix("private "), 5)
        algorithms = jwt.algorithms
        algorithm = algorithms.ECAlgorithm if kind == "private EC" else algorithms.OKPAlgorithm
        other = json.loads(algorithm.to_jwk(fresh.signing_key))
        jwk = GOOD[kind] | {name: other[name]}
        if name == "x" and "y" in other:
            jwk |= {"y": other["y"]}
        yield KeyCase(f"{kind}: {name} of another key", jwk, False, "RFC 7518 section 6.2.2")


def _small_order() -> Iterator[KeyCase]:
    for y in sorted(edwards.spellings_of_small_order()):
        for sign in (0, 1):
            raw = (y | sign << 255).to_bytes(32, "little")
            for alg in ("EdDSA", "Ed25519", ABSENT):
                jwk = changed({"kty": "OKP", "crv": "Ed25519", "x": b64(raw)}, {"alg": alg})
                shown = "no alg" if alg is ABSENT else alg
                name = f"OKP of small order {y % 2**32:x} sign {sign}, {shown}"
                yield KeyCase(name, jwk, False, _SMALL_ORDER)
    raw = ed25519.Ed25519PrivateKey.from_private_bytes(bytes(32)).public_key().public_bytes_raw()
    jwk = {"kty": "OKP", "crv": "Ed25519", "x": b64(raw)}
    yield KeyCase("OKP of the large order", jwk, True, _SMALL_ORDER)
