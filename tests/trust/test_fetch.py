"""`Fetch`: its options, a private authority, request headers, http hosts and a forward proxy."""

import copy
import logging
import pickle
import select
import socket
import ssl
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from jwt_middleware import ConfigurationError, Fetch, Key, Provider, RemoteKeySet, Unavailable
from jwt_middleware.trust.discovery import DiscoveredKeySet
from jwt_middleware.trust.fetch import get
from tests.kit import forward_proxy
from tests.kit.certificates import authority
from tests.kit.fault_server import PATH, FaultServer, answer, reset, says
from tests.kit.forward_proxy import ForwardProxy
from tests.kit.waiting import BOUND, PATIENCE, wait_for

KEY = Key.generate(id="first")


@pytest.fixture
def server() -> Iterator[FaultServer]:
    """A server that publishes a key by plain http."""
    with FaultServer([KEY.to_jwk()]) as server:
        yield server


@pytest.fixture(scope="module")
def ca(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ssl.SSLContext]:
    """A private authority, and what a server needs that it vouches for."""
    return authority(tmp_path_factory.mktemp("ca"), "idp.internal", "keys.internal")


@pytest.fixture
def tls_server(ca: tuple[Path, ssl.SSLContext]) -> Iterator[FaultServer]:
    """A server that publishes a key over TLS."""
    with FaultServer([KEY.to_jwk()], tls=ca[1]) as server:
        yield server


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let names of the private network be this machine, as a compose network's name server
    does."""
    real = socket.getaddrinfo

    def resolve(host: Any, *rest: Any, **named: Any) -> Any:
        known = host in ("keycloak", "idp.internal", "keys.internal")
        return real("127.0.0.1" if known else host, *rest, **named)

    monkeypatch.setattr(socket, "getaddrinfo", resolve)


@pytest.fixture
def proxy(monkeypatch: pytest.MonkeyPatch) -> Iterator[ForwardProxy]:
    """The forward proxy of a company, which HTTPS_PROXY names."""
    for name in ("https_proxy", "no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    with ForwardProxy() as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        yield proxy


def found(keys: RemoteKeySet) -> bool:
    """Whether the key comes through."""
    try:
        return [key.id for key in keys.find("first")] == ["first"]
    except Unavailable:
        return False


# --- building

BAD: dict[str, tuple[dict[str, Any], str]] = {
    **{
        f"timeout {value!r}": ({"timeout": value}, "timeout must be a finite number of seconds")
        for value in (0, -1, float("nan"), float("inf"), 301, 1e300, None, b"3", True)
    },
    "ca_file missing": ({"ca_file": "/nowhere/ca.pem"}, "ca_file must be .*: FileNotFoundError"),
    "ca_file empty": ({"ca_file": ""}, "ca_file must be"),
    "ca_file a folder": ({"ca_file": Path("/")}, "ca_file must be"),
    "ca_file without a certificate": ({"ca_file": __file__}, "ca_file must be .*: SSLError"),
    "ca_file a number": ({"ca_file": 5}, "ca_file must be"),
    "ca_file bytes": ({"ca_file": b"/etc/ca.pem"}, "ca_file must be"),
    "ca_file with a NUL": ({"ca_file": "a\0b"}, "ca_file must be"),
    "ca_file with a surrogate": ({"ca_file": "\ud800"}, "ca_file must be"),
    "headers a string": ({"headers": "X-A: secret"}, "headers must be a mapping"),
    "headers a list": ({"headers": [("X-A", "secret")]}, "headers must be a mapping"),
    "headers None": ({"headers": None}, "headers must be a mapping"),
    "headers of bytes": ({"headers": {"X-A": b"secret"}}, "headers must be a mapping"),
    "a name of bytes": ({"headers": {b"X-A": "secret"}}, "one name is not that of a header"),
    "a name with a colon": ({"headers": {"X-A:": "secret"}}, "one name is not that of a header"),
    "a name with a blank": ({"headers": {"X A": "secret"}}, "one name is not that of a header"),
    "no name": ({"headers": {"": "secret"}}, "one name is not that of a header"),
    "a line break": ({"headers": {"X-A": "secret\r\nX-B: c"}}, "that of 'X-A' is not"),
    "a bare line feed": ({"headers": {"X-A": "secret\nX-B: c"}}, "that of 'X-A' is not"),
    "a NUL": ({"headers": {"X-A": "secret\0"}}, "that of 'X-A' is not"),
    "not ASCII": ({"headers": {"X-A": "secr\xe9t"}}, "that of 'X-A' is not"),
    "a surrogate": ({"headers": {"X-A": "secret\ud800"}}, "that of 'X-A' is not"),
    "Host": ({"headers": {"host": "secret"}}, "headers must not set 'host'"),
    "a body": ({"headers": {"Content-Length": "5"}}, "headers must not set"),
    "a coding": ({"headers": {"Accept-Encoding": "br"}}, "headers must not set"),
    "a name twice": ({"headers": {"X-A": "a", "x-a": "secret"}}, "each header once"),
    "a callable with arguments": ({"headers": lambda url: {}}, "callable with arguments"),
    "allow_http a string": ({"allow_http": "keycloak"}, "allow_http must be a list or tuple"),
    "allow_http True": ({"allow_http": True}, "allow_http must be a list or tuple"),
    "allow_http of numbers": ({"allow_http": (5,)}, "allow_http must be a list or tuple"),
    **{
        f"allow_http {host!r}": ({"allow_http": (host,)}, "allow_http must be a list of host names")
        for host in (
            *("", "*", "*.internal", "http://keycloak", "keycloak:8080", "keycloak/", "a b"),
            *("ann@keycloak", "10.0.0.0/8", "[keycloak]x", "ke\nycloak", "\ud800", "k\xe9ycloak"),
        )
    },
}


@pytest.mark.parametrize(("options", "message"), BAD.values(), ids=BAD)
def test_a_bad_option_is_refused_while_building(options: dict[str, Any], message: str) -> None:
    """The message names the option, shows no header's value, and is ASCII on one line."""
    with pytest.raises(ConfigurationError, match=message) as error:
        Fetch(**options)
    said = str(error.value)
    assert "secr" not in said
    assert said.isascii()
    assert "\n" not in said


