"""Keys as JSON: a JWK, a set of keys, and documents full of traps."""

import json
import logging
from typing import Any

import jwt
import pytest

from jwt_middleware import ConfigurationError, Key, KeySet
from tests.kit.tokens import RSA, b64

ES256 = Key.generate()
EDDSA = Key.generate("EdDSA")


def number(value: int) -> str:
    """A number as a JWK has it (RFC 7518 section 2)."""
    return b64(value.to_bytes((value.bit_length() + 7) // 8, "big"))


def test_a_jwk_gives_the_key_back() -> None:
    """Public members only, with `kid`, `alg` and `use` (RFC 7517 section 4)."""
    for algorithm in ("ES256", "ES384", "ES512", "EdDSA"):
        key = Key.generate(algorithm)
        jwk = key.to_jwk()
        again = Key.from_jwk(jwk)
        assert jwk.keys() & {"d", "p", "q", "k"} == set()
        assert (jwk["kid"], jwk["alg"], jwk["use"]) == (key.id, algorithm, "sig")
        assert (again.id, again.algorithm, again.thumbprint()) == (
            key.id,
            algorithm,
            key.thumbprint(),
        )
        assert again.signing_key is None


def test_a_thumbprint_is_that_of_the_rfc() -> None:
    """The example of RFC 7638 section 3.1."""
    n = (
        "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknj"
        "hMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQ"
        "vRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzK"
        "nqDKgw"
    )
    jwk = {"kty": "RSA", "n": n, "e": "AQAB", "alg": "RS256", "kid": "2011-04-29"}
    assert Key.from_jwk(jwk).thumbprint() == "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"


GOOD_EC = ES256.to_jwk()
GOOD_RSA = {"kty": "RSA", "n": number(RSA.verifying_key.public_numbers().n), "e": "AQAB"}
GOOD_OKP = EDDSA.to_jwk()
HOSTILE_JWKS: dict[str, Any] = {
    "a text": "key",
    "a list": [],
    "null": None,
    "nothing": {},
    "no kty": {"n": "AQAB", "e": "AQAB"},
    **{
        f"kty {kty!r}": GOOD_EC | {"kty": kty}
        for kty in (None, 5, ["EC"], "ec", "RSA", "OKP", "oct", "", "X")
    },
    **{
        f"alg {alg!r}": GOOD_EC | {"alg": alg}
        for alg in ("none", ["ES256"], {"a": 1}, 5, "ES384", "RS256", "HS256", "es256")
    },
    **{f"use {use!r}": GOOD_EC | {"use": use} for use in ("", None, ["sig"], 5, "SIG")},
    **{
        f"key_ops {ops!r}": GOOD_EC | {"key_ops": ops}
        for ops in (["sign"], [], "verify", {"verify": 1}, None, 5, ["VERIFY"], ["encrypt", 5])
    },
    **{f"kid {kid!r}": GOOD_EC | {"kid": kid} for kid in (5, ["a"], {}, True, "")},
    **{
        f"crv {crv!r}": GOOD_EC | {"crv": crv, "alg": "ES256"}
        for crv in ("P-384", "P-521", "secp256k1", None, 5, ["P-256"])
    },
    "a point off the curve": GOOD_EC | {"x": b64(bytes(31) + b"\1")},
    "a coordinate cut": GOOD_EC | {"x": GOOD_EC["x"][:-2]},
    "a coordinate stretched": GOOD_EC | {"x": "AA" + GOOD_EC["x"]},
    "a coordinate of another type": GOOD_EC | {"x": 5},
    "a coordinate that is no base64": GOOD_EC | {"x": "\u20ac"},
    "no y": {name: value for name, value in GOOD_EC.items() if name != "y"},
    "RSA of 512 bits": GOOD_RSA | {"n": number((1 << 511) + 1)},
    "RSA of 1 Mbit": GOOD_RSA | {"n": number((1 << 1_000_000) + 1)},
    "RSA with an even modulus": GOOD_RSA | {"n": number(RSA.verifying_key.public_numbers().n - 1)},
    "RSA with e = 1": GOOD_RSA | {"e": "AQ"},
    "RSA with e = 2": GOOD_RSA | {"e": "Ag"},
    "RSA without e": {"kty": "RSA", "n": GOOD_RSA["n"]},
    "RSA with n = 0": GOOD_RSA | {"n": "AA"},
    "RSA with n a number": GOOD_RSA | {"n": 5},
    "RSA with n empty": GOOD_RSA | {"n": ""},
    "a private RSA key that is none": GOOD_RSA | {"d": "AQ"},
    "Ed25519 of 31 bytes": GOOD_OKP | {"x": b64(bytes(31))},
    "Ed448": {"kty": "OKP", "crv": "Ed448", "x": b64(bytes(57)), "alg": "EdDSA"},
    "a secret without k": {"kty": "oct"},
    "a secret too short": {"kty": "oct", "k": "AAAA"},
    "a secret with k a number": {"kty": "oct", "k": 5},
}


@pytest.mark.parametrize("jwk", HOSTILE_JWKS.values(), ids=HOSTILE_JWKS)
def test_a_bad_jwk_is_refused_and_costs_no_other_key(
    jwk: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """Alone it is a configuration error; in a document it is left out with one WARNING (RFC 7517
    section 5)."""
    with pytest.raises(ConfigurationError):
        Key.from_jwk(jwk)
    caplog.clear()
    key_set = KeySet.from_jwks({"keys": [jwk, GOOD_RSA | {"kid": "good"}, jwk]})
    assert [key.id for key in key_set.keys] == ["good"]
    assert [record.levelno for record in caplog.records] == [logging.WARNING] * 2


FOR_ENCRYPTION: dict[str, Any] = {
    "use": GOOD_EC | {"use": "enc"},
    "as Keycloak has it": GOOD_RSA | {"use": "enc", "alg": "RSA-OAEP", "kid": "e"},
    **{
        f"alg {alg}": {name: value for name, value in GOOD_RSA.items() if name != "use"}
        | {"alg": alg}
        for alg in ("RSA1_5", "RSA-OAEP", "RSA-OAEP-256", "RSA-OAEP-512", "A128KW", "A256GCMKW")
    },
    **{
        f"alg {alg}": GOOD_EC | {"alg": alg}
        for alg in ("ECDH-ES", "ECDH-ES+A256KW", "dir", "A128GCM", "A256CBC-HS512")
    },
    **{
        f"key_ops {' '.join(ops)}": GOOD_EC | {"key_ops": ops}
        for ops in (["encrypt"], ["wrapKey", "unwrapKey"], ["deriveKey"], ["deriveBits"])
    },
    **{
        curve: {"kty": "OKP", "crv": curve, "x": b64(bytes(size))}
        for curve, size in (("X25519", 32), ("X448", 56))
    },
}
"""Keys that say that they are not for signatures."""


@pytest.mark.parametrize("jwk", FOR_ENCRYPTION.values(), ids=FOR_ENCRYPTION)
def test_a_key_for_encryption_is_left_out_without_a_warning(
    jwk: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """A key that says that it is for encryption is no fault of the document (RFC 7517 section 4.2):
    it is left out as any bad one, with a DEBUG line that each worker may write."""
    caplog.set_level(logging.DEBUG, logger="jwt_middleware")
    with pytest.raises(ConfigurationError):
        Key.from_jwk(jwk)
    key_set = KeySet.from_jwks({"keys": [jwk, GOOD_RSA | {"kid": "good"}]})
    assert [key.id for key in key_set.keys] == ["good"]
    assert [(record.levelno, "left out" in record.message) for record in caplog.records] == [
        (logging.DEBUG, True)
    ]


WITHOUT_A_KEY = {
    "nothing": ([], "got none"),
    "one for encryption": ([FOR_ENCRYPTION["X25519"]], "got 1 key for encryption alone"),
    "all for encryption": ([*FOR_ENCRYPTION.values()], " keys for encryption alone"),
    "a broken one beside it": ([FOR_ENCRYPTION["X25519"], {}], "got 2 keys, all left out: "),
    "not a key": (["hush"], "got 1 key, all left out: "),
    "two with one kid": (
        [GOOD_EC | {"kid": "a"}, Key.generate().to_jwk() | {"kid": "a"}],
        "got 2 keys, all left out: ",
    ),
}


@pytest.mark.parametrize(("jwks", "end"), WITHOUT_A_KEY.values(), ids=WITHOUT_A_KEY)
def test_a_document_without_a_key_for_verifying_says_so(jwks: list[Any], end: str) -> None:
    """The error says why no key is left, such as that all are for encryption, and quotes none."""
    with pytest.raises(ConfigurationError) as caught:
        KeySet.from_jwks({"keys": jwks})
    told = str(caught.value)
    assert told.startswith("a JWKS document must have a key for verifying, got ")
    assert end in told
    assert "hush" not in told


@pytest.mark.parametrize("ops", [["verify"], ["sign", "verify"], ["verify", "x"]])
def test_key_ops_that_allow_verifying_will_do(ops: list[str]) -> None:
    """RFC 7517 section 4.3; unknown operations say nothing."""
    assert Key.from_jwk(GOOD_EC | {"key_ops": ops}).algorithm == "ES256"


def test_a_private_jwk_that_may_sign_can_verify_what_it_signed() -> None:
    """The public half of a key for signing is for verifying."""
    private = json.loads(jwt.algorithms.ECAlgorithm.to_jwk(ES256.signing_key))
    key = Key.from_jwk(private | {"key_ops": ["sign"]})
    assert key.signing_key is not None
    assert key.thumbprint() == ES256.thumbprint()


def test_an_rsa_jwk_without_alg_means_rs256() -> None:
    """And with `alg` it has that algorithm and no other (RFC 8725 section 3.1)."""
    assert Key.from_jwk(GOOD_RSA).algorithm == "RS256"
    assert Key.from_jwk(GOOD_RSA | {"alg": "PS512"}).algorithm == "PS512"


@pytest.mark.parametrize(
    "keys",
    [ES256, "secret", b"secret", {"keys": []}, None, 5, [], [None], ["secret"], [ES256, None]],
)
def test_a_key_set_takes_a_list_of_keys(keys: Any) -> None:
    """At least one, and nothing else."""
    with pytest.raises(ConfigurationError, match=r"KeySet\(\[key\]\)"):
        KeySet(keys)


def test_secrets_and_public_keys_do_not_mix() -> None:
    """In one set the one could pass for the other (RFC 8725 section 2.1)."""
    secret = Key.generate("HS256")
    with pytest.raises(ConfigurationError, match="do not mix"):
        KeySet([secret, ES256])
    with pytest.raises(ConfigurationError, match="do not mix"):
        KeySet.from_jwks({"keys": [GOOD_EC, {"kty": "oct", "k": b64(secret.verifying_key)}]})


def test_one_id_and_algorithm_is_one_key() -> None:
    """Two keys under one id are refused; with two algorithms they are told apart."""
    rs, ps = (
        Key.from_pem(RSA.to_pem(), algorithm=algorithm, id="a") for algorithm in ("RS256", "PS256")
    )
    assert KeySet([rs, ps]).find("a") == (rs, ps)
    with pytest.raises(ConfigurationError, match="same id"):
        KeySet([Key.generate(id="a"), Key.generate(id="a")])


def test_duplicates_in_a_document() -> None:
    """The same key twice is one; different keys under one `kid` are all left out, for which of them
    is meant?"""
    other = Key.generate().to_jwk()
    assert [key.id for key in KeySet.from_jwks({"keys": [GOOD_EC, GOOD_EC]}).keys] == [ES256.id]
    kept = KeySet.from_jwks(
        {"keys": [GOOD_EC | {"kid": "a"}, other | {"kid": "a"}, other | {"kid": "b"}]}
    )
    assert [key.id for key in kept.keys] == ["b"]
    with pytest.raises(ConfigurationError):
        KeySet.from_jwks({"keys": [GOOD_EC | {"kid": "a"}, other | {"kid": "a"}]})


@pytest.mark.parametrize(
    "document",
    [
        *(
            "",
            "x",
            "[]",
            "null",
            "5",
            '"keys"',
            "{}",
            '{"keys":{}}',
            '{"keys":null}',
            '{"keys":[]}',
            '{"keys":["x"]}',
        ),
        *(
            b"\xff",
            b"\xff\xfe",
            b"[" * 100_000,
            b'{"keys":' + b"9" * 5000 + b"}",
            None,
            5,
            [],
            [GOOD_EC],
            {"keys": "x"},
        ),
    ],
    ids=lambda document: repr(document)[:20],
)
def test_a_document_that_is_none_is_refused(document: Any) -> None:
    """Whatever it is, it is a configuration error and nothing else."""
    with pytest.raises(ConfigurationError):
        KeySet.from_jwks(document)


@pytest.mark.parametrize(
    "document",
    [
        {"keys": [GOOD_EC]},
        json.dumps({"keys": [GOOD_EC]}),
        json.dumps({"keys": [GOOD_EC]}).encode(),
    ],
    ids=["mapping", "string", "bytes"],
)
def test_a_document_is_a_mapping_or_its_text(document: Any) -> None:
    """RFC 7517 section 5; unknown members are ignored."""
    assert [key.id for key in KeySet.from_jwks(document).keys] == [ES256.id]


@pytest.mark.parametrize(
    "text",
    [
        '{"keys": [], "keys": [%s]}',
        '{"keys": [%s], "keys": [%s]}',
        '{"keys": [{"kty": "oct", "kty": "EC"}, %s], "x": NaN}',
        '{"keys": [%s]} x',
        '[{"keys": [%s]}]',
        '\ufeff{"keys": [%s]}',
        '{"keys": [%s], "x": ' + "[" * 40 + "]" * 40 + "}",
    ],
    ids=[
        *("keys twice", "keys twice, both good", "NaN", "more"),
        *("a list", "a BOM", "depth"),
    ],
)
def test_the_text_of_a_document_has_one_meaning(text: str) -> None:
    """A text that two readers could read in two ways is refused as a whole, as in a token."""
    jwk = json.dumps(GOOD_EC)
    for document in (text.replace("%s", jwk), text.replace("%s", jwk).encode()):
        with pytest.raises(ConfigurationError):
            KeySet.from_jwks(document)
    assert KeySet.from_jwks(f'{{"keys": [{jwk}]}}').keys


def test_a_member_twice_in_a_jwk_is_refused() -> None:
    """Which `kid`, which `alg`, which `x`? Readers differ (RFC 7515 section 4)."""
    for name, value in GOOD_EC.items():
        jwk = json.dumps(GOOD_EC)[:-1] + f', "{name}": {json.dumps(value)}}}'
        with pytest.raises(ConfigurationError):
            KeySet.from_jwks(f'{{"keys": [{jwk}]}}')


def test_a_foreign_character_in_k_makes_no_other_secret() -> None:
    """A lenient reader drops what it does not know, and so verifies with another secret."""
    secret = b64(bytes(range(64)))
    assert Key.from_jwk({"kty": "oct", "k": secret}).verifying_key == bytes(range(64))
    for position in range(len(secret) + 1):
        for foreign in ("!", " ", "=", "\n", "é", "\0"):
            spoilt = secret[:position] + foreign + secret[position:]
            with pytest.raises(ConfigurationError) as error:
                Key.from_jwk({"kty": "oct", "k": spoilt})
            assert secret[:10] not in str(error.value)


def test_a_key_set_is_never_changed() -> None:
    """What exists is valid: its keys cannot be replaced, and it shows which they are."""
    key_set = KeySet([ES256])
    for name in ("keys", "generation", "_by_id", "other"):
        with pytest.raises((AttributeError, TypeError)):
            setattr(key_set, name, ())
    assert repr(key_set) == f"KeySet([{ES256!r}])"
    assert key_set.generation == KeySet([EDDSA]).generation


def test_one_id_under_both_names_of_ed25519_is_one_use() -> None:
    """Two keys of one id may not both answer to `EdDSA`."""
    other = Key.generate("EdDSA").to_jwk()
    both = {name: other[name] for name in ("kty", "crv", "x")} | {"kid": "a"}
    with pytest.raises(ConfigurationError, match="same id"):
        KeySet([Key.from_jwk(both), Key.from_jwk(GOOD_OKP | {"kid": "a"})])
    apart = [GOOD_OKP | {"kid": "a", "alg": "Ed25519"}, other | {"kid": "a", "alg": "EdDSA"}]
    assert len(KeySet([Key.from_jwk(jwk) for jwk in apart]).keys) == 2


def test_the_material_never_reaches_a_text(caplog: pytest.LogCaptureFixture) -> None:
    """Neither repr nor error nor log shows a secret or a private key."""
    secret = "s3cr3t-" * 3
    key = Key.from_secret(secret * 2)
    shown = [repr(key), str(KeySet([key])), f"{ES256!r} {ES256}"]
    for make in (
        lambda: Key.from_secret(secret),
        lambda: Key.from_pem(secret),
        lambda: key.to_jwk(),
        key.to_pem,
    ):
        with pytest.raises(ConfigurationError) as error:
            make()
        shown.append(f"{error.value!r} {error.value.__cause__!r}")
    with pytest.raises(ConfigurationError):
        KeySet.from_jwks({"keys": [{"kty": "oct", "k": secret}]})
    assert "s3cr3t" not in " ".join([*shown, caplog.text])
    assert number(ES256.signing_key.private_numbers().private_value) not in " ".join(shown)


def test_only_a_private_key_can_be_kept_as_a_pem() -> None:
    """A public key has none, a secret is never published as a JWK."""
    public = Key.from_jwk(GOOD_EC)
    for make in (public.to_pem, Key.generate("HS256").to_pem, Key.generate("HS256").to_jwk):
        with pytest.raises(ConfigurationError):
            make()


def test_a_generated_key_is_new_and_named() -> None:
    """Each algorithm has one; its id is its thumbprint unless one is given."""
    for algorithm in ("HS256", "HS384", "HS512", "ES256", "ES384", "ES512", "EdDSA", "PS256"):
        key = Key.generate(algorithm)
        assert (key.algorithm, key.id) == (algorithm, key.thumbprint())
        assert key.thumbprint() != Key.generate(algorithm).thumbprint()
    assert Key.generate(id="mine").id == "mine"
    for algorithm in ("none", "ES256K", "", None):
        with pytest.raises(ConfigurationError):
            Key.generate(algorithm)  # type: ignore[arg-type]
