"""Where a token is looked for: one table a place, and the order of the places."""

import itertools
from base64 import b64encode
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from jwt_middleware import ConfigurationError, InvalidRequest, InvalidToken, Refusal
from jwt_middleware.identity import NONCE_KEY
from jwt_middleware.wire.cookies import cookie_values
from jwt_middleware.wire.credentials import Places, extract
from jwt_middleware.wire.dpop import DPoPScheme
from jwt_middleware.wire.places import Place, basic_password, bearer, in_cookie, in_header

TOKEN = "aaa.bbb.ccc"
COOKIE, HEADER = in_cookie("__Host-jwt"), in_header("Cf-Access-Jwt-Assertion")
EVERY = Places((bearer, COOKIE, HEADER, basic_password))


def basic(text: str | bytes) -> str:
    raw = text.encode() if isinstance(text, str) else text
    return f"Basic {b64encode(raw).decode()}"


GOOD = {
    "bearer": (bearer, {"HTTP_AUTHORIZATION": f"Bearer {TOKEN}"}),
    "bearer in capitals": (bearer, {"HTTP_AUTHORIZATION": f"BEARER   {TOKEN}"}),
    "cookie": (COOKIE, {"HTTP_COOKIE": f"__Host-jwt={TOKEN}"}),
    "cookie among others": (COOKIE, {"HTTP_COOKIE": f"a=b; __Host-jwt={TOKEN}; __Host-jwt2=c"}),
    "cookie without blanks": (COOKIE, {"HTTP_COOKIE": f"a=b;__Host-jwt={TOKEN};c=d"}),
    "cookie in quotes": (COOKIE, {"HTTP_COOKIE": f'__Host-jwt="{TOKEN}"'}),
    "cookie whose name ends alike": (COOKIE, {"HTTP_COOKIE": f"x__Host-jwt=x; __Host-jwt={TOKEN}"}),
    "header": (HEADER, {"HTTP_CF_ACCESS_JWT_ASSERTION": TOKEN}),
    "header with a scheme": (HEADER, {"HTTP_CF_ACCESS_JWT_ASSERTION": f"Bearer {TOKEN}"}),
    "password": (basic_password, {"HTTP_AUTHORIZATION": basic(f"ada:{TOKEN}")}),
    "password beside no name": (basic_password, {"HTTP_AUTHORIZATION": basic(f":{TOKEN}")}),
    "name beside no password": (basic_password, {"HTTP_AUTHORIZATION": basic(f"{TOKEN}:")}),
    "basic in capitals": (
        basic_password,
        {"HTTP_AUTHORIZATION": basic(f"ada:{TOKEN}").replace("Basic ", "BASIC  ")},
    ),
    "a name in UTF-8": (basic_password, {"HTTP_AUTHORIZATION": basic(f"Adá:{TOKEN}")}),
}


@pytest.mark.parametrize(("place", "environ"), GOOD.values(), ids=GOOD)
def test_a_token_is_found(place: Place, environ: dict[str, str]) -> None:
    """Each place reads its own form, alone and among all."""
    for places in (Places([place]), EVERY):
        found = extract(environ, places=places)
        assert found is not None
        assert (found.token, found.place, found.scheme) == (TOKEN, place, place.scheme)
        assert TOKEN not in repr(found)


NOTHING: dict[str, dict[str, Any]] = {
    "no header": {},
    "another scheme": {"HTTP_AUTHORIZATION": "Digest a=b"},
    "a scheme that begins alike": {"HTTP_AUTHORIZATION": "Basically YTpi"},
    "other cookies": {"HTTP_COOKIE": "a=b; __host-jwt=c; __Host-jwt2=d; x__Host-jwt=e"},
    "an empty cookie": {"HTTP_COOKIE": "__Host-jwt="},
    "an empty header": {"HTTP_CF_ACCESS_JWT_ASSERTION": ""},
    "a cookie without its prefix": {"HTTP_COOKIE": f"jwt={TOKEN}", "wsgi.url_scheme": "https"},
}


