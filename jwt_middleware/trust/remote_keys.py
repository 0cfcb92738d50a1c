"""`RemoteKeySet`: the keys that an issuer publishes at a URL, through rotation and outage (RFC 7517
section 5).

The known keys are one immutable snapshot. Requests read it without a lock. Only one fetch at a time
replaces it, in a thread of its own.

A request whose key is known never waits, with one exception. If nobody asked for the keys until
their freshness had ended, they are confirmed first. Old keys are used further only after a fetch
has failed.
"""

import logging
import math
import os
import threading
import time
from collections.abc import Sequence
from hashlib import sha256

from .._options import check_seconds, got, require
from ..errors import ConfigurationError
from .fetch import Fetch, cause_of, get
from .key_document import check_algorithm, read_keys
from .key_snapshot import Snapshot
from .keys import Key
from .urls import checked_url, is_https, is_loopback, shown_url

_log = logging.getLogger("jwt_middleware")

_COOLDOWN = 30
"""Seconds between two fetches for unknown ids or bad signatures, and after repeated failures."""

_FIRST_PAUSE = 5
"""Seconds after one failure, before the cooldown applies. So there are never three fetches of a
server that fails within 30 seconds, and never five of any other."""

_REFRESH_AT = 0.8
"""The fraction of their freshness after which keys are fetched again in the background."""

_LEAST_MAX_AGE, _MOST_MAX_AGE = 60, 86_400
"""Seconds to which a server's `max-age` is clamped."""


class _RunningFetch(threading.Thread):
    """A running fetch. It is a thread because nothing else bounds the wait for a name server."""

    def __init__(self, keys: "RemoteKeySet", timeout: float) -> None:
        self.deadline = time.monotonic() + timeout
        # The end of a fetch replaces the snapshot, so it is running while this one is current.
        self.snapshot = keys._snapshot
        self.waiter = threading.Lock()  # held by the one request with an unknown `kid` that waits
        super().__init__(
            target=keys._fetch, args=(self.deadline,), name="jwt-middleware-keys", daemon=True
        )

    def wait(self) -> None:
        self.join(max(0, self.deadline - time.monotonic()))


