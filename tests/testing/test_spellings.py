"""The hostile spellings: what they are made of, and that frameworks and our readings know them."""

import pytest

from jwt_middleware import Rule
from jwt_middleware.policy.rules import RuleTable
from jwt_middleware.testing.spellings import forgeries, spellings

PATHS = ("/api", "/api/me", "/v1/api/me", "/api/items/7", "/a", "/api/", "/api/\xc3\xb5", "/API/ME")
OTHER_RESOURCES = {"letter case", "full-width letter", "look-alike letter"}
OTHER_RESOURCES |= {"end of a segment", "percent-encoding of IIS"}
"""Not the same path to any framework, and no reading of ours."""


@pytest.mark.parametrize("path", PATHS)
def test_there_are_many_and_the_path_is_not_among_them(path: str) -> None:
    """Enough of each kind for a path of any depth, and few enough to try them all."""
    found = spellings(path)
    assert path not in found
    assert 60 <= len(found) <= 360
    assert len(set(found.values())) >= 10


@pytest.mark.parametrize("path", PATHS)
def test_they_are_what_a_server_hands_on(path: str) -> None:
    """PEP 3333 text: one character a byte."""
    for spelling in spellings(path):
        spelling.encode("latin-1")


KNOWN = (
    "//api/me",
    "api/me",
    "/api//me",
    "/x/../api/me",
    "/api\xff/me",
    "/a\xffpi/me",
    "/%61pi/me",
    "/api;x/me",
)
KNOWN += ("/api/me\n", "/api/me/", "/api\\me", "/api%2fme", "/API/ME", "http://evil.example/api/me")


@pytest.mark.parametrize("spelling", KNOWN)
def test_the_known_ones_are_there(spelling: str) -> None:
    """Those that have opened a framework behind some guard."""
    assert spelling in spellings("/api/me")


def test_our_readings_know_all_that_mean_the_path() -> None:
    """A rule for the path's first segment governs each spelling but those of another resource."""
    match = RuleTable([Rule("/api")]).match
    missed = {
        spelling: hole
        for spelling, hole in spellings("/api/me").items()
        if not match({"PATH_INFO": spelling})
    }
    assert set(missed.values()) <= OTHER_RESOURCES | {"absolute URL", "invisible character"}, missed


NEW_KINDS = {
    "format suffix": ("/api/me", "/api/me.json"),
    "view name": ("/api/me", "/api/@@me"),
    "before the first slash": ("/api/me", "x/api/me"),
    "virtual host": ("/api/me", "/VirtualHostRoot/api/me"),
    "punctuation": ("/my_api/me", "/my-api/me"),
    "Latin-1": ("/caf\xc3\xa9", "/caf\xe9"),
    "dot segment": ("/api/me", "/api/me/.."),
    "end of a segment": ("/api/me", "/api./me"),
    "look-alike letter": ("/api/me", "/ap\xc4\xb1/me"),
    "percent-encoding of IIS": ("/api/me", "/api%u002fme"),
    "control character": ("/api/me", "/a\np\ni/me"),
    "percent-encoding": ("/api/me", "/%61%70%69/me"),
    "double slash": ("/api/me", "//api//me//"),
    "backslash": ("/api/me", "\\api\\me"),
    "letter case": ("/api/me", "/API/me"),
}


@pytest.mark.parametrize(("kind", "example"), NEW_KINDS.items(), ids=NEW_KINDS)
def test_a_kind_of_spelling_has_its_name(kind: str, example: tuple[str, str]) -> None:
    """What a framework makes of a path on its own is tried, and named in the report."""
    path, spelling = example
    assert spellings(path)[spelling] == kind


def test_forged_headers_stand_beside_the_path_or_in_its_place() -> None:
    """Each forgery changes something, and no two are alike."""
    forged = [changes for _, changes in forgeries("/api/me")]
    assert all("PATH_INFO" in changes and len(changes) == 2 for changes in forged)
    assert len({tuple(sorted(changes.items())) for changes in forged}) == len(forged)
    assert {"SCRIPT_NAME": "/api", "PATH_INFO": "/me"} in forged
    assert {"SCRIPT_NAME": "/api/", "PATH_INFO": "me"} in forged
    for name in (
        "X_SCRIPT_NAME",
        "X_FORWARDED_PREFIX",
        "X_FORWARDED_SCRIPT_NAME",
        "X_INGRESS_PATH",
    ):
        assert {f"HTTP_{name}": "/x", "PATH_INFO": "/x/api/me"} in forged
        assert {f"HTTP_{name}": "/x", "PATH_INFO": "/xapi/me"} in forged
        assert {f"HTTP_{name}": "/api", "PATH_INFO": "/me"} in forged


def test_our_readings_know_all_forged_headers_that_mean_the_path() -> None:
    """A rule for the path's first segment governs each forgery, but where the header replaces the
    path and nothing of it is left."""
    match = RuleTable([Rule("/api")]).match
    missed = {
        hole for hole, changes in forgeries("/api/me") if not match({"PATH_INFO": "/", **changes})
    }
    assert missed == {"X-Original-Url", "X-Rewrite-Url", "X-Forwarded-Uri"}
