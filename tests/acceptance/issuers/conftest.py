"""A network in which the hosts of the recipes are stand-ins, so that the pages run as they are:
https through a proxy, with a certificate authority of its own; a private http host by its name."""

import socket
import ssl
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import cycle
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from jwt_middleware import Fetch, RemoteKeySet
from jwt_middleware.testing import KeyServer
from tests.kit.certificates import authority
from tests.kit.forward_proxy import ForwardProxy
from tests.kit.waiting import PATIENCE, settle_fetches

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


Signed = tuple[Path, ssl.SSLContext]
"""The file of an authority's certificate, and the TLS context of a server that it signed for."""


class Network:
    """Leads each name to a stand-in. `ca_file` has the authority that signed their certificates."""

    def __init__(
        self, folder: Path, signed: Signed, monkeypatch: pytest.MonkeyPatch, stack: ExitStack
    ) -> None:
        self.folder = folder
        self.monkeypatch = monkeypatch
        self.ca_file, self._tls = signed
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

    def issuer(self, issuer: str, keys: str, **options: Any) -> KeyServer:
        """A stand-in at the issuer's host, with RSA keys that say what they are for, as most have
        them at the URL `keys`."""
        members = {"use": "sig"}
        usual = {"algorithm": "RS256", "key_members": members, "issuer": issuer, "jwks_uri": keys}
        return self.https(urlsplit(issuer).netloc, **(usual | options))

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


@pytest.fixture(scope="session")
def rsa_keys() -> Iterator[rsa.RSAPrivateKey]:
    """RSA keys, a few of them over and over, since making one takes a tenth of a second. No network
    has as many."""
    return cycle([rsa.generate_private_key(65537, 2048) for _ in range(6)])


@pytest.fixture(scope="session")
def signed(tmp_path_factory: pytest.TempPathFactory) -> Signed:
    """The one authority of all networks, which signed for each of their hosts."""
    return authority(tmp_path_factory.mktemp("authority"), *HOSTS)


@pytest.fixture
def network(
    tmp_path: Path,
    signed: Signed,
    monkeypatch: pytest.MonkeyPatch,
    rsa_keys: Iterator[rsa.RSAPrivateKey],
) -> Iterator[Network]:
    """The network of one test."""
    monkeypatch.setattr(rsa, "generate_private_key", lambda **_: next(rsa_keys))
    with ExitStack() as stack:
        yield Network(tmp_path, signed, monkeypatch, stack)
        settle_fetches()
