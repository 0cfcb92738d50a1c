"""The engine goes away under load and comes back: 503 in between, and nobody has lost anything
after."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from signal import SIGCONT, SIGKILL, SIGSTOP
from typing import Any, NamedTuple

from tests.kit.answers import Answer
from tests.kit.engines import MariaDB, PgBouncer, PostgreSQL, Valkey, ValkeyCluster

from .races import wait_for_all
from .site import Site, worker_of

_PAUSE = 0.02  # seconds between two requests of one client
_STALENESS = 1.0  # max_staleness of the served app
_QUIET = 1.2  # seconds without a 503 after which the outage is over
_RECOVERY = 8.0  # seconds that recovery may take
_SLOWEST = 4.0
"""Seconds after which a request to a store that does not answer is given up. A call may be answered
just before its two seconds end, when the engine is back, and the next one wait in vain for a lock
that a lost client holds: 3.8 on MariaDB and on PostgreSQL. `acceptance/test_frozen_stores` counts
the waits in vain, of which there is one."""
_ALLOWANCE = 1.0
"""Seconds that eight threads, four workers and their clients may add: 0.2 on a quiet machine, and
up to 0.9 on a busy one."""
Server = PostgreSQL | PgBouncer | MariaDB | Valkey | ValkeyCluster


class Record(NamedTuple):
    """One request under load."""

    kind: str
    began: float
    ended: float
    status: int
    worker: int


class Outage(NamedTuple):
    """What was measured. All are seconds."""

    refused: int
    """Requests answered 503."""
    slowest_refusal: float
    slowest_read: float
    """The longest wait for a protected answer while there was one to be had."""
    recovery: float
    """From the engine's return to the last 503."""


