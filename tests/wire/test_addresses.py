"""Addresses: the client in one form, and proxies that nobody told us of."""

import logging
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from werkzeug.middleware.proxy_fix import ProxyFix

from jwt_middleware.wire import addresses
from jwt_middleware.wire.addresses import client_address, peer_address

CLIENT, OTHER = "192.0.2.1", "198.51.100.7"

FORMS = {
    "192.0.2.1": "192.0.2.1",
    " 192.0.2.1\t": "192.0.2.1",
    "192.0.2.1:5000": "192.0.2.1",
    "192.0.2.1:0": "192.0.2.1",
    "[192.0.2.1]:80": "192.0.2.1",
    "127.0.0.1": "127.0.0.1",
    "::1": "::1",
    "[::1]": "::1",
    "[::1]:80": "::1",
    "2001:DB8:1:2:0:0:0:1": "2001:db8:1:2::1",
    "[2001:db8::1]:65535": "2001:db8::1",
    "[2001:db8::1%eth0]:443": "2001:db8::1",
    "fe80::1%eth0": "fe80::1",
    "::ffff:192.0.2.1": "192.0.2.1",
    "::ffff:c000:201": "192.0.2.1",
    "[::ffff:192.0.2.1]:4711": "192.0.2.1",
    "::ffff:192.0.2.1%eth0": "192.0.2.1",
    "::ffff:0:192.0.2.1": "192.0.2.1",
    "64:ff9b::192.0.2.1": "192.0.2.1",
    "64:ff9b::c000:201": "192.0.2.1",
    "2002:c000:201::1": "192.0.2.1",
    "2002:c000:201:ffff:ffff::1": "192.0.2.1",
    "2001:0:4136:e378:8000:63bf:3fff:fdfe": "192.0.2.1",
    "": None,
    "unix:": None,
    "@": None,
    "localhost": None,
    "unknown": None,
    "_hidden": None,
    "192.0.2.1:": None,
    "192.0.2.1:port": None,
    "192.0.2": None,
    "192.0.2.01": None,
    "[]": None,
    "[::1": None,
    "::1]:80": None,
    "proxy.example": None,
    "\u0661.2.3.4": None,
    "192.0.2.1, 198.51.100.7": None,
}


@pytest.fixture(autouse=True)
def not_warned_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that has logged no warning so far."""
    # inside: warns once in a process, and has to warn anew here
    monkeypatch.setattr(addresses, "_has_warned", False)


@pytest.mark.parametrize(("peer", "form"), FORMS.items(), ids=ascii)
def test_one_form_of_an_address(peer: str, form: str | None) -> None:
    """Port and zone go, and what stands for an IPv4 address becomes it; nothing else is one."""
    assert client_address({"REMOTE_ADDR": peer}) == peer_address({"REMOTE_ADDR": peer}) == form


@pytest.mark.parametrize("environ", [{}, {"REMOTE_ADDR": ""}, {"REMOTE_ADDR": None}], ids=str)
def test_no_peer_at_all(environ: dict[str, Any], caplog: pytest.LogCaptureFixture) -> None:
    """A server that does not name the peer, as behind a Unix socket, is no reason to warn."""
    assert client_address(environ) is None
    assert caplog.records == []


INTERNAL = [
    "127.0.0.1",
    "127.8.9.1",
    "127.0.0.1:4711",
    "::1",
    "[::1]:80",
    "::ffff:127.0.0.1",
    "10.0.0.5",
    "172.17.0.1",
    "172.31.255.255",
    "192.168.1.1",
    "::ffff:10.0.0.5",
    "100.64.0.1",
    "169.254.1.1",
    "fd00::5",
    "fc00::1",
    "fe80::1%eth0",
    "0.0.0.0",
    "::",
    "",
    "unix:",
    "localhost",
    None,
]
HEADERS = {
    "HTTP_X_FORWARDED_FOR": "198.51.100.7",
    "HTTP_X_REAL_IP": "198.51.100.7",
    "HTTP_FORWARDED": 'for="198.51.100.7:80";proto=https',
}


@pytest.mark.parametrize("peer", INTERNAL, ids=str)
@pytest.mark.parametrize("header", HEADERS)
def test_a_proxy_without_proxyfix(
    header: str, peer: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    """Its clients would all be one address, so none is counted; one WARNING names the remedy, and
    the header is not believed."""
    environ = {header: HEADERS[header]} | ({} if peer is None else {"REMOTE_ADDR": peer})
    assert [client_address(environ) for _ in range(3)] == [None] * 3
    (record,) = caplog.records
    assert (record.name, record.levelno) == ("jwt_middleware.login", logging.WARNING)
    assert "ProxyFix" in record.getMessage()
    assert OTHER not in record.getMessage()


PUBLIC = [CLIENT, OTHER, "172.32.0.1", "100.128.0.1", "11.0.0.1", "2001:db8::1", "64:ff9b::808:808"]


@pytest.mark.parametrize("peer", PUBLIC)
@pytest.mark.parametrize("header", HEADERS)
def test_a_client_that_sends_the_header_itself(
    header: str, peer: str, caplog: pytest.LogCaptureFixture
) -> None:
    """From the Internet the header means nothing: the peer is counted."""
    environ = {"REMOTE_ADDR": peer, header: "203.0.113.99"}
    assert client_address(environ) == peer_address(environ) is not None
    assert caplog.records == []


@pytest.mark.parametrize("peer", INTERNAL[:18])
def test_an_internal_client_without_a_proxy(peer: str, caplog: pytest.LogCaptureFixture) -> None:
    """In a network of one's own, people are counted like everybody."""
    assert client_address({"REMOTE_ADDR": peer}) == peer_address({"REMOTE_ADDR": peer}) is not None
    assert caplog.records == []


