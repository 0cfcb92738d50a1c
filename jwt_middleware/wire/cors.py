"""Cross-origin resource sharing (the Fetch standard, section 3): which origins may read an
answer."""

import ipaddress
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from werkzeug.wrappers import Response

from .._options import got, require, tuple_of
from .problem import NOSNIFF, answering
from .wsgi import StartResponse, WSGIApplication

# RFC 6454 section 7.1, and no path: what a browser sends
_ORIGIN = re.compile(r"(https?)://([^/?#@:\[\]\s]+|\[[0-9a-f:]+\])(?::([1-9][0-9]{0,4}))?")
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_DEFAULT_PORTS = {"http": "80", "https": "443"}
_MAX_PORT = 65535
_MAX_NAME = 253  # characters of a host name (RFC 1035 section 3.1)

_PREFLIGHT_HEADERS = {
    "Access-Control-Allow-Methods": "*",
    # Browsers ignore a wildcard in requests with credentials, so name the usual headers too.
    "Access-Control-Allow-Headers": "Authorization, Content-Type, *",
    "Access-Control-Max-Age": "600",
    **NOSNIFF,
}
_EXPOSED = ("Access-Control-Expose-Headers", "WWW-Authenticate, Retry-After")
_CREDENTIALS = ("Access-Control-Allow-Credentials", "true")


class Preflight:
    """The answer to a CORS preflight from a listed origin: any method and header (Fetch, section
    3.2)."""


def is_preflight(environ: Mapping[str, Any]) -> bool:
    """Return whether this is a real preflight: OPTIONS with an origin and the method it asks for
    (Fetch, section 3.3)."""
    asks = environ.get("HTTP_ORIGIN") and environ.get("HTTP_ACCESS_CONTROL_REQUEST_METHOD")
    return environ.get("REQUEST_METHOD") == "OPTIONS" and bool(asks)


def is_allowed(environ: Mapping[str, Any], allowed_origins: Collection[str]) -> bool:
    """Return whether the request comes from an allowed origin."""
    origin = environ.get("HTTP_ORIGIN")
    return isinstance(origin, str) and origin in allowed_origins


def preflight_response() -> WSGIApplication:
    """Return the answer to a preflight from a listed origin as a WSGI app."""
    response = Response(status=204, headers=_PREFLIGHT_HEADERS)
    del response.headers["Content-Type"]  # 204 has no content.
    return answering(response)


def allow_origin(
    start_response: StartResponse,
    environ: Mapping[str, Any],
    allowed_origins: Collection[str],
    *,
    with_credentials: bool = False,
) -> StartResponse:
    """Return a `start_response` that lets scripts of an allowed origin read the answer.

    Call it for every request, whatever its origin: caches must learn from `Vary: Origin` that the
    answer to another origin may differ. Headers that the app set itself stay as they are.
    `with_credentials` also lets the browser send and accept cookies.
    """
    if not allowed_origins:
        return start_response
    added: list[tuple[str, str]] = []
    if is_allowed(environ, allowed_origins):
        added = [("Access-Control-Allow-Origin", environ["HTTP_ORIGIN"]), _EXPOSED]
        if with_credentials:
            added.append(_CREDENTIALS)

    def start(status: str, headers: list[tuple[str, str]], *exc_info: Any) -> Any:
        own = [value for name, value in headers if name.lower() == "access-control-allow-origin"]
        if not own:
            headers = vary_by("Origin", headers) + added
        elif own != ["*"]:  # With "*" the answer is the same for every origin.
            headers = vary_by("Origin", headers)
        return start_response(status, headers, *exc_info)

    return start


def vary_by(name: str, headers: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return the headers with `Vary` naming this request header too (RFC 9110 section 12.5.5)."""
    merged = list(headers)
    at = [place for place, (key, _) in enumerate(merged) if key.lower() == "vary"]
    fields = {field.strip().lower() for place in at for field in merged[place][1].split(",")}
    if "*" in fields or name.lower() in fields:
        return merged
    if at and merged[at[0]][1].strip():
        key, value = merged[at[0]]
        merged[at[0]] = (key, f"{value}, {name}")
        return merged
    return [pair for place, pair in enumerate(merged) if place not in at[:1]] + [("Vary", name)]


def checked_origins(origins: Sequence[str]) -> frozenset[str]:
    """Return the exact origins of an `allowed_origins` option, or raise `ConfigurationError`.

    Each must be just what a browser sends, since it is compared by its characters: lower case, a
    host in ASCII, no port where it is the scheme's own, no slash at the end.
    """
    usual = "https://app.example"
    rule = "allowed_origins must be a list of exact origins as browsers send them"
    form = f"{rule}, got {got(origins)}; allowed_origins=['{usual}']"
    for name in tuple_of(str, origins, form):
        require(
            _is_origin(name),
            f"{rule}, got {got(name)}; allowed_origins=['{_likely_origin(name) or usual}']",
        )
    return frozenset(origins)


def _is_origin(text: str) -> bool:
    found = _ORIGIN.fullmatch(text)
    if found is None:
        return False
    scheme, host, port = found.groups()
    has_good_port = port is None or (port != _DEFAULT_PORTS[scheme] and int(port) <= _MAX_PORT)
    return has_good_port and _is_host(host)


def _is_host(host: str) -> bool:
    """Return whether this is how a browser writes the host: a name, or an address in its one
    form."""
    if host.startswith("["):
        return host == _address_in_brackets(host[1:-1])
    *_, last = labels = host.split(".")
    if last.isdigit() or last.startswith("0x"):  # to a browser this is an IPv4 address
        try:
            return str(ipaddress.IPv4Address(host)) == host
        except ValueError:
            return False
    return len(host) <= _MAX_NAME and all(map(_LABEL.fullmatch, labels))


def _address_in_brackets(text: str) -> str | None:
    try:
        address = ipaddress.IPv6Address(text)
    except ValueError:
        return None
    if address.ipv4_mapped is None:
        return f"[{address}]"
    # Versions of Python write these differently; browsers do it so.
    return f"[::ffff:{(int(address) >> 16) & 0xFFFF:x}:{int(address) & 0xFFFF:x}]"


def _likely_origin(text: str) -> str | None:
    """Return the origin that was probably meant, or None."""
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
