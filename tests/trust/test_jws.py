"""Strict compact JWS: the examples of the RFCs, and what must hold of every text."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from jwt_middleware import InvalidToken, Key, KeySet
from jwt_middleware.trust import jws
from tests.kit.rfc_vectors import UNSECURED, VECTORS, Vector
from tests.kit.tokens import b64, compact, json_bytes, nameless, sign

BASE64URL = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
HEADER = {"alg": "HS256"}


def outcome(call: Callable[..., object], *arguments: Any) -> Any:
    """What the call returns, or the reason with which it refuses."""
    try:
        return call(*arguments)
    except InvalidToken as refusal:
        return refusal.reason


def reason_of(call: Callable[..., object], *arguments: Any) -> str:
    """The reason with which the call refuses."""
    with pytest.raises(InvalidToken) as refusal:
        call(*arguments)
    return refusal.value.reason


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector.source)
def test_the_examples_of_the_rfcs_verify(vector: Vector) -> None:
    """Each example gives the header and the payload that its RFC prints."""
    assert jws.verify(vector.token, KeySet([Key.from_jwk(vector.jwk)])) == (
        vector.header,
        vector.payload,
    )


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector.source)
def test_an_example_with_another_payload_does_not_verify(vector: Vector) -> None:
    """The payload is signed: one letter more and the signature is wrong (RFC 7515 section 5.2)."""
    header, payload, signature = vector.token.split(".")
    spoilt = f"{header}.{b64(vector.payload + b'x')}.{signature}"
    assert payload in vector.token
    assert reason_of(jws.verify, spoilt, KeySet([Key.from_jwk(vector.jwk)])) == "signature"


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector.source)
def test_the_unsecured_example_is_refused_by_every_key(vector: Vector) -> None:
    """RFC 7515 appendix A.5 has no signature, so no key accepts it (RFC 8725 section 3.1)."""
    assert reason_of(jws.verify, UNSECURED, KeySet([Key.from_jwk(vector.jwk)])) == "algorithm"


@pytest.mark.parametrize(
    ("kid", "signer", "outcome"),
    [
        (None, "named", "good"),
        (None, "other", "good"),
        (None, "nameless", "good"),
        ("named", "named", "good"),
        ("named", "nameless", "good"),
        ("named", "other", "signature"),
        ("unknown", "nameless", "good"),
        ("unknown", "named", "signature"),
    ],
)
def test_the_kid_chooses_among_the_keys(kid: str | None, signer: str, outcome: str) -> None:
    """A `kid` leaves the key of that id and those without one; no `kid` leaves all (RFC 7515
    section 4.1.4)."""
    keys = {
        "named": Key.generate(id="named"),
        "other": Key.generate(id="other"),
        "nameless": nameless("ES256"),
    }
    token = sign({"alg": "ES256"} | ({"kid": kid} if kid else {}), b"payload", keys[signer])
    key_set = KeySet(keys.values())
    if outcome == "good":
        assert jws.verify(token, key_set)[1] == b"payload"
    else:
        assert reason_of(jws.verify, token, key_set) == outcome


HERE, THERE = "https://idp.example/here", "https://idp.example/there"
PUBLISHED = {
    "for nobody in particular": ((None,), HERE, "good"),
    "for this issuer": ((HERE,), HERE, "good"),
    "for a template of it": (("https://idp.example/{tenant}",), HERE, "good"),
    "for another issuer": ((THERE,), HERE, "key"),
    "for another issuer first": ((THERE, HERE), HERE, "good"),
    "for another issuer last": ((HERE, THERE), HERE, "good"),
    "for another issuer, of whom nobody asks": ((THERE,), None, "good"),
}


@pytest.mark.parametrize(("published", "issuer", "outcome"), PUBLISHED.values(), ids=PUBLISHED)
def test_a_key_counts_for_the_issuer_it_is_published_for(
    published: tuple[str | None, ...], issuer: str | None, outcome: str
) -> None:
    """A key of another issuer is passed over as if it were not there, and hides no other key."""
    key = nameless("HS256")
    parsed = jws.parse(sign(HEADER, b"payload", key))
    key_set = Found(*(replace(key, issuer=name) for name in published))
    if outcome == "good":
        parsed.check_signature(key_set, issuer)
    else:
        assert reason_of(parsed.check_signature, key_set, issuer) == outcome


class Found:
    """A source that finds the same keys for each `kid`, and counts how often it is told to look
    again."""

    generation = 0

    def __init__(self, *keys: Key) -> None:
        self.keys = keys
        self.rechecks = 0

    def find(self, kid: str | None) -> tuple[Key, ...]:
        return self.keys

    def recheck(self) -> None:
        self.rechecks += 1


@pytest.mark.parametrize(
    ("algorithms", "reason", "rechecks"),
    [((), "key", 0), (("HS256",), "signature", 1), (("HS512",), "algorithm", 1)],
    ids=["no key", "another key", "a key of another algorithm"],
)
def test_a_source_is_told_of_a_bad_signature(
    algorithms: tuple[str, ...], reason: str, rechecks: int
) -> None:
    """The issuer may have changed a key under its id, so a source that can look again is told once
    that its keys did not verify a token; without keys it has looked already."""
    signer = Key.from_secret("x" * 64, algorithm="HS256")
    token = sign(HEADER, b"payload", signer)
    source = Found(*map(nameless, algorithms))
    assert reason_of(jws.verify, token, source) == reason
    assert source.rechecks == rechecks
    good = Found(signer)
    jws.verify(token, good)
    assert good.rechecks == 0


@pytest.mark.parametrize("key_id", [None, "first"])
def test_what_is_signed_is_the_header_as_compact_json(key_id: str | None) -> None:
    """The key gives `alg` and, if it has one, `kid`; the JSON has no white space, so that the token
    is as short as it can be."""
    key = Key.from_secret("x" * 64, algorithm="HS256", id=key_id)
    token = jws.sign({"typ": "at+jwt"}, b"payload", key)
    named = {"kid": key_id} if key_id else {}
    assert jws.verify(token, KeySet([key])) == (HEADER | {"typ": "at+jwt"} | named, b"payload")
    shortest = json.dumps(HEADER | {"typ": "at+jwt"} | named, separators=(",", ":"))
    assert jws.parse(token).header_json == shortest.encode()


@given(st.binary(max_size=200))
def test_any_bytes_can_be_the_payload(payload: bytes) -> None:
    """The payload of a JWS is octets, JSON or not (RFC 7515 section 3)."""
    key = nameless("HS256")
    assert jws.verify(sign(HEADER, payload, key), KeySet([key])) == (HEADER, payload)


@given(st.one_of(st.text(BASE64URL, max_size=40), st.text(BASE64URL + "+/=~ \n.\xe9", max_size=20)))
@example("QQ")
@example("QR")
@example("QQ==")
def test_bytes_have_one_spelling(part: str) -> None:
    """A part is refused unless encoding its bytes gives the same text again (RFC 4648 section
    3.5)."""
    parsed = outcome(jws.parse, f"{b64(json_bytes(HEADER))}.{part}.")
    assert parsed == "malformed" or b64(parsed.payload) == part


def plain_json() -> st.SearchStrategy[Any]:
    """JSON values within the bounds."""
    numbers = st.integers(-(10**30), 10**30) | st.floats(allow_nan=False, allow_infinity=False)
    texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
    scalars = st.none() | st.booleans() | numbers | texts
    return st.recursive(
        scalars, lambda inner: st.lists(inner) | st.dictionaries(texts, inner), max_leaves=20
    )


@given(
    st.dictionaries(st.text(st.characters(exclude_categories=["Cs"]), max_size=8), plain_json()),
    st.booleans(),
)
def test_every_proper_object_is_read_as_it_is(value: dict[str, Any], is_ascii: bool) -> None:
    """What is JSON within the bounds is accepted and keeps its value and types (RFC 8259)."""
    text = json.dumps(value, ensure_ascii=is_ascii).encode()
    assert json.dumps(jws.parse_object(text)) == json.dumps(value)


@given(
    st.one_of(
        st.binary(max_size=30),
        st.text('{}[]",:\\u0dae1-+.eEInfity \n', max_size=30).map(str.encode),
    )
)
@example(b'{"a":"\\ud800"}')
@example(b"[" * 5000)
@example(b'{"a":' * 5000)
def test_no_bytes_raise_but_a_refusal(text: bytes) -> None:
    """Whatever the bytes, the outcome is an object that is UTF-8 JSON again, or `malformed`."""
    value = outcome(jws.parse_object, text)
    if value != "malformed":
        assert value == json.loads(text)
        assert json.loads(json.dumps(value, ensure_ascii=False, allow_nan=False).encode()) == value


@given(st.text(max_size=60))
@example("\ud800.x.y")
def test_no_text_raises_but_a_refusal(token: str) -> None:
    """Any text at all is refused as `malformed` or parsed, lone surrogates included."""
    parsed = outcome(jws.parse, token)
    assert parsed == "malformed" or isinstance(parsed, jws.Jws)


def test_what_a_caller_does_to_a_header_reaches_no_other_call() -> None:
    """The header is the caller's own, down to its members."""
    key = nameless("HS256")
    token = sign(HEADER | {"x": {"list": []}}, b"", key)
    jws.verify(token, KeySet([key]))[0]["x"]["list"].append("spoilt")
    assert jws.verify(token, KeySet([key]))[0]["x"] == {"list": []}


def test_a_refusal_holds_nothing_of_the_token() -> None:
    """The text of the refusal is one fixed word, and its context is not shown."""
    with pytest.raises(InvalidToken) as refusal:
        jws.parse(compact({"alg": "none", "secret": "s3cr3t"}, b"", b"")[:-1])
    assert str(refusal.value) == "malformed"
    assert refusal.value.__suppress_context__


def header_of(number: int) -> object:
    """The header of a token whose key id is this number, as it was read."""
    return jws.parse(compact({**HEADER, "kid": f"cached {number}"}, {}, b"x")).header


def test_so_many_headers_are_cached() -> None:
    """All tokens of an issuer share a header, which is read once. A stranger's headers, each with
    another key id, do not fill the memory: the last 128 are cached."""
    first = header_of(0)
    for number in range(1, 128):
        header_of(number)
    assert header_of(0) is first
    for number in range(1, 129):
        header_of(number)
    assert header_of(0) == first
    assert header_of(0) is not first
