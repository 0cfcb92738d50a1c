"""Finds the proxy of an https URL, and opens a tunnel through it (RFC 9110 section 9.3.6).

`HTTPS_PROXY` names the proxy, `NO_PROXY` the hosts that are asked without it. Of a name in capitals
and the same in small letters, the small one decides, as for curl. `HTTP_PROXY` is never read: a
client of a CGI script can set it by a header, and plain http is for private hosts only.
"""

import re
import socket
from base64 import b64encode
from collections.abc import Mapping
from ipaddress import ip_address, ip_network
from urllib.parse import SplitResult, unquote_to_bytes, urlsplit

from .._frozen import Frozen
from .._options import got, require
from ..errors import ConfigurationError
from .http_answer import time_left
from .urls import address_of

_MAX_HEAD = 64 * 1024  # bytes of a proxy's answer

_FORM = "HTTPS_PROXY must be an http URL such as http://proxy.example:3128"
# Texts, for `re` to compile at first use and not at every import.
_PROXY = r"(?ai)http://(?:[!-~]*@)?(?:[\w.-]+|\[[\da-f:]+\])(?::\d*)?/?"
_NAMES_A_PORT = r"(?a)(.+?):(\d+)"
_STATUS = rb"HTTP/1\.[01] (\d{3})[ \r]"


class Proxy(Frozen):
    """A proxy: its host and port, and the value of `Proxy-Authorization` or an empty string."""

    __slots__ = ("authorization", "host", "port")
    authorization: str
    host: str
    port: int

    def __repr__(self) -> str:
        return got(f"{self.host}:{self.port}")  # the user info is a secret


def proxy_for(parts: SplitResult, variables: Mapping[str, str]) -> Proxy | None:
    """Return the proxy that the environment variables name for this URL, or None.

    Raise `ConfigurationError`, without the value, if it cannot be used.
    """
    text = _variable("https_proxy", variables)
    if parts.scheme != "https" or not text:
        return None
    if _is_exempt(*address_of(parts), _variable("no_proxy", variables)):
        return None
    return _parsed(text if "://" in text else f"http://{text}")


def open_tunnel(proxy: Proxy, host: str, port: int, deadline: float) -> socket.socket:
    """Return a connection to the host through the proxy. Raise `ConfigurationError` that names the
    proxy and what it did."""
    name = f"the proxy {proxy!r} of HTTPS_PROXY"
    try:
        connection = socket.create_connection((proxy.host, proxy.port), time_left(deadline) / 2)
    except OSError as error:
        raise ConfigurationError(f"{name} cannot be reached: {type(error).__name__}") from None
    try:
        connection.settimeout(time_left(deadline))
        connection.sendall(_request(proxy, host, port))
        head = _head(connection, deadline)
    except OSError as error:
        connection.close()
        raise ConfigurationError(f"{name} does not answer: {type(error).__name__}") from None
    status = re.match(_STATUS, head)
    # The target speaks only after our TLS greeting, so bytes behind the head are not its own.
    is_whole = head.find(b"\r\n\r\n") == len(head) - 4
    if not status or status[1][:1] != b"2" or not is_whole:
        connection.close()
        answer = f"the status {status[1].decode()}" if status and is_whole else "no HTTP head"
        raise ConfigurationError(f"{name} answers with {answer}")
    return connection


def _request(proxy: Proxy, host: str, port: int) -> bytes:
    target = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    lines = [f"CONNECT {target} HTTP/1.1", f"Host: {target}", "User-Agent: jwt-middleware"]
    if proxy.authorization:
        lines.append(f"Proxy-Authorization: {proxy.authorization}")
    return "\r\n".join([*lines, "", ""]).encode("ascii")


def _head(connection: socket.socket, deadline: float) -> bytes:
    head = b""
    while b"\r\n\r\n" not in head and len(head) <= _MAX_HEAD:
        connection.settimeout(time_left(deadline))
        received = connection.recv(4096)
        if not received:
            break
        head += received
    return head


def _variable(name: str, variables: Mapping[str, str]) -> str:
    """Return the value of a variable in small letters, else in capitals, else nothing."""
    return variables.get(name, variables.get(name.upper(), "")).strip()


def _parsed(text: str) -> Proxy:
    require(re.fullmatch(_PROXY, text), _FORM)
    try:
        parts = urlsplit(text)
        port = 80 if parts.port is None else parts.port
    except ValueError:
        raise ConfigurationError(_FORM) from None
    require(port, _FORM)
    authorization = ""
    if "@" in parts.netloc:
        user, password = (unquote_to_bytes(one or "") for one in (parts.username, parts.password))
        authorization = f"Basic {b64encode(user + b':' + password).decode()}"
    return Proxy(authorization, parts.hostname or "", port)


def _is_exempt(host: str, port: int, exempt: str) -> bool:
    """Return whether NO_PROXY names the host: by itself, by a domain above it, by a network that
    its address is in, or by `*`. An entry with a port is for that port alone."""
    return any(_names(entry, host.rstrip("."), port) for entry in re.split(r"[,\s]+", exempt))


def _names(entry: str, host: str, port: int) -> bool:
    if entry == "*":
        return True
    is_bare_address = entry.count(":") > 1 and "]" not in entry
    with_port = None if is_bare_address else re.fullmatch(_NAMES_A_PORT, entry)
    if with_port:
        if int(with_port[2]) != port:
            return False
        entry = with_port[1]
    name = entry.strip("[]").removeprefix("*").strip(".").lower()
    if not name:
        return False
    try:
        return ip_address(host) in ip_network(name, strict=False)
    except (ValueError, TypeError):  # a name, or an address of the other version
        return host == name or host.endswith(f".{name}")
