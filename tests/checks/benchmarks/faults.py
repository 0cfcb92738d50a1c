"""Print what a key server's faults cost: `python -m tests.checks.benchmarks faults`, ten minutes.

First table: one process, the real time-outs. Second: gunicorn, one gthread worker with four
threads, while strangers send unknown `kid`s and the cooldown is a second instead of thirty, so that
a fetch is nearly always under way.
"""

import gc
import multiprocessing
import statistics
import tempfile
import textwrap
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from unittest import mock

from jwt_middleware import JWTMiddleware, Key, Provider, Rule
from jwt_middleware.trust.remote_keys import RemoteKeySet
from tests.kit.checking import followed, tell
from tests.kit.clock import AheadClock
from tests.kit.fault_server import BEHAVIOURS, Behaviour, FaultServer, says, well
from tests.kit.serving import gunicorn
from tests.kit.tokens import issued

ISSUER = "https://idp.example/"
KEYS = [Key.generate(id="first"), Key.generate(id="second")]
JWKS = [key.to_jwk() for key in KEYS]

_APPLICATION = f"""
    import os
    from jwt_middleware import JWTMiddleware, Provider, Rule
    from jwt_middleware.trust import remote_keys
    remote_keys._COOLDOWN = remote_keys._FIRST_PAUSE = 1

    def hello(environ, start_response):
        start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "5")])
        return [b"hello"]

    keys = remote_keys.RemoteKeySet(os.environ["JWKS_URL"])
    provider = Provider(issuer={ISSUER!r}, audience="api", keys=keys)
    application = JWTMiddleware(hello, providers=[provider], rules=[Rule("/")])
"""


def mint(key: Key = KEYS[0], kid: str | None = None, subject: str = "ada") -> str:
    """A good token, or one whose `kid` nobody knows."""
    claims = {"iss": ISSUER, "aud": "api", "sub": subject, "exp": int(time.time()) + 90_000}
    return issued(key, headers={"kid": kid or key.id}, **claims)


class Client:
    """Calls a guarded app in this process."""

    def __init__(self, url: str) -> None:
        self.keys = RemoteKeySet(url)
        provider = Provider(issuer=ISSUER, audience="api", keys=self.keys)
        self.app = JWTMiddleware(
            lambda environ, start: start("200 OK", []) or [],
            providers=[provider],
            rules=[Rule("/")],
        )

    def status(self, token: str) -> tuple[int, float]:
        """The status that a token gets, and the milliseconds that it takes."""
        started = time.perf_counter()
        environ = {
            "PATH_INFO": "/",
            "REQUEST_METHOD": "GET",
            "HTTP_AUTHORIZATION": f"Bearer {token}",
        }
        answer = self.app.decide(environ).answer
        return getattr(answer, "status", 200), (time.perf_counter() - started) * 1000


