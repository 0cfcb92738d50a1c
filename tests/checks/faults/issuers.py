"""What lies between the app and its issuers breaks: a proxy, the CA file, a private http host, one
tenant of many, the introspection endpoint. Sockets and waits are real; only the pauses after a
failure pass quicker (`AheadClock`).

Each row shows that nobody waits longer than the deadline, that no token that may be good is 401,
that known keys go on, and when all is well again.
"""

import json
import os
import socket
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from jwt_middleware import (
    ConfigurationError,
    Fetch,
    Introspection,
    JWTMiddleware,
    Key,
    KeySet,
    Provider,
    RemoteKeySet,
    Rule,
)
from jwt_middleware.trust.provider import TokenProvider
from tests.kit import fault_server, forward_proxy
from tests.kit.certificates import authority
from tests.kit.clock import AheadClock
from tests.kit.fault_server import FaultServer, well
from tests.kit.forward_proxy import ForwardProxy
from tests.kit.serving import free_port
from tests.kit.tokens import issued
from tests.kit.waiting import PATIENCE

ISSUER = "https://idp.example/"
KEY, STRANGER = Key.generate(id="first"), Key.generate(id="unknown")
AT_ONCE = 8
"""Requests at once while nothing is known."""

SLACK = 1.0
"""Seconds that a machine may add to a wait that ends by its deadline; a busy one adds more."""

_RECOVERY = 31
"""Seconds after which a new attempt is made whatever happened before, and one for its clock."""

_THREADS = ("jwt-middleware-keys", "jwt-middleware-introspection")
_METADATA = "/.well-known/openid-configuration"
Act = Callable[[], object]
Mint = Callable[[int], str]


def token(number: int, issuer: str = ISSUER, key: Key = KEY) -> str:
    """A good token, unlike those of other numbers."""
    return issued(key, headers={"kid": key.id}, iss=issuer, aud="api", sub=f"user {number}")


@dataclass
class Scene:
    """An app's way to its issuer, how it breaks and how it is mended."""

    providers: Callable[[], list[TokenProvider]]
    """Makes providers without any key yet."""
    break_it: Act
    mend: Act
    mint: Mint = token
    known_for: float = 500
    """Seconds after which what is known is asked for again, while it is still good."""
    unaffected: Mapping[str, Mint] = field(default_factory=dict)
    """Tokens that this fault must not touch, whether their keys are known or not."""
    good: str = "keys_unavailable"
    """The reason of the refusals."""


class Site:
    """A guarded app in this process."""

    def __init__(self, providers: list[TokenProvider]) -> None:
        self._app = JWTMiddleware(
            lambda environ, start: start("200 OK", []) or [],
            providers=providers,
            rules=[Rule("/")],
        )

    def ask(self, token: str) -> tuple[int, float, str]:
        """The status of a request with the token, its seconds and its reason."""
        environ = {"PATH_INFO": "/", "REQUEST_METHOD": "GET", "REMOTE_ADDR": "192.0.2.1"}
        environ["HTTP_AUTHORIZATION"] = f"Bearer {token}"
        began = time.perf_counter()
        answer = self._app.decide(environ).answer
        took = time.perf_counter() - began
        return getattr(answer, "status", 200), took, getattr(answer, "reason", "")


@dataclass
class Row:
    """What was measured; seconds."""

    cold: float
    """The longest wait without anything known."""
    known: int
    slowest: float
    """The longest wait of a request whose keys are known."""
    recovery: tuple[float, float]
    """From the end of the fault to the first 200, after one failure and after several."""
    untouched: int = 0

    def __str__(self) -> str:
        once, often = self.recovery
        text = (
            f"nothing known: {AT_ONCE} x 503 within {self.cold:.2f} s; known: {self.known} x 200 "
            f"(slowest {self.slowest * 1000:.0f} ms); no 401; 200 again {once:.0f} s after the end "
            f"({often:.0f} s after several failures)"
        )
        return f"{text}; others: {self.untouched} x 200" if self.untouched else text


