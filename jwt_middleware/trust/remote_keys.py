"""`RemoteKeySet`: the keys that an issuer publishes at a URL, through rotation and outage (RFC 7517
section 5).

What is known is one immutable view. Requests read it without a lock; one fetch at a time, in a
thread of its own, replaces it. A request with a known key waits for nothing, but for this: keys
that nobody asked for until they had outlived their freshness are confirmed first. Only a *failed*
fetch lets old keys go on.
"""

import json
import logging
import math
import os
import threading
import time
from collections.abc import Sequence
from hashlib import sha256
from typing import Any, NamedTuple, cast
from urllib.parse import urlsplit

from ..errors import ConfigurationError, Unavailable, require
from .fetch import check_url, get
from .keys import Key, KeySet

_log = logging.getLogger("jwt_middleware")

_COOLDOWN = 30
_FIRST_PAUSE = 5  # after one failure, then the cooldown: no 30 seconds see three fetches

# All that a public key needs. The rest is dropped unread: private members, since PyJWT takes
# seconds over a huge `d`, and `k`, since a secret never comes from a URL.
_PUBLIC_MEMBERS = ("kty", "use", "key_ops", "alg", "kid", "n", "e", "crv", "x", "y")


class _View(NamedTuple):
    """What is known at one moment; its times are those of `time.monotonic`, which a forked child
    shares."""

    keys: KeySet | None = None
    generation: bytes = b""  # the digest of the document
    fresh_until: float = -math.inf
    refresh_at: float = -math.inf
    ask_at: float = 0  # when an unknown `kid`, and anything after a failure, is worth a fetch
    has_failed: bool = False

    def find(self, kid: str | None) -> Sequence[Key]:
        return self.keys.find(kid) if self.keys else ()

    def unavailable(self) -> Unavailable:
        return Unavailable(
            "keys_unavailable", retry_after=max(1, math.ceil(self.ask_at - time.monotonic()))
        )


class _Fetch(threading.Thread):
    """A fetch under way. A thread, because nothing else bounds the wait for a name server."""

    def __init__(self, keys: "RemoteKeySet", timeout: float) -> None:
        self.deadline = time.monotonic() + timeout
        self.waiter = threading.Lock()  # kept by the one request with an unknown `kid` that waits
        super().__init__(
            target=keys._fetch, args=(self.deadline,), name="jwt-middleware-keys", daemon=True
        )

    def wait(self) -> None:
        self.join(max(0, self.deadline - time.monotonic()))


