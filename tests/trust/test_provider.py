"""`Provider`: what exists is valid, and what is wrong is said while building."""

import dataclasses
from typing import Any

import pytest

from jwt_middleware import ConfigurationError, Key, KeySet, Provider, RemoteKeySet
from jwt_middleware.trust.discovery import DiscoveredKeySet

KEYS = KeySet([Key.generate("EdDSA")])
GOOD: dict[str, Any] = {"issuer": "https://idp.example/", "audience": "api", "keys": KEYS}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("issuer", value) for value in ("", 5, b"i", ["https://idp.example/"], "a\nb", "a\0")),
        *(
            ("audience", value)
            for value in ("", 5, [], (), ["api", ""], ["api", 5], {"api"}, b"api", ["a\n"])
        ),
        *(
            ("keys", value)
            for value in (None, KEYS.keys[0], [KEYS.keys[0]], "secret", {"keys": []})
        ),
        *(("leeway", value) for value in (-1, 301, float("nan"), float("inf"), "5", None, True)),
        *(("leeway", value) for value in (10**400, -(10**400), 1e300, b"5", [5], False, 5j)),
        *(("typ", value) for value in ("", 5, ["at+jwt"], "at\n", "application/text/plain")),
        *(("typ", value) for value in ("a/b/c", "/", "text/", "/plain", "at jwt", " at+jwt", "é")),
        *(("max_lifetime", value) for value in (0, -1, float("nan"), "3600", True)),
        *(("max_lifetime", value) for value in (float("inf"), 10**400, 1e300, False, [])),
        *(("subject_claim", value) for value in ("", None, 5, (), ("sub", ""), ("a", "a"), {"a"})),
        *(("remote_user_claim", value) for value in ("", 5, ("name",), True, "a\n")),
        *(("issuer", f"https://{value}") for value in ("a/{b", "a/b}", "a/{}", "a/{b}/{c}")),
        *(("issuer", f"https://{value}") for value in ("{b}/", "{b}.a/", "a.{b}/", "a:{b}/")),
        *(("issuer", f"https://{value}") for value in ("a?{b}", "a/?x={b}", "a/#{b}", "a{b}/")),
        *(("issuer", value) for value in ("{b}", "urn:{b}", "{b}://a/", "https:{b}", "//a/{b}")),
        *[("issuer", "https://a/{b/c}"), ("issuer", "https://a/{b c}"), ("tenants", ("shop",))],
        *(("numeric_subject", value) for value in (1, 0, None, "true", "")),
        *(("allow_null", value) for value in (1, 0, None, "true", "")),
        *(("scope_claims", value) for value in ("scope", None, 5, ("scope", 5), {"scope"}, ("",))),
    ],
)
def test_what_cannot_be_is_refused_while_building(name: str, value: object) -> None:
    """The error names the option and shows its right form; a text is no list of texts."""
    with pytest.raises(ConfigurationError, match=name):
        Provider(**GOOD | {name: value})


@pytest.mark.parametrize("name", GOOD)
def test_who_is_trusted_has_no_default(name: str) -> None:
    """Issuer, audience and keys are always named: leaving the audience out would accept the tokens
    of others."""
    with pytest.raises(TypeError, match=name):
        Provider(**{key: value for key, value in GOOD.items() if key != name})


@pytest.mark.parametrize(
    ("audience", "audiences"),
    [("api", {"api"}), (("a", "b"), {"a", "b"}), (["a", "b"], {"a", "b"}), (None, set())],
)
def test_an_audience_is_a_text_several_or_explicitly_none(
    audience: Any, audiences: set[str]
) -> None:
    """All of them are accepted; a list given is kept as a tuple, so that it cannot change
    afterwards."""
    provider = Provider(**GOOD | {"audience": audience})
    assert provider.audiences == audiences
    assert not isinstance(provider.audience, list)


@pytest.mark.parametrize("keys", [RemoteKeySet, DiscoveredKeySet])
def test_keys_at_a_url_need_an_issuer(keys: Any) -> None:
    """Several issuers may share a URL, and then the `iss` alone tells their tokens apart."""
    with pytest.raises(ConfigurationError, match="issuer must be a string if the keys come from"):
        Provider(**GOOD | {"issuer": None, "keys": keys("https://idp.example/")})


def test_the_subject_may_be_in_several_claims() -> None:
    """One name stays a string; a list becomes a tuple, so that it cannot change afterwards."""
    assert Provider(**GOOD).subject_claims == ("sub",)
    several = Provider(**GOOD, subject_claim=["sub", "client_id"])  # type: ignore[arg-type]
    assert several.subject_claim == several.subject_claims == ("sub", "client_id")


@pytest.mark.parametrize("value", [0, 0.5, 5, 300])
def test_leeway_is_at_most_five_minutes(value: float) -> None:
    """Its bounds are included."""
    assert Provider(**GOOD | {"leeway": value}).leeway == value


def test_a_provider_is_frozen_and_shows_no_secret() -> None:
    """It is data; its text holds the ids of keys and no material."""
    secret = "s3cr3t-s3cr3t-s3cr3t-s3cr3t-s3cr3t"
    provider = Provider(**GOOD | {"keys": KeySet([Key.from_secret(secret)])})
    assert "s3cr3t" not in repr(provider)
    with pytest.raises(dataclasses.FrozenInstanceError):
        provider.audience = None  # type: ignore[misc]
