"""Nonces for DPoP proofs that all workers agree on (RFC 9449 section 8).

A nonce shows that a proof was made after the server gave the nonce away, so that nobody makes
proofs in advance. It lasts for two windows of time.

- With a secret, the nonce is an HMAC of the window. Every worker that has the secret computes the
  same nonce, and stores nothing.
- Without one, each worker makes a random nonce per window, and records it in the store's counters.
  Another worker finds it there.
"""

import hmac
import secrets
import threading
import time
from hashlib import sha256

from .encoding import encode_base64url
from .replays import Replays

WINDOW = 300
"""Seconds for which a nonce is given away. It is accepted for as long again."""

_NONCE_BYTES = 18
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

    def _of(self, window: int) -> str:
        mac = hmac.digest(self._secret, b"dpop nonce %d" % window, "sha256")
        return encode_base64url(mac[:_NONCE_BYTES]).decode()


class RecordedNonces:
    """Random nonces, recorded in the counters that all workers share."""

    def __init__(self, replays: Replays) -> None:
        self._replays = replays
        self._lock = threading.Lock()
        self._made: tuple[int, str] = (-1, "")
        self.known: dict[str, int] = {}  # nonces with their windows

    def current(self) -> str:
        """Return this worker's nonce of this window. Raise `Unavailable` if it cannot be
        recorded."""
        now = _window()
        made_in, nonce = self._made
        if made_in == now:
            return nonce
        with self._lock:
            if self._made[0] != now:
                nonce = encode_base64url(secrets.token_bytes(_NONCE_BYTES)).decode()
                self._replays.record(_key(nonce), 3 * WINDOW)
                self._remember(nonce, now)
                self._made = now, nonce
            return self._made[1]

    def accepts(self, nonce: str) -> bool:
        """Return whether a worker gave this nonce away in this window or the one before."""
        now = _window()
        found = self.known.get(nonce)
        if found is None:
            if not self._replays.has(_key(nonce)):
                return False
            # Its own window is unknown. The store forgets it in time.
            with self._lock:
                self._remember(nonce, now)
            return True
        return now - found <= 1

    def _remember(self, nonce: str, window: int) -> None:
        known = self.known
        if len(known) >= _MAX_KNOWN:
            known = {one: made for one, made in known.items() if window - made <= 1}
            known = {} if len(known) >= _MAX_KNOWN else known
        self.known = {**known, nonce: window}


def _window() -> int:
    return int(time.time() // WINDOW)


def _key(nonce: str) -> str:
    digest = sha256(nonce.encode("utf-8", "surrogatepass")).digest()
    return f"dpop-nonce/{encode_base64url(digest).decode()}"


Nonces = SharedNonces | RecordedNonces