@pytest.mark.parametrize("environ", NOTHING.values(), ids=NOTHING)
def test_nothing_is_found(environ: dict[str, Any]) -> None:
    """What is not a credential of a place is not one."""
    assert extract(environ, places=EVERY) is None


BAD: dict[str, tuple[dict[str, Any], type[Refusal], str]] = {
    "no token in bearer": ({"HTTP_AUTHORIZATION": "Bearer "}, InvalidRequest, "malformed"),
    "two cookies": (
        {"HTTP_COOKIE": "__Host-jwt=a; __Host-jwt=b"},
        InvalidRequest,
        "cookie_malformed",
    ),
    "two cookies, one empty": (
        {"HTTP_COOKIE": "__Host-jwt=a; __Host-jwt="},
        InvalidRequest,
        "cookie_malformed",
    ),
    "a cookie of bytes": ({"HTTP_COOKIE": b"__Host-jwt=a"}, InvalidRequest, "cookie_malformed"),
    "a cookie with foreign characters": (
        {"HTTP_COOKIE": "__Host-jwt=a,b"},
        InvalidToken,
        "cookie_malformed",
    ),
    "a long cookie": ({"HTTP_COOKIE": f"__Host-jwt={'a' * 9000}"}, InvalidToken, "too_large"),
    "two tokens in a header": (
        {"HTTP_CF_ACCESS_JWT_ASSERTION": "a,b"},
        InvalidRequest,
        "header_malformed",
    ),
    "a header of bytes": (
        {"HTTP_CF_ACCESS_JWT_ASSERTION": b"a"},
        InvalidRequest,
        "header_malformed",
    ),
    "basic without anything": ({"HTTP_AUTHORIZATION": "Basic"}, InvalidRequest, "basic_malformed"),
    "basic and a blank": ({"HTTP_AUTHORIZATION": "Basic "}, InvalidRequest, "basic_malformed"),
    "basic without a colon": (
        {"HTTP_AUTHORIZATION": basic(TOKEN)},
        InvalidRequest,
        "basic_malformed",
    ),
    "basic that is not base64": (
        {"HTTP_AUTHORIZATION": "Basic a:b"},
        InvalidRequest,
        "basic_malformed",
    ),
    "basic that is not UTF-8": (
        {"HTTP_AUTHORIZATION": basic(b"a:\xff")},
        InvalidRequest,
        "basic_malformed",
    ),
    "two passwords, joined": (
        {"HTTP_AUTHORIZATION": f"{basic('a:b')}, {basic('a:c')}"},
        InvalidRequest,
        "basic_malformed",
    ),
    "a password that is not a token": (
        {"HTTP_AUTHORIZATION": basic("ada:correct horse")},
        InvalidToken,
        "basic_malformed",
    ),
    "a password with a colon": (
        {"HTTP_AUTHORIZATION": basic("ada:a:b")},
        InvalidToken,
        "basic_malformed",
    ),
    "neither name nor password": (
        {"HTTP_AUTHORIZATION": basic(":")},
        InvalidToken,
        "basic_malformed",
    ),
    "a long password": (
        {"HTTP_AUTHORIZATION": basic("ada:" + "a" * 8193)},
        InvalidToken,
        "too_large",
    ),
    "an endless password": (
        {"HTTP_AUTHORIZATION": f"Basic {'A' * 60_000}"},
        InvalidToken,
        "too_large",
    ),
}


@pytest.mark.parametrize(("environ", "kind", "reason"), BAD.values(), ids=BAD)
def test_what_is_not_exactly_one_token(
    environ: dict[str, Any], kind: type[Refusal], reason: str
) -> None:
    """It is refused with the reason of its place: no later place is asked."""
    with pytest.raises(Refusal) as caught:
        extract({**environ, "HTTP_X_LATER": TOKEN}, places=Places([*EVERY, in_header("X-Later")]))
    assert (type(caught.value), caught.value.reason) == (kind, reason)


