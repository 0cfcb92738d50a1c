"""`RedisLog`: stores the revocation log and the counters in Redis or Valkey (redis-py)."""

import re
import time
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import redis
from redis import Redis, RedisCluster
from redis.exceptions import MovedError, RedisClusterException, RedisError

from .._options import got, require
from ..errors import ConfigurationError, StoreUnavailable
from ..trust.revocation import Revocation, RevocationPage
from . import redis_scripts
from .cluster_slot import Address, ClusterSlot
from .patience import waiting
from .revocations import PRUNE_AFTER, foreign_session_entry, subject_entry, token_entry

_TIMEOUT = 1
"""Seconds to connect, and again to wait for an answer: every call ends within about two."""

_CLUSTER_TIMEOUT = 0.5
"""Seconds for the same with a node of a cluster, since a call may have to ask another one then."""

_USAGE = (
    "url_or_client must be a Redis URL, a redis.Redis or a redis.RedisCluster: "
    "RedisLog('redis://:password@host/0'), RedisLog('rediss://...'), RedisLog('unix:///path'), "
    "RedisLog('redis+cluster://host:port,host:port'), RedisLog('rediss+cluster://...') or "
    "RedisLog(client); of a Sentinel, RedisLog(sentinel.master_for(name))"
)

DEFAULT_PREFIX = "jwt_middleware:"
"""The keys of this prefix are `{jwt_middleware}:...`, those of any other begin with it as it is."""

_PREFIX = re.compile(r"[^\s\0-\x1f\x7f{}\ud800-\udfff]{1,200}")

_FEED_LENGTH = 10_000
"""Entries in the feed. A reader that is further behind reads all entries again."""

_PAGE = 10_000
"""Entries in one answer, so that it arrives within the timeout."""


class UnusableLog(ConfigurationError, StoreUnavailable):
    """The server cannot be used as configured. Only the first use shows that, and it may be a
    request: a login app then answers 503."""


class RedisLog:
    """A revocation log and counters in a Redis (6.2 or later) or Valkey that persists its data
    (`appendonly yes`), alone, behind Sentinel or as a cluster.

    Pass a URL (`redis://:password@host/0`, `rediss://`, `unix://`, `redis+cluster://host,host`,
    `rediss+cluster://`), a `redis.Redis` or a `redis.RedisCluster`, whose timeouts and retries are
    not changed. `sentinel.master_for(name)` is a `redis.Redis`. Building does no I/O. If the server
    does not answer within about two seconds, a call raises `StoreUnavailable`. Many threads may use
    one log, and so may processes that are forked later. Expired entries are deleted by the server's
    clock.

    All keys begin with `prefix`, and are in one slot of a cluster. Give each app its own prefix or
    database number; all processes of an app must have the same. The keys of the default prefix
    begin with `{jwt_middleware}:`, as those of earlier releases do.

    Redis replicates without waiting: a primary that dies takes the revocations of its last moments
    with it, although it has confirmed them. A `RevocationList` that has read them keeps them.
    """

    def __init__(
        self, url_or_client: "str | Redis | RedisCluster", *, prefix: str = DEFAULT_PREFIX
    ) -> None:
        is_prefix = isinstance(prefix, str) and _PREFIX.fullmatch(prefix)
        require(
            is_prefix,
            "prefix must be 1 to 200 characters without blanks, control characters and braces, "
            f"got {got(prefix)}",
        )
        self._is_ours = not isinstance(url_or_client, (Redis, RedisCluster))
        self._client: Any = _client(url_or_client) if self._is_ours else url_or_client
        # The part in braces decides about the slot of a cluster, so that all keys are on one node.
        tag = f"{{{prefix.removesuffix(':')}}}:"
        self._prefix = tag if prefix == DEFAULT_PREFIX else prefix + tag
        # `_revoked` has all entries, by expiry. `_feed` has the newest entries, by age, for readers
        # that already have the others.
        self._revoked, self._feed = f"{self._prefix}revoked", f"{self._prefix}feed"

    def __repr__(self) -> str:
        return "RedisLog(...)"  # The repr of a client shows its password.

    def ping(self) -> None:
        """Return if revocations can be logged, else raise `StoreUnavailable`."""
        self._run(redis_scripts.PING, self._revoked)

    def close(self) -> None:
        """Close the connections, except those of a client that was passed in.

        May be called again. A later use of the log opens new connections.
        """
        if self._is_ours:
            with _answering():
                self._client.close()

    def now(self) -> float:
        """Return the server's clock, in seconds since the epoch."""
        seconds, microseconds = self._run(redis_scripts.NOW, self._revoked)
        return int(seconds) + int(microseconds) / 1e6

    def revoke(self, *, token_id: str, expires_at: float, issuer: str = "") -> None:
        """Revoke one access token until it has expired. Without an issuer, revoke this `jti` of
        every issuer.

        A value that cannot be the `jti` or `exp` of a token raises `ConfigurationError`.
        """
        self.append([token_entry(token_id, expires_at, issuer)])

    def revoke_session(self, issuer: str, session_id: str, *, expires_at: float) -> None:
        """Revoke all tokens with this `sid` of an issuer, until the last of them has expired at
        `expires_at`, in seconds since the epoch."""
        self.append([foreign_session_entry(issuer, session_id, expires_at)])

    def revoke_subject(
        self, issuer: str, subject: int | str, *, until: float | None = None
    ) -> None:
        """Revoke all tokens of a subject that were issued until now, or until a moment in seconds
        since the epoch: see `trust.cut_offs`. Its sessions go on, and get new tokens."""
        self.append([subject_entry(issuer, subject, until)])

    def revoked_until(self, key: str) -> float:
        """Return when the last entry of the log with this key expires, in seconds since the epoch.
        Return 0 without one."""
        return float(self._run(redis_scripts.LATEST_EXPIRY, self._revoked, key) or 0)

    def is_revoked(self, keys: Collection[str]) -> bool:
        """Return whether the log has one of these `revocation_keys`."""
        if not keys:
            return False
        return any(
            each is not None for each in self._run(redis_scripts.EXPIRIES, self._revoked, *keys)
        )

    def append(self, entries: Sequence[Revocation]) -> None:
        """Append entries to the log, all or none."""
        fields = [field for entry in entries for field in (entry.key, entry.expires_at)]
        with _answering():
            self._client.eval(
                redis_scripts.APPEND,
                2,
                self._revoked,
                self._feed,
                PRUNE_AFTER,
                _FEED_LENGTH,
                *fields,
            )

    def read_revocations(self, cursor: object | None) -> RevocationPage:
        """Return the entries after the cursor. For None, or for a cursor that is no longer in the
        log, return all entries."""
        if isinstance(cursor, tuple):
            found = self._run(redis_scripts.FED_SINCE, self._feed, cursor[0])
            fed = [(feed_id, _entry(fields)) for feed_id, fields in found]
            if fed and _cursor(*fed[0]) == cursor:
                return RevocationPage(_cursor(*fed[-1]), [entry for _, entry in fed[1:]])
        # Find the end of the feed first. Entries added while the rest is read come next time.
        last = self._run(redis_scripts.LAST_FED, self._feed)
        if not last:
            return RevocationPage(None, self._all())
        feed_id, fields = last[0]
        return RevocationPage(_cursor(feed_id, _entry(fields)), self._all())

    def increment(self, key: str, seconds: int, amount: int = 1) -> int:
        """Add to a count atomically and return the new count. A negative amount subtracts, never
        below zero."""
        return int(self._run(redis_scripts.ADD, self._counter(key), seconds, amount))

    def count(self, key: str) -> tuple[int, float]:
        """Return a count and the time when it expires, in seconds since the epoch by the caller's
        clock. Return (0, now) for an unknown key."""
        count, milliseconds = self._run(redis_scripts.COUNT, self._counter(key))
        return int(count), time.time() + max(0, milliseconds) / 1000

    def _counter(self, key: str) -> str:
        return f"{self._prefix}count:{key}"

    def _run(self, script: str, key: str, *arguments: Any) -> Any:
        with _answering():
            return self._client.eval(script, 1, key, *arguments)

    def _all(self) -> Iterator[Revocation]:
        after: Sequence[Any] = ()
        while page := self._run(redis_scripts.PAGE_AFTER, self._revoked, _PAGE, *after):
            for key, expires_at in zip(page[::2], page[1::2], strict=True):
                yield Revocation(_text(key), float(expires_at))
            after = page[-2:]


