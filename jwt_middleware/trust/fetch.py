"""`Fetch`, which says how documents are fetched; and `get`, which sends one GET within one
deadline. These are the only sockets of the core.

It uses parts of the standard library, because the usual HTTP clients do not have a *total*
deadline. urllib, urllib3 and requests restart the timeout with every `recv`, so they wait endlessly
for a server that sends a byte at a time.
"""

import os
import re
import socket
import ssl
from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import SplitResult, urlsplit

from .._frozen import Frozen
from .._options import check_seconds, got, is_text, require, takes, tuple_of
from ..errors import ConfigurationError
from .http_answer import read_answer, time_left
from .urls import address_of, checked_host, checked_url

Headers = Mapping[str, str] | Callable[[], Mapping[str, str]]
"""Names and values of request headers, or a callable that returns them."""

_MAX_TIMEOUT = 300
"""The longest time for a whole fetch, in seconds, since a request may wait for it."""

_USUAL_HEADERS: Final[Mapping[str, str]] = {
    "Accept": "application/json, application/jwk-set+json",
    "User-Agent": "jwt-middleware",
}
"""Headers that an owner's replace. Some servers only answer to other values."""

_FRAMING = {
    *("host", "connection", "content-length", "transfer-encoding", "accept-encoding"),
    *("expect", "te", "trailer", "upgrade", "proxy-authorization", "proxy-connection"),
}
"""Headers that frame a message or choose its target. Two readers must not see two requests."""

# Texts, for `re` to compile at first use and not at every import (RFC 9110 section 5).
_NAME = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_VALUE = r"[\t\x20-\x7e]*"

_HEADERS_FORM = (
    "headers must be a mapping of header names to strings of printable ASCII, or a callable "
    "without arguments that returns one"
)


class Fetch(Frozen):
    """How documents are fetched: the keys of a URL, and the metadata of an issuer.

    - `timeout`: seconds for a whole fetch, above 0 and at most 300.
    - `ca_file`: a file of certificates in PEM. They are trusted instead of the system's. It is read
      again at each fetch.
    - `headers`: names and values of request headers, such as `Authorization`; or a callable that
      returns them. It is called for each document, so it may read a token that rotates. All hosts
      that are asked get them, that of `jwks_uri` too.
    - `allow_http`: names of private hosts that may be asked by plain http, such as `("keycloak",)`.
      Anyone on that network can then replace the keys, so a WARNING is logged.

    The environment variables `HTTPS_PROXY` and `NO_PROXY` are honored. Redirects are not followed.
    An option that cannot be used raises `ConfigurationError`.
    """

    __slots__ = ("_headers", "allow_http", "ca_file", "timeout")
    _headers: tuple[tuple[str, str], ...] | Callable[[], Mapping[str, str]]
    allow_http: tuple[str, ...]
    ca_file: str | None
    timeout: float

    def __init__(
        self,
        *,
        timeout: float = 3,
        ca_file: str | os.PathLike[str] | None = None,
        headers: Headers = {},  # noqa: B006 - it is copied, and shown by `help`
        allow_http: tuple[str, ...] | list[str] = (),
    ) -> None:
        check_seconds("timeout", timeout, above=0, most=_MAX_TIMEOUT)
        form = "allow_http must be a list or tuple of host names: allow_http=('keycloak',)"
        hosts = tuple(checked_host(host) for host in tuple_of(str, allow_http, form))
        path = None if ca_file is None else _checked_ca_file(ca_file)
        super().__init__(_checked_headers(headers), hosts, path, timeout)

    @property
    def headers(self) -> Headers:
        """The headers in a dictionary of its own at each access, or the callable."""
        return self._headers if callable(self._headers) else dict(self._headers)

    def __repr__(self) -> str:
        # The value of a header may be a secret.
        shown = "<callable>" if callable(self._headers) else [name for name, _ in self._headers]
        return (
            f"Fetch(timeout={self.timeout!r}, ca_file={self.ca_file!r}, headers={shown}, "
            f"allow_http={self.allow_http!r})"
        )


def get(url: str, fetch: Fetch, deadline: float) -> tuple[bytes, int | None]:
    """Return the body of a 200 answer, at most 256 KiB, and its `max-age` or None.

    `deadline` is a time of `time.monotonic`. Any other answer raises an exception, of any kind; our
    own exceptions are `ConfigurationError`.
    """
    return _send(url, fetch, deadline)


def post(url: str, form: bytes, authorization: str, fetch: Fetch, deadline: float) -> bytes:
    """Return the body of the 200 answer to a form (RFC 7662 section 2.1), under the same bounds."""
    return _send(url, fetch, deadline, form, authorization)[0]


def _send(
    url: str, fetch: Fetch, deadline: float, form: bytes | None = None, authorization: str = ""
) -> tuple[bytes, int | None]:
    checked_url(url, http_hosts=fetch.allow_http)
    parts = urlsplit(url)
    request = _request(parts, fetch, form, authorization)
    with _connect(parts, fetch, deadline) as connection:
        connection.settimeout(time_left(deadline))
        connection.sendall(request)
        return read_answer(connection, deadline)


