"""`Throttle`: how often a sign-in may fail. Strategies of the `limits` library over a store's
counters."""

import hashlib
import ipaddress
import logging
import math
import time
from collections.abc import Mapping
from typing import Any

from limits import RateLimitItem, parse
from limits.storage import Storage
from limits.strategies import FixedWindowRateLimiter

from ..errors import ConfigurationError, require
from ..stores.base import Counters

_log = logging.getLogger("jwt_middleware.login")

_KNOWN_FOR = 30 * 86_400
"""Seconds for which an address is known, at least, by a sign-in that went well there."""


class Throttled(Exception):
    """Too many failures; `retry_after` is in whole seconds."""

    def __init__(self, retry_after: int) -> None:
        super().__init__()
        self.retry_after = retry_after


class Throttle:
    """The limits, each as `limits` writes one: `"5/minute"`.

    `per_name_and_address` binds one name from one address; `per_name` a name from everywhere but
    the addresses where it signed in within 30 days, so that a stranger cannot lock a user out;
    `per_address` all names from one address.
    """

    def __init__(
        self,
        *,
        per_name_and_address: str = "5/minute",
        per_name: str = "100/hour",
        per_address: str = "50/minute",
    ) -> None:
        self._per_name_and_address = _limit(per_name_and_address)
        self._per_name = _limit(per_name)
        self._per_address = _limit(per_address)

    def attempt(self, counters: Counters, username: str, address: str | None) -> "Attempt":
        """Count an attempt before the hash; `Throttled` when it is one too many. No address: names
        count alone."""
        name, place = _short(username), address or ""
        known = _short(f"{name} {place}")
        limits = [(self._per_name_and_address, ("pair", known))]
        if not any(counters.count(mark)[0] for mark in _marks(known)):
            limits.append((self._per_name, ("name", name)))
        if address:
            limits.append((self._per_address, ("address", _short(place))))
        attempt = Attempt(counters, known)
        for limit, key in limits:
            attempt.count(limit, key)
        return attempt


class Attempt:
    """One attempt to sign in, counted; `succeeded` gives it back."""

    def __init__(self, counters: Counters, known: str) -> None:
        self._counters = counters
        self._storage = _Storage(counters)
        self._strategy = FixedWindowRateLimiter(self._storage)
        self._counted: list[tuple[RateLimitItem, tuple[str, str]]] = []
        self._known = known

    def count(self, limit: RateLimitItem, key: tuple[str, str]) -> None:
        """Count under one limit; `Throttled`, with what was counted given back, when it is full."""
        self._counted.append((limit, key))
        if not self._strategy.hit(limit, *key):
            reset = self._strategy.get_window_stats(limit, *key).reset_time
            self.give_back()
            raise Throttled(max(1, math.ceil(reset - time.time())))

    def succeeded(self) -> None:
        """Give the attempt back and remember the address for the name."""
        self.give_back()
        self._counters.increment(_marks(self._known)[0], 2 * _KNOWN_FOR)

    def give_back(self) -> None:
        """Take the attempt out of every count again: it ended without an answer to the question."""
        for limit, key in self._counted:
            self._storage.incr(limit.key_for(*key), limit.get_expiry(), -1)


def address_of(environ: Mapping[str, Any]) -> str | None:
    """The peer as what is counted: an IPv4 address, or the /64 of an IPv6 one. None where it cannot
    be told.

    A peer that is empty or loopback beside `X-Forwarded-For` is a proxy, unless `ProxyFix` has put
    it there.
    """
    peer = environ.get("REMOTE_ADDR", "")
    try:
        address = ipaddress.ip_address(peer)
    except ValueError:
        address = None
    address = (
        getattr(address, "ipv4_mapped", None) or address
    )  # a socket for both has IPv4 peers as ::ffff:127.0.0.1
    is_forwarded = "HTTP_X_FORWARDED_FOR" in environ and "werkzeug.proxy_fix.orig" not in environ
    if address is None or (address.is_loopback and is_forwarded):
        if is_forwarded:
            _warn_once()
        return None
    if isinstance(address, ipaddress.IPv6Address):
        address = ipaddress.ip_network((address, 64), strict=False).network_address
    return str(address)


_has_warned = False


def _warn_once() -> None:
    global _has_warned
    if not _has_warned:
        _has_warned = True
        _log.warning(
            "the app is behind a proxy without werkzeug's ProxyFix outside: "
            "no limit counts by address"
        )


def _marks(known: str) -> tuple[str, str]:
    """The marks of this period and of the one before; a count is forgotten after its first
    increment, not its last."""
    period = int(time.time() // _KNOWN_FOR)
    return f"known/{known}/{period}", f"known/{known}/{period - 1}"


def _limit(text: str) -> RateLimitItem:
    require(isinstance(text, str), 'a limit is a text such as "5/minute"')
    try:
        return parse(text)
    except ValueError as error:
        raise ConfigurationError(f'a limit is a text such as "5/minute", not {text!r}') from error


def _short(text: str) -> str:
    """A key of bounded length that shows no name."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]


class _Storage(Storage):
    """The counters of a store as `limits` wants them."""

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