_of_others: set[threading.Thread] = set()
"""The threads that earlier rows left behind."""


def settle(seconds: float) -> None:
    """Wait until no fetch of this row runs, so that the clock moves under none; one that a name
    server holds up runs on."""
    for thread in threading.enumerate():
        if thread.name in _THREADS and thread not in _of_others:
            thread.join(seconds)


def go_through(scene: Scene, timeout: float, clock: AheadClock, slack: float = SLACK) -> Row:
    """Break the way, look at an app that knows nothing and at one that knows, and mend it."""
    patience = timeout + slack
    warm, known_token = Site(scene.providers()), scene.mint(0)
    _wait_until_known(warm, known_token, clock)
    settle(patience)
    scene.break_it()
    cold = Site(scene.providers())
    with ThreadPoolExecutor(AT_ONCE) as pool:
        found = list(pool.map(cold.ask, (scene.mint(number) for number in range(AT_ONCE))))
    assert {(status, reason) for status, _, reason in found} == {(503, scene.good)}, found
    longest = max(took for _, took, _ in found)
    assert longest < patience, f"{longest} s with a deadline of {timeout} s"
    settle(patience)
    known = _ask_known(warm, scene, known_token, clock, patience)
    _check_quick(known, timeout)
    if slack > SLACK:  # on a busy machine the first attempt of another may take too long as well
        for mint, site in product(scene.unaffected.values(), (cold, warm)):
            _wait_until_known(site, mint(0), clock)
    untouched = _ask_unaffected(cold, warm, scene, timeout)
    once = Site(scene.providers())
    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(lambda site: site.ask(scene.mint(0)), (once, cold)))
    assert {(status, reason) for status, _, reason in found} == {(503, scene.good)}, found
    assert max(took for _, took, _ in found) < patience, found
    settle(patience)
    scene.mend()
    began = clock.ahead
    bound = _RECOVERY if slack <= SLACK else 4 * _RECOVERY  # an attempt of a busy machine may fail
    recovery = [_recovery(site, scene, clock, began + bound) - began for site in (once, cold, warm)]
    return Row(longest, len(known), max(known), (recovery[0], recovery[1]), untouched)


def _wait_until_known(warm: Site, known_token: str, clock: AheadClock) -> None:
    """On a busy machine the first attempt may take too long."""
    for _ in range(5):
        status, _, reason = warm.ask(known_token)
        if status == 200:
            return
        settle(PATIENCE)
        clock.move(_RECOVERY)
    raise AssertionError(f"it does not work at first: {status} {reason}")


def _ask_known(
    warm: Site, scene: Scene, known_token: str, clock: AheadClock, patience: float
) -> list[float]:
    """A refresh is due and fails, and what is known goes on; a stranger's token does not end it."""
    known = []
    has_keys = scene.known_for >= 60
    for number in range(20):
        if number == 5:
            clock.move(scene.known_for)
        # A new token has a known key; without keys only the token itself is known.
        status, took, reason = warm.ask(scene.mint(number) if has_keys else known_token)
        assert status == 200, (status, reason)
        known.append(took)
        if number == 10 and has_keys:
            settle(patience)
            stranger = token(number, key=STRANGER, issuer=_issuer_of(scene))
            status, took, reason = warm.ask(stranger)
            assert status == 503, f"a key that may be new is {status} {reason}"
            assert took < patience
    return known


def _check_quick(seconds: list[float], timeout: float) -> None:
    """Raise AssertionError if these waited for a fetch, which takes the whole timeout. A busy
    machine may stop for a moment, but not at half of them."""
    usual = statistics.median(seconds)
    assert usual < timeout / 2, f"{usual} s, with a deadline of {timeout} s"


def _issuer_of(scene: Scene) -> str:
    provider = scene.providers()[0]
    issuer = str(provider.issuer) if isinstance(provider, Provider) else ISSUER
    return issuer.replace("{realm}", "a")


