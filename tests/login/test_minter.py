"""`TokenMinter`: what it mints is what its provider, and any other library, reads."""

import hmac
import json
import time
import uuid
from collections.abc import Callable
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from jwt.utils import base64url_encode

from jwt_middleware import ConfigurationError, InvalidToken, Key, KeySet, Provider
from jwt_middleware.login import TokenMinter
from jwt_middleware.login.minter import RESERVED_CLAIMS
from jwt_middleware.trust.verifier import Verifier
from tests.kit.tokens import issued

SECRET = "a secret of at least thirty-two bytes"
TERMS: dict[str, Any] = {"issuer": "https://login.example", "audience": "example-api"}
ALGORITHMS = ["HS256", "HS384", "HS512", "ES256", "ES384", "ES512", "EdDSA", "RS256", "PS512"]

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def is_unicode(value: object) -> bool:
    """Whether a JSON value is without lone surrogates, which UTF-8 cannot hold, and without
    infinity."""
    text = json.dumps(value, ensure_ascii=False)
    return "Infinity" not in text and text == text.encode("utf-8", "replace").decode()


@pytest.fixture
def minter() -> TokenMinter:
    """A minter with a secret."""
    return TokenMinter.from_secret(SECRET, **TERMS)


def claims_of(token: str) -> Any:
    """The claims as PyJWT reads them, also of a token that has expired since."""
    return jwt.decode(
        token,
        SECRET,
        ["HS256"],
        audience="example-api",
        issuer="https://login.example",
        options={"verify_exp": False},  # a busy machine may take the whole second of the shortest
    )


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    subject=st.text(max_size=8),
    scopes=st.lists(st.text(max_size=5), max_size=3),
    claims=st.dictionaries(
        st.text(max_size=5) | st.sampled_from([*RESERVED_CLAIMS, "scp"]), json_values, max_size=3
    ),
)
@example(subject="ada", scopes=["read", "write", "read"], claims={})
@example(subject="ada", scopes=["read write"], claims={})
@example(subject="ada", scopes=[""], claims={})
@example(subject="ada", scopes=["read"], claims={"scp": "write"})
@example(subject="ada", scopes=["read"], claims={"scp": "read"})
@example(subject="a\x00", scopes=[], claims={})
@example(subject="\ud800", scopes=[], claims={})
def test_minted_is_accepted(
    subject: str, scopes: list[str], claims: dict[str, Any], minter: TokenMinter
) -> None:
    """Either the provider reads from the token exactly what was asked for, or there is no token but
    a ValueError."""
    try:
        token = minter.mint(subject, scopes=scopes, claims=claims)
    except ValueError:
        return
    identity = Verifier([minter.provider]).identify(token)
    assert (identity.subject, set(identity.scopes)) == (subject, set(scopes))
    assert identity.claims.items() >= claims.items()
    assert claims_of(token) == identity.claims


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    subject=st.text(st.characters(exclude_categories=["Cc", "Cs"]), min_size=1),
    scopes=st.lists(st.from_regex(r"[\x21\x23-\x5b\x5d-\x7e]+", fullmatch=True), max_size=3),
    claims=st.dictionaries(st.sampled_from(["name", "Zoë", ""]), json_values.filter(is_unicode)),
)
def test_what_is_fit_is_minted(
    subject: str, scopes: list[str], claims: dict[str, Any], minter: TokenMinter
) -> None:
    """Any Unicode subject without control characters, any scopes of RFC 6749 section 3.3, any
    JSON."""
    assert claims_of(minter.mint(subject, scopes=scopes, claims=claims)).items() >= claims.items()


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_every_algorithm(algorithm: str) -> None:
    """Any key that can sign will do; type and key id stand in the header, and one set of keys
    verifies both minters."""
    key = Key.generate(algorithm)
    minter = TokenMinter(key, **TERMS)
    token = minter.mint("ada")
    assert jwt.get_unverified_header(token) == {"alg": algorithm, "typ": "at+jwt", "kid": key.id}
    assert Verifier([minter.provider]).identify(token).subject == "ada"