class RemoteKeySet:
    """The keys of the JWKS document at a URL: https, or http on loopback. Fetched at first use, not
    while building.

    - `fresh_for`: seconds until the keys must be confirmed, in the background when 80 % have
      passed. The answer's `Cache-Control: max-age` (RFC 9111 section 5.2.2.1), taken as 60 s at
      least and 24 h at most, wins.
    - `stale_for`: seconds beyond that for which the last good keys serve through an outage; then
      `Unavailable`.
    - `timeout`: seconds for a whole fetch. No redirect is followed; 256 KiB and 100 keys at most.

    An unknown `kid` is worth a fetch 30 seconds after the last, and one request waits for it. While
    a fetch is under way or the last has failed, an unknown `kid` is `Unavailable`: it may be a good
    one.
    """

    def __init__(
        self, url: str, *, fresh_for: float = 600, stale_for: float = 86_400, timeout: float = 3
    ) -> None:
        check_url(url)
        require(
            fresh_for > 0 and stale_for >= 0 and timeout > 0,
            "fresh_for, stale_for and timeout are seconds",
        )
        self._url = url
        self._fresh_for, self._stale_for, self._timeout = fresh_for, stale_for, timeout
        self._view = _View()
        # By process: a fork leaves a fetch without its thread, and may copy a lock while it is
        # held.
        self._starting: dict[int, threading.Lock] = {}
        self._fetches: dict[int, _Fetch] = {}

    @property
    def generation(self) -> bytes:
        """Another value after each change of the document. `Unavailable` when no key can be had."""
        view = self._view
        return (view if time.monotonic() < view.refresh_at else self._refreshed()).generation

    def find(self, kid: str | None) -> Sequence[Key]:
        """The keys that may verify a token with this `kid`. `Unavailable` when nobody can tell
        now."""
        view = self._view if time.monotonic() < self._view.refresh_at else self._refreshed()
        return view.find(kid) or self._find_anew(kid, view)

    def _find_anew(self, kid: str | None, view: _View) -> Sequence[Key]:
        is_worth_a_fetch = time.monotonic() >= view.ask_at
        if (
            is_worth_a_fetch
            and (fetch := self._fetch_under_way(view))
            and fetch.waiter.acquire(blocking=False)
        ):
            fetch.wait()
        if (is_worth_a_fetch and self._view is view) or self._view.has_failed:
            raise self._view.unavailable()
        return self._view.find(kid)

    def _refreshed(self) -> _View:
        """The view, with a fetch under way that is waited for where nothing but its answer will
        do."""
        view, now = self._view, time.monotonic()
        if now >= view.ask_at or not view.has_failed:
            fetch = self._fetch_under_way(view)
            if fetch and now >= view.fresh_until + (self._stale_for if view.has_failed else 0):
                fetch.wait()
        if now >= self._view.fresh_until + self._stale_for:
            raise self._view.unavailable()
        return self._view

    def _fetch_under_way(self, view: _View) -> _Fetch | None:
        """The fetch under way, now started if there was none; None when the view is no longer this
        one."""
        process = os.getpid()
        with self._starting.setdefault(process, threading.Lock()):  # never over I/O
            fetch = self._fetches.get(process)
            if self._view is view and not (fetch and fetch.is_alive()):
                fetch = self._fetches[process] = _Fetch(self, self._timeout)
                try:
                    fetch.start()
                except RuntimeError as error:  # no thread to be had
                    self._fail(error)
            return fetch if self._view is view else None

    def _fetch(self, deadline: float) -> None:
        try:
            body, max_age = get(self._locate(deadline), deadline)
            generation = sha256(body).digest()
            keys = self._view.keys if generation == self._view.generation else _key_set(body)
            fresh_for = self._fresh_for if max_age is None else min(max(60, max_age), 86_400)
            now = time.monotonic()
            self._view = _View(
                keys, generation, now + fresh_for, now + 0.8 * fresh_for, now + _COOLDOWN
            )
        except Exception as error:  # whatever networks and documents hold
            self._fail(error)

    def _fail(self, error: Exception) -> None:
        told = (
            error if isinstance(error, ConfigurationError) else type(error).__name__
        )  # never a foreign text
        _log.warning("%r cannot be had: %s", self, told)
        view = self._view
        ask_at = time.monotonic() + (_COOLDOWN if view.has_failed else _FIRST_PAUSE)
        refresh_at = min(ask_at, view.fresh_until + self._stale_for)
        self._view = view._replace(refresh_at=refresh_at, ask_at=ask_at, has_failed=True)

    def _locate(self, deadline: float) -> str:
        return self._url

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._url.partition('?')[0]!r})"


class DiscoveredKeySet(RemoteKeySet):
    """The keys of an issuer that tells where they are: OpenID Connect Discovery 1.0 section 4, else
    RFC 8414 section 3.

    It is asked at each fetch, so keys that move are followed. The document's `issuer` must equal
    the asked one.
    """

    def _locate(self, deadline: float) -> str:
        issuer = urlsplit(self._url)
        origin, path = f"{issuer.scheme}://{issuer.netloc}", issuer.path.rstrip("/")
        try:
            metadata = _object(get(f"{origin}{path}/.well-known/openid-configuration", deadline)[0])
        except ValueError:  # not a 200, or not JSON
            metadata = _object(
                get(f"{origin}/.well-known/oauth-authorization-server{path}", deadline)[0]
            )
        named = metadata.get("issuer")
        if named != self._url and named in (self._url + "/", self._url.removesuffix("/")):
            raise ConfigurationError(
                f"its issuer calls itself {named!r}; the final slash alone differs"
            )
        require(named == self._url, "the document found there is another issuer's")
        return cast(str, metadata.get("jwks_uri"))


def _key_set(body: bytes) -> KeySet:
    jwks: Any = _object(body).get("keys")
    require(
        isinstance(jwks, list) and len(jwks) <= 100,
        "a JWKS document has a list of 100 keys at most",
    )
    return KeySet.from_jwks({"keys": [_public(jwk) for jwk in jwks]})


def _public(jwk: Any) -> Any:
    return (
        {name: jwk[name] for name in _PUBLIC_MEMBERS if name in jwk}
        if isinstance(jwk, dict)
        else jwk
    )


def _object(body: bytes) -> dict[str, Any]:
    value: Any = json.loads(body)
    require(isinstance(value, dict), "the answer is no JSON object")
    return cast(dict[str, Any], value)