def cause_of(error: Exception) -> str:
    """Return the cause of a failed fetch for the log.

    It is our own message, or else the class of the exception, since a foreign message may quote the
    server. The reason why a certificate is not trusted is a fixed text of OpenSSL.
    """
    if isinstance(error, ConfigurationError):
        return str(error)
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"{type(error).__name__}: {got(error.verify_message)}"
    return type(error).__name__


def _request(
    parts: SplitResult, fetch: Fetch, form: bytes | None = None, authorization: str = ""
) -> bytes:
    target = (parts.path or "/") + (parts.query and f"?{parts.query}")
    given = fetch.headers
    pairs = _asked(given) if callable(given) else tuple(given.items())
    names = {name.lower() for name, _ in pairs}
    usual = [pair for pair in _USUAL_HEADERS.items() if pair[0].lower() not in names]
    framing = [("Host", parts.netloc), ("Accept-Encoding", "gzip"), ("Connection", "close")]
    if form is not None:
        framing += [("Content-Type", "application/x-www-form-urlencoded")]
        framing += [("Content-Length", str(len(form)))]
        if "authorization" not in names:  # an owner's header replaces the client's
            framing += [("Authorization", authorization)]
    lines = [f"{name}: {value}" for name, value in (*framing, *usual, *pairs)]
    method = "GET" if form is None else "POST"
    head = "\r\n".join([f"{method} {target} HTTP/1.1", *lines, "", ""]).encode("ascii")
    return head + (form or b"")


def _asked(headers: Callable[[], Mapping[str, str]]) -> tuple[tuple[str, str], ...]:
    try:
        found = headers()
    except ConfigurationError:  # its message is for the log
        raise
    except Exception as error:  # an owner's function, such as one that reads a file
        cause = type(error).__name__
        raise ConfigurationError(f"the callable of headers raised {cause}") from None
    return _pairs(found)


def _connect(parts: SplitResult, fetch: Fetch, deadline: float) -> socket.socket:
    from .proxy import open_tunnel, proxy_for  # not at every import: apps without fetches exist

    host, port = address_of(parts)
    proxy = proxy_for(parts, os.environ)
    context = _tls_context(fetch.ca_file) if parts.scheme == "https" else None
    if proxy is not None:
        connection = open_tunnel(proxy, host, port, deadline)
    else:
        # Use half of the time for the connection. The rest is for the handshake, and for the host's
        # next address if this one does not answer.
        connection = socket.create_connection((host, port), time_left(deadline) / 2)
    if context is None:
        return connection
    try:
        connection.settimeout(time_left(deadline))
        # This fails if the peer has reset the connection. `wrap_socket` would fail later, and leave
        # a socket open until Python 3.13 (python/cpython#113280).
        connection.getpeername()
        return context.wrap_socket(connection, server_hostname=host)
    except BaseException:
        connection.close()
        raise


def _tls_context(ca_file: str | None) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=ca_file)
    except OSError as error:  # `ssl.SSLError` is one
        if ca_file is None:
            raise
        cause = type(error).__name__
        raise ConfigurationError(f"ca_file {got(ca_file)} cannot be read: {cause}") from None


def _checked_ca_file(ca_file: object) -> str:
    try:
        path: Any = os.fspath(ca_file)  # type: ignore[call-overload]
        if not is_text(path):
            raise ValueError
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cafile=path)
    except (OSError, TypeError, ValueError) as error:
        raise ConfigurationError(
            "ca_file must be the path of a file of CA certificates in PEM, or None, "
            f"got {got(ca_file)}: {type(error).__name__}"
        ) from None
    return str(path)


def _checked_headers(
    headers: object,
) -> tuple[tuple[str, str], ...] | Callable[[], Mapping[str, str]]:
    if callable(headers):
        require(takes(headers, 0), f"{_HEADERS_FORM}, got a callable with arguments")
        return headers
    return _pairs(headers)


def _pairs(headers: object) -> tuple[tuple[str, str], ...]:
    """Return checked names and values. Messages show names, but never a value."""
    if not isinstance(headers, Mapping):
        raise ConfigurationError(f"{_HEADERS_FORM}, got an object of {type(headers).__name__}")
    pairs = []
    for name, value in headers.items():
        is_name = isinstance(name, str) and re.fullmatch(_NAME, name)
        require(is_name, f"{_HEADERS_FORM}; one name is not that of a header")
        require(name.lower() not in _FRAMING, f"headers must not set {got(name)}")
        # A file with a token ends with a line break, which is not part of the value.
        text = value.strip(" \t\r\n") if isinstance(value, str) else None
        is_value = text is not None and re.fullmatch(_VALUE, text)
        require(is_value, f"{_HEADERS_FORM}; that of {got(name)} is not")
        pairs.append((name, str(text)))
    is_unique = len({name.lower() for name, _ in pairs}) == len(pairs)
    require(is_unique, "headers must name each header once, whatever its case")
    return tuple(pairs)
