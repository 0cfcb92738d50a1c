"""The URL of a proof against that of the request (RFC 9449 section 4.3, RFC 3986 section 6.2)."""

from urllib.parse import quote, urljoin, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jwt_middleware.trust.htu import is_url_of, normal_base, overlap_of

BASE = "https://api.example"

SAME = {
    "as it is": ("https://api.example/api/me", "/api/me"),
    "scheme in capitals": ("HTTPS://api.example/api/me", "/api/me"),
    "host in capitals": ("https://API.Example/api/me", "/api/me"),
    "the usual port": ("https://api.example:443/api/me", "/api/me"),
    "an empty port": ("https://api.example:/api/me", "/api/me"),
    "a query": ("https://api.example/api/me?a=1&b=/x", "/api/me"),
    "a fragment": ("https://api.example/api/me#top?x", "/api/me"),
    "both": ("https://api.example/api/me?a#b", "/api/me"),
    "no path": ("https://api.example", ""),
    "no path for the root": ("https://api.example", "/"),
    "the root for no path": ("https://api.example/", ""),
    "an escape that need not be": ("https://api.example/%61pi/me", "/api/me"),
    "an escape in small letters": ("https://api.example/caf%c3%a9", "/caf\xc3\xa9"),
    "an escape in capitals": ("https://api.example/caf%C3%A9", "/caf\xc3\xa9"),
    "an escaped blank": ("https://api.example/a%20b", "/a b"),
    "an escaped question mark": ("https://api.example/a%3Fb", "/a?b"),
    "an escaped percent sign": ("https://api.example/a%25b", "/a%b"),
    "a dot segment": ("https://api.example/./api/me", "/api/me"),
    "two dots": ("https://api.example/x/../api/me", "/api/me"),
    "two dots above the root": ("https://api.example/../api/me", "/api/me"),
    "escaped dots": ("https://api.example/x/%2e%2E/api/me", "/api/me"),
    "dots in the request": ("https://api.example/api/me", "/x/../api/me"),
    "a dot at the end": ("https://api.example/api/.", "/api/"),
    "two slashes": ("https://api.example//api", "//api"),
    "punctuation": ("https://api.example/a;b=1,2@x:y!$&'()*+", "/a;b=1,2@x:y!$&'()*+"),
    "a path of a server that leaves the slash out": ("https://api.example/api/me", "api/me"),
    "names that start with a dot": ("https://api.example/.well-known/x", "/.well-known/x"),
}
OTHER = {
    "http": ("http://api.example/api/me", "/api/me"),
    "another port": ("https://api.example:8443/api/me", "/api/me"),
    "the port of http": ("https://api.example:80/api/me", "/api/me"),
    "a port with zeros": ("https://api.example:0443/api/me", "/api/me"),
    "another host": ("https://evil.example/api/me", "/api/me"),
    "a host below": ("https://x.api.example/api/me", "/api/me"),
    "a host that goes on with the path": ("https://api.exampleapi/me", "api/me"),
    "a port that goes on with the path": ("https://api.example:8443/me", ":8443/me"),
    "a longer host": ("https://api.example.evil.example/api/me", "/api/me"),
    "a dot after the host": ("https://api.example./api/me", "/api/me"),
    "an escape in the host": ("https://api%2eexample/api/me", "/api/me"),
    "a user": ("https://ada@api.example/api/me", "/api/me"),
    "the host as a user": ("https://api.example@evil.example/api/me", "/api/me"),
    "a path in capitals": ("https://api.example/API/me", "/api/me"),
    "a slash at the end": ("https://api.example/api/me/", "/api/me"),
    "no slash at the end": ("https://api.example/api/me", "/api/me/"),
    "a path below": ("https://api.example/api/me/x", "/api/me"),
    "a path above": ("https://api.example/api", "/api/me"),
    "an escaped slash": ("https://api.example/api%2Fme", "/api/me"),
    "an escaped slash in small letters": ("https://api.example/api%2fme", "/api/me"),
    "escaped twice": ("https://api.example/%2561pi/me", "/api/me"),
    "a broken escape": ("https://api.example/api/me%", "/api/me%"),
    "a raw blank": ("https://api.example/a b", "/a b"),
    "a raw letter": ("https://api.example/caf\xc3\xa9", "/caf\xc3\xa9"),
    "a backslash": ("https://api.example\\api\\me", "/api/me"),
    "a backslash in the path": ("https://api.example/api\\me", "/api\\me"),
    "one slash": ("https:/api.example/api/me", "/api/me"),
    "no scheme": ("//api.example/api/me", "/api/me"),
    "a path alone": ("/api/me", "/api/me"),
    "nothing": ("", "/api/me"),
    "a blank before": (" https://api.example/api/me", "/api/me"),
    "a line break after": ("https://api.example/api/me\n", "/api/me"),
    "a blank in the query": ("https://api.example/api/me?a b", "/api/me"),
    "a question mark of the path": ("https://api.example/a?b", "/a?b"),
    "dots that lead elsewhere": ("https://api.example/api/me/..", "/api/me"),
}