def _client(url: object) -> "Redis | ClusterSlot":
    require(isinstance(url, str), _USAGE)
    try:
        scheme, mark, rest = str(url).partition("+cluster://")
        return _cluster(f"{scheme}://{rest}") if mark else _single(str(url), _TIMEOUT)
    except Exception:
        # An option of the URL may fail in any way, and the error may quote a password in the URL.
        raise ConfigurationError(_USAGE) from None


def _single(url: str, timeout: float) -> Redis:
    client = Redis.from_url(url, socket_timeout=timeout, socket_connect_timeout=timeout)
    # Build a connection without connecting, which raises for an unknown option.
    pool = client.connection_pool
    pool.connection_class(**pool.connection_kwargs)
    return client


def _cluster(url: str) -> ClusterSlot:
    parts = urlsplit(url)
    login, at, hosts = parts.netloc.rpartition("@")

    def connect(address: Address) -> Redis:
        host = f"[{address[0]}]" if ":" in address[0] else address[0]
        node = parts._replace(netloc=f"{login}{at}{host}:{address[1]}")
        return _single(node.geturl(), _CLUSTER_TIMEOUT)

    nodes = [parts._replace(netloc=f"{login}{at}{host}").geturl() for host in hosts.split(",")]
    options = [_single(node, _TIMEOUT).connection_pool.connection_kwargs for node in nodes]
    # A cluster has one database, and redis-py would take no host for this machine.
    if parts.scheme not in ("redis", "rediss") or any(each.get("db") for each in options):
        raise ValueError
    addresses = [(str(each["host"]), int(each.get("port", 6379))) for each in options]
    return ClusterSlot(addresses, connect, (redis.ConnectionError, redis.TimeoutError))


@contextmanager
def _answering() -> Iterator[None]:
    with waiting(_TIMEOUT), _translated():
        yield


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except (RedisError, RedisClusterException, OSError) as error:
        # A client of a cluster would have followed it. redis-py 5 has a class for it only there.
        if isinstance(error, MovedError) or str(error).startswith("MOVED "):
            raise UnusableLog(
                "url_or_client must name the cluster to which this Redis belongs: "
                "RedisLog('redis+cluster://host:port,host:port')"
            ) from None
        raise StoreUnavailable("Redis does not answer") from error


def _cursor(feed_id: bytes | str, entry: Revocation) -> tuple[bytes | str, str]:
    """Return a cursor with the key of its entry. After a loss of data, another entry may have the
    id."""
    return feed_id, entry.key


def _entry(fields: Sequence[bytes | str]) -> Revocation:
    """Return the entry of a stream. A client decodes its fields to bytes or strings."""
    _, key, _, expires_at = fields
    return Revocation(_text(key), float(expires_at))


def _text(value: bytes | str) -> str:
    return value.decode() if isinstance(value, bytes) else value
