"""Sessions: refresh tokens that rotate at each use and are of no use to whoever reads the store.

A refresh token is 16 random bytes, the name of its session, and 32, the secret of the moment. The
store has SHA-256 of each and so can check a token but not make one. Each use replaces the secret by
one compare-and-swap.

A response can be lost, and two tabs can refresh at once, so rotation is idempotent: the previous
secret gets the *same* successor until that has been used, and for `reuse_grace` seconds after. The
store could not tell the successor from its hash, so it also has the successor XOR HMAC(previous
secret, "successor"): a one-time pad (each secret is used as a key once) that only who holds the
previous secret can take off.

    secrets in time    S1 -> S2 -> S3           S3 is current, S2 previous, S1 older
    S3                 rotates to S4
    S2                 gets S3, as often as it asks, since S3 has not been used
    S1                 gets S2, while S2's use is not older than the grace
    anything else      a stolen token, or its victim's (RFC 9700 section 4.14.2): the session ends
"""

import hashlib
import hmac
import re
import secrets
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import replace

from ..errors import require
from ..stores.base import Session, SessionStore, User

_NAME_BYTES, _SECRET_BYTES = 16, 32
_FORM = re.compile(r"[A-Za-z0-9_-]{64}")  # 48 bytes leave no bits over: one text each
_RACES = 5


class SessionEnded(Exception):
    """The refresh token is unknown, expired, reused or ended: `invalid_grant` (RFC 6749 section
    5.2)."""


class TokenReused(SessionEnded):
    """The refresh token was used before, and its session was ended for that."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.session = session


class Sessions:
    """Starts, rotates and ends the sessions of a store. All times are seconds."""

    def __init__(
        self,
        store: SessionStore,
        *,
        reuse_grace: float,
        idle_timeout: float,
        session_lifetime: float,
        issuer: str,
    ) -> None:
        require(reuse_grace >= 0, "reuse_grace is a number of seconds")
        require(
            0 < idle_timeout <= session_lifetime,
            "idle_timeout is a number of seconds, at most session_lifetime",
        )
        self._store = store
        self._reuse_grace = reuse_grace
        self._idle_timeout = idle_timeout
        self._session_lifetime = session_lifetime
        self._issuer = issuer

    def start(self, user: User, token_lifetime: int) -> tuple[str, Session]:
        """Return the first refresh token of a new session, and the session."""
        name, secret, now = (
            secrets.token_bytes(_NAME_BYTES),
            secrets.token_bytes(_SECRET_BYTES),
            time.time(),
        )
        session = Session(
            name_hash=_hash(name),
            sid=secrets.token_urlsafe(16),
            issuer=self._issuer,
            user_id=str(user.id),
            user_version=user.version,
            token_lifetime=token_lifetime,
            started_at=now,
            used_at=now,
            expires_at=now + self._idle_timeout,
            secret_hash=_hash(secret),
        )
        self._store.add_session(session)
        return _text(name, secret), session

    def rotate(self, refresh_token: str, token_lifetime: int) -> tuple[str, Session]:
        """Return the token that follows, and the session. `SessionEnded` when the token is not good
        any more."""
        name, secret = _parts(refresh_token)
        for _ in range(_RACES):
            session = self._find(name)
            changed = replace(session, token_lifetime=max(token_lifetime, session.token_lifetime))
            if hmac.compare_digest(_hash(secret), session.secret_hash):
                successor = secrets.token_bytes(_SECRET_BYTES)
                changed = self._rotated(changed, secret, successor)
            else:
                successor = self._same_successor(session, secret)
            if changed == session or self._store.replace_session(session, changed):
                return _text(name, successor), changed
            # Somebody else was quicker: a token that was the current one is the previous one now.
        raise SessionEnded

    def end(self, refresh_token: str, *, all_of_the_user: bool = False) -> Session | None:
        """End the session that the token belongs to, and its access tokens; return it, or None for
        an unknown token."""
        try:
            session = self._find(_parts(refresh_token)[0])
        except SessionEnded:
            return None
        if all_of_the_user:
            self._store.end_sessions(
                session.user_id
            )  # first: when it fails, the same token can ask for it again
        self._store.end_session(session)
        return session

    def _find(self, name: bytes) -> Session:
        session = self._store.find_session(_hash(name))
        if session is None:
            raise SessionEnded
        if time.time() >= session.expires_at:
            self._store.end_session(session)
            raise SessionEnded
        return session

    def _rotated(self, session: Session, secret: bytes, successor: bytes) -> Session:
        now = time.time()
        return replace(
            session,
            used_at=now,
            expires_at=min(now + self._idle_timeout, session.started_at + self._session_lifetime),
            secret_hash=_hash(successor),
            previous_hash=session.secret_hash,
            successor=_pad(secret, successor),
            older_hash=session.previous_hash,
            older_successor=session.successor,
        )

    def _same_successor(self, session: Session, secret: bytes) -> bytes:
        presented = _hash(secret)
        if session.successor and hmac.compare_digest(presented, session.previous_hash or b""):
            return _pad(secret, session.successor)
        is_within_grace = time.time() < session.used_at + self._reuse_grace
        if (
            is_within_grace
            and session.older_successor
            and hmac.compare_digest(presented, session.older_hash or b"")
        ):
            return _pad(secret, session.older_successor)
        self._store.end_session(session)
        raise TokenReused(session)


def _parts(refresh_token: str) -> tuple[bytes, bytes]:
    if not _FORM.fullmatch(refresh_token):
        raise SessionEnded
    raw = urlsafe_b64decode(refresh_token)
    return raw[:_NAME_BYTES], raw[_NAME_BYTES:]


def _text(name: bytes, secret: bytes) -> str:
    return urlsafe_b64encode(name + secret).decode()


def _hash(part: bytes) -> bytes:
    return hashlib.sha256(part).digest()


def _pad(secret: bytes, text: bytes) -> bytes:
    """Put the one-time pad of a secret on its successor, or take it off."""
    pad = hmac.digest(secret, b"successor", "sha256")
    return bytes(left ^ right for left, right in zip(pad, text, strict=True))