def test_the_first_place_decides() -> None:
    """The owner's order counts, not the request's."""
    environ = {"HTTP_COOKIE": "__Host-jwt=cookie", "HTTP_AUTHORIZATION": "Bearer header"}
    tokens = [
        found.token
        for places in ((bearer, COOKIE), (COOKIE, bearer))
        if (found := extract(environ, places=Places(places)))
    ]
    assert tokens == ["header", "cookie"]


@given(
    st.lists(
        st.sampled_from(["jwt", "xjwt", "jwtx", "=", "; ", ";", " ", "\t", '"', "a", "b.c", ","]),
        max_size=12,
    ).map("".join)
)
@example("jwt =a; jwt=b")
@example("jwt; jwt=b")
@example("a=jwt=b")
@example("a;jwt=b")
@example('jwt="a; b"')
def test_the_quick_reading_of_a_cookie_is_the_whole_one(header: str) -> None:
    """A header of the usual form is read quickly, and means what it means read whole."""
    whole = cookie_values(header, "jwt")
    environ = {"HTTP_COOKIE": header, "wsgi.url_scheme": "https"}
    try:
        found = in_cookie("jwt").find(environ)
    except InvalidRequest:
        assert len(whole) > 1
    else:
        assert len(whole) <= 1
        assert (found or "").strip(" \t") == (whole[0] if whole else "")


SCHEME = DPoPScheme(["ES256"])
ORDERS = [order for size in range(1, 5) for order in itertools.permutations(EVERY, size)]


FIELDS = {
    "HTTP_AUTHORIZATION": (
        *(None, "", "Bearer a", "bEARER a", "Basic YTpi", "basic YTpi", "Basic", "X y"),
        *("DPoP e", "dpop e", "DPoP  e", "DPoP "),
    ),
    "HTTP_COOKIE": (None, "", "a=b", "__Host-jwt=c", "__Host-jwt="),
    "HTTP_CF_ACCESS_JWT_ASSERTION": (None, "", "d"),
}
ENVIRONS = [
    {name: value for name, value in zip(FIELDS, values, strict=True) if value is not None}
    for values in itertools.product(*FIELDS.values())
]


@pytest.mark.parametrize("order", ORDERS, ids=repr)
def test_the_first_place_decides_in_every_order(order: Sequence[Place]) -> None:
    """Places that cannot hold a credential are passed over; that never changes which decides. A
    caller whom no place of the list showed came by `bearer`."""
    places = Places(order)
    for environ in ENVIRONS:
        found = ((place, place.find(environ)) for place in order)
        expected = next((pair for pair in found if pair[1] is not None), (None, ""))
        assert places.find(environ) == expected, environ
        assert places.scheme(environ) == (expected[0] or bearer).scheme, environ


@pytest.mark.parametrize("order", ORDERS, ids=repr)
def test_what_the_list_of_places_says(order: Sequence[Place]) -> None:
    """The list says which headers it reads, in order and once, and of which kinds its places
    are."""
    places = Places(order)
    headers = [place.header for place in order]
    assert list(places.headers) == sorted(set(headers), key=headers.index)
    assert places.asks_bearer_first is (order[0] is bearer)
    assert places.take_cookies is (COOKIE in order)
    assert places.take_passwords is (basic_password in order)
    before_password = itertools.takewhile(lambda place: place is not basic_password, order)
    assert places.prefer_passwords is (basic_password in order and bearer not in before_password)
    assert tuple(places) == tuple(order)


def with_dpop(order: Sequence[Place]) -> list[Place]:
    """The places with the scheme DPoP, which is asked after `bearer`, or before all others."""
    at = order.index(bearer) + 1 if bearer in order else 0
    return [*order[:at], SCHEME, *order[at:]]


@pytest.mark.parametrize("order", ORDERS, ids=repr)
def test_dpop_is_asked_where_bearer_is_in_every_order(order: Sequence[Place]) -> None:
    """The quick ways to a bound token never change which place decides. A caller whose token is
    bound has sent a proof."""
    places = Places(order, SCHEME)
    for environ in ({**one, **proof} for one in ENVIRONS for proof in ({}, {"HTTP_DPOP": "f"})):
        found = ((place, place.find(environ)) for place in with_dpop(order))
        place, credential = next((pair for pair in found if pair[1] is not None), (None, ""))
        assert places.find(environ) == (place, credential), environ
        if place is not SCHEME or "HTTP_DPOP" in environ:
            assert places.scheme(environ) == (place or bearer).scheme, environ


