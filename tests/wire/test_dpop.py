"""DPoP in the headers: the scheme, beside other places, and the challenges."""

from typing import Any

import pytest

from jwt_middleware import basic_password, bearer, in_cookie
from jwt_middleware.errors import InvalidProof, InvalidRequest, InvalidToken
from jwt_middleware.wire.credentials import Places
from jwt_middleware.wire.dpop import DPoPScheme, is_dpop, read_proof

SCHEME = DPoPScheme(["ES256", "EdDSA"])


@pytest.mark.parametrize("header", ["DPoP x", "dpop x", "DPOP", "DPoP\tx", "DPoP,x"])
def test_the_scheme(header: str) -> None:
    """In any case, and whatever follows but more of a name."""
    assert is_dpop(header)


@pytest.mark.parametrize(
    "header", ["", "DPo x", "DPoPs x", "DPoP-x y", "Bearer DPoP", " DPoP x", None, 7]
)
def test_another_scheme(header: Any) -> None:
    """Is left to other places."""
    assert not is_dpop(header)
    assert SCHEME.find({"HTTP_AUTHORIZATION": header}) is None


def test_the_credential() -> None:
    """Comes in its usual form, and holds one token."""
    for header in ("DPoP x.y.z", "dpop x.y.z", "DPoP   x.y.z"):
        credential = SCHEME.find({"HTTP_AUTHORIZATION": header})
        assert credential == "DPoP x.y.z"
        assert SCHEME.read(credential, 100) == "x.y.z"
    for header in ("DPoP", "DPoP\tx"):
        with pytest.raises(InvalidRequest):
            SCHEME.find({"HTTP_AUTHORIZATION": header})
    with pytest.raises(InvalidToken):
        SCHEME.read("DPoP " + "x" * 101, 100)


PLACES: dict[str, tuple[Any, ...]] = {
    "bearer": (bearer,),
    "a cookie": (in_cookie("c"),),
    "a cookie first": (in_cookie("c"), bearer),
    "a password first": (basic_password, bearer),
    "all": (bearer, in_cookie("c"), basic_password),
}


@pytest.mark.parametrize("places", PLACES.values(), ids=PLACES)
def test_beside_other_places(places: tuple[Any, ...]) -> None:
    """The scheme is found wherever `bearer` would be, and a cookie that is asked first decides."""
    found = Places(places, SCHEME)
    environ = {"HTTP_AUTHORIZATION": "DPoP x.y.z", "HTTP_DPOP": "p"}
    assert found.find(environ) == (SCHEME, "DPoP x.y.z")
    assert found.scheme(environ) == "DPoP"
    assert "DPoP" in found.headers
    both = {**environ, "HTTP_COOKIE": "c=a.b.c"}
    is_first = places[0] is not bearer and repr(places[0]).startswith("in_cookie")
    in_order = is_first and bearer in places
    assert found.find(both)[0] is (places[0] if in_order else SCHEME)
    assert found.scheme(both) == ("Bearer" if in_order else "DPoP")
    if bearer in places:
        plain = {"HTTP_AUTHORIZATION": "Bearer x.y.z", "HTTP_DPOP": "p"}
        assert found.find(plain) == (bearer, "Bearer x.y.z")
        assert found.scheme(plain) == "Bearer"


def test_the_header_of_a_proof() -> None:
    """A value that is not a string is no proof."""
    assert read_proof({}) is None
    assert read_proof({"HTTP_DPOP": "x"}) == "x"
    with pytest.raises(InvalidProof):
        read_proof({"HTTP_DPOP": 7})


def test_the_challenges() -> None:
    """The error stands beside the scheme that was used, the algorithms beside DPoP."""
    given, bare = 'Bearer realm="api", error="x"', 'Bearer realm="api"'
    plain = SCHEME.challenges(InvalidToken("expired"), {}, given, bare)
    assert plain == [given, 'DPoP realm="api", algs="ES256 EdDSA"']
    used = {"HTTP_AUTHORIZATION": "DPoP x"}
    for found in (
        SCHEME.challenges(InvalidToken("expired"), used, given, bare),
        SCHEME.challenges(InvalidProof("proof_url"), {}, given, bare),
    ):
        assert found == [bare, 'DPoP realm="api", error="x", algs="ES256 EdDSA"']