class Load:
    """Clients at work: pairs that refresh one token at once, people who sign in, sign out, and call
    the app."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.records: list[Record] = []
        self.wrong: list[str] = []
        self.ended: list[dict[str, Any]] = []
        self.spare = [site.new_session() for _ in range(20)]
        self.latest = [site.new_session() for _ in range(3)]
        self.name = site.new_user()
        self.reader = site.new_session()["token"]
        self.outcast = site.new_session()
        site.revoke(self.outcast["refresh_token"])
        wait_for_all(site, self.outcast["token"], 401)
        self._stop = threading.Event()

    @contextmanager
    def running(self) -> Iterator[None]:
        """Run until the block ends; raise AssertionError for what no outage excuses."""
        pairs = [partial(self._refresh_in_pairs, place) for place in range(len(self.latest))]
        reading = [lambda: self._repeat("read", lambda: self.site.read(self.reader))] * 3
        others: list[Callable[[], None]] = [
            lambda: self._repeat("login", lambda: self.site.sign_in(self.name)),
            lambda: self._repeat("outcast", lambda: self.site.read(self.outcast["token"])),
            self._sign_out,
        ]
        with ThreadPoolExecutor(20) as threads:
            clients = [threads.submit(client) for client in (*pairs, *reading, *others)]
            try:
                yield
            finally:
                self._stop.set()
        for client in clients:
            client.result()
        assert not self.wrong, self.wrong

    def send(self, kind: str, request: Callable[[], Answer]) -> Answer:
        """Send one request and keep a record of it."""
        began = time.monotonic()
        answer = request()
        self.records.append(Record(kind, began, time.monotonic(), answer.status, worker_of(answer)))
        if answer.status not in (401 if kind == "outcast" else 200, 503):
            self.wrong.append(f"{kind}: {answer}")
        if answer.status == 503 and "retry-after" not in answer.headers:
            self.wrong.append(f"no Retry-After: {answer}")
        return answer

    def _repeat(self, kind: str, request: Callable[[], Answer]) -> None:
        while not self._stop.wait(_PAUSE):
            self.send(kind, request)

    def _persist(self, kind: str, request: Callable[[], Answer]) -> Answer | None:
        while not self._stop.wait(_PAUSE):
            if (answer := self.send(kind, request)).status != 503:
                return answer
        return None

    def _refresh_in_pairs(self, place: int) -> None:
        with ThreadPoolExecutor(2) as pair:
            while not self._stop.is_set():
                token = self.latest[place]["refresh_token"]
                asked = [
                    pair.submit(self._persist, "refresh", partial(self.site.refresh, token))
                    for _ in range(2)
                ]
                answers = [
                    found
                    for each in asked
                    if (found := each.result()) is not None and found.status == 200
                ]
                if len({answer.body["refresh_token"] for answer in answers}) > 1:
                    self.wrong.append("two successors of one token")
                if answers:
                    self.latest[place] = answers[0].body

    def _sign_out(self) -> None:
        while self.spare and not self._stop.wait(0.25):
            tokens = self.spare.pop()
            if self._persist("revoke", partial(self.site.revoke, tokens["refresh_token"])):
                self.ended.append(tokens)


def go_through(
    site: Site, server: Server, how: str, needs: Sequence[str], max_outage: float
) -> Outage:
    """Take the engine away (`how`: killed, frozen, or frozen, then killed), for longer than
    max_outage, and back."""
    load = Load(site)
    with load.running():
        time.sleep(0.7)
        leaves = time.monotonic()
        server.kill() if how == "killed" else server.signal_all(SIGSTOP)
        is_gone = time.monotonic()
        _wait_for_refusals(load, {"read": is_gone + max_outage} | dict.fromkeys(needs, is_gone))
        returns = time.monotonic()
        if how == "frozen, then killed":
            server.signal_all(SIGKILL)  # any other signal waits for them to go on
            server.kill()
        server.signal_all(SIGCONT) if how == "frozen" else server.start()
        is_back = time.monotonic()
        _wait_for_quiet(load, is_back)
    before = [record for record in load.records if record.ended < leaves]
    during = [
        record for record in load.records if is_gone < record.began and record.ended < returns
    ]
    _check_store(before, during, needs)
    slowest_read = _check_reads(before, during, is_gone, max_outage)
    _check_sessions(load)
    refused = [record for record in load.records if record.status == 503]
    slowest = _check_refusals(refused)
    return Outage(
        len(refused),
        slowest,
        slowest_read,
        max(0, max(record.ended for record in refused) - is_back),
    )


def fail_over(site: Site, cluster: ValkeyCluster, how: str) -> Outage:
    """Take the primary with our keys away (`how`: killed or frozen), wait until its replica has
    taken over, and bring it back."""
    load = Load(site)
    primary = cluster.primary_of("{jwt_middleware}:feed")
    with load.running():
        time.sleep(0.7)
        primary.kill() if how == "killed" else primary.signal_all(SIGSTOP)
        is_gone = time.monotonic()
        cluster.wait_for_successor(primary)
        _wait_for_quiet(load, time.monotonic())
        primary.start() if how == "killed" else primary.signal_all(SIGCONT)
        time.sleep(2)  # the old primary is a replica now, and nobody notices
    refused = [record for record in load.records if record.status == 503]
    assert {record.kind for record in refused} <= {"login", "revoke"}, refused
    _check_sessions(load)
    cluster.wait_for_replicas()
    reads = [record for record in load.records if record.kind in ("read", "outcast")]
    return Outage(
        len(refused),
        _check_refusals(refused),
        max(record.ended - record.began for record in reads),
        max((record.ended for record in refused), default=is_gone) - is_gone,
    )


def _check_refusals(refused: list[Record]) -> float:
    """Each request waits in vain once, whatever it does. Return the longest wait."""
    slowest = max(refused, key=lambda record: record.ended - record.began, default=None)
    if slowest is None:
        return 0
    assert slowest.ended - slowest.began < _SLOWEST + _ALLOWANCE, f"waited too long: {slowest}"
    return slowest.ended - slowest.began


def _wait_for_refusals(load: Load, since: dict[str, float]) -> None:
    """Return when a request of each kind that began since its time has been refused."""
    deadline = max(since.values()) + _RECOVERY
    while waiting := set(since) - {
        record.kind
        for record in list(load.records)
        if record.status == 503 and record.began > since.get(record.kind, deadline)
    }:
        assert time.monotonic() < deadline, f"no 503 while the engine is away: {waiting}"
        time.sleep(0.1)


def _wait_for_quiet(load: Load, is_back: float) -> None:
    while time.monotonic() < is_back + _RECOVERY:
        time.sleep(0.1)
        refused = [record.ended for record in list(load.records) if record.status == 503]
        last = max(refused, default=is_back)
        if time.monotonic() > max(last, is_back) + _QUIET:
            return
    raise AssertionError("still 503 after the engine is back")


def _check_store(before: list[Record], during: list[Record], needs: Sequence[str]) -> None:
    """Who needs the engine gets 503 while it is away, and who does not goes on as before."""
    assert {record.status for record in before if record.kind != "outcast"} == {200}, before
    for kind in ("login", "refresh", "revoke"):
        statuses = {record.status for record in during if record.kind == kind}
        assert statuses == ({503} if kind in needs else {200}), (kind, statuses)


def _check_reads(
    before: list[Record], during: list[Record], is_gone: float, max_outage: float
) -> float:
    """Tokens are good for max_outage after a worker's last read of the log, and then 503. Return
    the longest wait."""
    reads = [record for record in during if record.kind in ("read", "outcast")]
    known = {record.worker: record.began - _STALENESS for record in before if record.kind == "read"}
    served = [record for record in reads if record.ended < known.get(record.worker, 0) + max_outage]
    assert {record.status for record in served if record.kind == "read"} == {200}, served
    late = [record for record in reads if record.began > is_gone + max_outage]
    assert {record.status for record in late} == {503}, late
    return max(record.ended - record.began for record in served)


def _check_sessions(load: Load) -> None:
    """Each client goes on with the token that it has; who has signed out is out."""
    site = load.site
    for tokens in (*load.latest, *load.spare):
        answer = site.refresh(tokens["refresh_token"])
        assert answer.status == 200, answer
        assert (
            site.refresh(tokens["refresh_token"]).body["refresh_token"]
            == answer.body["refresh_token"]
        )
        assert site.read(answer.body["token"]).status == 200
    for tokens in (load.outcast, *load.ended):
        assert site.refresh(tokens["refresh_token"]).status == 400
        assert site.is_logged(tokens)
