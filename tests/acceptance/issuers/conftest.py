"""A network in which the hosts of the recipes are stand-ins, so that the pages run as they are:
https through a proxy, with a certificate authority of its own; a private http host by its name."""

import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from jwt_middleware import Fetch, RemoteKeySet
from jwt_middleware.testing import KeyServer
from tests.kit.certificates import authority
from tests.kit.forward_proxy import ForwardProxy
from tests.kit.waiting import PATIENCE

HOSTS = (
    "login.microsoftonline.com",
    "example.eu.auth0.com",
    "example.okta.com",
    "cognito-idp.eu-west-1.amazonaws.com",
    "www.gstatic.com",
    "securetoken.google.com",
    "www.googleapis.com",
    "abcdefghijklmnopqrst.supabase.co",
    "clerk.example.com",
    "example.cloudflareaccess.com",
    "kubernetes.default.svc",
)
"""The https hosts that the recipes ask."""


class Network:
    """Leads each name to a stand-in. `ca_file` has the authority that signed their certificates."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch, stack: ExitStack) -> None:
        self.folder = folder
        self.monkeypatch = monkeypatch
        self.ca_file, self._tls = authority(folder, *HOSTS)
        self._proxy = stack.enter_context(ForwardProxy())
        self._stack = stack
        self._private: dict[str, int] = {}
        self.servers: list[KeyServer] = []
        for name in ("HTTPS_PROXY", "https_proxy"):
            monkeypatch.setenv(name, self._proxy.url)
        for name in ("NO_PROXY", "no_proxy"):
            monkeypatch.setenv(name, "")
        monkeypatch.setenv("SSL_CERT_FILE", str(self.ca_file))
        # The pages have the usual timeout, which a busy machine may exceed.
        monkeypatch.setitem(Fetch.__init__.__kwdefaults__, "timeout", PATIENCE)
        patient = Fetch()
        monkeypatch.setitem(RemoteKeySet.__init__.__kwdefaults__, "fetch", patient)
        real = socket.getaddrinfo

        def look_up(host: Any, port: Any, *how: Any, **more: Any) -> Any:
            if host in self._private:
                return real("127.0.0.1", self._private[host], *how, **more)
            return real(host, port, *how, **more)

        monkeypatch.setattr(socket, "getaddrinfo", look_up)

    def https(self, host: str, **options: Any) -> KeyServer:
        """A stand-in at an https host of `HOSTS`."""
        assert host in HOSTS, host
        server = self._stack.enter_context(KeyServer(tls=self._tls, **options))
        self._proxy.to[host] = ("127.0.0.1", _port_of(server))
        self.servers.append(server)
        return server

    def http(self, host: str, **options: Any) -> KeyServer:
        """A stand-in at a private http host."""
        server = self._stack.enter_context(KeyServer(**options))
        self._private[host] = _port_of(server)
        self.servers.append(server)
        return server

    def also(self, host: str, server: KeyServer) -> None:
        """Lead one more host to a stand-in."""
        self._proxy.to[host] = ("127.0.0.1", _port_of(server))


def _port_of(server: KeyServer) -> int:
    port = urlsplit(server.url).port
    assert port
    return port


@pytest.fixture
def network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Network]:
    """The network of one test."""
    with ExitStack() as stack:
        yield Network(tmp_path, monkeypatch, stack)
