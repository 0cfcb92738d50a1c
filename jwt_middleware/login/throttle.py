"""`Throttle`: limits how often a login may fail. Uses strategies of the `limits` library over the
counters of a store.

Each attempt is counted before the password is hashed. The count is taken back if the attempt
succeeds or ends in a 503. Attempts are counted by username and address, by username, and by
address. An IPv6 client has at least a /64 and often a /48, so both count as addresses.
"""

import hashlib
import ipaddress
import math
import re
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, fields
from functools import cache

from limits import RateLimitItem, parse_many
from limits.storage import Storage
from limits.strategies import FixedWindowRateLimiter

from .._options import got
from ..errors import ConfigurationError, StoreUnavailable
from ..stores.base import Counters
from .spelling import fold_spelling

_KNOWN_FOR = 30 * 86_400
"""Seconds, 30 days. An address counts as known for at least this long after a successful login."""

_MAX_WINDOW = 366 * 86_400
"""Seconds. A window may be at most this long, so that every store can add it to the time."""

_MAX_AMOUNT = 10**9
"""Attempts of the highest limit. A higher limit would be useless, and may overflow counters."""

# The syntax of `limits`, without digits of other scripts and without 0, which it treats as 1.
_LIMIT = re.compile(r"\s*[1-9][0-9]*\s*(?:/|per)\s*(?:[1-9][0-9]*\s*)?[a-z]+\s*", re.I | re.A)

_SITE_PREFIX, _HOUSEHOLD_PREFIX = 48, 64
"""Bits of the IPv6 prefix of one client: a site has up to a /48 (RFC 6177), a household a /64."""


class Throttled(Exception):
    """Too many logins failed. `retry_after` is an integer number of seconds."""

    def __init__(self, retry_after: int) -> None:
        super().__init__()
        self.retry_after = retry_after


@dataclass(frozen=True, slots=True, kw_only=True)
class Throttle:
    """Limits how many logins may fail. Each limit is a string of the `limits` library, such as
    `"5/minute"`.

    - `per_name_and_address`: one name from one address.
    - `per_known_address`: one name from one address where it logged in within 30 days. It applies
      in addition to the limit above, and limits the guesses of a neighbor at the same address.
    - `per_name`: one name from all other addresses together. A stranger can use it up, but cannot
      lock the user out of a known address.
    - `per_address`: all names from one address. For IPv6 both the /64 and the /48 count.

    An address is known for the exact spelling of a name, but all spellings of a name share a
    counter (`login.spelling`). Without an address (`client_address` returns None) only `per_name`
    applies. A window starts with its first failure. An invalid limit raises `ConfigurationError`.
    """

    per_name_and_address: str = "5/minute"
    per_known_address: str = "100/day"
    per_name: str = "100/hour"
    per_address: str = "50/minute"

    def __post_init__(self) -> None:
        for option in fields(self):
            _check_limit(option.name, getattr(self, option.name))

    def attempt(self, counters: Counters, username: str, address: str | None) -> "Attempt":
        """Count an attempt before the password is hashed.

        `address` comes from `wire.addresses.client_address`. An attempt over a limit raises
        `Throttled` and is not counted. Counters that cannot be reached raise `StoreUnavailable`.
        """
        name = _digest(fold_spelling(username))
        networks = _networks(address) if address else ()
        # Another user may have a name with the same folding. Their addresses must not become known
        # for this name, or they could guess its password from a thousand addresses.
        seen = f"{_digest(username)} {networks[0]}" if networks else None
        attempt = Attempt(counters, _digest(seen) if seen else None)
        try:
            for limit, key in self._limits(attempt, name, networks):
                attempt.count(_parse_limit(limit), key)
        except StoreUnavailable:
            attempt.give_back()
            raise
        return attempt

    def _limits(
        self, attempt: "Attempt", name: str, networks: tuple[str, ...]
    ) -> Iterator[tuple[str, tuple[str, str]]]:
        # Count the widest network first, so that a flood from one network costs one store call.
        for network in reversed(networks):
            yield self.per_address, ("address", _digest(network))
        if not networks:
            yield self.per_name, ("name", name)
            return
        pair = _digest(f"{name} {networks[0]}")
        yield self.per_name_and_address, ("pair", pair)
        if attempt.is_from_known_address():
            yield self.per_known_address, ("known", pair)
        else:
            yield self.per_name, ("name", name)