class RemoteKeySet:
    """The keys of the JWKS document at a URL: https, or http on loopback and on the hosts of
    `Fetch(allow_http=...)`. Fetched at first use, not while building.

    - `algorithm`: that of keys without `alg`, such as RS512 or PS256. None means RS256 for an RSA
      key. An EC key always has the algorithm of its curve.
    - `fresh_for`: seconds until the keys must be confirmed. This happens in the background when 80
      % of them have passed. The answer's `Cache-Control: max-age` (RFC 9111 section 5.2.2.1) takes
      precedence, clamped to 60 s and 24 h.
    - `stale_for`: seconds beyond that for which the last valid keys are used through an outage.
      After that they are `Unavailable`.
    - `fetch`: a `Fetch`, which says how the document is fetched. Redirects are not followed. A
      document has at most 256 KiB, also after decoding, and 100 keys.

    An unknown `kid` starts a fetch, for which one request waits, unless one was started so within
    30 seconds. While a fetch is running or the last one has failed, an unknown `kid` is
    `Unavailable`, since it may be valid. A bad signature of a known key starts a fetch in the
    background under the same limit, since the issuer may have changed the key under its `kid`.
    """

    def __init__(
        self,
        url: str,
        *,
        algorithm: str | None = None,
        fetch: Fetch = Fetch(),  # noqa: B008 - a frozen value
        fresh_for: float = 600,
        stale_for: float = 86_400,
    ) -> None:
        require(isinstance(fetch, Fetch), f"fetch must be a Fetch: fetch=Fetch(), got {got(fetch)}")
        check_algorithm(algorithm)
        check_seconds("fresh_for", fresh_for, above=0)
        check_seconds("stale_for", stale_for)
        self._url = url
        self._algorithm = algorithm
        self._fetch_options = fetch
        self._fresh_for = fresh_for
        self._stale_for = stale_for
        self._http_origins: set[str] = set()  # of which a WARNING has been logged
        self.check_urls()
        self._snapshot = Snapshot()
        self._failures = 0
        self._next_search_at = -math.inf  # when an unknown `kid` may start a fetch again
        # One for each process, since a fork loses the thread of a fetch, and may copy a lock that
        # is held.
        self._starting: dict[int, threading.Lock] = {}
        self._fetches: dict[int, _RunningFetch] = {}

    @property
    def url(self) -> str:
        """The URL of the keys, or of the issuer that publishes it."""
        return self._url

    @property
    def age(self) -> float | None:
        """Seconds since the keys were last fetched or confirmed; None before the first time."""
        fetched_at = self._snapshot.fetched_at
        return None if fetched_at is None else time.monotonic() - fetched_at

    @property
    def is_usable(self) -> bool:
        """Whether there are keys that are not too old. Reading it does not fetch."""
        return time.monotonic() < self._snapshot.fresh_until + self._stale_for

    @property
    def failures(self) -> int:
        """The number of failed fetches in this process."""
        return self._failures

    @property
    def generation(self) -> bytes:
        """A value that differs after each change of the document. Raises `Unavailable` if no key
        can be reached."""
        snapshot = self._snapshot
        if time.monotonic() >= snapshot.refresh_after:
            snapshot = self._current_snapshot()
        return snapshot.generation

    def find(self, kid: str | None) -> Sequence[Key]:
        """Return the keys that may verify a token with this `kid`.

        Raise `Unavailable` while the keys are unknown.
        """
        snapshot = self._snapshot
        if time.monotonic() >= snapshot.refresh_after:
            snapshot = self._current_snapshot()
        return snapshot.find(kid) or self._find_anew(kid, snapshot)

    def recheck(self) -> None:
        """Fetch the keys in the background, if that is due, since a signature was bad."""
        self._search(self._snapshot)

    def check_urls(self) -> None:
        """Raise `ConfigurationError` unless what is asked first may be asked. Called while
        building."""
        self.checked(self._url, name="url")

    def locate(self, deadline: float) -> str:
        """Return the URL of the JWKS document. Called at each fetch, in its thread."""
        return self._url

    @property
    def fetch_options(self) -> Fetch:
        """How the documents are fetched."""
        return self._fetch_options

    def checked(self, url: object, *, name: str) -> str:
        """Return the URL if it may be asked, or raise `ConfigurationError`. Log one WARNING for
        each host that is asked by plain http."""
        checked = checked_url(url, name=name, http_hosts=self._fetch_options.allow_http)
        origin = "/".join(checked.split("/", 3)[:3]).partition("?")[0].lower()
        if not (is_https(checked) or is_loopback(checked) or origin in self._http_origins):
            self._http_origins.add(origin)
            _log.warning(
                "%r asks %s by plain http, since allow_http names that host: anyone on its "
                "network can replace the keys",
                self,
                origin,
            )
        return checked

    def _find_anew(self, kid: str | None, snapshot: Snapshot) -> Sequence[Key]:
        """Return the keys for an unknown `kid`, after a fetch if one is due."""
        # Twice, since the keys may have been replaced meanwhile, and a fetch that was running may
        # have been answered before the key was published. A fetch may still be due after that.
        for _ in range(2):
            fetch = self._search(snapshot)
            if fetch is not None:
                may_wait = fetch.waiter.acquire(blocking=False)
                if may_wait:
                    fetch.wait()
                if self._snapshot is snapshot:
                    raise snapshot.unavailable()
            elif self._snapshot is snapshot:
                break
            snapshot = self._snapshot
            if snapshot.find(kid):
                break
        snapshot = self._snapshot  # also if another request's fetch has replaced it meanwhile
        found = snapshot.find(kid)
        if not found and snapshot.has_failed:
            raise snapshot.unavailable()
        return found

    def _search(self, snapshot: Snapshot) -> _RunningFetch | None:
        """Return the running fetch, or start one if that is due. Return None otherwise."""
        # Decide under the lock. Otherwise a request that comes while another one starts the fetch
        # would see neither a running fetch nor one that is due, and get 401 for a good token.
        with self._lock():
            running = self._running_fetch(snapshot)
            if running is not None:
                return running
            if self._snapshot is not snapshot:
                return None  # the caller looks in the new one first
            now = time.monotonic()
            if now < (snapshot.next_fetch_at if snapshot.has_failed else self._next_search_at):
                return None
            self._next_search_at = now + _COOLDOWN
            return self._started_fetch(snapshot)

    def _current_snapshot(self) -> Snapshot:
        """Return the snapshot and start a fetch. Wait for the fetch only if the keys are too old to
        use without its answer."""
        snapshot, now = self._snapshot, time.monotonic()
        if now >= snapshot.next_fetch_at or not snapshot.has_failed:
            with self._lock():
                fetch = self._started_fetch(snapshot)
            serves_until = snapshot.fresh_until + (self._stale_for if snapshot.has_failed else 0)
            if fetch is not None and now >= serves_until:
                fetch.wait()
        if now >= self._snapshot.fresh_until + self._stale_for:
            raise self._snapshot.unavailable()
        return self._snapshot

    def _lock(self) -> threading.Lock:
        """Return the lock that starting a fetch needs. It is never held over I/O."""
        return self._starting.setdefault(os.getpid(), threading.Lock())

    def _running_fetch(self, snapshot: Snapshot) -> _RunningFetch | None:
        """Return the running fetch of the snapshot, or None."""
        fetch = self._fetches.get(os.getpid())
        # A thread is alive for a moment after its fetch has ended. Taken for a running fetch, it
        # would keep the next one from starting.
        return fetch if fetch and fetch.snapshot is snapshot and fetch.is_alive() else None

    def _started_fetch(self, snapshot: Snapshot) -> _RunningFetch | None:
        """Return the running fetch, or start one. Return None if the snapshot has been replaced."""
        fetch = self._running_fetch(snapshot)
        if fetch is None and self._snapshot is snapshot:
            fetch = self._fetches[os.getpid()] = _RunningFetch(self, self._fetch_options.timeout)
            try:
                fetch.start()
            except RuntimeError as error:  # no more threads can be started
                self._fail(error)
        return fetch if self._snapshot is snapshot else None

    def _fetch(self, deadline: float) -> None:
        try:
            body, max_age = self._document(deadline)
            generation = sha256(body).digest()
            is_unchanged = generation == self._snapshot.generation
            keys = self._snapshot.keys if is_unchanged else read_keys(body, self._algorithm)
        except Exception as error:  # networks and documents fail in too many ways to list
            self._fail(error)
            return
        fresh_for = self._fresh_for
        if max_age is not None:
            fresh_for = min(max(_LEAST_MAX_AGE, max_age), _MOST_MAX_AGE)
        now = time.monotonic()
        self._snapshot = Snapshot(
            keys,
            generation,
            fresh_until=now + fresh_for,
            refresh_after=now + _REFRESH_AT * fresh_for,
            fetched_at=now,
        )

    def _document(self, deadline: float) -> tuple[bytes, int | None]:
        url = self.locate(deadline)
        if url == self._url:
            return get(url, self._fetch_options, deadline)
        return self.answer_of(url, deadline)

    def answer_of(self, url: str, deadline: float) -> tuple[bytes, int | None]:
        """Return the answer of a URL that the repr does not show. The message of a failure names
        it."""
        try:
            return get(url, self._fetch_options, deadline)
        except Exception as error:  # networks fail in too many ways to list
            raise ConfigurationError(f"{shown_url(url)}: {cause_of(error)}") from error

    def _fail(self, error: Exception) -> None:
        _log.warning("%r cannot be reached: %s", self, cause_of(error))
        self._failures += 1  # without a lock, since only one fetch runs at a time
        snapshot = self._snapshot
        pause = _COOLDOWN if snapshot.has_failed else _FIRST_PAUSE
        self._snapshot = snapshot.after_failure(pause, stale_for=self._stale_for)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._url.partition('?')[0]!r})"
