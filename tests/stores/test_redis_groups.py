"""`RedisLog` in a Redis Cluster, behind Sentinel and over TLS, each of real servers: a primary dies
or hangs, and another takes over."""

import signal
import sys
import time
import uuid
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import redis
from redis.sentinel import Sentinel

from jwt_middleware.errors import ConfigurationError, StoreUnavailable
from jwt_middleware.stores import RedisLog
from jwt_middleware.trust.revocation import RevocationList
from tests.kit.certificates import authority
from tests.kit.engines import SentinelTrio, Valkey, ValkeyCluster
from tests.kit.serving import free_port
from tests.kit.waiting import BOUND, wait_for

from .conftest import entries_of, is_revoked

pytestmark = pytest.mark.needs_engines

FOREVER = 4e9
KEY = "{jwt_middleware}:feed"
Group = ValkeyCluster | SentinelTrio


def of_cluster(cluster: ValkeyCluster) -> RedisLog:
    """A log by the URL of a cluster."""
    return RedisLog(cluster.url)


def of_client(cluster: ValkeyCluster) -> RedisLog:
    """A log by a client of the owner's, with which ordinary reads would go to replicas too."""
    return RedisLog(owners_client(cluster))


def of_sentinel(trio: SentinelTrio) -> RedisLog:
    """A log by a client that asks sentinels, as the documentation has it."""
    limits = {"socket_timeout": 0.5, "socket_connect_timeout": 0.5}
    return RedisLog(Sentinel(trio.addresses, **limits).master_for("jwt", **limits))


def owners_client(cluster: ValkeyCluster) -> redis.RedisCluster:
    """A client as an owner might make it."""
    first = f"redis://127.0.0.1:{cluster.nodes[0].port}"
    limits: dict[str, Any] = {"socket_timeout": 0.5, "socket_connect_timeout": 0.5}
    with warnings.catch_warnings(action="ignore", category=DeprecationWarning):
        return redis.RedisCluster.from_url(first, read_from_replicas=True, **limits)


@pytest.fixture(params=["cluster by URL", "cluster by client", "sentinel"])
def group(request: pytest.FixtureRequest) -> tuple[Group, RedisLog]:
    """Servers of this test's own, and a log in them."""
    if request.param == "sentinel":
        trio = request.getfixturevalue("sentinel_of_its_own")
        return trio, of_sentinel(trio)
    cluster = request.getfixturevalue("cluster_of_its_own")
    return cluster, (of_cluster if "URL" in request.param else of_client)(cluster)


class Writer:
    """Revokes one token after another, and remembers which were acknowledged, in their order."""

    def __init__(self, log: RedisLog) -> None:
        self.log = log
        self.acknowledged: list[str] = []
        self.slowest = 0.0
        self.refused = 0
        self.is_over = False

    def revoke(self) -> None:
        """Revoke one more token."""
        token_id = f"{len(self.acknowledged) + self.refused}"
        started = time.monotonic()
        try:
            self.log.revoke(token_id=token_id, expires_at=FOREVER)
            self.acknowledged.append(token_id)
        except StoreUnavailable:
            self.refused += 1
        self.slowest = max(self.slowest, time.monotonic() - started)

    def run(self) -> None:
        """Go on until `is_over`."""
        while not self.is_over:
            self.revoke()
            time.sleep(0.005)


def primary_of(servers: Group) -> Valkey:
    """The server that has our keys."""
    return servers.primary_of(KEY) if isinstance(servers, ValkeyCluster) else servers.primary


def wait_for_replicas(primary: Valkey) -> None:
    """Return when a replica has all that the primary has acknowledged until now."""
    with redis.Redis.from_url(primary.url) as client:
        wait_for(
            lambda: any(
                each["offset"] >= client.info("replication")["master_repl_offset"]
                for name, each in client.info("replication").items()
                if name.startswith("slave") and isinstance(each, dict)
            )
        )


def ids_of(log: Any, cursor: object = None) -> tuple[object, list[str]]:
    """The cursor and the token ids of a page, in its order."""
    page = log.read_revocations(cursor)
    return page.cursor, [one.key.rpartition("\n")[2] for one in page.entries]


def test_a_primary_dies(group: tuple[Group, RedisLog]) -> None:
    """What a replica had when the primary was killed is revoked for good; until the replica has
    taken over calls say so in time; what is acknowledged afterwards is read on, in its order."""
    servers, log = group
    writer = Writer(log)
    for _ in range(100):
        writer.revoke()
    revocations = RevocationList(log, max_staleness=0, max_outage=1000)
    assert is_revoked(revocations, jti="99")
    primary = primary_of(servers)
    wait_for_replicas(primary)
    primary.kill()
    with ThreadPoolExecutor(1) as threads:
        writing = threads.submit(writer.run)
        wait_for(lambda: len(writer.acknowledged) > 200 or writing.done())
        writer.is_over = True
        writing.result()
    assert writer.slowest < BOUND
    assert writer.refused > 0
    # A call that was refused may have been executed: it is repeated, and that changes nothing.
    assert set(writer.acknowledged) <= set(ids_of(log)[1])
    for token_id in writer.acknowledged:
        assert is_revoked(revocations, jti=token_id)
    cursor, _ = ids_of(log)
    first = len(writer.acknowledged) + writer.refused
    for _ in range(10):
        writer.revoke()
    assert ids_of(log, cursor)[1] == [str(first + n) for n in range(10)]
    assert log.increment("k", 60) == log.count("k")[0] == 1