@pytest.mark.parametrize("fetch", [None, 3, {"timeout": 3}, Fetch], ids=repr)
def test_what_is_no_fetch_is_refused(fetch: Any) -> None:
    """A number of seconds, or the class itself, is a slip."""
    for make in (RemoteKeySet, DiscoveredKeySet):
        with pytest.raises(ConfigurationError, match="fetch must be a Fetch"):
            make("https://idp.example/", fetch=fetch)


def test_a_fetch_is_a_frozen_value() -> None:
    """It can be compared, hashed, copied and shared; nobody changes it afterwards; its repr names
    headers but no value."""
    headers = {"Authorization": "Bearer s3cr3t"}
    fetch = Fetch(timeout=2, headers=headers, allow_http=["Keycloak", "[FD00::1]"])
    headers["Authorization"] = fetch.headers["X"] = "changed"  # type: ignore[index]
    assert fetch.headers == {"Authorization": "Bearer s3cr3t"}
    assert fetch.allow_http == ("keycloak", "fd00::1")
    for same in (copy.deepcopy(fetch), pickle.loads(pickle.dumps(fetch))):
        assert (same, hash(same)) == (fetch, hash(fetch))
    assert fetch != Fetch()
    with pytest.raises(AttributeError):
        fetch.timeout = 5
    assert repr(fetch) == (
        "Fetch(timeout=2, ca_file=None, headers=['Authorization'], "
        "allow_http=('keycloak', 'fd00::1'))"
    )


def test_building_asks_nobody(server: FaultServer) -> None:
    """A callable of headers is called when something is fetched, and not before."""
    RemoteKeySet(server.url, fetch=Fetch(headers=lambda: exec("raise RuntimeError")))
    Provider.discover(server.origin, audience="api", fetch=Fetch(headers=lambda: {"X": "y"}))
    assert server.requests == []


# --- headers


def test_headers_are_sent_with_every_document(server: FaultServer) -> None:
    """Metadata and keys are asked for with the owner's headers; `Accept` and `User-Agent` may be
    the owner's own."""
    server.pages["/.well-known/openid-configuration"] = (
        f'{{"issuer": "{server.origin}", "jwks_uri": "{server.url}"}}'.encode()
    )
    headers = {"Authorization": "Bearer abc", "accept": "*/*", "X-Empty": ""}
    assert found(DiscoveredKeySet(server.origin, fetch=Fetch(headers=headers)))
    assert len(server.requests) == 2
    for head in server.requests:
        lines = head.split("\r\n")
        assert {"Authorization: Bearer abc", "accept: */*", "X-Empty: "} < set(lines)
        assert sum(line.lower().startswith("accept:") for line in lines) == 1
        assert "User-Agent: jwt-middleware" in lines


