"""The Bearer scheme: which text of the header is a token, and what a challenge says."""

import re
from base64 import b64encode
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from werkzeug.datastructures import WWWAuthenticate

from jwt_middleware import (
    Forbidden,
    InsufficientScope,
    InvalidRequest,
    InvalidToken,
    MissingToken,
    Refusal,
)
from jwt_middleware.reasons import DESCRIPTIONS
from jwt_middleware.wire.challenge import challenge
from jwt_middleware.wire.credentials import (
    Places,
    check_site,
    environ_of,
    extract,
    has_unread_scheme,
)
from jwt_middleware.wire.origins import checked_origins
from jwt_middleware.wire.places import Place, basic_password, bearer, in_cookie, in_header

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


def test_a_token_may_have_8192_bytes() -> None:
    """That is the usual bound."""
    environ = {"HTTP_AUTHORIZATION": "Bearer " + "a" * 8192}
    assert extract(environ) is not None
    with pytest.raises(InvalidToken):
        extract({"HTTP_AUTHORIZATION": environ["HTTP_AUTHORIZATION"] + "a"})


def test_the_repr_of_credentials_hides_the_token() -> None:
    """A log of them holds no secret."""
    assert repr(extract({"HTTP_AUTHORIZATION": f"Bearer {TOKEN}"})) == "Credentials(place=bearer)"


SENT: dict[str, tuple[Place, dict[str, str]]] = {
    "bearer": (bearer, {"HTTP_AUTHORIZATION": "Bearer a.b.c"}),
    "password": (
        basic_password,
        {"HTTP_AUTHORIZATION": f"Basic {b64encode(b'__token__:a.b.c').decode()}"},
    ),
    "cookie": (in_cookie("__Host-session"), {"HTTP_COOKIE": "__Host-session=a.b.c"}),
    "header": (in_header("Cf-Access-Jwt-Assertion"), {"HTTP_CF_ACCESS_JWT_ASSERTION": "a.b.c"}),
}


@pytest.mark.parametrize(("place", "environ"), SENT.values(), ids=SENT)
def test_how_a_client_sends_a_token(place: Place, environ: dict[str, str]) -> None:
    """Each place has one header for it, and the token is found there again."""
    assert environ_of("a.b.c", place) == environ
    found = extract(environ, places=Places([place]))
    assert found is not None
    assert found.token == "a.b.c"


PAGE = {"HTTP_HOST": "app.example", "wsgi.url_scheme": "https"}
SAME, CROSS = {"HTTP_SEC_FETCH_SITE": "same-origin"}, {"HTTP_SEC_FETCH_SITE": "cross-site"}
OWN, FOREIGN = {"HTTP_ORIGIN": "https://app.example"}, {"HTTP_ORIGIN": "https://evil.example"}
LISTED = {"HTTP_ORIGIN": "https://front.example"}
PROGRAMS, BROWSERS = in_header("X-Gateway"), in_cookie("__Host-jwt")
SITES: dict[str, tuple[Place, dict[str, str], str, bool]] = {
    "a program": (PROGRAMS, {}, "POST", True),
    "a program with an origin": (PROGRAMS, FOREIGN, "POST", False),
    "a program with its own origin": (PROGRAMS, OWN, "POST", True),
    "a gateway's foreign page": (PROGRAMS, CROSS, "POST", False),
    "a gateway's foreign page reads": (PROGRAMS, CROSS, "GET", True),
    "a gateway's own page": (PROGRAMS, SAME, "POST", True),
    "a typed address": (PROGRAMS, {"HTTP_SEC_FETCH_SITE": "none"}, "POST", False),
    "a cookie alone": (BROWSERS, {}, "POST", False),
    "a cookie alone reads": (BROWSERS, {}, "GET", True),
    "a cookie alone opens a WebSocket": (BROWSERS, {"HTTP_UPGRADE": "websocket"}, "GET", False),
    "a cookie of an own page": (BROWSERS, OWN, "POST", True),
    "a cookie of an own page, same-origin": (BROWSERS, SAME, "POST", True),
    "a cookie of a foreign page": (BROWSERS, FOREIGN, "POST", False),
    "a cookie of a listed page": (BROWSERS, LISTED, "POST", True),
    "a cookie, cross-site": (BROWSERS, CROSS, "POST", False),
}


@pytest.mark.parametrize(("place", "headers", "method", "passes"), SITES.values(), ids=SITES)
def test_a_foreign_page_is_refused(
    place: Place, headers: dict[str, str], method: str, passes: bool
) -> None:
    """What a browser adds by itself proves nothing, so an unsafe request must come from a page of
    this site or of the list; a program sends no header of a browser."""

    def methods_of(environ: Any) -> set[str]:
        assert environ["REQUEST_METHOD"] == method
        return {method}

    environ = {**PAGE, **headers, "REQUEST_METHOD": method}
    allowed = checked_origins(["https://front.example"])
    if passes:
        check_site(place, environ, methods_of, allowed)
    else:
        with pytest.raises(Forbidden) as caught:
            check_site(place, environ, methods_of, allowed)
        assert caught.value.reason == "cross_site"


def test_a_page_of_the_same_origin_passes_at_once() -> None:
    """Most requests are such, so nothing else is read of them."""
    check_site(BROWSERS, SAME, lambda environ: pytest.fail("read"), checked_origins([]))


@pytest.mark.parametrize(
    ("header", "is_there"),
    [(None, False), ("", False), (" \t", False), ("Digest a=b", True), (b"x", True)],
)
def test_a_scheme_that_is_not_read(header: Any, is_there: bool) -> None:
    """Anything but blanks in Authorization is a scheme; no header is none."""
    assert has_unread_scheme({"HTTP_AUTHORIZATION": header}) is is_there
    assert not has_unread_scheme({})


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