def test_a_revocation_that_was_lost_stays_where_it_was_read(
    group: tuple[Group, RedisLog],
) -> None:
    """A primary may acknowledge what it takes with it. A worker that has read it refuses the token
    still, and reads on in the log of the new primary."""
    servers, log = group
    log.revoke(token_id="before", expires_at=FOREVER)
    revocations = RevocationList(log, max_staleness=0, max_outage=1000)
    primary = primary_of(servers)
    wait_for_replicas(primary)
    cut_off(replica_of(servers, primary))
    log.revoke(token_id="lost", expires_at=FOREVER)
    assert is_revoked(revocations, jti="lost")
    primary.kill()
    writer = Writer(log)
    wait_for(lambda: writer.revoke() or writer.acknowledged)
    assert "lost" not in ids_of(log)[1]
    for token_id in (*writer.acknowledged, "lost", "before"):
        assert is_revoked(revocations, jti=token_id)


def replica_of(servers: Group, primary: Valkey) -> Valkey:
    """The server that takes over from the primary."""
    is_cluster = isinstance(servers, ValkeyCluster)
    return servers.replica_of(primary) if is_cluster else servers.replica


def cut_off(replica: Valkey) -> None:
    """Let a replica learn nothing more: its primary refuses it."""
    with redis.Redis.from_url(replica.url) as client:
        client.config_set("masterauth", "wrong")
        client.execute_command("CLIENT", "KILL", "TYPE", "MASTER")
        wait_for(lambda: client.info("replication")["master_link_status"] == "down")


@pytest.mark.skipif(sys.platform != "linux", reason="finds the processes of the server in /proc")
def test_a_primary_hangs(group: tuple[Group, RedisLog]) -> None:
    """A primary that stops in the middle is replaced as a dead one is, and each call meanwhile ends
    in time."""
    servers, log = group
    writer = Writer(log)
    writer.revoke()
    primary = primary_of(servers)
    wait_for_replicas(primary)
    primary.signal_all(signal.SIGSTOP)
    try:
        wait_for(lambda: writer.revoke() or len(writer.acknowledged) > 1)
        assert set(writer.acknowledged) <= set(ids_of(log)[1])
    finally:
        primary.signal_all(signal.SIGCONT)
    assert writer.slowest < BOUND
    # The old primary becomes a replica. It must not be asked, nor what it still thinks it knows.
    writer.revoke()
    assert set(writer.acknowledged) <= set(ids_of(log)[1])


def test_a_replica_is_never_asked(cluster_of_its_own: ValkeyCluster) -> None:
    """Also with a client that reads from replicas, a reader asks the primary alone: what a replica
    does not have yet would let a token pass."""
    log = of_client(cluster_of_its_own)
    log.revoke(token_id="first", expires_at=FOREVER)
    primary = primary_of(cluster_of_its_own)
    wait_for_replicas(primary)
    cut_off(cluster_of_its_own.replica_of(primary))
    cursor, _ = ids_of(log)
    for n in range(20):
        log.revoke(token_id=f"t{n}", expires_at=FOREVER)
        cursor, ids = ids_of(log, cursor)
        assert ids == [f"t{n}"]
        assert len(ids_of(log)[1]) == n + 2
        assert log.is_revoked([f"jti\n\nt{n}"])
        assert log.revoked_until(f"jti\n\nt{n}") == FOREVER + 300
        assert log.increment("k", 60) == log.count("k")[0] == n + 1


def test_a_node_is_no_cluster(cluster_server: ValkeyCluster) -> None:
    """The URL of one node says at the first use which form names the cluster."""
    has_our_slot = cluster_server.primary_of(KEY)
    RedisLog(has_our_slot.url).ping()
    for node in cluster_server.nodes:
        if node is not has_our_slot:
            with pytest.raises(StoreUnavailable, match=r"redis\+cluster://") as caught:
                RedisLog(node.url).ping()
            assert isinstance(caught.value, ConfigurationError)


def test_a_cluster_that_moves_our_keys(cluster_of_its_own: ValkeyCluster) -> None:
    """While a slot moves to another node, and after it, nothing is lost."""
    log = of_cluster(cluster_of_its_own)
    writer = Writer(log)
    writer.revoke()
    cursor, _ = ids_of(log)
    move_slot(cluster_of_its_own, writer)
    assert writer.refused == 0
    assert ids_of(log, cursor)[1] == writer.acknowledged[1:]
    assert sorted(ids_of(log)[1]) == sorted(writer.acknowledged)


