"""One GET within one deadline: the only socket of the core.

Made of the standard library's parts, because no HTTP client at hand keeps a *total* deadline:
urllib, urllib3 and requests give every `recv` the whole time-out anew, so a server that drips is
waited for without end. `http.client` reads one answer, follows no redirect and decodes no body.
"""

import http.client
import io
import re
import socket
import ssl
import time
from typing import Any, cast
from urllib.parse import SplitResult, urlsplit

from ..errors import require

_MAX_BODY = 256 * 1024
_MAX_RECEIVED = (
    _MAX_BODY + 64 * 1024
)  # status line, headers and any number of `100 Continue` included
_HOST = r"(?:https://(?:[\w.-]+|\[[\da-f:]+\])|http://(?:localhost|127\.[\d.]+|\[::1\]))"
_URL = re.compile(_HOST + r"(?::\d+)?(?:[/?][!\"$-~]*)?", re.ASCII | re.IGNORECASE)
_HEADERS = (
    "Accept: application/json\r\nAccept-Encoding: identity\r\n"
    "User-Agent: jwt-middleware\r\nConnection: close"
)
_MAX_AGE = re.compile(r"(?:^|[\s,])max-age=(\d{1,9})", re.IGNORECASE)


def check_url(url: object) -> None:
    """Return if this is an https URL, or an http one on loopback, without user info and
    fragment."""
    right_form = (
        "keys come from an https URL such as 'https://idp.example/jwks.json' "
        "(http on loopback alone)"
    )
    require(isinstance(url, str) and _URL.fullmatch(url) and urlsplit(url).port != 0, right_form)


def get(url: str, deadline: float) -> tuple[bytes, int | None]:
    """Return the body of a 200 answer, of 256 KiB at most, and its `max-age` (RFC 9111 section
    5.2.2.1) or None.

    `deadline` is of `time.monotonic`. Anything else is an exception, of any kind; our own are
    `ConfigurationError`.
    """
    check_url(url)
    parts = urlsplit(url)
    with _connect(parts, deadline) as connection:
        target = (parts.path or "/") + (parts.query and f"?{parts.query}")
        connection.sendall(
            f"GET {target} HTTP/1.1\r\nHost: {parts.netloc}\r\n{_HEADERS}\r\n\r\n".encode()
        )
        answer = http.client.HTTPResponse(cast(socket.socket, _Bounded(connection, deadline)))
        answer.begin()
        require(answer.status == 200, f"the answer has the status {answer.status}")
        require(
            answer.getheader("Content-Encoding", "identity") == "identity", "the answer is encoded"
        )
        body = answer.read(_MAX_BODY + 1)
    require(len(body) <= _MAX_BODY, "the answer is too large")
    max_age = _MAX_AGE.search(answer.getheader("Cache-Control", ""))
    return body, int(max_age[1]) if max_age else None


def _connect(parts: SplitResult, deadline: float) -> socket.socket:
    address = cast(str, parts.hostname), parts.port or (443 if parts.scheme == "https" else 80)
    # half the time: for the handshake the other half, and behind a dead address the host's next one
    # has its turn
    connection = socket.create_connection(address, _time_left(deadline) / 2)
    if parts.scheme == "http":
        return connection
    return ssl.create_default_context().wrap_socket(connection, server_hostname=parts.hostname)


def _time_left(deadline: float) -> float:
    if (left := deadline - time.monotonic()) <= 0:
        raise TimeoutError
    return left


class _Bounded(io.RawIOBase):
    """A connection as `http.client` reads it: each `recv` gets only the time and the bytes that are
    left."""

    def __init__(self, connection: socket.socket, deadline: float) -> None:
        self._connection, self._deadline, self._left = connection, deadline, _MAX_RECEIVED

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