def _ask_unaffected(cold: Site, warm: Site, scene: Scene, timeout: float) -> int:
    took: list[float] = []
    for name, mint in scene.unaffected.items():
        for site in (cold, warm):
            for number in range(5):
                status, seconds, reason = site.ask(mint(number))
                assert status == 200, f"{name} is touched: {status} {reason}"
                took.append(seconds)
    if took:
        _check_quick(took, timeout)
    return len(took)


def _recovery(site: Site, scene: Scene, clock: AheadClock, latest: float) -> float:
    """Return when a new token is accepted again, in seconds of the clock."""
    while True:
        status, _, reason = site.ask(scene.mint(1000))
        if status == 200:
            return clock.ahead
        assert status == 503, f"{status} {reason} after the return"
        assert clock.ahead < latest, "still 503 after the return"
        settle(SLACK)
        clock.move(1)


# --- the ways


@contextmanager
def _environment(**variables: str) -> Iterator[None]:
    names = dict.fromkeys(("no_proxy", "NO_PROXY", "https_proxy", "HTTPS_PROXY"), "")
    with mock.patch.dict(os.environ, names | variables):
        for name in names:
            if not os.environ[name]:
                del os.environ[name]
        yield


def _remote(url: str, fetch: Fetch) -> Callable[[], list[TokenProvider]]:
    return lambda: [Provider(issuer=ISSUER, audience="api", keys=RemoteKeySet(url, fetch=fetch))]


def _set(target: Any, name: str, value: Any) -> Act:
    return partial(setattr, target, name, value)


@contextmanager
def through_proxy(behaviour: forward_proxy.Behaviour | None, timeout: float) -> Iterator[Scene]:
    """Keys at an https URL behind a proxy; None means that nobody listens there."""
    with _folder() as folder, ForwardProxy() as proxy, _environment(HTTPS_PROXY=proxy.url):
        ca_file, context = authority(folder)
        with FaultServer([KEY.to_jwk()], tls=context) as server:
            fetch = Fetch(timeout=timeout, ca_file=ca_file)
            gone = f"http://127.0.0.1:{free_port()}"
            break_it: Act = partial(os.environ.__setitem__, "HTTPS_PROXY", gone)
            mend: Act = partial(os.environ.__setitem__, "HTTPS_PROXY", proxy.url)
            if behaviour is not None:
                break_it = _set(proxy, "behaviour", behaviour)
                mend = _set(proxy, "behaviour", forward_proxy.tunnels)
            yield Scene(_remote(server.url, fetch), break_it, mend)


@contextmanager
def with_ca(change: Callable[[Path], object], timeout: float) -> Iterator[Scene]:
    """Keys at an https URL with a private authority, whose file changes."""
    with _folder() as folder, _environment():
        ca_file, context = authority(folder)
        good = ca_file.read_bytes()
        with FaultServer([KEY.to_jwk()], tls=context) as server:
            fetch = Fetch(timeout=timeout, ca_file=ca_file)
            yield Scene(
                _remote(server.url, fetch),
                partial(change, ca_file),
                partial(ca_file.write_bytes, good),
            )


def _another_authority(ca_file: Path) -> None:
    with _folder() as folder:
        ca_file.write_bytes(authority(folder)[0].read_bytes())


