"""Checks the URLs that documents may be fetched from, and shows URLs without their secrets."""

import re
from collections.abc import Collection
from urllib.parse import SplitResult, urlsplit

from .._options import got
from ..errors import ConfigurationError

_SHOWN = 300  # characters: a server's metadata may name a URL of any length

_HOST = r"(?:[\w.-]+|\[[\da-f:]+\])"
_LOOPBACK_HOST = r"(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])"
# Printable ASCII without `#`, blanks and quotes that end a header or an attribute.
_REST = r"(?::\d+)?(?:[/?][!\"$-~]*)?"
# The patterns are texts, for `re` to compile at first use and not at every import.
_URL = rf"(?ai)(?:https://{_HOST}|http://{_LOOPBACK_HOST}){_REST}"
_HTTP_URL = rf"(?ai)http://{_HOST}{_REST}"
_HOST_NAME = r"(?ai)[\w.-]+|[\da-f]*:[\da-f:]+"


def checked_url(url: object, *, name: str = "url", http_hosts: Collection[str] = ()) -> str:
    """Return the URL if keys may come from it, or raise `ConfigurationError`.

    It must be an https URL, or an http URL on loopback or on one of `http_hosts`, without user info
    and fragment.
    """
    if isinstance(url, str) and _has_valid_port(url):
        is_on_http_host = re.fullmatch(_HTTP_URL, url) and urlsplit(url).hostname in http_hosts
        if is_on_http_host or re.fullmatch(_URL, url):
            return url
    raise ConfigurationError(
        f"{name} must be an https URL such as 'https://idp.example/jwks.json' (http on loopback "
        f"only, or on a host of Fetch(allow_http=...)), got {_shown(url)}"
    )


def checked_host(host: str) -> str:
    """Return a host name or address as URLs have it, in lower case and without brackets.

    Raise `ConfigurationError` for anything more than a host, such as a URL.
    """
    bare = host[1:-1] if host[:1] == "[" and host[-1:] == "]" else host
    if not re.fullmatch(_HOST_NAME, bare):
        raise ConfigurationError(
            "allow_http must be a list of host names without scheme, port and wildcard, such as "
            f"allow_http=('keycloak',), got {got(host)}"
        )
    return bare.lower()


def is_https(url: str) -> bool:
    """Return whether a URL that `checked_url` returns is fetched over TLS."""
    return url[:6].lower() == "https:"


def is_loopback(url: str) -> bool:
    """Return whether a URL that `checked_url` returns is one of this machine."""
    return bool(re.fullmatch(rf"(?ai)https?://{_LOOPBACK_HOST}{_REST}", url))


def shown_url(url: str) -> str:
    """Return a URL that `checked_url` returns for messages, in quotes and without its query, which
    may hold a secret."""
    path = url.partition("?")[0]
    return repr(path if len(path) <= _SHOWN else f"{path[:_SHOWN]}...")


def address_of(parts: SplitResult) -> tuple[str, int]:
    """Return the host and the port of a URL that `checked_url` returns."""
    return parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)


def origin_of(location: str) -> str:
    """Return where a `Location` header leads, for messages: only its scheme, host and port.

    A server wrote it, so it may hold secrets, and anything else.
    """
    try:
        parts = urlsplit(location)
        host, port = parts.hostname, parts.port
    except ValueError:
        return "an address that cannot be read"
    if not parts.scheme and not parts.netloc:
        return "another path of the same host" if location else "an address that is missing"
    if not host or not re.fullmatch(_HOST_NAME, host):
        return "an address without a host"
    scheme = f"{parts.scheme}:" if parts.scheme else ""
    shown = f"[{host}]" if ":" in host else host
    return got(f"{scheme}//{shown}" + (f":{port}" if port else ""))


def _has_valid_port(url: str) -> bool:
    try:
        return urlsplit(url).port != 0
    except ValueError:  # a port above 65535, or brackets without an IPv6 address
        return False


def _shown(url: object) -> str:
    if not isinstance(url, str):
        return f"an object of {type(url).__name__}"
    return "one with user info" if "@" in url else got(url.partition("?")[0])
