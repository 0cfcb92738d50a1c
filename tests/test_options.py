"""The public constructors of trust: whatever an option is, a `ConfigurationError` says what is
wrong, and nothing else comes out."""

import math
import pathlib
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from jwt_middleware import (
    ConfigurationError,
    Fetch,
    Introspection,
    Key,
    KeySet,
    Provider,
    RemoteKeySet,
    RevocationList,
)
from jwt_middleware._options import check_seconds, got
from jwt_middleware.login import KeyFolder
from jwt_middleware.stores import MemoryStore
from jwt_middleware.trust.discovery import DiscoveredKeySet
from jwt_middleware.trust.verifier import Verifier
from tests.kit.parts import examples

KEY = Key.generate("EdDSA")
PROVIDER = Provider(issuer="https://idp.example/", audience="api", keys=KeySet([KEY]))
NUMBERS = st.one_of(
    st.integers(),
    st.floats(),
    st.sampled_from([10**400, -(10**400), math.inf, -math.inf, math.nan, 1e300, 0, -0.0, 301]),
)
ODD = st.one_of(
    st.none(),
    st.booleans(),
    NUMBERS,
    st.text(max_size=20),
    st.binary(max_size=20),
    st.sampled_from(["", "a\nb", "\ud800", "\0", "application/text/plain", "https://x:99999/"]),
    st.sampled_from(["https://[::/", "http://127.0.0.1:0/", "https://é/", "https://x/?a", "//x"]),
    st.complex_numbers(),
    st.lists(st.one_of(st.none(), st.text(max_size=3), st.integers()), max_size=3),
    st.dictionaries(st.text(max_size=3), st.integers(), max_size=2),
    st.sampled_from([object(), object, len, iter(()), range(3), {1}, frozenset(), (), ((),)]),
    st.sampled_from([KEY, [KEY], KeySet([KEY]), PROVIDER, [PROVIDER], pathlib.Path("none"), ...]),
)
# Each constructor with good arguments, of which one is replaced.
MAKERS: dict[str, tuple[Callable[..., Any], dict[str, Any]]] = {
    "Provider": (
        Provider,
        {
            "issuer": "https://idp.example/",
            "audience": "api",
            "keys": KeySet([KEY]),
            "leeway": 5,
            "typ": "at+jwt",
            "max_lifetime": 300,
            "subject_claim": "sub",
            "numeric_subject": False,
            "tenants": None,
            "allow_null": False,
            "scope_claims": ("scope",),
        },
    ),
    "Provider.discover": (
        Provider.discover,
        {
            "issuer": "https://idp.example/",
            "audience": "api",
            "fetch": Fetch(),
            "metadata_url": None,
            "algorithm": None,
            "leeway": 5,
            "typ": None,
        },
    ),
    "Key.from_secret": (Key.from_secret, {"secret": "s" * 64, "algorithm": "HS256", "id": None}),
    "Key.from_pem": (Key.from_pem, {"pem": KEY.to_pem(), "algorithm": None, "id": "a"}),
    "Key.from_jwk": (Key.from_jwk, {"jwk": KEY.to_jwk()}),
    "Key.generate": (Key.generate, {"algorithm": "EdDSA", "id": "a"}),
    "KeySet": (KeySet, {"keys": [KEY]}),
    "KeySet.from_jwks": (KeySet.from_jwks, {"document": {"keys": [KEY.to_jwk()]}}),
    "RemoteKeySet": (
        RemoteKeySet,
        {
            "url": "https://idp.example/",
            "fresh_for": 600,
            "stale_for": 9,
            "fetch": Fetch(),
            "algorithm": None,
        },
    ),
    "DiscoveredKeySet": (
        DiscoveredKeySet,
        {"issuer": "https://i.example/", "metadata_url": None, "fetch": Fetch(), "algorithm": None},
    ),
    "Introspection": (
        Introspection,
        {
            "url": "https://idp.example/introspect",
            "issuer": "https://idp.example/",
            "audience": "api",
            "client_id": "api",
            "client_secret": "secret",
            "cache_for": 60,
            "fetch": Fetch(),
            "subject_claim": "sub",
            "remote_user_claim": None,
        },
    ),
    "Fetch": (Fetch, {"timeout": 3, "ca_file": None, "headers": {}, "allow_http": ()}),
    "RevocationList": (
        RevocationList,
        {"log": MemoryStore(), "max_staleness": 1, "max_outage": 120},
    ),
    "KeyFolder": (KeyFolder, {"path": "/nowhere"}),
    "Verifier": (Verifier, {"providers": [PROVIDER], "revocations": None}),
}
OPTIONS = [(maker, option) for maker, (_, good) in MAKERS.items() for option in good]