def test_a_callable_is_asked_at_each_fetch(server: FaultServer, tmp_path: Path) -> None:
    """A token that rotates in a file, with the line break it ends with, is the current one."""
    file = tmp_path / "token"

    def headers() -> Mapping[str, str]:
        return {"Authorization": f"Bearer {file.read_text()}"}

    fetch = Fetch(headers=headers)
    for token in ("one", "two"):
        file.write_text(f"{token}\n")
        assert found(RemoteKeySet(server.url, fetch=fetch))
        assert f"\r\nAuthorization: Bearer {token}\r\n" in server.requests[-1]


@pytest.mark.parametrize(
    ("result", "why"),
    [
        (lambda: {"X-A": "secret\r\nX-B: c"}, "that of 'X-A' is not"),
        (lambda: None, "got an object of NoneType"),
        (lambda: {"Host": "secret"}, "headers must not set 'Host'"),
        (
            lambda: Path("/nowhere/secret").read_text(),
            "the callable of headers raised FileNotFoundError",
        ),
    ],
    ids=["line break", "None", "Host", "raises"],
)
def test_a_callable_that_fails_is_a_failed_fetch(
    result: Any, why: str, server: FaultServer, caplog: pytest.LogCaptureFixture
) -> None:
    """Nothing is asked, the refusal is 503, and the log says why without a value."""
    assert not found(RemoteKeySet(server.url, fetch=Fetch(headers=result)))
    assert server.requests == []
    assert why in caplog.text
    assert "secret" not in caplog.text


# --- a private authority


def test_a_private_authority(
    tls_server: FaultServer, ca: tuple[Path, ssl.SSLContext], caplog: pytest.LogCaptureFixture
) -> None:
    """`ca_file` makes a company's or a cluster's certificates good; without it the log says what
    is wrong with them."""
    assert found(RemoteKeySet(tls_server.url, fetch=Fetch(ca_file=ca[0])))
    assert caplog.messages == []
    assert not found(RemoteKeySet(tls_server.url))
    assert "SSLCertVerificationError: 'unable to get local issuer certificate'" in caplog.text


def test_the_name_still_counts(
    tls_server: FaultServer, ca: tuple[Path, ssl.SSLContext], names: None
) -> None:
    """An authority that is trusted vouches for the names in a certificate alone."""
    port = tls_server.url.rpartition(":")[2]
    fetch = Fetch(ca_file=ca[0])
    assert found(RemoteKeySet(f"https://idp.internal:{port}", fetch=fetch))
    assert not found(RemoteKeySet(f"https://keycloak:{port}", fetch=fetch))


