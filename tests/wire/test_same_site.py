"""Which requests a page of this site made."""

from typing import Any

import pytest

from jwt_middleware.wire.origins import checked_origins
from jwt_middleware.wire.same_site import is_from_this_site, is_safe

LISTED = "https://front.example"
ALLOWED = checked_origins([LISTED, "https://*.preview.example"])
HTTPS = {"wsgi.url_scheme": "https", "HTTP_HOST": "app.example"}
OWN = "https://app.example"

VERDICTS: dict[str, tuple[dict[str, Any], bool]] = {
    "no header": ({}, False),
    "same-origin": ({"HTTP_SEC_FETCH_SITE": "same-origin"}, True),
    "same-site": ({"HTTP_SEC_FETCH_SITE": "same-site"}, False),
    "cross-site": ({"HTTP_SEC_FETCH_SITE": "cross-site"}, False),
    "none": ({"HTTP_SEC_FETCH_SITE": "none"}, False),
    "an unknown word": ({"HTTP_SEC_FETCH_SITE": "same-origin, cross-site"}, False),
    "own origin": ({"HTTP_ORIGIN": OWN}, True),
    "own origin, none": ({"HTTP_ORIGIN": OWN, "HTTP_SEC_FETCH_SITE": "none"}, True),
    "own origin, cross-site": ({"HTTP_ORIGIN": OWN, "HTTP_SEC_FETCH_SITE": "cross-site"}, False),
    "own origin with its port": ({"HTTP_ORIGIN": f"{OWN}:443"}, True),
    "own host by http": ({"HTTP_ORIGIN": "http://app.example"}, False),
    "a sibling host": ({"HTTP_ORIGIN": "https://evil.app.example"}, False),
    "another port": ({"HTTP_ORIGIN": f"{OWN}:8443"}, False),
    "a longer host": ({"HTTP_ORIGIN": f"{OWN}.evil.example"}, False),
    "null": ({"HTTP_ORIGIN": "null"}, False),
    "an origin of bytes": ({"HTTP_ORIGIN": OWN.encode()}, False),
    "a listed origin": ({"HTTP_ORIGIN": LISTED, "HTTP_SEC_FETCH_SITE": "cross-site"}, True),
    "a listed parent": ({"HTTP_ORIGIN": "https://a.preview.example"}, True),
    "behind a proxy that changes the host": (
        {
            "HTTP_ORIGIN": OWN,
            "HTTP_SEC_FETCH_SITE": "same-origin",
            "HTTP_HOST": "10.0.0.1:8000",
            "wsgi.url_scheme": "http",
        },
        True,
    ),
    "behind a proxy that ends TLS": ({"HTTP_ORIGIN": OWN, "wsgi.url_scheme": "http"}, True),
    "loopback": (
        {
            "HTTP_ORIGIN": "http://localhost:5000",
            "HTTP_HOST": "localhost:5000",
            "wsgi.url_scheme": "http",
        },
        True,
    ),
    "loopback, another port": (
        {
            "HTTP_ORIGIN": "http://localhost:3000",
            "HTTP_HOST": "localhost:5000",
            "wsgi.url_scheme": "http",
        },
        False,
    ),
}


@pytest.mark.parametrize(("headers", "is_own"), VERDICTS.values(), ids=VERDICTS)
def test_who_made_a_request(headers: dict[str, Any], is_own: bool) -> None:
    """`Sec-Fetch-Site` says so, or an `Origin` of this host or of the list; doubt says no."""
    assert is_from_this_site({**HTTPS, **headers}, ALLOWED) == is_own


@pytest.mark.parametrize(
    ("methods", "headers", "is_harmless"),
    [
        ({"GET"}, {}, True),
        ({"HEAD"}, {}, True),
        ({"OPTIONS"}, {}, True),
        ({"POST"}, {}, False),
        ({"GET", "DELETE"}, {}, False),
        ({"get"}, {}, False),
        ({"PROPFIND"}, {}, False),
        ({"GET"}, {"HTTP_UPGRADE": "websocket"}, False),
        ({"GET"}, {"HTTP_UPGRADE": "h2c, WebSocket"}, False),
        ({"GET"}, {"HTTP_SEC_WEBSOCKET_KEY": "x"}, False),
        ({"GET"}, {"HTTP_UPGRADE": "h2c"}, True),
    ],
)
def test_what_changes_nothing(
    methods: set[str], headers: dict[str, str], is_harmless: bool
) -> None:
    """GET, HEAD and OPTIONS that mean no other method and open no WebSocket."""
    assert is_safe(headers, methods) == is_harmless
