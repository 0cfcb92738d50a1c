"""How long a refused request can hold a thread by its body, on real servers."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress

import pytest

from tests.kit.answers import exchange, received
from tests.kit.serving import serving
from tests.kit.waiting import BOUND, PATIENCE

pytestmark = pytest.mark.needs_servers

_MIB = 1024 * 1024

_TARGET = "tests.servers.drained:application"
SERVERS: dict[str, tuple[str, tuple[str, ...]]] = {
    "gunicorn, sync": ("gunicorn, sync", ()),
    "gunicorn, one thread": ("gunicorn, gthread", ("--threads=1",)),
    "gunicorn, gevent": ("gunicorn, gevent", ()),
    "waitress": ("waitress", ("--threads=1",)),
    "cheroot": ("cheroot", ("--threads=1",)),
    "gevent": ("gevent", ()),
    "granian": ("granian", ()),
    "uwsgi": ("uwsgi", ()),
    "uwsgi, threads": ("uwsgi", ("--enable-threads",)),
    "werkzeug": ("werkzeug", ()),
    "wsgiref": ("wsgiref", ()),
}
"""Those of the kit, with their options."""
# granian gives no way to end a read, so a large body is left. The others pass a chunked body on
# without a length or a word about its end.
_MAY_RESET = {"granian-length", "granian-chunked", "uwsgi-chunked", "uwsgi, threads-chunked"}
_MAY_RESET |= {"wsgiref-chunked"}


@pytest.fixture(scope="module", params=SERVERS)
def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[int]:
    """The port of a running server."""
    name, options = SERVERS[request.param]
    with serving(name, _TARGET, tmp_path_factory.mktemp("server"), *options) as port:
        yield port


_HEAD = b"POST /api HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: text/plain\r\n"
_LENGTH = _HEAD + b"Content-Length: %d\r\n\r\n"
_CHUNKED = _HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
_LOGIN = b"POST /auth/token HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
DRIPS = {
    "a byte now and then": (_LENGTH % 100_000, b"x"),
    "a small body": (_LENGTH % 900, b"x"),
    "nothing": (_LENGTH % 100_000, b""),
    "at first a lot": (_LENGTH % 900_000 + b"x" * 300_000, b"x"),
    "chunks": (_CHUNKED, b"1\r\nx\r\n"),
    "a chunk without an end": (_CHUNKED + b"ffff\r\n", b"x"),
    "a login": (_LOGIN + b"Content-Length: 900\r\n\r\n{", b" "),
}


@pytest.mark.parametrize(("head", "drop"), DRIPS.values(), ids=DRIPS)
def test_a_body_that_drips_holds_no_thread(server: int, head: bytes, drop: bytes) -> None:
    """A refused request whose body comes byte by byte is over within the bound: the next one is
    answered by the only thread."""
    is_over = threading.Event()
    with socket.create_connection(("127.0.0.1", server), timeout=PATIENCE) as connection:

        def drip() -> None:
            with suppress(OSError):
                connection.sendall(head)
                while not is_over.wait(0.2):
                    connection.sendall(drop)

        dripping = threading.Thread(target=drip)
        dripping.start()
        started = time.monotonic()
        try:
            time.sleep(0.4)
            other = exchange(server, b"/up").status
            held = time.monotonic() - started
        finally:
            is_over.set()
            dripping.join()
    assert other == 200
    assert held < BOUND


@pytest.mark.parametrize("head", [_LENGTH % (7 * _MIB), None], ids=["length", "chunked"])
def test_a_client_that_sends_first_and_reads_later_reads_the_refusal(
    server: int, request: pytest.FixtureRequest, head: bytes | None
) -> None:
    """A plain HTTP client, which sends 7 MiB before it reads anything, gets the 401
    and no reset."""
    sent = bytes(7 * _MIB)
    if head is None:
        head, sent = _CHUNKED, b"100000\r\n" + bytes(_MIB) + b"\r\n"
        sent = sent * 7 + b"0\r\n\r\n"
    status = 0
    connection = socket.create_connection(("127.0.0.1", server), timeout=PATIENCE)
    with connection, suppress(OSError):
        connection.sendall(head + sent)
        status = received(connection).status
    assert status == 401 or request.node.callspec.id in _MAY_RESET