@pytest.mark.parametrize("order", ORDERS, ids=repr)
def test_what_the_list_says_with_dpop(order: Sequence[Place]) -> None:
    """It reads the header of the proof too, and bearer tokens are found as quickly as without."""
    places = Places(order, SCHEME)
    headers = [*(place.header for place in with_dpop(order)), "DPoP"]
    assert list(places.headers) == sorted(set(headers), key=headers.index)
    assert list(places) == with_dpop(order)
    assert places.dpop is SCHEME
    assert places.asks_bearer_first is (order[0] is bearer)


def test_only_a_scheme_with_nonces_has_its_requests_observed() -> None:
    """Without nonces the app is called as it was; with them, its answer carries one that is due."""
    sent: list[tuple[str, str]] = []

    def app(environ: dict[str, str], start_response: Callable[..., None]) -> str:
        start_response("200 OK", [("A", "b")])
        return "the answer"

    def start_response(status: str, headers: list[tuple[str, str]]) -> None:
        sent[:] = headers

    for places in (Places(), Places(dpop=SCHEME)):
        for is_observed in (False, True):
            assert places.giving_nonces(is_observed, app) == (is_observed, app)
    is_observed, call = Places(dpop=DPoPScheme(["ES256"], uses_nonces=True)).giving_nonces(
        False, app
    )
    assert is_observed
    assert call({NONCE_KEY: "due"}, start_response) == "the answer"
    assert sent == [("A", "b"), ("DPoP-Nonce", "due")]
    call({}, start_response)
    assert sent == [("A", "b")]


LOOPBACK = {"wsgi.url_scheme": "http", "HTTP_HOST": "localhost:5000"}


@pytest.mark.parametrize(
    ("more", "is_found"),
    [
        ({}, True),
        ({"HTTP_HOST": "127.0.0.1"}, True),
        ({"HTTP_HOST": "example.com"}, False),
        ({"wsgi.url_scheme": "https"}, False),
        ({"HTTP_X_FORWARDED_PROTO": "https"}, False),
    ],
    ids=["localhost", "its address", "another host", "https", "behind a proxy"],
)
def test_the_cookie_of_a_loopback_host(more: dict[str, str], is_found: bool) -> None:
    """Over plain http at a loopback host the cookie has no prefix; elsewhere a sibling host could
    have planted it."""
    environ = {**LOOPBACK, "HTTP_COOKIE": f"jwt={TOKEN}", **more}
    assert (extract(environ, places=EVERY) is not None) == is_found


@pytest.mark.parametrize("name", ["", "a b", "a=b", "a;b", "é", "a\r\nb", None, 1, b"a", "a,b"])
def test_names_that_are_none(name: Any) -> None:
    """A header or a cookie has a token of RFC 9110 for its name."""
    for build in (in_header, in_cookie):
        with pytest.raises(ConfigurationError, match=f"{build.__name__} must be called with"):
            build(name)


@pytest.mark.parametrize("name", ["Authorization", "cookie", "Host", "Origin", "X_Token"])
def test_headers_that_hold_no_token(name: str) -> None:
    """Authorization has its own places; an underscore is what servers drop or mix up."""
    with pytest.raises(ConfigurationError, match="in_header must be called with the name"):
        in_header(name)


def test_places_say_what_they_are() -> None:
    """Their repr is how they are made."""
    shown = [repr(place) for place in EVERY]
    assert shown == [
        "bearer",
        "in_cookie('__Host-jwt')",
        "in_header('Cf-Access-Jwt-Assertion')",
        "basic_password",
    ]
    assert EVERY.headers == ("Authorization", "Cookie", "Cf-Access-Jwt-Assertion")
