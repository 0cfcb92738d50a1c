"""`RedisLog`: the log of revocations and the counters in Redis or Valkey (redis-py)."""

import time
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from redis import Redis
from redis.exceptions import RedisError

from ..errors import ConfigurationError, StoreUnavailable, require
from ..trust.revocation import Revocation, RevocationPage
from .entries import PRUNE_AFTER, token_entry

_PATIENCE = 1  # seconds, to connect and again for an answer
_FORM = (
    "a log is RedisLog('redis://:password@host/0'), 'rediss://...', 'unix:///path', "
    "or RedisLog(client)"
)

# All that is revoked, by expiry; and what was appended last, by age, for those who have read the
# rest. The braces keep the two on one node of a cluster.
_REVOKED, _FEED = "{jwt_middleware}:revoked", "{jwt_middleware}:feed"
_FEED_LENGTH = 10_000
_PAGE = 10_000

_ADD = """
local amount = tonumber(ARGV[2])
local count = tonumber(redis.call('GET', KEYS[1]))
if count then
    return redis.call('INCRBY', KEYS[1], math.max(amount, -count))
elseif amount > 0 then
    redis.call('SET', KEYS[1], amount, 'EX', ARGV[1])
    return amount
end
return 0
"""

# By the server's clock: one client whose clock is ahead would delete what all the others need.
_PRUNE = """
return redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', redis.call('TIME')[1] - ARGV[1])
"""
_NOW = "return redis.call('TIME')"


class RedisLog:
    """A log of revocations, and counters, in a Redis (6.2 or later) or Valkey that keeps its data
    (`appendonly yes`).

    Pass a URL (`redis://:password@host/0`, `rediss://`, `unix://`) or a `redis.Redis`, whose
    timeouts and retries then stay as they are. Building does no I/O. A server that does not answer
    within about two seconds is a `StoreUnavailable`. May be used by many threads, and by processes
    forked after its use. What has expired goes by itself. Give an app a database number of its own:
    its keys, `{jwt_middleware}:*`, are the same for all.
    """

    def __init__(self, url_or_client: "str | Redis") -> None:
        self._client: Any = (
            url_or_client if isinstance(url_or_client, Redis) else _client(url_or_client)
        )

    def __repr__(self) -> str:
        return "RedisLog(...)"  # a client shows its password

    def ping(self) -> None:
        """Return if the server answers; `StoreUnavailable` otherwise."""
        with _answering():
            self._client.ping()

    def now(self) -> float:
        """Return the server's clock, in seconds since the epoch."""
        with _answering():
            seconds, microseconds = self._client.eval(_NOW, 1, _REVOKED)
        return int(seconds) + int(microseconds) / 1e6

    def revoke(self, *, token_id: str, expires_at: float, issuer: str = "") -> None:
        """Revoke one access token until it has expired: that of the issuer, or of any when none is
        named.

        `ConfigurationError` for what cannot be the `jti` or `exp` of a token.
        """
        self.append([token_entry(token_id, expires_at, issuer)])

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
                pipeline.xadd(_FEED, entry._asdict(), maxlen=_FEED_LENGTH, approximate=True)
            pipeline.execute()

    def read_revocations(self, cursor: object | None) -> RevocationPage:
        """Return the entries after the cursor; all of them for None or a cursor that the log does
        not know any more."""
        with _answering():
            if isinstance(cursor, tuple):
                fed = [
                    (place, _entry(fields))
                    for place, fields in self._client.xrange(_FEED, min=cursor[0])
                ]
                if fed and _cursor(*fed[0]) == cursor:
                    return RevocationPage(
                        _cursor(*fed[-1]), [entry for _, entry in fed[1:]], complete=False
                    )
            last = self._client.xrevrange(
                _FEED, count=1
            )  # before the rest, which may then be read in pieces
            return RevocationPage(
                _cursor(last[0][0], _entry(last[0][1])) if last else None,
                self._all(),
                complete=True,
            )

    def increment(self, key: str, seconds: int, amount: int = 1) -> int:
        """Add to a count, atomically, and return it. A negative amount takes away, never below
        zero."""
        with _answering():
            return int(self._client.eval(_ADD, 1, _counter(key), seconds, amount))

    def count(self, key: str) -> tuple[int, float]:
        """Return a count and when it is forgotten, in seconds since the epoch of the caller's
        clock; (0, now) where there is none."""
        with _answering(), self._client.pipeline(transaction=True) as pipeline:
            count, milliseconds = pipeline.get(_counter(key)).pttl(_counter(key)).execute()
        return int(count or 0), time.time() + max(0, milliseconds) / 1000

    def _all(self) -> Iterator[Revocation]:
        with _answering():
            for key, expires_at in self._client.zscan_iter(_REVOKED, count=_PAGE):
                yield Revocation(_text(key), expires_at)


def _client(url: object) -> Redis:
    require(isinstance(url, str), _FORM)
    try:
        client = Redis.from_url(
            str(url), socket_timeout=_PATIENCE, socket_connect_timeout=_PATIENCE
        )
        pool = client.connection_pool
        pool.connection_class(
            **pool.connection_kwargs
        )  # not connected, but now an unknown option would show
    except (TypeError, ValueError):
        raise ConfigurationError(
            _FORM
        ) from None  # the error may quote the URL, which may hold a password
    return client


@contextmanager
def _answering() -> Iterator[None]:
    try:
        yield
    except (RedisError, OSError) as error:
        raise StoreUnavailable("Redis does not answer") from error


def _counter(key: str) -> str:
    return f"{{jwt_middleware}}:count:{key}"


def _cursor(place: bytes | str, entry: Revocation) -> tuple[bytes | str, str]:
    """The last entry read: after a loss its place may be given to another one."""
    return place, entry.key


def _entry(fields: dict[Any, Any]) -> Revocation:
    """The fields of a stream's entry, bytes or texts as the client has it."""
    key, expires_at = fields.values()
    return Revocation(_text(key), float(expires_at))


def _text(value: bytes | str) -> str:
    return value.decode() if isinstance(value, bytes) else value
