"""Sends one GET within one deadline. This is the only socket of the core.

It uses parts of the standard library, because the usual HTTP clients do not have a *total*
deadline. urllib, urllib3 and requests restart the timeout with every `recv`, so they wait endlessly
for a server that sends a byte at a time. `http.client` reads one answer. It does not follow
redirects or decode bodies.
"""

import http.client
import io
import re
import socket
import ssl
import time
from typing import Any, cast
from urllib.parse import SplitResult, urlsplit

from .._options import got, require
from ..errors import ConfigurationError

MAX_TIMEOUT = 300
"""The longest time for a whole fetch, in seconds, since a request may wait for it."""

_MAX_BODY = 256 * 1024  # bytes
_MAX_RECEIVED = _MAX_BODY + 64 * 1024  # with status line, headers and any number of `100 Continue`

_HTTPS_HOST = r"https://(?:[\w.-]+|\[[\da-f:]+\])"
_LOOPBACK_HOST = r"http://(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])"
# Printable ASCII without `#`, blanks and quotes that end a header or an attribute.
# The patterns are texts, for `re` to compile at first use and not at every import.
_URL = rf"(?ai)(?:{_HTTPS_HOST}|{_LOOPBACK_HOST})(?::\d+)?(?:[/?][!\"$-~]*)?"
_HEADERS = (
    "Accept: application/json\r\nAccept-Encoding: identity\r\n"
    "User-Agent: jwt-middleware\r\nConnection: close"
)
_QUOTED = r'"(?:[^"\\]|\\.)*"'
_MAX_AGE = r"(?ai)max-age=(\d+)"


def checked_url(url: object, *, name: str = "url") -> str:
    """Return the URL if keys may come from it, or raise `ConfigurationError`.

    It must be an https URL, or an http URL on loopback, without user info and fragment.
    """
    rule = (
        f"{name} must be an https URL such as 'https://idp.example/jwks.json' "
        "(http on loopback only)"
    )
    if not isinstance(url, str) or not re.fullmatch(_URL, url) or not _has_valid_port(url):
        raise ConfigurationError(f"{rule}, got {_shown(url)}")
    return url


def is_https(url: str) -> bool:
    """Return whether a URL that `checked_url` returns is fetched over TLS."""
    return url[:6].lower() == "https:"


def get(url: str, deadline: float) -> tuple[bytes, int | None]:
    """Return the body of a 200 answer, at most 256 KiB, and its `max-age` or None.

    `deadline` is a time of `time.monotonic`. Any other answer raises an exception, of any kind; our
    own exceptions are `ConfigurationError`.
    """
    checked_url(url)
    parts = urlsplit(url)
    with _connect(parts, deadline) as connection:
        target = (parts.path or "/") + (parts.query and f"?{parts.query}")
        connection.sendall(
            f"GET {target} HTTP/1.1\r\nHost: {parts.netloc}\r\n{_HEADERS}\r\n\r\n".encode()
        )
        answer = http.client.HTTPResponse(cast(socket.socket, _Bounded(connection, deadline)))
        answer.begin()
        require(answer.status == 200, f"the answer has the status {answer.status}")
        encoding = answer.getheader("Content-Encoding", "identity")
        require(encoding == "identity", "the answer is encoded")
        body = answer.read(_MAX_BODY + 1)
    require(len(body) <= _MAX_BODY, "the answer is too large")
    return body, max_age_of(answer.getheader("Cache-Control", ""))


def max_age_of(cache_control: str) -> int | None:
    """Return the seconds of `max-age` (RFC 9111 section 5.2.2.1).

    Return None if it is missing, malformed or contradicts itself.
    """
    # A quoted string is never our directive, even if it reads `max-age`. Replace it by a NUL, which
    # directives do not contain.
    unquoted = re.sub(_QUOTED, "\0", cache_control)
    directives = [directive.strip(" \t") for directive in unquoted.split(",")]
    named = [one for one in directives if one.partition("=")[0].rstrip(" \t").lower() == "max-age"]
    found = [re.fullmatch(_MAX_AGE, directive) for directive in named]
    values = {match[1] if match else None for match in found}
    if '"' in unquoted or len(values) != 1:
        return None
    digits = values.pop()
    if digits is None:
        return None
    # A larger number counts as 2^31 (RFC 9111 section 1.2.2).
    return int(digits) if len(digits) < 10 else 2**31


def _has_valid_port(url: str) -> bool:
    try:
        return urlsplit(url).port != 0
    except ValueError:  # a port above 65535, or brackets without an IPv6 address
        return False


def _shown(url: object) -> str:
    """Return a URL for messages, without query and user info, which may hold a secret."""
    if not isinstance(url, str):
        return f"an object of {type(url).__name__}"
    return "one with user info" if "@" in url else got(url.partition("?")[0])


def _connect(parts: SplitResult, deadline: float) -> socket.socket:
    address = cast(str, parts.hostname), parts.port or (443 if parts.scheme == "https" else 80)
    # Use half of the time for the connection. The rest is for the handshake, and for the host's
    # next address if this one does not answer.
    connection = socket.create_connection(address, _time_left(deadline) / 2)
    if parts.scheme == "http":
        return connection
    return ssl.create_default_context().wrap_socket(connection, server_hostname=parts.hostname)


def _time_left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


class _Bounded(io.RawIOBase):
    """A connection for `http.client`. Each `recv` is limited to the time and the bytes that are
    left."""

    def __init__(self, connection: socket.socket, deadline: float) -> None:
        self._connection = connection
        self._deadline = deadline
        self._left = _MAX_RECEIVED

    def makefile(self, mode: str) -> io.BufferedReader:
        return io.BufferedReader(self)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self._connection.settimeout(_time_left(self._deadline))
        count = self._connection.recv_into(buffer)
        self._left -= count
        require(self._left >= 0, "the answer is too large")
        return count