def test_a_key_without_an_id_names_none(minter: TokenMinter) -> None:
    """A secret has no `kid` unless its owner gives one."""
    assert jwt.get_unverified_header(minter.mint("ada")) == {"alg": "HS256", "typ": "at+jwt"}


def test_registered_claims(minter: TokenMinter) -> None:
    """iss, sub, aud, iat, exp, jti, sid and scope (RFC 9068 section 2.2), whole seconds, and
    nothing else."""
    before = int(time.time())
    claims = claims_of(minter.mint("ada", scopes=("a", "b"), session="s"))
    assert (claims.pop("iss"), claims.pop("sub"), claims.pop("aud")) == (
        "https://login.example",
        "ada",
        "example-api",
    )
    assert (claims.pop("sid"), claims.pop("scope")) == ("s", "a b")
    issued_at, expires_at = claims.pop("iat"), claims.pop("exp")
    assert before <= issued_at <= time.time()
    assert expires_at == issued_at + 900
    assert len(claims.pop("jti")) >= 22
    assert claims == {}


def test_ids_are_never_used_again(minter: TokenMinter) -> None:
    """The id of a token is its time and 62 random bits, that of a session 128 random bits."""
    claims = [claims_of(minter.mint("ada")) for _ in range(100)]
    assert len({claim[name] for claim in claims for name in ("jti", "sid")}) == 200


@pytest.mark.parametrize("lifetime", [1, 60, 90 * 86_400, 366 * 86_400])
def test_a_lifetime_of_its_own(lifetime: int, minter: TokenMinter) -> None:
    """A token may live shorter or longer than the minter's others, in whole seconds."""
    claims = claims_of(minter.mint("ada", lifetime=lifetime))
    assert claims["exp"] - claims["iat"] == lifetime
    again = claims_of(minter.mint("ada"))
    assert again["exp"] - again["iat"] == 900


def test_a_token_says_exactly_when_it_was_minted(minter: TokenMinter) -> None:
    """Its `jti` is a UUID of version 7, so that a cut-off in its second is decided rightly."""
    before = time.time()
    claims = claims_of(minter.mint("ada"))
    made = uuid.UUID(claims["jti"])
    assert made.version == 7
    assert before - 0.001 <= (made.int >> 80) / 1000 <= time.time()
    assert (made.int >> 80) // 1000 == claims["iat"]


@pytest.mark.parametrize("name", sorted(RESERVED_CLAIMS))
def test_reserved_claims(name: str, minter: TokenMinter) -> None:
    """No extra claim replaces one of the minter's; the error names it without its value."""
    with pytest.raises(ValueError, match=rf"may not replace {name}$"):
        minter.mint("ada", claims={name: "hidden", "x": 1})


NOT_MINTED: dict[str, dict[str, Any]] = {
    "an empty subject": {"subject": ""},
    "no subject": {"subject": None},
    "a number as subject": {"subject": 1},
    "a control character": {"subject": "a\n"},
    "scopes that are a text": {"subject": "ada", "scopes": "admin"},
    "two scopes in one": {"subject": "ada", "scopes": ("a b",)},
    "a number as scope": {"subject": "ada", "scopes": (1,)},
    "no scopes": {"subject": "ada", "scopes": None},
    "a number as session": {"subject": "ada", "session": 1},
    "a claim that is bytes": {"subject": "ada", "claims": {"x": b""}},
    "infinity": {"subject": "ada", "claims": {"x": float("inf")}},
    "a lone surrogate": {"subject": "ada", "claims": {"x": "\ud800"}},
    "a number without end": {"subject": "ada", "claims": {"x": 10**5000}},
    "no lifetime": {"subject": "ada", "lifetime": 0},
    "a lifetime in the past": {"subject": "ada", "lifetime": -900},
    "half a second": {"subject": "ada", "lifetime": 900.5},
    "a lifetime that is a text": {"subject": "ada", "lifetime": "900"},
    "a lifetime of True": {"subject": "ada", "lifetime": True},
    "more than a year": {"subject": "ada", "lifetime": 366 * 86_400 + 1},
    "no end": {"subject": "ada", "lifetime": float("inf")},
    "a claim twice": {"subject": "ada", "claims": {"1": 1, 1: 1}},
    "a claim whose name is no text": {"subject": "ada", "claims": {("a",): 1}},
}


