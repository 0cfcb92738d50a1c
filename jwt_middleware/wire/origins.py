"""Checks and compares origins whose scripts may read answers (RFC 6454 section 6.1).

| form | stands for |
|---|---|
| `https://app.example` | this origin |
| `capacitor://localhost` | an app's own scheme: Capacitor, Tauri, Ionic, browser extensions |
| `https://*.preview.example` | one label: `https://a.preview.example`, not two |
| `*`, alone | every origin, and never with cookies |
"""

import ipaddress
import re
from collections.abc import Iterable, Sequence
from urllib.parse import urlsplit

from .._options import got, require, tuple_of

# An origin as browsers send it: RFC 6454 section 7.1, without a path.
_ORIGIN = r"([a-z][a-z0-9+.-]*)://([^/?#@:\[\]\s]+|\[[0-9a-f:]+\])(?::([1-9][0-9]{0,4}))?"
_LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_OPAQUE_HOST = r"[A-Za-z0-9._~-]+"
# Strings, for `re` to compile where origins are given and not at every import.
_DEFAULT_PORTS = {"http": "80", "https": "443"}
_MAX_PORT = 65535
_MAX_NAME = 253  # characters of a host name (RFC 1035 section 3.1)
_NEVER = ("about", "blob", "data", "file", "ftp", "javascript", "ws", "wss")
"""Schemes that pages do not have, or whose pages have the origin `null` as sandboxed pages do."""


class AllowedOrigins:
    """The origins of an `allowed_origins` option. False in a condition if there are none."""

    __slots__ = ("_exact", "_parents", "allows_all")

    def __init__(self, origins: Iterable[str] = ()) -> None:
        exact = frozenset(origins)
        self.allows_all = "*" in exact
        """Whether scripts of every origin may read answers, then always without cookies."""
        # ("https://", ".preview.example") for https://*.preview.example
        self._parents = tuple(
            (f"{scheme}://", host.removeprefix("*"))
            for scheme, _, host in (origin.partition("://") for origin in sorted(exact))
            if host.startswith("*.")
        )
        self._exact = exact

    def __bool__(self) -> bool:
        return bool(self._exact)

    def __contains__(self, origin: object) -> bool:
        """Whether the owner named this origin or its parent; `*` does not name an origin."""
        if not isinstance(origin, str) or "*" in origin:
            return False
        return origin in self._exact or (bool(self._parents) and self._has_parent(origin))

    def may_read(self, origin: object) -> bool:
        """Return whether scripts of this origin may read an answer, with cookies or without."""
        return origin in self or (self.allows_all and isinstance(origin, str))

    def _has_parent(self, origin: str) -> bool:
        return any(
            origin.startswith(scheme)
            and origin.endswith(host)
            and re.fullmatch(_LABEL, origin[len(scheme) : -len(host)])
            for scheme, host in self._parents
        )

    def __repr__(self) -> str:
        return f"<AllowedOrigins {sorted(self._exact)}>"


def checked_origins(origins: Sequence[str]) -> AllowedOrigins:
    """Return the origins of an `allowed_origins` option, or raise `ConfigurationError`.

    Each must be exactly what a browser sends, since origins are compared as strings: lower case, a
    host in ASCII, no default port of the scheme, no slash at the end.
    """
    usual = "https://app.example"
    rule = "allowed_origins must be a list of exact origins as browsers send them"
    form = f"{rule}, got {got(origins)}; allowed_origins=['{usual}']"
    for name in tuple_of(str, origins, form):
        require(
            name == "*" or _is_origin(name) or _is_pattern(name),
            f"{rule}, got {got(name)}; allowed_origins=['{_likely_origin(name) or usual}']",
        )
    require(
        "*" not in origins or len(origins) == 1,
        "allowed_origins must hold '*' alone, which lets scripts of every origin read answers, "
        f"always without cookies, got {got(origins)}",
    )
    return AllowedOrigins(origins)


def _is_origin(text: str) -> bool:
    found = re.fullmatch(_ORIGIN, text)
    if found is None:
        return False
    scheme, host, port = found.groups()
    if scheme in _NEVER:
        return False
    has_good_port = port is None or (port != _DEFAULT_PORTS.get(scheme) and int(port) <= _MAX_PORT)
    if scheme in _DEFAULT_PORTS:
        return has_good_port and _is_host(host)
    # A browser does not interpret the host of an unknown scheme (URL section 3.5).
    return has_good_port and re.fullmatch(_OPAQUE_HOST, host) is not None


def _is_pattern(text: str) -> bool:
    """Return whether this is `https://*.preview.example`: one label below a host of two or more.

    All of `*.example` belongs to many owners.
    """
    scheme, _, host = text.partition("://*.")
    name = host.partition(":")[0]
    has_owner = "." in name or name == "localhost"
    return scheme in ("http", "https") and has_owner and _is_origin(f"{scheme}://label.{host}")


def _is_host(host: str) -> bool:
    """Return whether a browser writes the host like this: a name, or an address in canonical
    form."""
    if host.startswith("["):
        return host == _address_in_brackets(host[1:-1])
    *_, last = labels = host.split(".")
    if last.isdigit() or last.startswith("0x"):  # to a browser this is an IPv4 address
        try:
            return str(ipaddress.IPv4Address(host)) == host
        except ValueError:
            return False
    return len(host) <= _MAX_NAME and all(re.fullmatch(_LABEL, label) for label in labels)


def _address_in_brackets(text: str) -> str | None:
    try:
        address = ipaddress.IPv6Address(text)
    except ValueError:
        return None
    if address.ipv4_mapped is None:
        return f"[{address}]"
    # Versions of Python write these addresses differently. Write them as browsers do.
    return f"[::ffff:{(int(address) >> 16) & 0xFFFF:x}:{int(address) & 0xFFFF:x}]"


def _likely_origin(text: str) -> str | None:
    """Return the origin that the owner probably meant, or None."""
    if "." not in text and "://" not in text:  # such as "null"
        return None
    try:
        parts = urlsplit(text if "://" in text else f"https://{text}")
        scheme, host, port = parts.scheme, parts.hostname or "", parts.port
        if not host.isascii():
            host = host.encode("idna").decode("ascii")
    except ValueError:
        return None
    if ":" in host:
        host = _address_in_brackets(host) or ""
    shown = "" if port is None or str(port) == _DEFAULT_PORTS.get(scheme) else f":{port}"
    origin = f"{scheme}://{host}{shown}"
    return origin if _is_origin(origin) else None