@contextmanager
def on_http_host(how: str, timeout: float) -> Iterator[Scene]:
    """Keys at the private host `keycloak`, by plain http."""
    released = threading.Event()
    real = socket.getaddrinfo
    with _environment(), FaultServer([KEY.to_jwk()]) as server, ExitStack() as stack:
        port = int(server.origin.rpartition(":")[2])
        names: dict[str, Callable[..., Any]] = {
            "well": lambda *how, **more: real("127.0.0.1", port, *how, **more),
            "refuses": lambda *how, **more: real("127.0.0.1", free_port(), *how, **more),
            "has no name": mock.Mock(side_effect=socket.gaierror(-2, "unknown")),
            "its name server hangs": lambda *how, **more: released.wait(PATIENCE) and [],
        }
        state = {"name": "well"}

        def look_up(host: Any, *how: Any, **more: Any) -> Any:
            if host != "keycloak":
                return real(host, *how, **more)
            return names[state["name"]](*how[1:], **more)

        stack.enter_context(mock.patch.object(socket, "getaddrinfo", look_up))
        stack.callback(released.set)
        fetch = Fetch(timeout=timeout, allow_http=("keycloak",))

        def break_it() -> None:
            if how in names:
                state["name"] = how
            else:
                server.behaviour = HTTP_FAULTS[how]

        def mend() -> None:
            state["name"] = "well"
            released.set()
            server.behaviour = well

        yield Scene(_remote("http://keycloak:8080/jwks.json", fetch), break_it, mend)


HTTP_FAULTS: dict[str, fault_server.Behaviour] = {
    "hangs": fault_server.hang,
    "redirects to https": fault_server.says(
        fault_server.answer(b"", "Location: https://keycloak/jwks.json", status="301 Moved")
    ),
    "answers with its front page": fault_server.BEHAVIOURS["HTML"][0],
    "sends 200 MB": fault_server.BEHAVIOURS["200 MB"][0],
}


@contextmanager
def many_tenants(behaviour: fault_server.Behaviour, timeout: float) -> Iterator[Scene]:
    """A realm for each tenant on one server. That of `a` breaks; `b` is known, `c` new."""
    with _environment(), FaultServer() as server:
        for realm in "abc":
            issuer = f"{server.origin}/{realm}"
            server.pages[f"/{realm}{_METADATA}"] = json.dumps(
                {"issuer": issuer, "jwks_uri": f"{issuer}/keys"}
            ).encode()
            server.pages[f"/{realm}/keys"] = json.dumps({"keys": [KEY.to_jwk()]}).encode()

        def for_a(exchange: fault_server.Exchange) -> None:
            (behaviour if exchange.path.startswith("/a") else well)(exchange)

        def providers() -> list[TokenProvider]:
            template = f"{server.origin}/{{realm}}"
            fetch = Fetch(timeout=timeout)
            tenants = ("a", "b", "c")
            return [Provider.discover(template, audience="api", tenants=tenants, fetch=fetch)]

        def of(realm: str) -> Mint:
            return lambda number: token(number, f"{server.origin}/{realm}")

        yield Scene(
            providers,
            _set(server, "behaviour", for_a),
            _set(server, "behaviour", well),
            mint=of("a"),
            unaffected={"tenant b": of("b"), "tenant c": of("c")},
        )


@contextmanager
def raising_predicate(timeout: float) -> Iterator[Scene]:
    """`tenants` is a function that fails, as a database does."""
    is_broken = threading.Event()

    def tenants(realm: str) -> bool:
        if is_broken.is_set():
            raise OSError("the database is away")
        return realm == "a"

    with many_tenants(well, timeout) as scene:
        template = str(scene.providers()[0].issuer)  # type: ignore[union-attr]
        fixed = Key.generate(id="fixed")
        own = Provider(issuer=ISSUER, audience="api", keys=KeySet([fixed]))

        def providers() -> list[TokenProvider]:
            fetch = Fetch(timeout=timeout)
            many = Provider.discover(template, audience="api", tenants=tenants, fetch=fetch)
            return [many, own]

        yield Scene(
            providers,
            is_broken.set,
            is_broken.clear,
            mint=scene.mint,
            known_for=0,
            unaffected={"another issuer": lambda number: token(number, key=fixed)},
            good="tenants_unavailable",
        )