@pytest.mark.parametrize("arguments", NOT_MINTED.values(), ids=NOT_MINTED)
def test_what_cannot_be_minted(arguments: dict[str, Any], minter: TokenMinter) -> None:
    """A ValueError, whatever is wrong, and never a token that is refused later."""
    with pytest.raises(ValueError):  # noqa: PT011
        minter.mint(**arguments)


def test_the_callers_claims_stay(minter: TokenMinter) -> None:
    """The mapping that is passed is not written to."""
    claims = {"x": [1]}
    minter.mint("ada", claims=claims)
    assert claims == {"x": [1]}


def test_the_provider_pins_the_type(minter: TokenMinter) -> None:
    """A token of another type with the same claims is refused (RFC 8725 section 3.11)."""
    other = issued(SECRET, **claims_of(minter.mint("ada")))
    with pytest.raises(InvalidToken) as caught:
        Verifier([minter.provider]).identify(other)
    assert caught.value.reason == "type"


def test_fallbacks_verify_and_never_sign() -> None:
    """Tokens of an earlier secret stay good; new ones are signed with the new one alone."""
    old = TokenMinter.from_secret(SECRET, **TERMS)
    new = TokenMinter.from_secret("b" * 32, fallbacks=("c" * 32, SECRET), **TERMS)
    assert Verifier([new.provider]).identify(old.mint("ada")).subject == "ada"
    only_new = Provider(**TERMS, keys=KeySet([Key.from_secret("b" * 32)]))
    assert Verifier([only_new]).identify(new.mint("ada")).subject == "ada"
    with pytest.raises(InvalidToken):
        Verifier([old.provider]).identify(new.mint("ada"))


@pytest.mark.parametrize("algorithm", ["ES256", "RS256", "EdDSA"])
def test_a_fallback_of_the_other_kind(algorithm: str) -> None:
    """A minter moves from a secret to a private key, or back: the tokens of both verify, only the
    new key signs, and no secret is published."""
    private, secret = Key.generate(algorithm), Key.from_secret(SECRET)
    by_secret = TokenMinter.from_secret(SECRET, **TERMS)
    by_private = TokenMinter(private, **TERMS)
    there = TokenMinter(private, fallbacks=[secret], **TERMS)
    back = TokenMinter.from_secret(SECRET, fallbacks=[private], **TERMS)
    for minter in (there, back):
        for old in (by_secret, by_private):
            assert Verifier([minter.provider]).identify(old.mint("ada")).subject == "ada"
    assert Verifier([by_private.provider]).identify(there.mint("ada")).subject == "ada"
    assert Verifier([by_secret.provider]).identify(back.mint("ada")).subject == "ada"
    assert there.jwks == by_private.jwks
    assert back.jwks is None


def test_a_public_key_beside_a_secret_is_no_secret() -> None:
    """A token that is signed with the text of the public key as if it were a secret is refused
    (RFC 8725 section 2.1)."""
    private = Key.generate("RS256")
    minter = TokenMinter(private, fallbacks=[Key.from_secret(SECRET)], **TERMS)
    pem = private.verifying_key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)  # type: ignore[union-attr]
    claims = jwt.decode(minter.mint("ada"), options={"verify_signature": False})
    for kid in (None, private.id):
        fields = {"alg": "HS256", "typ": "at+jwt"} | ({"kid": kid} if kid else {})
        header = base64url_encode(json.dumps(fields).encode())
        signed = header + b"." + base64url_encode(json.dumps(claims).encode())
        forged = signed + b"." + base64url_encode(hmac.digest(pem, signed, "sha256"))
        with pytest.raises(InvalidToken):
            minter.verify(forged.decode())