def test_an_authority_that_has_gone_is_a_failed_fetch(
    tls_server: FaultServer,
    ca: tuple[Path, ssl.SSLContext],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The file is read at each fetch, since clusters rotate it; it is named when it is missing."""
    monkeypatch.chdir(tmp_path)  # a long path is cut short in the log
    file = Path("ca.pem")
    file.write_bytes(ca[0].read_bytes())
    fetch = Fetch(ca_file=str(file))
    file.unlink()
    assert not found(RemoteKeySet(tls_server.url, fetch=fetch))
    assert "ca_file 'ca.pem' cannot be read: FileNotFoundError" in caplog.text


# --- http hosts


def test_a_private_host_by_http(
    server: FaultServer, names: None, caplog: pytest.LogCaptureFixture
) -> None:
    """Keycloak in docker-compose: its host must be named, and one WARNING says what that means."""
    url = server.url.replace("127.0.0.1", "Keycloak")
    for fetch in (Fetch(), Fetch(allow_http=("keycloak2", "eycloak"))):
        with pytest.raises(ConfigurationError, match="https URL"):
            RemoteKeySet(url, fetch=fetch)
    keys = RemoteKeySet(url, fetch=Fetch(allow_http=("keycloak",)))
    assert found(keys)
    ((_, level, message),) = caplog.record_tuples
    assert level == logging.WARNING
    assert "by plain http, since allow_http names that host" in message


def test_discovery_on_a_private_host(
    server: FaultServer, names: None, caplog: pytest.LogCaptureFixture
) -> None:
    """Issuer, metadata and keys at one http host cost one WARNING; a `jwks_uri` at another host
    that is not named is not asked."""
    issuer = server.origin.replace("127.0.0.1", "keycloak")
    path, page = "/.well-known/openid-configuration", '{{"issuer": "{}", "jwks_uri": "{}"}}'
    server.pages[path] = page.format(issuer, issuer + PATH).encode()
    assert found(DiscoveredKeySet(issuer, fetch=Fetch(allow_http=("keycloak",))))
    assert len(caplog.messages) == 1
    server.pages[path] = page.format(issuer, issuer.replace("keycloak", "keys.internal")).encode()
    asked = len(server.requests)
    assert not found(DiscoveredKeySet(issuer, fetch=Fetch(allow_http=("keycloak",))))
    assert len(server.requests) == asked + 1


def test_private_keys_of_a_public_issuer(
    tls_server: FaultServer,
    server: FaultServer,
    ca: tuple[Path, ssl.SSLContext],
    names: None,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Metadata over TLS may name an http host for the keys if the owner has named it too; any other
    http host, loopback included, is not asked."""
    plain = server.url.replace("127.0.0.1", "keycloak")
    for jwks_uri, is_asked in ((plain, True), (server.url, False)):
        tls_server.pages["/.well-known/openid-configuration"] = (
            f'{{"issuer": "{tls_server.origin}", "jwks_uri": "{jwks_uri}"}}'.encode()
        )
        server.requests.clear()
        fetch = Fetch(ca_file=ca[0], allow_http=("keycloak",))
        assert found(DiscoveredKeySet(tls_server.origin, fetch=fetch)) == is_asked
        assert bool(server.requests) == is_asked
    assert "jwks_uri must be an https URL" in caplog.text


def test_loopback_needs_no_warning(server: FaultServer, caplog: pytest.LogCaptureFixture) -> None:
    """Nobody stands between a process and its own machine."""
    assert found(RemoteKeySet(server.url, fetch=Fetch(allow_http=("127.0.0.1",))))
    assert caplog.messages == []


# --- a forward proxy


def test_an_https_url_goes_through_the_proxy(
    proxy: ForwardProxy, tls_server: FaultServer, ca: tuple[Path, ssl.SSLContext]
) -> None:
    """The proxy opens a tunnel by name, which need not resolve here; TLS is with the target, whose
    headers the proxy does not see."""
    port = int(tls_server.origin.rpartition(":")[2])
    proxy.to["idp.internal"] = ("127.0.0.1", port)
    fetch = Fetch(ca_file=ca[0], headers={"Authorization": "Bearer s3cr3t"})
    assert found(RemoteKeySet("https://idp.internal" + PATH, fetch=fetch))
    (head,) = proxy.heads
    assert head.startswith("CONNECT idp.internal:443 HTTP/1.1\r\nHost: idp.internal:443\r\n")
    assert "s3cr3t" not in head
    assert "Authorization: Bearer s3cr3t" in tls_server.requests[0]


def test_discovery_goes_through_the_proxy(
    proxy: ForwardProxy, tls_server: FaultServer, ca: tuple[Path, ssl.SSLContext]
) -> None:
    """So do the metadata and the keys of another host."""
    port = int(tls_server.origin.rpartition(":")[2])
    proxy.to |= dict.fromkeys(("idp.internal", "keys.internal"), ("127.0.0.1", port))
    tls_server.pages["/.well-known/openid-configuration"] = (
        b'{"issuer": "https://idp.internal", "jwks_uri": "https://keys.internal:8443/jwks.json"}'
    )
    assert found(DiscoveredKeySet("https://idp.internal", fetch=Fetch(ca_file=ca[0])))
    assert [head.split()[1] for head in proxy.heads] == ["idp.internal:443", "keys.internal:8443"]


def test_plain_http_never_goes_through_a_proxy(
    proxy: ForwardProxy, server: FaultServer, names: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Private hosts are not the proxy's; and HTTP_PROXY, which a client of a CGI script can set, is
    never read."""
    monkeypatch.setenv("HTTP_PROXY", proxy.url)
    monkeypatch.setenv("ALL_PROXY", proxy.url)
    url = server.url.replace("127.0.0.1", "keycloak")
    assert found(RemoteKeySet(url, fetch=Fetch(allow_http=("keycloak",))))
    assert found(RemoteKeySet(server.url))
    assert proxy.heads == []


@pytest.mark.parametrize(
    ("user_info", "expected"),
    [
        ("ann:word@", "Basic YW5uOndvcmQ="),
        ("ann@", "Basic YW5uOg=="),
        ("a%40nn:w%3Ard%20@", "Basic YUBubjp3OnJkIA=="),
    ],
)
def test_a_proxys_password(
    user_info: str,
    expected: str,
    proxy: ForwardProxy,
    tls_server: FaultServer,
    ca: tuple[Path, ssl.SSLContext],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """User info becomes Basic credentials for the proxy alone, and no log line has it."""
    monkeypatch.setenv("HTTPS_PROXY", f"http://{user_info}{proxy.address}/")
    assert found(RemoteKeySet(tls_server.url, fetch=Fetch(ca_file=ca[0])))
    assert f"\r\nProxy-Authorization: {expected}\r\n" in proxy.heads[0]
    assert "Proxy-Authorization" not in tls_server.requests[0]
    proxy.behaviour = forward_proxy.says(b"HTTP/1.1 407 No\r\n\r\n")
    assert not found(RemoteKeySet(tls_server.url, fetch=Fetch(ca_file=ca[0])))
    assert f"the proxy {proxy.address!r} of HTTPS_PROXY answers with the status 407" in caplog.text
    assert user_info not in caplog.text


@pytest.mark.parametrize(
    ("behaviour", "why"), forward_proxy.BEHAVIOURS.values(), ids=forward_proxy.BEHAVIOURS
)
def test_faults_of_the_proxy(
    behaviour: forward_proxy.Behaviour,
    why: str,
    proxy: ForwardProxy,
    tls_server: FaultServer,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Whatever the proxy does, the wait ends by the deadline, nothing is asked past it, and the log
    names what failed."""
    proxy.behaviour = behaviour
    # What does not wait for the deadline ends before it on a busy machine too. What waits for it is
    # given a longer one where the machine was too busy to reach the proxy by the first.
    for timeout in (0.5, BOUND / 2) if "TimeoutError" in why else (PATIENCE,):
        caplog.clear()
        keys = RemoteKeySet(tls_server.url, fetch=Fetch(timeout=timeout))
        started = time.monotonic()
        with pytest.raises(Unavailable):
            keys.find("first")
        assert time.monotonic() - started < BOUND
        wait_for(lambda: caplog.messages)
        (message,) = caplog.messages
        if message.endswith(why):
            break
    assert message.endswith(why)
    assert tls_server.requests == []


def test_a_proxy_that_is_down(
    proxy: ForwardProxy, tls_server: FaultServer, caplog: pytest.LogCaptureFixture, monkeypatch: Any
) -> None:
    """The issuer is not asked without the proxy, and the log does not blame the issuer."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{unused.getsockname()[1]}"
        monkeypatch.setenv("HTTPS_PROXY", f"http://{address}")
        assert not found(RemoteKeySet(tls_server.url))
    why = f"the proxy {address!r} of HTTPS_PROXY cannot be reached: ConnectionRefusedError"
    assert why in caplog.text
    assert tls_server.requests == []


@pytest.mark.parametrize(
    "value",
    [
        *("https://proxy.example", "socks5://proxy.example", "http://", "http://proxy.example:0"),
        *("http://proxy.example:99999", "http://pro xy", "http://s3cr3t:s3cr3t@", "http://[:::]"),
        *("proxy.example:s3cr3t", "http://proxy.example/s3cr3t", "http://pr\u043exy.example"),
    ],
)
def test_a_proxy_that_cannot_be_used(
    value: str,
    proxy: ForwardProxy,
    tls_server: FaultServer,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: Any,
) -> None:
    """A wrong variable is a failed fetch that names it without its value; it is not passed over."""
    monkeypatch.setenv("HTTPS_PROXY", value)
    assert not found(RemoteKeySet(tls_server.url))
    assert "HTTPS_PROXY must be an http URL such as http://proxy.example:3128" in caplog.text
    assert "s3cr3t" not in caplog.text
    assert tls_server.requests == []


@pytest.mark.parametrize(
    ("no_proxy", "is_direct"),
    [
        ("", False),
        ("*", True),
        ("idp.internal", True),
        ("IDP.Internal", True),
        ("internal", True),
        (".internal", True),
        ("*.internal", True),
        ("a.example, idp.internal", True),
        ("a.example idp.internal.", True),
        ("idp.internal:{port}", True),
        ("idp.internal:1", False),
        ("ternal", False),
        ("idp", False),
        ("x.idp.internal", False),
        (".", False),
        (",", False),
        ("127.0.0.1", False),
    ],
)
def test_no_proxy_names_hosts(
    no_proxy: str,
    is_direct: bool,
    proxy: ForwardProxy,
    tls_server: FaultServer,
    ca: tuple[Path, ssl.SSLContext],
    names: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """NO_PROXY names hosts, domains above them, or all, in the forms that curl and Go take."""
    port = tls_server.origin.rpartition(":")[2]
    monkeypatch.setenv("NO_PROXY", no_proxy.format(port=port))
    assert found(RemoteKeySet(f"https://idp.internal:{port}{PATH}", fetch=Fetch(ca_file=ca[0])))
    assert len(proxy.heads) == (0 if is_direct else 1)


@pytest.mark.parametrize(
    ("no_proxy", "is_direct"),
    [
        ("127.0.0.1", True),
        ("127.0.0.0/8", True),
        ("127.0.0.1:{port}", True),
        ("10.0.0.0/8,127.0.0.0/16", True),
        ("127.0.0.2", False),
        ("10.0.0.0/8", False),
        ("::1/0", False),
        ("[::1]:{port}", False),
        ("127.0.0.0/99", False),
    ],
)
def test_no_proxy_names_networks(
    no_proxy: str,
    is_direct: bool,
    proxy: ForwardProxy,
    tls_server: FaultServer,
    ca: tuple[Path, ssl.SSLContext],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """An address is exempt by itself or by its network, as clusters write it."""
    port = tls_server.origin.rpartition(":")[2]
    monkeypatch.setenv("NO_PROXY", no_proxy.format(port=port))
    assert found(RemoteKeySet(tls_server.url, fetch=Fetch(ca_file=ca[0])))
    assert len(proxy.heads) == (0 if is_direct else 1)


def test_small_letters_decide(
    proxy: ForwardProxy,
    tls_server: FaultServer,
    ca: tuple[Path, ssl.SSLContext],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """`https_proxy` beside `HTTPS_PROXY` wins, and when it is empty there is no proxy; a proxy
    without a scheme is an http one."""
    keys = {"url": tls_server.url, "fetch": Fetch(ca_file=ca[0])}
    monkeypatch.setenv("https_proxy", "")
    assert found(RemoteKeySet(**keys))
    assert proxy.heads == []
    monkeypatch.setenv("https_proxy", proxy.address)
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    assert found(RemoteKeySet(**keys))
    assert len(proxy.heads) == 1


# --- redirects


@pytest.mark.parametrize(
    ("location", "shown"),
    [
        ("https://login.example:8443/a/s3cr3t?code=s3cr3t#s3cr3t", "'https://login.example:8443'"),
        ("https://s3cr3t:s3cr3t@login.example/", "'https://login.example'"),
        ("//login.example/s3cr3t", "'//login.example'"),
        ("/s3cr3t", "another path of the same host"),
        ("file:///s3cr3t", "an address without a host"),
        ("javascript:s3cr3t", "an address without a host"),
        ("https://[s3cr3t/", "an address that cannot be read"),
        ("https://login.example:s3cr3t/", "an address that cannot be read"),
        ("https://a" + "a" * 500 + "/", "aaa'...|aaa..."),
    ],
    ids=range(9),
)
def test_a_redirect_names_where_it_leads(
    location: str, shown: str, server: FaultServer, caplog: pytest.LogCaptureFixture
) -> None:
    """An operator sees the host, such as that of a sign-in page, and nothing that may be secret."""
    for status in ("301 Moved Permanently", "307 Temporary Redirect", "308 Permanent Redirect"):
        caplog.clear()
        server.behaviour = says(answer(b"", f"Location: {location}", status=status))
        assert not found(RemoteKeySet(server.url))
        assert f"the status {status[:3]}, a redirect to " in caplog.text
        assert any(one in caplog.text for one in shown.split("|"))
        assert "s3cr3t" not in caplog.text


def test_a_server_that_resets_before_the_handshake(
    collect_garbage: Callable[[], object],
    ca: tuple[Path, ssl.SSLContext],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The fetch fails, and leaves no connection to the garbage collector, which would warn of
    it."""
    real = socket.create_connection

    def connect(*how: Any, **more: Any) -> socket.socket:
        connection = real(*how, **more)
        accepted, _ = listening.accept()
        reset(accepted)
        select.select([connection], [], [], PATIENCE)  # until the reset has come
        return connection

    monkeypatch.setattr(socket, "create_connection", connect)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        url = f"https://127.0.0.1:{listening.getsockname()[1]}/jwks.json"
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            with pytest.raises(OSError):  # noqa: PT011 - its kind is the platform's
                get(url, Fetch(ca_file=ca[0]), time.monotonic() + PATIENCE)
            collect_garbage()
    assert told == []
