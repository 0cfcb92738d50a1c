"""Which origins an owner may name, and which of a browser's they allow."""

import pytest

from jwt_middleware import ConfigurationError
from jwt_middleware.wire.origins import checked_origins

ALLOWED = [
    ("https://app.example", "https://app.example"),
    ("http://localhost:5173", "http://localhost:5173"),
    ("capacitor://localhost", "capacitor://localhost"),
    ("tauri://localhost", "tauri://localhost"),
    ("ionic://localhost", "ionic://localhost"),
    ("chrome-extension://abcdefghijklmnopabcdefghijklmnop", None),
    ("moz-extension://5b3f1d5e-1c1a-4d0a-9d35-1d5c3d3f4f5e", None),
    ("https://*.preview.example", "https://pr-17.preview.example"),
    ("https://*.preview.example:8443", "https://pr-17.preview.example:8443"),
    ("http://*.localhost:3000", "http://a.localhost:3000"),
]


@pytest.mark.parametrize(("named", "origin"), ALLOWED)
def test_a_named_origin_is_allowed(named: str, origin: str | None) -> None:
    """Any scheme, and one label below a host."""
    allowed = checked_origins([named])
    assert (origin or named) in allowed
    assert allowed.may_read(origin or named)
    assert not allowed.allows_all


@pytest.mark.parametrize(
    "origin",
    [
        "https://preview.example",
        "https://a.b.preview.example",
        "https://.preview.example",
        "http://a.preview.example",
        "https://a.preview.example:8443",
        "https://a.preview.example.evil.example",
        "https://evil.example/.preview.example",
        "https://evil.example#.preview.example",
        "https://a@b.preview.example",
        "https://*.preview.example",
        "https://A.preview.example",
        "https://apreview.example",
        "null",
        "*",
        "",
        None,
        b"https://a.preview.example",
    ],
)
def test_a_parent_stands_for_one_label(origin: object) -> None:
    """Neither the host itself, nor two labels, nor another scheme or port, nor a look-alike."""
    allowed = checked_origins(["https://*.preview.example"])
    assert origin not in allowed
    assert not allowed.may_read(origin)


@pytest.mark.parametrize(
    "origin",
    [
        "https://*",
        "https://*.example",
        "https://*.*.preview.example",
        "https://a.*.example",
        "https://*preview.example",
        "*.preview.example",
        "capacitor://*.localhost",
        "https://*.10.0.0.1",
        "https://*.preview.example/",
        "null",
        "file://",
        "file://host",
        "data://x",
        "ftp://app.example",
        "wss://app.example",
        "capacitor://",
        "capacitor://localhost/",
        "HTTPS://app.example",
        "https://app.example:443",
    ],
)
def test_origins_that_no_browser_sends(origin: str) -> None:
    """Each would never match, or would match what many share."""
    with pytest.raises(ConfigurationError, match="allowed_origins must be"):
        checked_origins([origin])


def test_any_origin_may_read_and_none_is_named() -> None:
    """`*` opens answers to scripts; it vouches for nobody's cookies."""
    allowed = checked_origins(["*"])
    assert allowed
    assert allowed.may_read("https://evil.example")
    assert allowed.may_read("null")
    assert "https://evil.example" not in allowed
    assert "*" not in allowed
    assert not checked_origins([])
