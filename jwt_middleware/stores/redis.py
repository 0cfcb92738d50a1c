"""`RedisLog`: stores the revocation log and the counters in Redis or Valkey (redis-py)."""

import time
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from redis import Redis
from redis.exceptions import RedisError

from .._options import require
from ..errors import ConfigurationError, StoreUnavailable
from ..trust.revocation import Revocation, RevocationPage
from .revocations import PRUNE_AFTER, foreign_session_entry, subject_entry, token_entry

_TIMEOUT = 1
"""Seconds to connect, and again to wait for an answer: every call ends within about two."""

_USAGE = (
    "url_or_client must be a Redis URL or a redis.Redis: RedisLog('redis://:password@host/0'), "
    "RedisLog('rediss://...'), RedisLog('unix:///path') or RedisLog(client)"
)

# `_REVOKED` has all entries, by expiry. `_FEED` has the newest entries, by age, for readers that
# already have the others. The braces put both on one node of a cluster.
_REVOKED, _FEED = "{jwt_middleware}:revoked", "{jwt_middleware}:feed"
_FEED_LENGTH = 10_000
"""Entries in the feed. A reader that is further behind reads all entries again."""

_PAGE = 10_000
"""Entries in one answer, so that it arrives within the timeout."""


_ADD = """
local amount = tonumber(ARGV[2])
local count = tonumber(redis.call('GET', KEYS[1]))
if count and count + amount <= 0 then
    redis.call('DEL', KEYS[1])
    return 0
elseif count then
    return redis.call('INCRBY', KEYS[1], amount)
elseif amount > 0 then
    redis.call('SET', KEYS[1], amount, 'EX', ARGV[1])
    return amount
end
return 0
"""

# A client whose clock is ahead would delete entries that the others need: use the server's clock.
_PRUNE = """
return redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', redis.call('TIME')[1] - ARGV[1])
"""
_NOW = "return redis.call('TIME')"


