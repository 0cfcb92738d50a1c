"""Decides whether a page of this site made a request (OWASP's Cross-Site Request Forgery
Prevention).

A browser adds cookies by itself, also to a request from a foreign page. Two headers show the origin
of a request, and scripts cannot set either:

- `Sec-Fetch-Site` (Fetch Metadata Request Headers, section 2.3), which current browsers send to
  trustworthy URLs: https, and loopback hosts;
- `Origin` (Fetch, section 3.2), which all browsers send with every unsafe method and with
  WebSockets.
"""

import ipaddress
import re
from collections.abc import Collection, Mapping
from typing import Any

from .addresses import is_proxied
from .origins import AllowedOrigins

_SAFE_METHODS = frozenset(("GET", "HEAD", "OPTIONS"))
"""Methods that change nothing (RFC 9110 section 9.2.1). A foreign page may trigger these."""

DECIDING_HEADERS = ("Origin", "Sec-Fetch-Site")
"""The headers that show the origin of a request, for `Vary`."""

_HOST_FORM = r"([^/@?#\\\s:\[\]]+|\[[0-9a-f:.]+\])(?::([0-9]{1,5}))?"
_ORIGIN = rf"(https?)://{_HOST_FORM}"
_HOST = _HOST_FORM
_DEFAULT_PORTS = {"http": "80", "https": "443"}


def is_from_this_site(environ: Mapping[str, Any], allowed_origins: AllowedOrigins) -> bool:
    """Return whether a page of this host, or of an allowed origin, made the request.

    Return False if neither header shows it. Behind a proxy that changes `Host`, the `Origin` of
    this site's pages differs from it. Then `Sec-Fetch-Site` decides.
    """
    origin = environ.get("HTTP_ORIGIN")
    if isinstance(origin, str) and origin in allowed_origins:
        return True
    fetch_site = environ.get("HTTP_SEC_FETCH_SITE")
    if fetch_site is not None and fetch_site != "none":  # "none": by the address bar or a bookmark
        return bool(fetch_site == "same-origin")
    return is_own_origin(environ, origin)


def is_safe(environ: Mapping[str, Any], methods: Collection[str]) -> bool:
    """Return whether a request that may mean these methods changes nothing."""
    return _SAFE_METHODS.issuperset(methods) and not is_websocket(environ)


def is_websocket(environ: Mapping[str, Any]) -> bool:
    """Return whether a request opens a WebSocket (RFC 6455 section 4.1, RFC 8441 section 4).

    It is a GET or a CONNECT, but later messages on the connection may change data.
    """
    upgrade = environ.get("HTTP_UPGRADE")
    return (upgrade is not None and "websocket" in str(upgrade).lower()) or (
        "HTTP_SEC_WEBSOCKET_KEY" in environ
    )


def is_own_origin(environ: Mapping[str, Any], origin: object) -> bool:
    """Return whether this is the origin of a page that may use a cookie of this host.

    The cookies are Secure, so a page of this host must not use them over http, except at a loopback
    host. An attacker in the network can forge http://example.com, but not https://example.com.
    """
    found = re.fullmatch(_ORIGIN, origin.lower()) if isinstance(origin, str) else None
    if found is None:
        return False
    scheme, host, port = found.groups()
    port = port or _DEFAULT_PORTS[scheme]
    # Behind a proxy that ends TLS, the server sees http although the browser uses https.
    own_scheme = "http" if is_plain_loopback(environ) else "https"
    own_host, own_port = _host(environ)
    if own_port in (None, _DEFAULT_PORTS.get(environ.get("wsgi.url_scheme", ""))):
        own_port = _DEFAULT_PORTS[own_scheme]
    return (scheme, host, port) == (own_scheme, own_host, own_port)


def is_plain_loopback(environ: Mapping[str, Any]) -> bool:
    """Return whether the browser is on this machine and sent the request over http."""
    if environ.get("wsgi.url_scheme") != "http":
        return False
    # A proxy on this machine may send a loopback host although the browser used https.
    if is_proxied(environ) or any(name.startswith("HTTP_X_FORWARDED_") for name in environ):
        return False
    host = _host(environ)[0] or ""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def _host(environ: Mapping[str, Any]) -> tuple[str | None, str | None]:
    """Return the host, in lower case, and the port that the browser asked for; None if absent."""
    get = environ.get
    header = get("HTTP_HOST") or f"{get('SERVER_NAME', '')}:{get('SERVER_PORT', '')}"
    found = re.fullmatch(_HOST, str(header).lower())
    return (found[1], found[2]) if found else (None, None)