def fixed(environ: dict[str, Any], **hops: int) -> str | None:
    """What is counted behind ProxyFix."""
    seen: list[str | None] = []
    app = ProxyFix(lambda environ, _: seen.append(client_address(environ)) or [], **hops)
    app(environ, lambda *_: None)
    return seen[0]


@pytest.mark.parametrize("client", [CLIENT, "127.0.0.1", "10.1.2.3", "2001:db8::1", "fd00::7"])
@pytest.mark.parametrize("proxy", ["127.0.0.1", "10.0.0.5", "", "203.0.113.1"], ids=ascii)
def test_a_proxy_with_proxyfix(client: str, proxy: str, caplog: pytest.LogCaptureFixture) -> None:
    """It puts the client's address where it belongs; that may be internal, and is counted."""
    assert fixed({"REMOTE_ADDR": proxy, "HTTP_X_FORWARDED_FOR": client}) == client
    assert caplog.records == []


@pytest.mark.parametrize("hops", [{"x_for": 0}, {"x_for": 3}], ids=str)
def test_a_proxyfix_that_replaces_nothing(
    hops: dict[str, int], caplog: pytest.LogCaptureFixture
) -> None:
    """With the wrong number of proxies the peer is still the proxy, and the operator is told."""
    environ = {"REMOTE_ADDR": "10.0.0.5", "HTTP_X_FORWARDED_FOR": f"{CLIENT}, {OTHER}"}
    assert fixed(environ, **hops) is None
    assert len(caplog.records) == 1


def test_a_server_that_replaces_the_peer(caplog: pytest.LogCaptureFixture) -> None:
    """waitress and uvicorn do what ProxyFix does and leave the header: the peer stands in it."""
    for header, value in {
        "HTTP_X_FORWARDED_FOR": "203.0.113.1, 10.1.2.3:4711",
        "HTTP_X_REAL_IP": "10.1.2.3",
        "HTTP_FORWARDED": 'proto=https;for="10.1.2.3:80", for=10.0.0.9',
    }.items():
        assert client_address({"REMOTE_ADDR": "10.1.2.3", header: value}) == "10.1.2.3"
    long = "1.1.1.1, " * 1000 + "10.1.2.3"
    assert client_address({"REMOTE_ADDR": "10.1.2.3", "HTTP_X_FORWARDED_FOR": long}) == "10.1.2.3"
    assert caplog.records == []


VALUES = st.one_of(
    st.none(), st.text(max_size=60), st.ip_addresses().map(str), st.binary(), st.integers()
)


@given(
    environ=st.dictionaries(
        st.sampled_from(["REMOTE_ADDR", *HEADERS, "werkzeug.proxy_fix.orig"]), VALUES
    )
)
@settings(suppress_health_check=[HealthCheck.too_slow])  # the first text loads tables
def test_any_environ_has_an_address_or_none(environ: dict[str, Any]) -> None:
    """Whatever a server says of the peer, nothing is raised."""
    assert isinstance(client_address(environ), (str, type(None)))
    assert isinstance(peer_address(environ), (str, type(None)))


@given(address=st.ip_addresses(v=6))
def test_a_form_is_final(address: Any) -> None:
    """The form of an address has itself as its form."""
    form = peer_address({"REMOTE_ADDR": str(address)})
    assert peer_address({"REMOTE_ADDR": form}) == form