@contextmanager
def introspected(behaviour: fault_server.Behaviour | None, timeout: float) -> Iterator[Scene]:
    """An introspection endpoint; None means that nobody listens there."""
    with _environment(), FaultServer() as server:
        server.pages[fault_server.PATH] = json.dumps(
            {"active": True, "sub": "ada", "aud": "api", "exp": int(time.time()) + 3600}
        ).encode()
        port = {"now": int(server.origin.rpartition(":")[2])}
        gone, real = free_port(), socket.getaddrinfo

        def look_up(host: Any, *how: Any, **more: Any) -> Any:
            if host != "idp":
                return real(host, *how, **more)
            return real("127.0.0.1", port["now"], *how[1:], **more)

        def providers() -> list[TokenProvider]:
            return [
                Introspection(
                    "http://idp/jwks.json",
                    issuer=ISSUER,
                    audience="api",
                    client_id="api",
                    client_secret="hush",
                    fetch=Fetch(timeout=timeout, allow_http=("idp",)),
                )
            ]

        here = port["now"]
        break_it: Act = partial(port.__setitem__, "now", gone)
        mend: Act = partial(port.__setitem__, "now", here)
        if behaviour is not None:
            break_it = _set(server, "behaviour", behaviour)
            mend = _set(server, "behaviour", well)
        with mock.patch.object(socket, "getaddrinfo", look_up):
            yield Scene(
                providers,
                break_it,
                mend,
                mint=lambda number: f"opaque-{number}",
                known_for=10,
                good="tokens_unavailable",
            )


@contextmanager
def _folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as name:
        yield Path(name)


def _says(body: bytes) -> fault_server.Behaviour:
    return fault_server.says(fault_server.answer(body, "Content-Type: application/json"))


INTROSPECTION: dict[str, fault_server.Behaviour | None] = {
    "is down": None,
    "hangs": fault_server.hang,
    "drips": fault_server.BEHAVIOURS["drip the body"][0],
    "sends 200 MB": fault_server.BEHAVIOURS["200 MB"][0],
    "sends HTML": fault_server.BEHAVIOURS["HTML"][0],
    "sends a list": _says(b"[]"),
    'says active: "true"': _says(b'{"active": "true", "sub": "ada", "aud": "api"}'),
    "does not say": _says(b'{"sub": "ada", "aud": "api"}'),
    "refuses our credentials": fault_server.under("401 Unauthorized"),
    "is overloaded": fault_server.under("503 Service Unavailable"),
    "redirects": fault_server.redirect,
}

SCENES: dict[str, Callable[[float], AbstractContextManager[Scene]]] = {
    "proxy is down": partial(through_proxy, None),
    **{
        f"proxy {name}": partial(through_proxy, behaviour)
        for name, (behaviour, _) in forward_proxy.BEHAVIOURS.items()
    },
    "CA file is removed": partial(with_ca, Path.unlink),
    "CA file is empty": partial(with_ca, lambda file: file.write_bytes(b"")),
    "CA file has another CA": partial(with_ca, _another_authority),
    **{
        f"http host {how}": partial(on_http_host, how)
        for how in ("refuses", "has no name", "its name server hangs", *HTTP_FAULTS)
    },
    **{
        f"one tenant {name}": partial(many_tenants, behaviour)
        for name, behaviour in {
            "hangs": fault_server.hang,
            "is 500": fault_server.BEHAVIOURS["500"][0],
            "drips": fault_server.BEHAVIOURS["drip the body"][0],
            "sends 200 MB": fault_server.BEHAVIOURS["200 MB"][0],
            "has keys that are none": _says(b'{"keys": []}'),
        }.items()
    },
    "tenants raises": raising_predicate,
    **{
        f"introspection {name}": partial(introspected, behaviour)
        for name, behaviour in INTROSPECTION.items()
    },
}
"""Each fault by its name."""


# --- what is not an outage


def ca_missing_at_start(timeout: float) -> str:
    """A CA file that is missing is said while building, and no app starts without it."""
    with _folder() as folder:
        for content in (None, b"", b"no PEM"):
            file = folder / "ca.pem"
            if content is not None:
                file.write_bytes(content)
            with pytest.raises(ConfigurationError, match=r"^ca_file must be"):
                Fetch(timeout=timeout, ca_file=file)
    return "missing, empty, not PEM: ConfigurationError that names ca_file"