class RedisLog:
    """A revocation log and counters in a Redis (6.2 or later) or Valkey that persists its data
    (`appendonly yes`).

    Pass a URL (`redis://:password@host/0`, `rediss://`, `unix://`) or a `redis.Redis`, whose
    timeouts and retries are not changed. Building does no I/O. If the server does not answer within
    about two seconds, a call raises `StoreUnavailable`. Many threads may use one log, and so may
    processes that are forked later. Expired entries are deleted by the server's clock.

    Give each app its own database number, because the keys, `{jwt_middleware}:*`, are the same for
    all apps.
    """

    def __init__(self, url_or_client: "str | Redis") -> None:
        self._is_ours = not isinstance(url_or_client, Redis)
        self._client: Any = _client(url_or_client) if self._is_ours else url_or_client

    def __repr__(self) -> str:
        return "RedisLog(...)"  # The repr of a client shows its password.

    def ping(self) -> None:
        """Return if the server answers, else raise `StoreUnavailable`."""
        with _answering():
            self._client.ping()

    def close(self) -> None:
        """Close the connections, except those of a client that was passed in.

        May be called again. A later use of the log opens new connections.
        """
        if self._is_ours:
            with _answering():
                self._client.close()

    def now(self) -> float:
        """Return the server's clock, in seconds since the epoch."""
        with _answering():
            seconds, microseconds = self._client.eval(_NOW, 1, _REVOKED)
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

    def revoke_subject(self, issuer: str, subject: str, *, until: float | None = None) -> None:
        """Revoke all tokens of a subject that were issued until now, or until a moment in seconds
        since the epoch: see `trust.cut_offs`. Its sessions go on, and get new tokens."""
        self.append([subject_entry(issuer, subject, until)])

    def revoked_until(self, key: str) -> float:
        """Return when the last entry of the log with this key expires, in seconds since the epoch.
        Return 0 without one."""
        with _answering():
            return float(self._client.zscore(_REVOKED, key) or 0)

    def is_revoked(self, keys: Collection[str]) -> bool:
        """Return whether the log has one of these `revocation_keys`."""
        with _answering():
            return any(self._client.zscore(_REVOKED, key) is not None for key in keys)

    def append(self, entries: Sequence[Revocation]) -> None:
        """Append entries to the log, all or none."""
        with _answering(), self._client.pipeline(transaction=True) as pipeline:
            pipeline.eval(_PRUNE, 1, _REVOKED, PRUNE_AFTER)
            for entry in entries:
                pipeline.zadd(_REVOKED, {entry.key: entry.expires_at}, gt=True)
                fields = {"key": entry.key, "expires_at": entry.expires_at}
                pipeline.xadd(_FEED, fields, maxlen=_FEED_LENGTH, approximate=True)
            pipeline.execute()

    def read_revocations(self, cursor: object | None) -> RevocationPage:
        """Return the entries after the cursor. For None, or for a cursor that is no longer in the
        log, return all entries."""
        with _answering():
            if isinstance(cursor, tuple):
                found = self._client.xrange(_FEED, min=cursor[0])
                fed = [(feed_id, _entry(fields)) for feed_id, fields in found]
                if fed and _cursor(*fed[0]) == cursor:
                    return RevocationPage(_cursor(*fed[-1]), [entry for _, entry in fed[1:]])
            # Find the end of the feed first. Entries added while the rest is read come next time.
            last = self._client.xrevrange(_FEED, count=1)
        if not last:
            return RevocationPage(None, self._all())
        feed_id, fields = last[0]
        return RevocationPage(_cursor(feed_id, _entry(fields)), self._all())

    def increment(self, key: str, seconds: int, amount: int = 1) -> int:
        """Add to a count atomically and return the new count. A negative amount subtracts, never
        below zero."""
        with _answering():
            return int(self._client.eval(_ADD, 1, _counter(key), seconds, amount))

    def count(self, key: str) -> tuple[int, float]:
        """Return a count and the time when it expires, in seconds since the epoch by the caller's
        clock. Return (0, now) for an unknown key."""
        with _answering(), self._client.pipeline(transaction=True) as pipeline:
            count, milliseconds = pipeline.get(_counter(key)).pttl(_counter(key)).execute()
        return int(count or 0), time.time() + max(0, milliseconds) / 1000

    def _all(self) -> Iterator[Revocation]:
        with _answering():
            for key, expires_at in self._client.zscan_iter(_REVOKED, count=_PAGE):
                yield Revocation(_text(key), expires_at)


def _client(url: object) -> Redis:
    require(isinstance(url, str), _USAGE)
    try:
        client = Redis.from_url(str(url), socket_timeout=_TIMEOUT, socket_connect_timeout=_TIMEOUT)
        # Build a connection without connecting, which raises for an unknown option.
        pool = client.connection_pool
        pool.connection_class(**pool.connection_kwargs)
    except Exception:
        # An option of the URL may fail in any way, and the error may quote a password in the URL.
        raise ConfigurationError(_USAGE) from None
    return client


@contextmanager
def _answering() -> Iterator[None]:
    try:
        yield
    except (RedisError, OSError) as error:
        raise StoreUnavailable("Redis does not answer") from error


def _counter(key: str) -> str:
    return f"{{jwt_middleware}}:count:{key}"


def _cursor(feed_id: bytes | str, entry: Revocation) -> tuple[bytes | str, str]:
    """Return a cursor with the key of its entry. After a loss of data, another entry may have the
    id."""
    return feed_id, entry.key


def _entry(fields: dict[Any, Any]) -> Revocation:
    """Return the entry of a stream. A client decodes its fields to bytes or strings."""
    key, expires_at = fields.values()
    return Revocation(_text(key), float(expires_at))


def _text(value: bytes | str) -> str:
    return value.decode() if isinstance(value, bytes) else value
