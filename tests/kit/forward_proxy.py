"""A forward proxy on loopback: it opens tunnels (CONNECT), or behaves badly in one way."""

import socket
import socketserver
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Self

from tests.kit.fault_server import reset
from tests.kit.waiting import PATIENCE

Behaviour = Callable[["Tunnel"], None]


class ForwardProxy:
    """Opens tunnels to `to` of each name, or else to the name itself, unless `behaviour` says
    otherwise. `heads` has each request's head."""

    def __init__(self) -> None:
        self.heads: list[str] = []
        self.open: set[socket.socket] = set()
        self.to: dict[str, tuple[str, int]] = {}
        self.behaviour: Behaviour = tunnels
        self.closing = threading.Event()
        self._server = _Server(("127.0.0.1", 0), self)
        self.address = f"127.0.0.1:{self._server.server_address[1]}"
        self.url = f"http://{self.address}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.closing.set()
        self._server.shutdown()
        self._server.server_close()
        for connection in list(self.open):  # nobody waits for what does not come any more
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, address: tuple[str, int], proxy: ForwardProxy) -> None:
        self.proxy = proxy
        super().__init__(address, Tunnel)


class Tunnel(socketserver.BaseRequestHandler):
    """One request for a tunnel to the `target`."""

    server: _Server
    target = ""

    def handle(self) -> None:
        """Behave as told."""
        self.proxy = self.server.proxy
        self.proxy.open.add(self.request)
        head = b""
        with suppress(OSError):
            while b"\r\n\r\n" not in head and (received := self.request.recv(65536)):
                head += received
            self.proxy.heads.append(head.decode())
            self.target = head.decode().split(" ")[1]
            self.proxy.behaviour(self)

    def finish(self) -> None:
        """Forget the connection."""
        self.proxy.open.discard(self.request)


def tunnels(tunnel: Tunnel) -> None:
    """Opens the tunnel."""
    host, _, port = tunnel.target.rpartition(":")
    address = tunnel.proxy.to.get(host, (host, int(port)))
    with socket.create_connection(address, PATIENCE) as upstream:
        tunnel.request.sendall(b"HTTP/1.1 200 Connection established\r\nX-Proxy: one\r\n\r\n")
        back = threading.Thread(target=_copy, args=(upstream, tunnel.request), daemon=True)
        back.start()
        _copy(tunnel.request, upstream)
        back.join(PATIENCE)


def _copy(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while received := source.recv(65536):
            sink.sendall(received)
        sink.shutdown(socket.SHUT_WR)


def says(*parts: bytes) -> Behaviour:
    """Sends just these bytes."""
    return lambda tunnel: tunnel.request.sendall(b"".join(parts))


def hangs(tunnel: Tunnel) -> None:
    """Nothing, for ever."""
    tunnel.proxy.closing.wait()


def drips(tunnel: Tunnel) -> None:
    """A header that never ends, a byte at a time."""
    tunnel.request.sendall(b"HTTP/1.1 200 OK\r\nX-Drip: ")
    while not tunnel.proxy.closing.wait(0.05):
        tunnel.request.sendall(b"a")


def floods(tunnel: Tunnel) -> None:
    """A head that never ends, as fast as it is read."""
    tunnel.request.sendall(b"HTTP/1.1 200 OK\r\n")
    for _ in range(100_000):
        tunnel.request.sendall(b"X-More: " + b"a" * 1000 + b"\r\n")


def resets(tunnel: Tunnel) -> None:
    """RST."""
    reset(tunnel.request)


def hangs_in_the_tunnel(tunnel: Tunnel) -> None:
    """Opens a tunnel that leads nowhere."""
    tunnel.request.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
    tunnel.proxy.closing.wait()


# What the proxy does, and what the log then says of it.
BEHAVIOURS: dict[str, tuple[Behaviour, str]] = {
    "asks for a password": (
        says(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n"),
        "answers with the status 407",
    ),
    "refuses": (says(b"HTTP/1.1 403 Forbidden\r\n\r\n"), "answers with the status 403"),
    "has no upstream": (says(b"HTTP/1.0 502 Bad Gateway\r\n\r\n"), "answers with the status 502"),
    "redirects": (
        says(b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1/\r\n\r\n"),
        "answers with the status 302",
    ),
    "says more than a head": (
        says(b"HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 200 OK\r\n\r\n{}"),
        "answers with no HTTP head",
    ),
    "no HTTP": (says(b"SSH-2.0-OpenSSH_9.9\r\n\r\n"), "answers with no HTTP head"),
    "nothing at all": (says(), "answers with no HTTP head"),
    "floods": (floods, "answers with no HTTP head"),
    "resets": (resets, "does not answer: ConnectionResetError"),
    "hangs": (hangs, "does not answer: TimeoutError"),
    "drips": (drips, "does not answer: TimeoutError"),
    "hangs in the tunnel": (hangs_in_the_tunnel, "TimeoutError"),
}