@pytest.mark.parametrize(("htu", "path"), SAME.values(), ids=SAME)
def test_the_same_url(htu: str, path: str) -> None:
    """What RFC 3986 calls equivalent."""
    assert is_url_of(htu, BASE, path)


@pytest.mark.parametrize(("htu", "path"), OTHER.values(), ids=OTHER)
def test_another_url(htu: str, path: str) -> None:
    """What is not equivalent, or is not a URL."""
    assert not is_url_of(htu, BASE, path)


BASES = {
    "https://api.example": "https://api.example",
    "https://api.example/": "https://api.example",
    "HTTPS://API.example:443": "https://api.example",
    "http://localhost:80/sub/": "http://localhost/sub",
    "http://localhost:5000": "http://localhost:5000",
    "https://[::1]:8443": "https://[::1]:8443",
    "https://api.example/a/../b": "https://api.example/b",
}


@pytest.mark.parametrize(("url", "base"), BASES.items(), ids=BASES)
def test_our_own_base(url: str, base: str) -> None:
    """It is brought into the same form."""
    assert normal_base(url) == base


@given(st.text(st.characters(max_codepoint=255, blacklist_characters="/"), max_size=20))
def test_a_client_that_escapes_a_path_finds_it(segment: str) -> None:
    """Whatever stands in a segment, its escaped form is the path that the server decodes."""
    raw = segment.encode("latin-1")
    if segment in (".", ".."):
        return
    assert is_url_of(f"{BASE}/x/{quote(raw, safe='')}", BASE, f"/x/{segment}")
    assert not is_url_of(f"{BASE}/y/{quote(raw, safe='')}", BASE, f"/x/{segment}")


MOUNTS: dict[str, tuple[str, str, str]] = {
    "a root": ("https://api.example", "", ""),
    "a root, mounted": ("https://api.example", "/sub", "/sub"),
    "the mount": ("https://api.example/sub", "/sub", ""),
    "the mount, at a server with the root": ("https://api.example/sub", "", ""),
    "two segments": ("https://api.example/a/b", "/a/b", ""),
    "the last of two": ("https://api.example/a/b", "/b", ""),
    "the first of two": ("https://api.example/a", "/a/b", "/b"),
    "the middle": ("https://api.example/a/b", "/b/c", "/c"),
    "the longest part": ("https://api.example/a/a", "/a/a/a", "/a"),
    "another mount": ("https://api.example/a", "/b", "/b"),
    "the first of the base": ("https://api.example/a/b", "/a", "/a"),
    "a name that ends alike": ("https://api.example/xsub", "/sub", "/sub"),
    "a name that starts alike": ("https://api.example/sub", "/subway", "/subway"),
    "another case": ("https://api.example/Sub", "/sub", "/sub"),
    "a host of that name": ("https://sub", "/sub", "/sub"),
    "a host with a port": ("https://sub:8443", "/sub:8443", "/sub:8443"),
    "a slash at its end": ("https://api.example/sub", "/sub/", "/"),
    "a slash alone": ("https://api.example/sub", "/", "/"),
    "letters beyond ASCII": ("https://api.example/caf", "/caf\xc3\xa9", "/caf\xc3\xa9"),
    "no slash": ("https://api.example/sub", "sub", "sub"),
    "huge": ("https://api.example/sub", "/sub" * 10_000, "/sub" * 9_999),
}
"""Our base, the mount point, and what of it the base lacks."""


@pytest.mark.parametrize(("base", "mount", "rest"), MOUNTS.values(), ids=MOUNTS)
def test_a_mount_point_is_added_once(base: str, mount: str, rest: str) -> None:
    """What the base has of the mount point already, in whole segments, is not added again."""
    assert mount[overlap_of(base, mount) :] == rest


@pytest.mark.parametrize("path", ["/api/me", "/../me", "/./me", "/me/..", "", "/"])
@pytest.mark.parametrize("own", ["", "/sub", "/a/sub"])
def test_dots_below_a_base_with_a_path(own: str, path: str) -> None:
    """Dot segments of a request are removed from the whole URL, as a client does it."""
    base = f"https://api.example{own}"
    sent = urlsplit(f"{base}{path}")
    resolved = urljoin("https://api.example", sent.path or "/")
    assert is_url_of(f"{base}{path}", base, path)
    assert is_url_of(resolved, base, path)
    assert not is_url_of(f"{base}/other{path}x", base, path)
