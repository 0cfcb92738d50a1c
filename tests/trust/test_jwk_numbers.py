"""The numbers of a JWK: each in its one form, good enough, and belonging to the others."""

from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from jwt_middleware import ConfigurationError, Key, KeySet
from jwt_middleware.trust.encoding import decode_base64url, encode_base64url

_RSA = rsa.generate_private_key(65537, 2048)
_OTHER_RSA = rsa.generate_private_key(65537, 2048)
_EC = {
    name: (ec.generate_private_key(curve), ec.generate_private_key(curve), size)
    for name, curve, size in (
        ("P-256", ec.SECP256R1(), 32),
        ("P-384", ec.SECP384R1(), 48),
        ("P-521", ec.SECP521R1(), 66),
    )
}


def _text(number: int, size: int | None = None) -> str:
    size = size if size is not None else max(1, (number.bit_length() + 7) // 8)
    return encode_base64url(number.to_bytes(size, "big")).decode()


def rsa_jwk(key: rsa.RSAPrivateKey = _RSA, *, private: bool = False) -> dict[str, str]:
    """Return an RSA key as a JWK."""
    numbers = key.private_numbers()
    public = numbers.public_numbers
    jwk = {"kty": "RSA", "n": _text(public.n), "e": _text(public.e)}
    if private:
        jwk |= {
            "d": _text(numbers.d),
            "p": _text(numbers.p),
            "q": _text(numbers.q),
            "dp": _text(numbers.dmp1),
            "dq": _text(numbers.dmq1),
            "qi": _text(numbers.iqmp),
        }
    return jwk


def ec_jwk(curve: str, *, other: bool = False) -> dict[str, str]:
    """Return a private EC key as a JWK."""
    key, size = _EC[curve][1 if other else 0], _EC[curve][2]
    numbers = key.private_numbers()
    return {
        "kty": "EC",
        "crv": curve,
        "x": _text(numbers.public_numbers.x, size),
        "y": _text(numbers.public_numbers.y, size),
        "d": _text(numbers.private_value, size),
    }


def with_zero(text: str) -> str:
    """Return the number with a zero byte in front."""
    return encode_base64url(b"\0" + decode_base64url(text.encode())).decode()


N = _RSA.public_key().public_numbers().n
PUBLIC, PRIVATE, FOREIGN = rsa_jwk(), rsa_jwk(private=True), rsa_jwk(_OTHER_RSA, private=True)
BAD_RSA: dict[str, tuple[dict[str, str], str]] = {
    "n with a zero in front": ({**PUBLIC, "n": with_zero(PUBLIC["n"])}, '"n"'),
    "e with a zero in front": ({**PUBLIC, "e": with_zero(PUBLIC["e"])}, '"e"'),
    "n of zeros": ({**PUBLIC, "n": _text(0, 256)}, '"n"'),
    "e of zero": ({**PUBLIC, "e": "AA"}, '"e"'),
    "e of 1": ({**PUBLIC, "e": _text(1)}, '"e"'),
    "e of 2": ({**PUBLIC, "e": _text(2)}, '"e"'),
    "e of 3": ({**PUBLIC, "e": _text(3)}, '"e"'),
    "e of 17": ({**PUBLIC, "e": _text(17)}, '"e"'),
    "e of 65535": ({**PUBLIC, "e": _text(65535)}, '"e"'),
    "e even": ({**PUBLIC, "e": _text(65538)}, '"e"'),
    "e huge": ({**PUBLIC, "e": _text(2**256 + 1)}, '"e"'),
    "e as great as n": ({**PUBLIC, "e": _text(N - 2)}, '"e"'),
    "n even": ({**PUBLIC, "n": _text(N - 1)}, '"n"'),
    "n of 2047 bits": ({**PUBLIC, "n": _text(2**2046 + 1)}, '"n"'),
    "n of 1024 bits": ({**PUBLIC, "n": _text(2**1023 + 1)}, '"n"'),
    "n of 8 bits": ({**PUBLIC, "n": _text(255)}, '"n"'),
    "n of 16385 bits": ({**PUBLIC, "n": _text(2**16384 + 1)}, '"n"'),
    **{
        f"{name} with a zero in front": ({**PRIVATE, name: with_zero(PRIVATE[name])}, f'"{name}"')
        for name in ("d", "p", "q", "dp", "dq", "qi")
    },
    **{
        f"{name} of another key": ({**PRIVATE, name: FOREIGN[name]}, f'"{name}"')
        for name in ("n", "d", "p", "q", "dp", "dq", "qi")
    },
    "d alone, of another key": ({**PUBLIC, "d": FOREIGN["d"]}, '"d"'),
    "p missing": ({name: text for name, text in PRIVATE.items() if name != "p"}, '"p"'),
}


def bad_ec() -> dict[str, tuple[dict[str, Any], str]]:
    """Return EC keys with one fault each, and the member that a message names."""
    found: dict[str, tuple[dict[str, Any], str]] = {}
    for curve, (_, _, size) in _EC.items():
        good, other = ec_jwk(curve), ec_jwk(curve, other=True)
        public = {name: text for name, text in good.items() if name != "d"}
        found |= {
            f"{curve}, {name} with a zero in front": (
                {**good, name: with_zero(good[name])},
                f'"{name}" must have {size} bytes',
            )
            for name in ("x", "y", "d")
        }
        found |= {
            f"{curve}, {name} short": (
                {**good, name: _text(1, size - 1)},
                f'"{name}" must have {size} bytes',
            )
            for name in ("x", "y", "d")
        }
        found |= {
            f"{curve}, off the curve": ({**public, "y": other["y"]}, '"x" and "y"'),
            f"{curve}, zero": ({**public, "x": _text(0, size), "y": _text(0, size)}, '"x"'),
            f"{curve}, x beyond the field": ({**public, "x": _text(2 ** (8 * size) - 1)}, '"x"'),
            f"{curve}, d of another": ({**good, "d": other["d"]}, '"d"'),
            f"{curve}, d of zero": ({**good, "d": _text(0, size)}, '"d"'),
            f"{curve}, no curve": ({**good, "crv": None}, '"crv"'),
            f"{curve}, another curve": ({**good, "crv": "secp256k1"}, '"crv"'),
        }
    return found


BAD = BAD_RSA | bad_ec()


@pytest.mark.parametrize(("jwk", "member"), BAD.values(), ids=BAD)
def test_a_number_that_is_wrong_is_named(jwk: dict[str, Any], member: str) -> None:
    """The message names the member, and shows nothing of a private one. A document leaves the key
    out."""
    with pytest.raises(ConfigurationError) as error:
        Key.from_jwk(jwk)
    assert member in str(error.value)
    secrets = [jwk[name] for name in ("d", "p", "q", "dp", "dq", "qi") if name in jwk]
    assert not any(text in str(error.value) for text in secrets if len(text) > 8)
    good = {**PUBLIC, "kid": "good"}
    assert [key.id for key in KeySet.from_jwks({"keys": [jwk, good]}).keys] == ["good"]


@pytest.mark.parametrize("private", [False, True])
def test_good_numbers_are_taken(private: bool) -> None:
    """Of RSA and each curve, with zeros in front where a coordinate has them."""
    Key.from_jwk(rsa_jwk(private=private))
    for curve in _EC:
        jwk = ec_jwk(curve)
        Key.from_jwk(jwk if private else {name: jwk[name] for name in jwk if name != "d"})


def test_an_exponent_in_a_pem_counts_too() -> None:
    """A weak key is refused however it came in."""
    from cryptography.hazmat.primitives import serialization

    pem = (
        rsa.generate_private_key(3, 2048)
        .public_key()
        .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    )
    with pytest.raises(ConfigurationError, match='"e" of an RSA key'):
        Key.from_pem(pem)
