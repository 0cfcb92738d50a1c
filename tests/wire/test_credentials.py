"""The Bearer scheme: which text of the header is a token, and what a challenge says."""

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from werkzeug.datastructures import WWWAuthenticate

from jwt_middleware import InsufficientScope, InvalidRequest, InvalidToken, MissingToken, Refusal
from jwt_middleware.errors import DESCRIPTIONS
from jwt_middleware.wire.challenge import challenge
from jwt_middleware.wire.credentials import extract

# RFC 6750 section 2.1 with 1*SP, and the scheme in any case (RFC 9110 section 11.1)
CREDENTIALS = re.compile(r"[Bb][Ee][Aa][Rr][Ee][Rr] +([A-Za-z0-9\-._~+/]+=*)")
TOKEN = "abc.DEF-_~+/09=="


def extracted(header: str, max_bytes: int = 8192) -> str | None:
    """The token that this header holds."""
    credentials = extract({"HTTP_AUTHORIZATION": header}, max_bytes)
    return credentials and credentials.token


@pytest.mark.parametrize("header", [f"Bearer {TOKEN}", f"bearer {TOKEN}", f"BEARER   {TOKEN}"])
def test_a_token_is_found_under_any_spelling_of_the_scheme(header: str) -> None:
    """The scheme is compared without case, and one space or more follow it."""
    assert extracted(header) == TOKEN


@pytest.mark.parametrize(
    "header", ["", "Basic dTpw", "Bearerish x", "Bear er", "B", f" Bearer {TOKEN}", TOKEN]
)
def test_another_scheme_is_no_token(header: str) -> None:
    """No header, and a header of another scheme, hold no bearer token (RFC 6750 section 3.1)."""
    assert extracted(header) is None
    assert extract({}) is None


@given(
    st.one_of(
        st.text(max_size=40),
        st.builds(
            "{}{}{}".format,
            st.sampled_from(["Bearer", "bearer", "Bearer "]),
            st.sampled_from(" \t\xa0,="),
            st.text(),
        ),
        st.from_regex(CREDENTIALS, fullmatch=True),
    )
)
@example("Bearer a,Bearer b")
@example("Bearer a b")
@example("Bearer \ud800")
@example("\u212aearer x")
def test_exactly_the_grammar_is_accepted(header: str) -> None:
    """A token is returned where the whole header is `Bearer 1*SP b64token`, and never otherwise."""
    match = CREDENTIALS.fullmatch(header)
    try:
        token = extracted(header)
    except InvalidRequest:
        assert not match
        assert header[:6].lower() == "bearer"
    else:
        assert token == (match and match[1])


@pytest.mark.parametrize(
    ("size", "is_refused"), [(99, False), (100, False), (101, True), (1_000_000, True)]
)
def test_a_token_has_a_greatest_size(size: int, is_refused: bool) -> None:
    """Over `max_bytes` it is refused as `too_large`, whatever it is made of; spaces before it do
    not count."""
    for character in "a.,":
        header = "Bearer  " + character * size
        if is_refused:
            with pytest.raises(InvalidToken) as refusal:
                extracted(header, 100)
            assert refusal.value.reason == "too_large"
        elif character == ",":
            with pytest.raises(InvalidRequest):
                extracted(header, 100)
        else:
            assert extracted(header, 100) == character * size


def refusals() -> list[Refusal]:
    """One refusal for each reason."""
    of_class = {"missing": MissingToken, "malformed": InvalidRequest, "scope": InsufficientScope}
    return [of_class.get(reason, InvalidToken)(reason) for reason in DESCRIPTIONS]


@pytest.mark.parametrize("refusal", refusals(), ids=lambda refusal: refusal.reason)
def test_a_challenge_can_be_read_back(refusal: Refusal) -> None:
    """It is the Bearer scheme with the realm, and the code and description where there are any (RFC
    6750 section 3)."""
    text = challenge(refusal, "the api")
    assert text.isascii()
    assert text.isprintable()
    read = WWWAuthenticate.from_header(text)
    assert read is not None
    assert read.type == "bearer"
    expected = {"realm": "the api"}
    if refusal.code:
        expected |= {"error": refusal.code, "error_description": refusal.description}
    assert dict(read.parameters) == expected


def test_a_challenge_without_a_token_says_nothing_more() -> None:
    """Where no credentials came there is no error code (RFC 6750 section 3.1)."""
    assert challenge(MissingToken(), "api") == 'Bearer realm="api"'


def test_a_challenge_names_the_scopes_that_are_needed() -> None:
    """`scope` lists them with spaces between, and is left out when none is named (RFC 6750 section
    3)."""
    assert challenge(InsufficientScope(scope=("read", "write")), "api").endswith(
        ', scope="read write"'
    )
    assert "scope=" not in challenge(InsufficientScope("claim_missing"), "api").replace(
        "insufficient_scope", ""
    )
