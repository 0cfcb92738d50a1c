"""Finds the client's address in an environ, for the throttle and the audit log.

This module does not believe forwarding headers. Werkzeug's `ProxyFix` or the server does that,
since the owner tells it how many proxies there are. This module only notices when that is missing.
"""

import ipaddress
import logging
import re
from collections.abc import Iterator, Mapping
from typing import Any

_log = logging.getLogger("jwt_middleware.login")

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address

_FORWARDING_HEADERS = ("HTTP_X_FORWARDED_FOR", "HTTP_X_REAL_IP", "HTTP_FORWARDED")
# These headers show that the peer is a proxy, even if they do not name the client.
_PROXY_SIGNS = (
    *_FORWARDING_HEADERS,
    "HTTP_VIA",
    "HTTP_X_FORWARDED",
    "HTTP_X_FORWARDED_HOST",
    "HTTP_X_FORWARDED_PROTO",
    "HTTP_X_CLIENT_IP",
    "HTTP_TRUE_CLIENT_IP",
    "HTTP_CF_CONNECTING_IP",
)
_MAX_HEADER = 2048  # characters; only the end of a longer header is searched

# Python's `is_private` differs between its versions and includes the documentation's networks.
_INTERNAL = tuple(
    map(
        ipaddress.ip_network,
        (
            "0.0.0.0/8",  # RFC 1122: this host
            "10.0.0.0/8",  # RFC 1918: private
            "100.64.0.0/10",  # RFC 6598: shared by carriers, and by overlay networks of clusters
            "127.0.0.0/8",  # loopback
            "169.254.0.0/16",  # RFC 3927: link-local
            "172.16.0.0/12",  # RFC 1918
            "192.168.0.0/16",  # RFC 1918
            "::/127",  # unspecified and loopback
            "fc00::/7",  # RFC 4193: unique local
            "fe80::/10",  # link-local
            "fec0::/10",  # RFC 3879: site-local
        ),
    )
)
_NAT64 = ipaddress.ip_network("64:ff9b::/96")  # RFC 6052
_TRANSLATED = ipaddress.ip_network("::ffff:0:0:0/96")  # RFC 2765

# Texts, for `re` to compile at first use and not at every import.
_BRACKETED = r"(?a)\[([^\[\]]*)\](?::\d{1,5})?"
_WITH_PORT = r"(?a)([\d.]+):\d{1,5}"
_FORWARDED_FOR = r'(?i)\bfor="?([^;,"]+)'  # RFC 7239 section 4


def client_address(environ: Mapping[str, Any]) -> str | None:
    """Return the address of the client in the form of `peer_address`, or None if it is unknown.

    It is unknown without an address. It is also unknown if a forwarding header comes with an
    internal (private, shared, link-local, loopback) or missing peer. Such a peer is a proxy, and
    all its clients would count as one. A WARNING names the remedy, once in a process. The peer is
    not a proxy if `ProxyFix` replaced it or if a forwarding header names it.
    """
    peer = _parse(environ.get("REMOTE_ADDR"))
    if (
        is_proxied(environ)
        and (peer is None or _is_internal(peer))
        and not _is_replaced(environ, peer)
    ):
        _warn_once()
        return None
    return None if peer is None else str(peer)


def is_proxied(environ: Mapping[str, Any]) -> bool:
    """Return whether a header shows that the request came through a proxy."""
    return any(environ.get(name) for name in _PROXY_SIGNS)


def peer_address(environ: Mapping[str, Any]) -> str | None:
    """Return `REMOTE_ADDR` in one form, or None if it is not an IP address (a Unix socket).

    Port and zone are stripped. An IPv6 address that embeds an IPv4 address (mapped, translated,
    NAT64, 6to4, Teredo) becomes that IPv4 address. Otherwise each such client would have thousands
    of addresses.
    """
    peer = _parse(environ.get("REMOTE_ADDR"))
    return None if peer is None else str(peer)


def _parse(text: object) -> IPAddress | None:
    if not isinstance(text, str):
        return None
    text = text.strip(" \t")
    if found := re.fullmatch(_BRACKETED, text) or re.fullmatch(_WITH_PORT, text):
        text = found[1]
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return _unwrap(address) if isinstance(address, ipaddress.IPv6Address) else address


def _unwrap(address: ipaddress.IPv6Address) -> IPAddress:
    if address in _NAT64 or address in _TRANSLATED:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    teredo = address.teredo  # RFC 4380: server and client
    return address.ipv4_mapped or address.sixtofour or (teredo[1] if teredo else address)


def _is_internal(address: IPAddress) -> bool:
    return any(address.version == network.version and address in network for network in _INTERNAL)


def _is_replaced(environ: Mapping[str, Any], peer: IPAddress | None) -> bool:
    """Return whether something outside of the app put a forwarded address into `REMOTE_ADDR`.

    `ProxyFix` leaves its trace even if it did not replace the address (`x_for=0`, or fewer
    addresses than `x_for`), so compare the addresses. A client gains nothing by naming its proxy's
    address: it then counts as a proxy, apart from all others.
    """
    if peer is None:
        return False
    original = environ.get("werkzeug.proxy_fix.orig")
    if isinstance(original, Mapping) and _parse(original.get("REMOTE_ADDR")) != peer:
        return True
    return peer in _forwarded_addresses(environ)


def _forwarded_addresses(environ: Mapping[str, Any]) -> Iterator[IPAddress | None]:
    for name in _FORWARDING_HEADERS:
        value = environ.get(name)
        if not isinstance(value, str):
            continue
        value = value[-_MAX_HEADER:]  # proxies append at the end
        is_standard = name == "HTTP_FORWARDED"
        named = re.findall(_FORWARDED_FOR, value) if is_standard else value.split(",")
        yield from map(_parse, named)


_has_warned = False


def _warn_once() -> None:
    global _has_warned
    if not _has_warned:
        _has_warned = True
        _log.warning(
            "requests come through a proxy, but nothing puts the client's address into "
            "REMOTE_ADDR, so failed logins are limited by name alone: wrap the app in werkzeug's "
            "ProxyFix(app, x_for=<number of proxies>)"
        )