def move_slot(cluster: ValkeyCluster, writer: Writer) -> None:
    """Move our slot and what is in it to another primary, and write meanwhile."""
    source = cluster.primary_of(KEY)
    target = next(node for node in cluster.nodes[:3] if node is not source)
    slot = redis.crc.key_slot(KEY.encode())
    ids = {node.port: cluster.call(node, "MYID") for node in (source, target)}
    cluster.call(target, "SETSLOT", slot, "IMPORTING", ids[source.port])
    cluster.call(source, "SETSLOT", slot, "MIGRATING", ids[target.port])
    writer.revoke()
    with redis.Redis.from_url(source.url) as client:
        keys = client.cluster("GETKEYSINSLOT", slot, 100)
        client.execute_command("MIGRATE", "127.0.0.1", target.port, "", 0, 1000, "KEYS", *keys)
    writer.revoke()
    for node in (target, source):
        cluster.call(node, "SETSLOT", slot, "NODE", ids[target.port])
    writer.revoke()


def test_a_cluster_is_not_needed_while_building() -> None:
    """A log is built without a node being there. Each call tries again, so that a cluster that
    starts later is found."""
    log = RedisLog("redis+cluster://127.0.0.1:1,127.0.0.1:2")
    for _ in range(2):
        started = time.monotonic()
        with pytest.raises(StoreUnavailable):
            log.ping()
        assert time.monotonic() - started < BOUND
    log.close()


@pytest.mark.skipif(sys.platform != "linux", reason="finds the processes of the server in /proc")
def test_all_nodes_hang(cluster_of_its_own: ValkeyCluster) -> None:
    """A call to a cluster that hangs as a whole ends, and works when the cluster goes on."""
    log = of_cluster(cluster_of_its_own)
    log.revoke(token_id="a", expires_at=FOREVER)
    cluster_of_its_own.signal_all(signal.SIGSTOP)
    try:
        for _ in range(2):
            started = time.monotonic()
            with pytest.raises(StoreUnavailable):
                log.ping()
            assert time.monotonic() - started < 2 * BOUND
    finally:
        cluster_of_its_own.signal_all(signal.SIGCONT)
    wait_for(lambda: answers(log.ping))
    assert "jti\n\na" in entries_of(log)


def answers(call: Callable[[], object]) -> bool:
    """Whether the log can answer."""
    try:
        call()
    except StoreUnavailable:
        return False
    return True


# ------------------------------------------------------------------------------------------------
# TLS


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a private authority and of a server's certificate."""
    folder = tmp_path_factory.mktemp("tls")
    authority(folder)
    return folder


@pytest.fixture(scope="module")
def tls_server(certificates: Path) -> Iterator[Valkey]:
    """A Redis that speaks nothing but TLS."""
    server = Valkey(port=free_port(), tls=certificates)
    yield server
    server.remove()


@pytest.fixture(scope="module")
def tls_cluster(certificates: Path) -> Iterator[ValkeyCluster]:
    """A cluster of such servers."""
    cluster = ValkeyCluster(tls=certificates)
    yield cluster
    cluster.remove()


@pytest.fixture(params=["alone", "cluster", "client of the cluster"])
def tls_log(request: pytest.FixtureRequest, certificates: Path) -> Iterator[RedisLog]:
    """A log over TLS."""
    if request.param == "alone":
        log = RedisLog(request.getfixturevalue("tls_server").url)
    else:
        cluster = request.getfixturevalue("tls_cluster")
        log = RedisLog(cluster.url)
        if request.param != "cluster":
            first = cluster.nodes[0].url
            log = RedisLog(redis.RedisCluster.from_url(first))
    yield log
    log.close()


def test_over_tls(tls_log: RedisLog) -> None:
    """`rediss://` and `rediss+cluster://` do what `redis://` does."""
    tls_log.ping()
    first = tls_log.read_revocations(None)
    assert first.cursor is None or list(first.entries)
    token_id = uuid.uuid4().hex
    tls_log.revoke(token_id=token_id, expires_at=FOREVER)
    assert token_id in ids_of(tls_log, first.cursor)[1]
    assert tls_log.increment(token_id, 60) == tls_log.count(token_id)[0] == 1


@pytest.mark.parametrize("engine", ["tls_server", "tls_cluster"])
def test_an_unknown_authority(request: pytest.FixtureRequest, engine: str) -> None:
    """A server whose certificate nobody vouches for is not told anything."""
    url = request.getfixturevalue(engine).url.partition("?")[0]
    with pytest.raises(StoreUnavailable, match=r"^Redis does not answer$"):
        RedisLog(url).ping()
