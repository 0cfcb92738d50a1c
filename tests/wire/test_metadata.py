"""The document of a resource as a WSGI app of its own; its promises are in
tests/acceptance/test_metadata.py."""

from typing import Any

import pytest

from jwt_middleware.wire.credentials import BEARER
from jwt_middleware.wire.metadata import Metadata

METADATA = Metadata("https://api.example/caf%C3%A9", ["https://idp.example"], ["read"], BEARER)
PATH = "/.well-known/oauth-protected-resource/caf\xc3\xa9"

ENVIRONS: dict[str, tuple[dict[str, Any], bool]] = {
    "the path": ({"PATH_INFO": PATH}, True),
    "with a slash": ({"PATH_INFO": f"{PATH}/"}, True),
    "below a mount": ({"PATH_INFO": PATH, "SCRIPT_NAME": "/sub"}, True),
    "in two parts": ({"PATH_INFO": PATH[12:], "SCRIPT_NAME": PATH[:12]}, True),
    "in two parts elsewhere": ({"PATH_INFO": PATH[12:], "SCRIPT_NAME": "/sub"}, False),
    "two slashes": ({"PATH_INFO": f"{PATH}//"}, False),
    "a longer path": ({"PATH_INFO": f"{PATH}/x"}, False),
    "not decoded": ({"PATH_INFO": PATH.replace("\xc3\xa9", "%C3%A9")}, False),
    "no path": ({}, False),
    "a path of None": ({"PATH_INFO": None, "SCRIPT_NAME": None}, False),
    "a path that is a number": ({"PATH_INFO": 7, "SCRIPT_NAME": 7}, False),
}


@pytest.mark.parametrize(("environ", "is_asked"), ENVIRONS.values(), ids=ENVIRONS)
def test_which_requests_ask_for_it(environ: dict[str, Any], is_asked: bool) -> None:
    """The path decides, as PEP 3333 writes it, and a malformed environ asks for nothing."""
    assert METADATA.is_asked(environ) is is_asked


def test_it_shows_its_address() -> None:
    """The repr and the URL are escaped as the resource is."""
    url = "https://api.example/.well-known/oauth-protected-resource/caf%C3%A9"
    assert (METADATA.url, repr(METADATA)) == (url, f"<Metadata at {url}>")