def test_jwks_is_public() -> None:
    """The published document has every public key and nothing private; a secret is not
    published."""
    assert TokenMinter.from_secret(SECRET, **TERMS).jwks is None
    old, new = Key.generate("RS256"), Key.generate("ES256")
    jwks = TokenMinter(new, fallbacks=[old], **TERMS).jwks
    assert jwks is not None
    assert [jwk["kid"] for jwk in jwks["keys"]] == [new.id, old.id]
    assert {member for jwk in jwks["keys"] for member in jwk} == {
        "kty",
        "kid",
        "alg",
        "use",
        "crv",
        "x",
        "y",
        "n",
        "e",
    }
    assert json.loads(json.dumps(jwks)) == jwks


PUBLIC = Key.from_jwk(Key.generate("ES256").to_jwk())
PEM = Key.generate("ES256").to_pem()
WRONG: dict[str, tuple[Callable[[], object], str]] = {
    "a secret where a key belongs": (lambda: TokenMinter(SECRET, **TERMS), "from_secret"),  # type: ignore[arg-type]
    "a public key": (lambda: TokenMinter(PUBLIC, **TERMS), "a private key"),
    "a PEM as a secret": (lambda: TokenMinter.from_secret(PEM, **TERMS), r"Key\.from_pem"),
    "a short secret": (lambda: TokenMinter.from_secret("x" * 31, **TERMS), "32 bytes"),
    "no secret": (lambda: TokenMinter.from_secret(None, **TERMS), "a string or bytes"),  # type: ignore[arg-type]
    "one secret as fallbacks": (
        lambda: TokenMinter.from_secret(SECRET, fallbacks=SECRET, **TERMS),
        r"fallbacks=\(OLD,\)",
    ),
    "one key as fallbacks": (
        lambda: TokenMinter(Key.generate(), fallbacks=Key.generate(), **TERMS),  # type: ignore[arg-type]
        r"fallbacks=\[old_key\]",
    ),
    "a short fallback": (
        lambda: TokenMinter.from_secret(SECRET, fallbacks=("x",), **TERMS),
        "32 bytes",
    ),
    "a PEM as a fallback": (
        lambda: TokenMinter.from_secret(SECRET, fallbacks=(PEM,), **TERMS),
        r"Key\.from_pem",
    ),
    "no audience": (
        lambda: TokenMinter.from_secret(SECRET, issuer="i", audience=None),
        "audience='example-api'",
    ),  # type: ignore[arg-type]
    "a number as audience": (
        lambda: TokenMinter.from_secret(SECRET, issuer="i", audience=5),
        "audience='example-api'",
    ),  # type: ignore[arg-type]
    "no audiences": (lambda: TokenMinter.from_secret(SECRET, issuer="i", audience=[]), "audience"),
    "an empty audience": (
        lambda: TokenMinter.from_secret(SECRET, issuer="i", audience=""),
        "audience",
    ),
    "an empty issuer": (
        lambda: TokenMinter.from_secret(SECRET, issuer="", audience="a"),
        "issuer=.https://",
    ),
    "no lifetime": (lambda: TokenMinter.from_secret(SECRET, lifetime=0, **TERMS), "positive"),
    "a lifetime that is a text": (
        lambda: TokenMinter.from_secret(SECRET, lifetime="900", **TERMS),
        "seconds",
    ),  # type: ignore[arg-type]
    "a lifetime that is a boolean": (
        lambda: TokenMinter.from_secret(SECRET, lifetime=True, **TERMS),
        "seconds",
    ),
    "part of a second": (lambda: TokenMinter.from_secret(SECRET, lifetime=0.5, **TERMS), "integer"),  # type: ignore[arg-type]
}


@pytest.mark.parametrize(("build", "words"), WRONG.values(), ids=WRONG)
def test_contradictions(build: Callable[[], object], words: str) -> None:
    """What cannot be a minter is a ConfigurationError that shows the right form."""
    with pytest.raises(ConfigurationError, match=words):
        build()