def percentile(values: list[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


@contextmanager
def growth() -> Iterator[list[float]]:
    """The most MB by which this process grew meanwhile; nothing where /proc does not tell."""
    grown: list[float] = []
    gc.collect()
    try:
        Path("/proc/self/clear_refs").write_text("5")
        before = _kilobytes("VmRSS")
    except OSError:
        before = None
    yield grown
    if before is not None:
        grown.append((_kilobytes("VmHWM") - before) / 1024)


def _kilobytes(name: str) -> int:
    return next(
        int(line.split()[1]) for line in Path("/proc/self/status").open() if line.startswith(name)
    )


def cold(server: FaultServer) -> tuple[int, float, int, float]:
    """Without any key: status and wait of a good token, fetches of 50 look-ups, growth in MB."""
    client, token = Client(server.url), mint()
    with growth() as grown:
        status, wait = client.status(token)
        for _ in range(49):
            client.status(token)
    return status, wait, len(server.requests), grown[0] if grown else float("nan")


def warm(
    server: FaultServer, behaviour: Behaviour, clock: AheadClock
) -> tuple[set[int], float, float, int]:
    """With keys, and a refresh due: statuses, p99 and longest wait of known keys; the status of an
    unknown `kid`."""
    client, tokens = Client(server.url), [mint(subject=f"user {number}") for number in range(600)]
    server.behaviour = well
    client.status(tokens[0])
    server.behaviour = behaviour
    clock.ahead += 500
    answers = []
    for (
        token
    ) in tokens:  # every second one is new, so its signature is checked; the others hit the cache
        answers += [client.status(token), client.status(tokens[0])]
        time.sleep(0.005)
    waits = [wait for _, wait in answers]
    return (
        {status for status, _ in answers},
        percentile(waits, 0.99),
        max(waits),
        client.status(mint(kid="unknown"))[0],
    )


def print_faults(clock: AheadClock) -> None:
    tell(
        f"{'':28}{'no keys yet':^16}50 look-ups{'':11}{'keys known, refresh due':^27}{'unknown':>9}"
    )
    tell(
        f"{'behaviour':28}{'status':>6}{'wait ms':>10}{'fetches':>11}{'growth MB':>11}"
        f"{'status':>9}{'p99 ms':>9}{'max ms':>9}{'kid':>9}"
    )
    for name, (behaviour, _) in followed("faults in process", BEHAVIOURS.items()):
        with FaultServer(JWKS) as server:
            server.behaviour = behaviour
            status, wait, fetches, grown = cold(server)
            statuses, p99, longest, unknown = warm(server, behaviour, clock)
        tell(
            f"{name:28}{status:6}{wait:10.0f}{fetches:11}{grown:11.2f}"
            f"{shown(statuses):>9}{p99:9.2f}{longest:9.2f}{unknown:9}"
        )


def shown(statuses: set[int]) -> str:
    return "/".join(map(str, sorted(statuses)))


def print_figures(clock: AheadClock) -> None:
    with FaultServer(JWKS) as server:
        server.behaviour = says(b"HTTP/1.1 503 Unavailable\r\n\r\n")
        client = Client(server.url)
        for _ in range(50):
            client.status(mint())
            clock.ahead += 30 / 50
        tell(f"50 look-ups at a failing endpoint, over 30 s: {len(server.requests)} fetches")
    with FaultServer(JWKS) as server:
        client = Client(server.url)
        statuses = {client.status(mint(kid=f"unknown {number}"))[0] for number in range(1000)}
        tell(f"1,000 unknown kids: {len(server.requests)} fetches, statuses {statuses}")
        clock.ahead += 30
        statuses = {client.status(mint(kid=f"unknown {number}"))[0] for number in range(1000)}
        tell(f"1,000 more after 30 s: {len(server.requests)} fetches in all, statuses {statuses}")
    with FaultServer(JWKS) as server:
        print_outage(server, clock)


def print_outage(server: FaultServer, clock: AheadClock) -> None:
    client, token = Client(server.url), mint()

    def status(after: float) -> int:
        clock.ahead += after
        status, _ = client.status(token)
        for thread in threading.enumerate():  # the clock must not run on while a fetch is under way
            if thread.name == "jwt-middleware-keys":
                thread.join()
        return status

    status(0), status(470)
    server.behaviour, began = says(), clock.ahead
    statuses = {status(20) for _ in range(86_400 // 20)}
    tell(f"24 h of outage, asked every 20 s: statuses {statuses}, {len(server.requests)} fetches")
    while status(1) == 200:
        pass
    tell(f"then 503, {clock.ahead - began:.0f} s after the server went down")
    server.behaviour, recovered = well, clock.ahead
    while status(1) == 503:
        pass
    tell(f"then 200, {clock.ahead - recovered:.0f} s after it came back")


def strangers(address: str, stop: "multiprocessing.synchronize.Event") -> None:
    """A stranger, who sends one unknown `kid` after the other."""
    token = mint(kid="unknown")
    while not stop.wait(0.004):
        get(address, token)


def get(address: str, token: str, connection: HTTPConnection | None = None) -> int:
    connection = connection or HTTPConnection(address, timeout=60)
    connection.request("GET", "/", headers={"Authorization": f"Bearer {token}"})
    answer = connection.getresponse()
    answer.read()
    return answer.status


def waits(address: str, token: str, seconds: float) -> tuple[set[int], list[float]]:
    statuses, milliseconds, connection = set(), [], HTTPConnection(address, timeout=60)
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        started = time.perf_counter()
        statuses.add(get(address, token, connection))
        milliseconds.append((time.perf_counter() - started) * 1000)
        time.sleep(0.002)
    return statuses, milliseconds


def print_gunicorn() -> str:
    token, stop = mint(), multiprocessing.Event()
    with tempfile.TemporaryDirectory() as folder, FaultServer(JWKS) as server:
        Path(folder, "guarded.py").write_text(textwrap.dedent(_APPLICATION))
        options = "--worker-class=gthread", "--threads=4", "--workers=1"
        with gunicorn(
            "guarded:application", *options, cwd=Path(folder), env={"JWKS_URL": server.url}
        ) as url:
            address = url.removeprefix("http://")
            crowd = [
                multiprocessing.Process(target=strangers, args=(address, stop), daemon=True)
                for _ in range(3)
            ]
            waits(address, token, 1)
            for stranger in crowd:
                stranger.start()
            came = _print_rows(server, address, token)
            stop.set()
    return came


def _print_rows(server: FaultServer, address: str, token: str) -> str:
    tell(
        f"\n{'through gunicorn':28}{'status':>8}{'requests':>10}{'p99 ms':>9}"
        f"{'normal':>9}{'more':>9}{'fetches':>9}"
    )
    differences = []
    for name, (behaviour, _) in followed("faults through gunicorn", BEHAVIOURS.items()):
        normal, faulty, statuses, fetches = [], [], set(), 0
        for _ in range(3):
            server.behaviour = well
            normal.append(waits(address, token, 1.5)[1])
            server.behaviour, before = behaviour, len(server.requests)
            seen, during = waits(address, token, 2)
            faulty.append(during)
            statuses |= seen
            fetches += len(server.requests) - before
        p99, usual = (
            statistics.median(percentile(each, 0.99) for each in rounds)
            for rounds in (faulty, normal)
        )
        differences.append(p99 - usual)
        tell(
            f"{name:28}{shown(statuses):>8}{sum(map(len, faulty)):10}"
            f"{p99:9.2f}{usual:9.2f}{p99 - usual:9.2f}{fetches:9}"
        )
    return (
        f"p99 over normal: median {statistics.median(differences):.2f} ms, most "
        f"{max(differences):.2f} ms"
    )


def main() -> str:
    """Print both tables; return what a fault adds to a request."""
    clock = AheadClock()
    with mock.patch("time.monotonic", clock):
        print_faults(clock)
        print_figures(clock)
    return f"{len(BEHAVIOURS)} faults of a JWKS endpoint, {print_gunicorn()}"
