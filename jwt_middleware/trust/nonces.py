"""Nonces for DPoP proofs that all workers agree on (RFC 9449 section 8).

A nonce shows that a proof was made after the server gave the nonce away, so that nobody makes
proofs in advance. It is given away during one window of time, and accepted until the next one ends:
for at least one window, and for at most two. A proof with the nonce of the window before is
answered with the new one (section 8.2).

- With a secret, the nonce is an HMAC of the window. Every worker that has the secret computes the
  same nonce, and stores nothing.
- Without one, each worker makes a random nonce per window, and records it in the store's counters.
  Another worker finds it there. The nonce names its window, so that no worker accepts it longer.
"""

import hmac
import re
import secrets
import threading
import time
from hashlib import sha256

from ..errors import Unavailable
from .encoding import encode_base64url
from .replays import Replays

WINDOW = 300
"""Seconds for which a nonce is given away. It is accepted for as long again."""

_NONCE_BYTES = 18
# The number of the window, and what nobody can guess.
_match_recorded = re.compile(r"([0-9]{1,12})\.[A-Za-z0-9_-]{24}").fullmatch
_MAX_KNOWN = 256
"""Nonces of other workers that are cached: more than there are workers."""


class SharedNonces:
    """The nonces of a secret that all workers have."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def current(self) -> str:
        """Return the nonce of this window."""
        return self._of(_window())

    def accepts(self, nonce: str) -> bool:
        """Return whether it is the nonce of this window or of the one before. Clocks differ, so
        that of the next one counts too."""
        now, given = _window(), nonce.encode("utf-8", "surrogatepass")
        found = [hmac.compare_digest(self._of(now + n).encode(), given) for n in (0, -1, 1)]
        return any(found)

    def successor(self, nonce: str) -> str | None:
        """Return the nonce of this window if the accepted nonce is that of the one before."""
        now = _window()
        return self._of(now) if nonce == self._of(now - 1) else None

    def _of(self, window: int) -> str:
        mac = hmac.digest(self._secret, b"dpop nonce %d" % window, "sha256")
        return encode_base64url(mac[:_NONCE_BYTES]).decode()


class RecordedNonces:
    """Random nonces, recorded in the counters that all workers share."""

    def __init__(self, replays: Replays) -> None:
        self._replays = replays
        self._lock = threading.Lock()
        self._made: tuple[int, str] = (-1, "")
        self.known: frozenset[str] = frozenset()  # nonces that are in the store

    def current(self) -> str:
        """Return this worker's nonce of this window. Raise `Unavailable` if it cannot be
        recorded."""
        now = _window()
        made_in, nonce = self._made
        if made_in == now:
            return nonce
        with self._lock:
            if self._made[0] != now:
                random = encode_base64url(secrets.token_bytes(_NONCE_BYTES)).decode()
                nonce = f"{now}.{random}"
                self._replays.record(_key(nonce), 3 * WINDOW)
                self._remember(nonce, now)
                self._made = now, nonce
            return self._made[1]

    def accepts(self, nonce: str) -> bool:
        """Return whether a worker gave this nonce away in this window or the one before. Clocks
        differ, so the next window counts too. Raise `Unavailable` if nobody knows."""
        now, window = _window(), _window_of(nonce)
        if window is None or not now - 1 <= window <= now + 1:
            return False
        if nonce not in self.known:
            if not self._replays.has(_key(nonce)):
                return False
            with self._lock:
                self._remember(nonce, now)
        return True

    def successor(self, nonce: str) -> str | None:
        """Return the nonce of this window if the accepted nonce is that of the one before. Return
        None if it cannot be recorded, since the accepted one is still good."""
        if (_window_of(nonce) or 0) >= _window():
            return None
        try:
            return self.current()
        except Unavailable:
            return None

    def _remember(self, nonce: str, now: int) -> None:
        known = self.known
        if len(known) >= _MAX_KNOWN:
            known = frozenset(one for one in known if (_window_of(one) or 0) >= now - 1)
            known = frozenset() if len(known) >= _MAX_KNOWN else known
        self.known = known | {nonce}


def _window_of(nonce: str) -> int | None:
    """Return the number of the window in which a worker made a nonce, or None for another text."""
    found = _match_recorded(nonce)
    return None if found is None else int(found[1])


def _window() -> int:
    return int(time.time() // WINDOW)


def _key(nonce: str) -> str:
    digest = sha256(nonce.encode("utf-8", "surrogatepass")).digest()
    return f"dpop-nonce/{encode_base64url(digest).decode()}"


Nonces = SharedNonces | RecordedNonces