def http_host_not_allowed(timeout: float) -> str:
    """Plain http is only for the hosts that are named."""
    for host in ("keycloak.evil.example", "keycloak2", "10.0.0.1"):
        fetch = Fetch(timeout=timeout, allow_http=("keycloak",))
        with pytest.raises(ConfigurationError, match=r"^url must be"):
            RemoteKeySet(f"http://{host}/jwks.json", fetch=fetch)
    return "another host: ConfigurationError while building"


def made_up_tenants(timeout: float) -> str:
    """A stranger's made-up tenants do not drive out those that are known."""
    with many_tenants(well, timeout) as scene:
        template = str(scene.providers()[0].issuer)  # type: ignore[union-attr]
        fetch = Fetch(timeout=timeout)
        everyone = Provider.discover(
            template, audience="api", tenants=lambda realm: True, fetch=fetch
        )
        site = Site([everyone])
        assert site.ask(scene.mint(0))[0] == 200
        found: dict[int, int] = {}
        waits: list[float] = []
        for number in range(300):
            status, _, _ = site.ask(token(0, template.replace("{realm}", f"made-up-{number}")))
            found[status] = found.get(status, 0) + 1
            status, took, reason = site.ask(scene.mint(number))
            assert status == 200, (status, reason)
            waits.append(took)
    assert set(found) == {503}, found
    _check_quick(waits, timeout)
    return f"300 made-up: {found[503]} x 503; known: 300 x 200 (slowest {max(waits) * 1000:.0f} ms)"


def slow_introspection(timeout: float) -> str:
    """An endpoint that answers late but in time is no outage."""
    with introspected(fault_server.slow, PATIENCE) as scene:
        scene.break_it()
        site = Site(scene.providers())
        with ThreadPoolExecutor(AT_ONCE) as pool:
            found = list(pool.map(site.ask, (scene.mint(number) for number in range(AT_ONCE))))
    assert {status for status, _, _ in found} == {200}, found
    return f"{AT_ONCE} x 200 (slowest {max(took for _, took, _ in found):.2f} s)"


def refused_by_the_issuer(timeout: float) -> str:
    """What the issuer clearly says is 401 and no outage, and a good token of it is good."""
    answers = {
        "another audience": ({"aud": "other"}, "audience"),
        "another issuer": ({"iss": "https://other.example"}, "issuer"),
        "not active": ({"active": False}, "inactive"),
        "a refresh token": ({"token_type": "refresh_token"}, "type"),
    }
    for name, (members, expected) in answers.items():
        body = {"active": True, "sub": "ada", "aud": "api"} | members
        with introspected(_says(json.dumps(body).encode()), timeout) as scene:
            scene.break_it()
            site = Site(scene.providers())
            status, _, reason = site.ask(scene.mint(0))
            assert (status, reason) == (401, expected), (name, status, reason)
            scene.mend()
            assert site.ask(scene.mint(1))[0] == 200, name
    return f"{', '.join(answers)}: 401, and the next token 200"


OTHERS: dict[str, Callable[[float], str]] = {
    "CA file missing at start": ca_missing_at_start,
    "http host that is not named": http_host_not_allowed,
    "made-up tenants": made_up_tenants,
    "introspection slow (0.4 s)": slow_introspection,
    "introspection says no": refused_by_the_issuer,
}
"""Faults of the configuration and of the caller, and answers that are none."""


ROWS = (*SCENES, *OTHERS)
"""The names of all rows."""


def row(name: str, timeout: float = 1, slack: float = SLACK) -> str:
    """Run one of `SCENES` or `OTHERS`."""
    if name in OTHERS:
        return OTHERS[name](timeout)
    _of_others.clear()
    _of_others.update(threading.enumerate())
    clock = AheadClock()
    with mock.patch.object(time, "monotonic", clock), SCENES[name](timeout) as scene:
        return str(go_through(scene, timeout, clock, slack))
