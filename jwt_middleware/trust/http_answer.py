"""Reads one HTTP answer within a deadline and a size, and decodes its body.

It uses `http.client`, which reads one answer and does not follow redirects. Each `recv` is limited
to the time and the bytes that are left.
"""

import http.client
import io
import re
import socket
import time
import zlib
from typing import Any, cast

from .._options import require
from ..errors import ConfigurationError
from .urls import origin_of

_MAX_BODY = 256 * 1024  # bytes, before and after decoding
_MAX_RECEIVED = _MAX_BODY + 64 * 1024  # with status line, headers and any number of `100 Continue`

_REDIRECTS = frozenset((301, 302, 303, 307, 308))
_GZIP = ("gzip", "x-gzip")
"""Two names of one coding (RFC 9110 section 8.4.1.3)."""

_GZIP_FORMAT = 31  # of zlib: a gzip header and trailer, with the largest window

# Texts, for `re` to compile at first use and not at every import.
_QUOTED = r'"(?:[^"\\]|\\.)*"'
_MAX_AGE = r"(?ai)max-age=(\d+)"


class UnusableStatus(ConfigurationError):
    """An answer has another status than 200, and is not a redirect."""

    def __init__(self, status: int) -> None:
        super().__init__(f"the answer has the status {status}")
        self.status = status


def read_answer(connection: socket.socket, deadline: float) -> tuple[bytes, int | None]:
    """Return the body of a 200 answer, at most 256 KiB, and its `max-age` or None.

    Any other answer raises an exception, of any kind; our own are `ConfigurationError`.
    """
    answer = http.client.HTTPResponse(cast(socket.socket, _Bounded(connection, deadline)))
    answer.begin()
    if answer.status in _REDIRECTS:
        raise ConfigurationError(
            f"the answer has the status {answer.status}, a redirect to "
            f"{origin_of(answer.getheader('Location', ''))}, which is not followed"
        )
    if answer.status != 200:
        raise UnusableStatus(answer.status)
    body = answer.read(_MAX_BODY + 1)
    require(len(body) <= _MAX_BODY, "the answer is too large")
    body = _decoded(body, answer.getheader("Content-Encoding", ""))
    return body, max_age_of(answer.getheader("Cache-Control", ""))


def time_left(deadline: float) -> float:
    """Return the seconds until a time of `time.monotonic`. Raise `TimeoutError` if it has
    passed."""
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


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


def _decoded(body: bytes, coding: str) -> bytes:
    """Return the body without its coding (RFC 9110 section 8.4), within the bound of a body."""
    name = coding.strip(" \t").lower()
    if name in ("", "identity"):
        return body
    require(name in _GZIP, "the answer has a coding that was not asked for")
    reader = zlib.decompressobj(_GZIP_FORMAT)
    try:
        # One byte over the bound tells a large body. A bomb is never decoded any further.
        decoded = reader.decompress(body, _MAX_BODY + 1)
    except zlib.error:
        raise ConfigurationError("the answer is not valid gzip") from None
    require(len(decoded) <= _MAX_BODY, "the answer is too large")
    require(reader.eof and not reader.unused_data, "the answer is not valid gzip")
    return decoded


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
        self._connection.settimeout(time_left(self._deadline))
        count = self._connection.recv_into(buffer)
        self._left -= count
        require(self._left >= 0, "the answer is too large")
        return count
