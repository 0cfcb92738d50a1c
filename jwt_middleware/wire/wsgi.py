"""WSGI itself: the types of an app, and the rest of a request's body."""

import contextlib
import time
from collections.abc import Callable, Iterable
from typing import Any, TypeAlias

from werkzeug.wsgi import get_input_stream

StartResponse: TypeAlias = Callable[..., Any]
WSGIApplication: TypeAlias = Callable[[dict[str, Any], StartResponse], Iterable[bytes]]

_DRAIN_BYTES, _CHUNK, _DRAIN_SECONDS = 8 * 1024 * 1024, 8 * 1024, 5


def drain(environ: dict[str, Any]) -> None:
    """Read the request's body, at most 8 MiB, and no further chunk of 8 KiB after 5 seconds.

    A server that closes a connection with the body unread resets it, and the client never reads the
    answer.
    """
    left, deadline = _DRAIN_BYTES, time.monotonic() + _DRAIN_SECONDS
    with contextlib.suppress(
        Exception
    ):  # the client is gone, or the server names its own errors: nothing to save
        body = get_input_stream(
            environ
        )  # ends where the request does: reading on would wait for ever
        while left > 0 and time.monotonic() < deadline and (chunk := body.read(min(_CHUNK, left))):
            left -= len(chunk)
