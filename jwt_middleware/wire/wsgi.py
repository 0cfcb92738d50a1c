"""The types of WSGI apps, and reading the rest of a request's body.

A server that closes a connection with an unread body resets it, and the client never reads the
answer. So the body of a refused request is read first. But a client that sends one byte per second
must not block a thread. A server's `read(n)` only returns when all n bytes have arrived. A timeout
of its socket, if there is one, restarts with each byte. The time limit depends on the server:

- A body that the server has read into memory or a file never blocks (waitress, test clients).
- If the server exposes its socket (gunicorn, werkzeug, wsgiref, cheroot, gevent, uWSGI), receiving
  is shut down at the deadline, which ends any read.
- If the input has `read1`, each call returns after one receive, and the clock is checked between
  calls.
- Otherwise only a small body is read, byte by byte.
"""

import contextlib
import io
import os
import socket
import stat
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, TypeAlias, TypeVar
from urllib.parse import quote

from ..identity import NONCE_KEY, PROOF_KEY

T = TypeVar("T")

StartResponse: TypeAlias = Callable[..., Any]
WSGIApplication: TypeAlias = Callable[[dict[str, Any], StartResponse], Iterable[bytes]]

_DRAIN_BYTES = 8 * 1024 * 1024  # more than `http.client` and the buffers in between leave unsent
_UNTIMED_BYTES = 8 * 1024  # for an input whose reads cannot be ended: about 2 ms, byte by byte
_CHUNK = 8 * 1024
_DRAIN_SECONDS = 5
_TICK_SECONDS = 0.25  # how late a deadline may be
_IDLE_TICKS = 40  # ten seconds

_DEFAULTS = {
    "REQUEST_METHOD": "GET",
    "SCRIPT_NAME": "",
    "PATH_INFO": "",
    "QUERY_STRING": "",
    "SERVER_NAME": "localhost",
    "SERVER_PORT": "80",
    "SERVER_PROTOCOL": "HTTP/1.1",
    "wsgi.url_scheme": "http",
}
_NUMBERS = frozenset(("CONTENT_LENGTH", "REMOTE_PORT", "SERVER_PORT"))
_ASCII = "".join(map(chr, range(128)))
_BUFFERS = (io.BytesIO, tempfile.SpooledTemporaryFile)
_WRAPPED = ("rfile", "file", "input")  # of cheroot and gevent, of waitress, of wsgiref.validate
_MAX_LAYERS = 4


