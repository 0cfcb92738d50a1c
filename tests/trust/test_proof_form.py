"""The claims of a DPoP proof: the quick reading and the strict one agree."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from jwt_middleware.errors import InvalidProof
from jwt_middleware.trust import encoding
from jwt_middleware.trust.proof_form import claims_of, parts_of, usual_claims

USUAL = {
    "jti": "x-1",
    "htm": "GET",
    "htu": "https://api.example/api/me",
    "iat": 1_700_000_000,
    "ath": "a" * 43,
}
TEXT = json.dumps(USUAL)
ODD: dict[str, str] = {
    "a member twice": TEXT[:-1] + ', "htm": "GET"}',
    "a member twice, the first a number": '{"htm": 7, ' + TEXT[1:],
    "a member twice, the first an object": '{"htm": {"jti": "x"}, ' + TEXT[1:],
    "a member twice, the first a list": '{"iat": [[[]]], ' + TEXT[1:],
    "a member twice, the first NaN": '{"iat": NaN, ' + TEXT[1:],
    "a member twice, the first a long number": '{"iat": ' + "1" * 40 + ", " + TEXT[1:],
    "a member twice, escaped": TEXT[:-1] + ', "\\u0068tm": "GET"}',
    "a lone surrogate": TEXT[:-1] + ', "nonce": "\\ud800"}',
    "a surrogate for the jti": TEXT.replace("x-1", "\\udfff"),
    "a number that is long": TEXT.replace("1700000000", "1" * 40),
    "a number that is longer than Python reads": TEXT.replace("1700000000", "1" * 5000),
    "a number with a fraction that is long": TEXT.replace("1700000000", "1." + "0" * 40),
    "a number that is not finite": TEXT.replace("1700000000", "1e999"),
    "infinity": TEXT.replace("1700000000", "Infinity"),
    "more than one object": TEXT + TEXT,
    "an object and a bracket": TEXT + "]",
    "deep": '{"x": ' * 40 + TEXT + "}" * 40,
    "very deep": "[" * 5000,
    "a list": f"[{TEXT}]",
    "a string": '"jti"',
    "a number": "7",
    "nothing": "",
    "a brace": "{",
    "a control character": TEXT.replace("x-1", "x\n"),
    "a byte order mark": "\ufeff" + TEXT,
    "a jti that is too long": TEXT.replace("x-1", "x" * 257),
    "no jti": TEXT.replace("x-1", ""),
    "a time that is a boolean": TEXT.replace("1700000000", "true"),
}
FINE: dict[str, str] = {
    "as it is": TEXT,
    "without blanks": json.dumps(USUAL, separators=(",", ":")),
    "in another order": json.dumps(dict(reversed(USUAL.items()))),
    "blanks around": f" \r\n\t{TEXT}\n ",
    "with a nonce": json.dumps({**USUAL, "nonce": "n"}),
    "with a nonce that is a number": json.dumps({**USUAL, "nonce": 7}),
    "without ath": json.dumps({**USUAL, "ath": None}),
    "an escape": TEXT.replace("x-1", "\\u0078-1"),
    "a quotation mark": TEXT.replace("x-1", '\\"'),
    "letters beyond ASCII": json.dumps({**USUAL, "jti": "\u00e9\U0001f600"}, ensure_ascii=False),
    "a time with a fraction": TEXT.replace("1700000000", "1700000000.5"),
    "a time far ahead": TEXT.replace("1700000000", "1" * 31),
    "a time before the epoch": TEXT.replace("1700000000", "-5"),
    "a negative zero": TEXT.replace("1700000000", "-0"),
    "dates": json.dumps({**USUAL, "exp": 1, "nbf": 0.5}),
    "a claim of tomorrow": json.dumps({**USUAL, "x": {"y": [1, {"z": None}]}}),
}


def strict(payload: bytes) -> dict[str, Any] | None:
    """What the strict reader finds, or None."""
    try:
        return encoding.parse_object(payload)
    except ValueError:
        return None


def read(payload: bytes) -> dict[str, Any] | None:
    """What the reader of proofs finds, or None."""
    try:
        return usual_claims(payload) or claims_of(payload)
    except InvalidProof:
        return None


@pytest.mark.parametrize("name", ["as it is", "without blanks", "in another order", "with a nonce"])
def test_claims_of_nearly_every_client_take_the_quick_way(name: str) -> None:
    """In any order, with blanks or without: the figure of the benchmark rests on it."""
    assert usual_claims(FINE[name].encode()) is not None


@pytest.mark.parametrize("text", FINE.values(), ids=FINE)
def test_claims_that_can_be_used(text: str) -> None:
    """They are read as the strict reader reads them, types included."""
    found = read(text.encode())
    assert found is not None
    assert repr(found) == repr(strict(text.encode()))


@pytest.mark.parametrize("text", ODD.values(), ids=ODD)
def test_claims_that_are_refused(text: str) -> None:
    """Nothing that the strict reader refuses gets through the quick one."""
    assert read(text.encode()) is None


_values = st.none() | st.booleans() | st.integers(-(10**40), 10**40) | st.floats() | st.text()
_names = st.sampled_from([*USUAL, "nonce", "exp", "nbf", "x", '"', "\\"])
_pairs = st.lists(st.tuples(_names, _values | st.lists(_values, max_size=2)), max_size=4)


def _written(pairs: list[tuple[str, Any]], is_ascii: bool) -> bytes:
    members = [
        f"{json.dumps(name, ensure_ascii=is_ascii)}:{json.dumps(value, ensure_ascii=is_ascii)}"
        for name, value in pairs
    ]
    return ("{" + ",".join(members) + "}").encode("utf-8", "surrogatepass")


@given(_pairs, st.permutations(list(USUAL.items())), st.integers(0, 5), st.booleans())
@example([("htm", "GET")], list(USUAL.items()), 0, True)
def test_whatever_is_added_to_usual_claims(
    added: list[tuple[str, Any]], usual: list[tuple[str, Any]], at: int, is_ascii: bool
) -> None:
    """Members of any kind, twice or not, at any place: read as strictly, or refused."""
    payload = _written([*usual[:at], *added, *usual[at:]], is_ascii)
    found = read(payload)
    if found is not None:
        assert repr(found) == repr(strict(payload))
    elif strict(payload) is not None:
        assert added, "the usual claims alone are good"


@given(st.binary(max_size=300))
def test_any_bytes(payload: bytes) -> None:
    """Never another exception, and never more than the strict reader accepts."""
    found = read(payload)
    assert found is None or found == strict(payload)


PARTS: dict[str, str] = {
    "nothing": "",
    "one part": "a",
    "two parts": "YQ.YQ",
    "four parts": "YQ.YQ.YQ.YQ",
    "dots": "...",
    "two dots and an empty payload with a letter": "..a",
    "a dot in the payload": "YQ.Y.Q.YQ",
    "a letter beyond ASCII": "YQ.YQ.YQ\u00e9",
    "padding": "YQ.YQ==.YQ",
    "unused bits": "YQ.YR.YQ",
}


@pytest.mark.parametrize("text", PARTS.values(), ids=PARTS)
def test_parts_that_are_refused(text: str) -> None:
    """Three parts, and strict base64url in the last two."""
    with pytest.raises(InvalidProof):
        parts_of(text)


def test_parts() -> None:
    """The header and what is signed are returned as they came."""
    assert parts_of("YQ.Yg.Yw") == (b"YQ", b"b", b"YQ.Yg", b"c")
    assert parts_of("YQ.Yg.") == (b"YQ", b"b", b"YQ.Yg", b"")


def test_no_call_ends_in_another_error() -> None:
    """Deep nesting is refused as malformed, wherever it is found."""
    reader: Callable[[bytes], Any] = claims_of
    for text in ("[" * 100_000, '{"jti":' * 100_000):
        with pytest.raises(InvalidProof):
            reader(text.encode())