@pytest.mark.parametrize(("maker", "option"), OPTIONS, ids=lambda value: value)
def test_no_option_lets_another_exception_out(maker: str, option: str) -> None:
    """Each option of each public constructor, with values of every wrong type and range: what is
    wrong is a `ConfigurationError`, what is right is built."""
    make, good = MAKERS[maker]

    @given(ODD)
    @settings(max_examples=examples(150), deadline=None, database=None)
    @example(math.inf)
    @example(math.nan)
    @example(10**400)
    @example("https://idp.example:99999/")
    @example(True)
    def feed(value: Any) -> None:
        with suppress(ConfigurationError):
            make(**good | {option: value})

    feed()


SECONDS = [
    (Provider, MAKERS["Provider"][1], "leeway"),
    (Provider, MAKERS["Provider"][1], "max_lifetime"),
    (RemoteKeySet, MAKERS["RemoteKeySet"][1], "fresh_for"),
    (RemoteKeySet, MAKERS["RemoteKeySet"][1], "stale_for"),
    (Fetch, MAKERS["Fetch"][1], "timeout"),
    (Introspection, MAKERS["Introspection"][1], "cache_for"),
    (RevocationList, MAKERS["RevocationList"][1], "max_staleness"),
    (RevocationList, MAKERS["RevocationList"][1], "max_outage"),
]


@pytest.mark.parametrize(("make", "good", "option"), SECONDS, ids=lambda value: str(value)[:30])
@pytest.mark.parametrize(
    "value", [math.inf, -math.inf, math.nan, 10**400, -1, True, False, "5", b"5", [5], 5j]
)
def test_a_duration_is_a_finite_number_of_seconds(
    make: Callable[..., Any], good: dict[str, Any], option: str, value: Any
) -> None:
    """`inf`, `nan`, booleans, strings and negative numbers are refused in the one form of message,
    by every option that is a duration."""
    with pytest.raises(ConfigurationError) as error:
        make(**good | {option: value})
    assert str(error.value).startswith(f"{option} must be a finite number of seconds")
    assert str(error.value).endswith(f"got {got(value)}")


def test_the_bounds_of_a_duration() -> None:
    """`least` and `most` are included, `above` is not; the message names them."""
    check_seconds("x", 0)
    check_seconds("x", 300, most=300)
    check_seconds("x", 0.001, above=0)
    with pytest.raises(ConfigurationError, match=r"x must be .* seconds above 0, got 0$"):
        check_seconds("x", 0, above=0)
    with pytest.raises(ConfigurationError, match=r"seconds from 0 to 300, got 301$"):
        check_seconds("x", 301, most=300)
    with pytest.raises(ConfigurationError, match=r"seconds above 0, at most 300, got 301$"):
        check_seconds("x", 301, above=0, most=300)
    with pytest.raises(ConfigurationError, match=r"seconds of at least 0, got -1$"):
        check_seconds("x", -1)


def test_a_value_in_a_message_is_short_and_on_one_line() -> None:
    """A value may be of any length, and its `repr` may fail."""

    class Rude:
        def __repr__(self) -> str:
            raise RuntimeError

    assert got("a\nb\u20ac") == "'a\\nb\\u20ac'"
    assert len(got("a" * 1000)) == 83
    assert got(Rude()) == "an object of Rude"
    assert got(10**5000) == "an object of int"