def tidy_environ(environ: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the environ with all keys that PEP 3333 requires, or None if it is malformed.

    It is malformed if a CGI variable or header is not a string of Latin-1 characters, which stand
    for the bytes of the request. Werkzeug would then raise errors of many kinds. Keys that are
    missing or None (`REMOTE_ADDR` of a Unix socket) get the value that PEP 3333 gives to an empty
    request. A port or a length that is an integer becomes a string (werkzeug's `REMOTE_PORT`).
    """
    tidy = {**_DEFAULTS, **{key: value for key, value in environ.items() if value is not None}}
    tidy.setdefault("wsgi.input", io.BytesIO())
    for key, value in tidy.items():
        if key.isupper() or key == "wsgi.url_scheme":
            if type(value) is int and key in _NUMBERS:
                tidy[key] = str(value)
            elif not _is_latin_1(value):
                return None
    # Werkzeug decodes the query as UTF-8, and raises an error if it is not.
    tidy["QUERY_STRING"] = quote(tidy["QUERY_STRING"], safe=_ASCII, encoding="latin-1")
    return tidy


def tidied(environ: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return `tidy_environ` of an environ at which the current error was raised.

    Re-raise the error if the environ is not its cause.
    """
    tidy = tidy_environ(environ)
    # Not `None in`: a value may be equal to everything.
    is_tidy = all(value is not None for value in environ.values())
    if tidy is not None and is_tidy and tidy.keys() <= environ.keys():
        raise
    return tidy


def handed_on(copy: Mapping[str, Any], environ: Mapping[str, Any], result: T) -> T:
    """Return a result that was found for a copy of the environ. Hand the proofs on that it used up
    meanwhile, since a middleware further inside sees the environ alone."""
    if isinstance(environ, dict):
        environ.update({key: copy[key] for key in (PROOF_KEY, NONCE_KEY) if key in copy})
    return result


def drain_body(environ: Mapping[str, Any]) -> None:
    """Read the request's body for at most 5 seconds and 8 MiB, so that the client reads the answer.

    This function never raises an error.
    """
    # The client may be gone, and servers raise errors of their own. Send the answer anyway.
    with contextlib.suppress(Exception):
        size = min(_announced_bytes(environ), _DRAIN_BYTES)
        if size > 0:
            _drain(environ, size)


@contextlib.contextmanager
def reading_deadline(environ: Mapping[str, Any], seconds: float) -> Iterator[bool]:
    """End every read of the request's body when the seconds have passed, as if the client had sent
    no more.

    Yields False if nothing can end a read, since the server does not expose its socket.
    """
    descriptor = _socket_descriptor(environ)
    if descriptor is None:
        yield False
        return
    watch = _current_watch()
    try:
        yield watch.add(descriptor, seconds)
    finally:
        watch.remove(descriptor)
        os.close(descriptor)


class _Watch:
    """Runs one thread for all deadlines of a process. A thread per request would cost a third of a
    millisecond.

    The thread ends after ten seconds without deadlines. A descriptor is only used under the lock.
    So it is not used after its `remove`, when another connection may have its number.
    """

    def __init__(self) -> None:
        self.process = os.getpid()
        self._lock = threading.Lock()
        self._ends: dict[int, float] = {}
        self._is_running = False

    def add(self, descriptor: int, seconds: float) -> bool:
        """Return whether the deadline will take effect. It will not if no thread can start."""
        with self._lock:
            self._ends[descriptor] = time.monotonic() + seconds
            if not self._is_running:
                thread = threading.Thread(target=self._run, name="jwt_middleware", daemon=True)
                with contextlib.suppress(RuntimeError):
                    thread.start()
                    self._is_running = True
            return self._is_running

    def remove(self, descriptor: int) -> None:
        with self._lock:
            self._ends.pop(descriptor, None)

    def _run(self) -> None:
        idle = 0
        while idle < _IDLE_TICKS:
            time.sleep(_TICK_SECONDS)
            with self._lock:
                now = time.monotonic()
                for descriptor in [key for key, end in self._ends.items() if end <= now]:
                    _stop_receiving(descriptor)
                    del self._ends[descriptor]
                idle = 0 if self._ends else idle + 1
                self._is_running = idle < _IDLE_TICKS


_watch = _Watch()


def _current_watch() -> _Watch:
    """Return the watch of this process, since a fork does not inherit the thread or a usable
    lock."""
    global _watch
    if _watch.process != os.getpid():
        _watch = _Watch()
    return _watch


def _drain(environ: Mapping[str, Any], size: int) -> None:
    body = environ["wsgi.input"]
    deadline = time.monotonic() + _DRAIN_SECONDS
    with reading_deadline(environ, _DRAIN_SECONDS) as is_timed:
        read, chunk = body.read, _CHUNK
        if not is_timed and not _never_blocks(body):
            if callable(getattr(body, "read1", None)):
                read = body.read1
            elif size <= _UNTIMED_BYTES:
                chunk = 1
            else:
                return
        while size > 0 and time.monotonic() < deadline and (part := read(min(chunk, size))):
            size -= len(part)


def _is_latin_1(value: object) -> bool:
    if not isinstance(value, str):
        return False
    return value.isascii() or ord(max(value)) < 256


def _announced_bytes(environ: Mapping[str, Any]) -> int:
    """Return how many bytes may be read, since reading beyond the end would wait forever."""
    length = environ.get("CONTENT_LENGTH")
    if isinstance(length, str) and length.isascii() and length.isdigit():
        return int(length[:20])  # 20 digits are beyond any bound
    ends_by_itself = not length and environ.get("wsgi.input_terminated")  # a chunked body
    return _DRAIN_BYTES if ends_by_itself else 0


def _layers(body: object) -> Iterator[Any]:
    """Yield the input of a request, then the objects that it wraps, by servers' names for them."""
    for _ in range(_MAX_LAYERS):
        yield body
        body = next((getattr(body, name) for name in _WRAPPED if hasattr(body, name)), None)


def _never_blocks(body: object) -> bool:
    return any(
        isinstance(layer, _BUFFERS) or _is_open(layer, stat.S_ISREG) for layer in _layers(body)
    )


def _socket_descriptor(environ: Mapping[str, Any]) -> int | None:
    """Return a duplicate of the descriptor of the connection's socket, or None.

    It is a duplicate because the server may close its own descriptor while ours is in use.
    """
    shown = (environ.get("gunicorn.socket"), environ.get("werkzeug.socket"))
    for holder in (*shown, *_layers(environ.get("wsgi.input"))):
        if not isinstance(holder, _BUFFERS) and _is_open(holder, stat.S_ISSOCK):
            return os.dup(holder.fileno())
    return None


def _is_open(holder: Any, is_kind: Callable[[int], bool]) -> bool:
    """Return whether the holder has an open descriptor of this kind."""
    try:
        return is_kind(os.fstat(holder.fileno()).st_mode)
    except (AttributeError, OSError, TypeError, ValueError):
        return False


def _stop_receiving(descriptor: int) -> None:
    # Do not use the server's own object. After `shutdown` of a TLS socket, the answer would be sent
    # unencrypted.
    with contextlib.suppress(OSError), socket.socket(fileno=os.dup(descriptor)) as connection:
        connection.shutdown(socket.SHUT_RD)