class Attempt:
    """One counted attempt to log in. Call `succeeded` after a login and `give_back` after a 503.
    Without either call the attempt counts as a failure."""

    def __init__(self, counters: Counters, seen: str | None) -> None:
        self._counters = counters
        self._storage = _Storage(counters)
        self._strategy = FixedWindowRateLimiter(self._storage)
        self._counted: list[tuple[RateLimitItem, tuple[str, str]]] = []
        self._seen = seen  # names the exact spelling at the address, if there is one

    def count(self, limit: RateLimitItem, key: tuple[str, str]) -> None:
        """Count under one limit. If it is exceeded, take back every count and raise `Throttled`."""
        has_room = self._strategy.hit(limit, *key)
        self._counted.append((limit, key))
        if not has_room:
            reset = self._strategy.get_window_stats(limit, *key).reset_time
            self.give_back()
            raise Throttled(max(1, math.ceil(reset - time.time())))

    def succeeded(self) -> None:
        """Take the counts back, and remember the address, if any, as known for the name."""
        self._uncount()
        if self._seen is not None:
            self._counters.increment(_seen_keys(self._seen)[0], 2 * _KNOWN_FOR)

    def is_from_known_address(self) -> bool:
        """Return whether a login with this spelling succeeded at this address lately."""
        keys = () if self._seen is None else _seen_keys(self._seen)
        return any(self._counters.count(key)[0] for key in keys)

    def give_back(self) -> None:
        """Take the counts back, because the attempt ended before the password was checked (a 503).

        A second call does nothing. A store that cannot answer is ignored: its counts expire.
        """
        with suppress(StoreUnavailable):
            self._uncount()

    def _uncount(self) -> None:
        while self._counted:
            limit, key = self._counted.pop()
            self._storage.incr(limit.key_for(*key), limit.get_expiry(), -1)


def _networks(address: str) -> tuple[str, ...]:
    """Return the networks that an address counts as, the narrowest first."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return (address,)
    if isinstance(parsed, ipaddress.IPv4Address):
        return (str(parsed),)
    return tuple(
        str(ipaddress.IPv6Network((int(parsed), length), strict=False))
        for length in (_HOUSEHOLD_PREFIX, _SITE_PREFIX)
    )


def _seen_keys(seen: str) -> tuple[str, str]:
    """Return the counter keys of this period and of the previous one.

    A counter expires a fixed time after its first increment, even if each login increments it. With
    one key for all time, a known address would be forgotten between two logins. So each period has
    a new key.
    """
    period = int(time.time() // _KNOWN_FOR)
    return f"known/{seen}/{period}", f"known/{seen}/{period - 1}"


def _check_limit(option: str, text: object) -> None:
    if not isinstance(text, str) or not _is_limit(text):
        raise ConfigurationError(
            f'{option} must be one limit such as "5/minute", 1 to 10^9 in at most 366 days, '
            f"got {got(text)}"
        )


def _is_limit(text: str) -> bool:
    try:
        limits = parse_many(text)
    except ValueError:
        return False
    if len(limits) != 1 or not _LIMIT.fullmatch(text):
        return False
    return 1 <= limits[0].amount <= _MAX_AMOUNT and 1 <= limits[0].get_expiry() <= _MAX_WINDOW


@cache
def _parse_limit(text: str) -> RateLimitItem:
    return parse_many(text)[0]


def _digest(text: str) -> str:
    """Return a counter key of fixed length that does not reveal the name."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]


class _Storage(Storage):
    """Adapts the counters of a store to the `limits` library."""

    def __init__(self, counters: Counters) -> None:
        super().__init__()
        self._counters = counters

    @property
    def base_exceptions(self) -> type[Exception]:
        return Exception

    def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        return self._counters.increment(key, expiry, amount)

    def get(self, key: str) -> int:
        return self._counters.count(key)[0]

    def get_expiry(self, key: str) -> float:
        return self._counters.count(key)[1]

    def check(self) -> bool:
        return True

    def reset(self) -> int | None:
        raise NotImplementedError

    def clear(self, key: str) -> None:
        self._counters.increment(key, 1, -self.get(key))
