"""Manages sessions: refresh tokens rotate at each use, and a stolen store contains none of them.

A refresh token has two parts: 16 random bytes that name its session, and a secret of 32 random
bytes. The store has the SHA-256 of each part, so it can check a token but cannot make one. Each use
replaces the secret with one compare-and-swap.

A response can be lost, and two tabs can refresh at once. So for `reuse_grace` seconds after a
rotation, the previous secret gets the *same* successor again. The store has only the hash of the
successor, so it also stores the successor XOR HMAC(previous secret, "successor"). This is a
one-time pad: each secret serves as the key once. Only a holder of the previous secret can unmask
the successor.

    secrets in time    S1 -> S2 -> S3           S3 is current, S2 previous, S1 older
    S3                 rotates to S4
    S2                 gets S3, for `reuse_grace` seconds after S3 was created, used or not
    S2 later, or S1    reuse: a thief or the victim came second (RFC 9700 section 4.14.2); the
                       session ends
    any other secret   also reuse: only a holder of a token of the session knows its name

The grace must not last until the successor is used. A victim who does not return would never end
it: a token stolen on Friday would give access tokens all weekend, unnoticed.

A session belongs to the issuer that started it. Login apps of several issuers may share a store,
and their user ids may coincide. So no login app refreshes or ends a session of another issuer.
"""

import hashlib
import hmac
import re
import secrets
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import replace
from typing import NoReturn

from .._options import check_seconds, require
from ..stores.base import Session, SessionStore, User
from .session_keys import key_of, new_sid

_NAME_BYTES, _SECRET_BYTES = 16, 32
_REFRESH_TOKEN = re.compile(r"[A-Za-z0-9_-]{64}")  # 48 bytes fill 64 characters: one string each.
_MAX_RETRIES = 5
"""Attempts of one rotation. A concurrent rotation makes the token older, so a correct store needs
two; the limit stops a loop over a faulty store."""


class SessionEnded(Exception):
    """The refresh token is unknown, expired, reused or ended: `invalid_grant` (RFC 6749 section
    5.2)."""


class SessionExpired(SessionEnded):
    """The session has expired by the clock of this machine, which may be ahead of the others."""


class TokenReused(SessionEnded):
    """The refresh token was used before. Its session has been ended for that reason."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.session = session


class ForeignToken(SessionEnded):
    """The refresh token belongs to a session of another issuer. That session continues."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.session = session


class WrongKey(SessionEnded):
    """The session is bound to a key, and the request has not proved it. The session continues."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.session = session


class Sessions:
    """Starts, rotates and ends the sessions of one issuer in a store. All times are seconds."""

    def __init__(
        self,
        store: SessionStore,
        *,
        reuse_grace: float,
        idle_timeout: float,
        session_lifetime: float,
        issuer: str,
    ) -> None:
        check_seconds("reuse_grace", reuse_grace)
        check_seconds("idle_timeout", idle_timeout, above=0)
        check_seconds("session_lifetime", session_lifetime, above=0)
        require(
            idle_timeout <= session_lifetime,
            f"idle_timeout must be at most session_lifetime ({session_lifetime}),"
            f" got {idle_timeout}",
        )
        self._store = store
        self._reuse_grace = reuse_grace
        self._idle_timeout = idle_timeout
        self._session_lifetime = session_lifetime
        self._issuer = issuer

    def start(
        self, user: User, token_lifetime: int, thumbprint: str | None = None
    ) -> tuple[str, Session]:
        """Return the first refresh token of a new session, and the session. With the thumbprint of
        a key, only the holder of the key can continue it."""
        name, secret = secrets.token_bytes(_NAME_BYTES), secrets.token_bytes(_SECRET_BYTES)
        now = time.time()
        session = Session(
            name_hash=_hash(name),
            sid=new_sid(thumbprint),
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
        return _token(name, secret), session

    def rotate(
        self, refresh_token: str, token_lifetime: int, thumbprint: str | None = None
    ) -> tuple[str, Session]:
        """Return the next refresh token, and the session. `thumbprint` is that of the key that the
        request has proved.

        `SessionEnded` when the token is no longer valid, `SessionExpired` when only its time is
        over. `TokenReused` when it was used before, which ends the session. `ForeignToken` when its
        session belongs to another issuer. `WrongKey` when the session is bound to another key.
        """
        name, secret = _parts(refresh_token)
        for _ in range(_MAX_RETRIES):
            session = self._find(name)
            if key_of(session) not in (None, thumbprint):
                raise WrongKey(session)
            if _is_expired(session):
                self._refuse_expired(session, secret)
            changed = replace(session, token_lifetime=max(token_lifetime, session.token_lifetime))
            if _matches(secret, session.secret_hash):
                successor = secrets.token_bytes(_SECRET_BYTES)
                changed = self._rotated(changed, secret, successor)
            elif session.successor and self._is_in_grace(session, secret):
                successor = _mask_successor(secret, session.successor)
            else:
                self._store.end_session(session)
                raise TokenReused(session)
            if changed == session or self._store.replace_session(session, changed):
                return _token(name, successor), changed
            # Another request won the race. If it used this token, this token is now the previous
            # one.
        raise SessionEnded

    def current(self, refresh_token: str) -> Session:
        """Return the session of a refresh token, which is not rotated. Raise as `rotate` does."""
        name, secret = _parts(refresh_token)
        session = self._find(name)
        if _is_expired(session):
            self._refuse_expired(session, secret)
        if not (_matches(secret, session.secret_hash) or self._is_in_grace(session, secret)):
            self._store.end_session(session)
            raise TokenReused(session)
        return session

    def find_by_sid(self, user_id: str, sid: str) -> Session | None:
        """Return the session that an access token names by its `sub` and `sid`, expired or not."""
        return self._store.find_session_by_sid(sid, user_id=user_id, issuer=self._issuer)

    def end(self, refresh_token: str, *, all_of_the_user: bool = False) -> Session | None:
        """End the session of a refresh token and revoke its access tokens. Return the session.

        Return None without effect for a token that is unknown or was used before, so that it cannot
        be refreshed. Return None for a token of an expired session too, but end that session. Raise
        `ForeignToken` if the session belongs to another issuer.
        """
        try:
            name, secret = _parts(refresh_token)
            session = self._find(name)
        except ForeignToken:
            raise
        except SessionEnded:
            return None
        if _is_expired(session):
            self._store.end_session(session)  # its last access token may still be valid
            return None
        if not (_matches(secret, session.secret_hash) or self._is_in_grace(session, secret)):
            return None
        self._end(session, all_of_the_user)
        return session

    def end_by_sid(
        self, user_id: str, sid: str, *, all_of_the_user: bool = False
    ) -> Session | None:
        """End the session that an access token names by its `sub` and `sid`. Return the session, or
        None if it does not exist."""
        session = self.find_by_sid(user_id, sid)
        if session is not None:
            self._end(session, all_of_the_user)
        return session

    def _end(self, session: Session, all_of_the_user: bool) -> None:
        if all_of_the_user:
            # End all sessions in one step: if the step fails, the client can repeat the request.
            self._store.end_sessions(session.user_id, issuer=self._issuer)
        else:
            self._store.end_session(session)

    def _find(self, name: bytes) -> Session:
        session = self._store.find_session(_hash(name))
        if session is None:
            raise SessionEnded
        if session.issuer != self._issuer:
            raise ForeignToken(session)
        return session

    def _refuse_expired(self, session: Session, secret: bytes) -> NoReturn:
        """Raise `SessionExpired`, or end the session if its token was used before.

        The clock of this machine may be ahead. So with its current token, the session is left to
        other machines, and the store removes it by its own clock.
        """
        if not _matches(secret, session.secret_hash):
            self._store.end_session(session)
            raise SessionEnded
        raise SessionExpired

    def _rotated(self, session: Session, secret: bytes, successor: bytes) -> Session:
        now = time.time()
        return replace(
            session,
            used_at=now,
            expires_at=min(now + self._idle_timeout, session.started_at + self._session_lifetime),
            secret_hash=_hash(successor),
            previous_hash=session.secret_hash,
            successor=_mask_successor(secret, successor),
        )

    def _is_in_grace(self, session: Session, secret: bytes) -> bool:
        # `abs`, because a machine whose clock is ahead must not extend the grace of the others.
        is_recent = abs(time.time() - session.used_at) < self._reuse_grace
        return is_recent and _matches(secret, session.previous_hash or b"")


def _is_expired(session: Session) -> bool:
    return time.time() >= session.expires_at


def _parts(refresh_token: str) -> tuple[bytes, bytes]:
    if not _REFRESH_TOKEN.fullmatch(refresh_token):
        raise SessionEnded
    raw = urlsafe_b64decode(refresh_token)
    return raw[:_NAME_BYTES], raw[_NAME_BYTES:]


def _token(name: bytes, secret: bytes) -> str:
    return urlsafe_b64encode(name + secret).decode()


def _hash(part: bytes) -> bytes:
    return hashlib.sha256(part).digest()


def _matches(secret: bytes, expected_hash: bytes) -> bool:
    return hmac.compare_digest(_hash(secret), expected_hash)


def _mask_successor(secret: bytes, successor: bytes) -> bytes:
    """Mask a successor with the one-time pad of the secret before it, or unmask it."""
    pad = hmac.digest(secret, b"successor", "sha256")
    return bytes(left ^ right for left, right in zip(pad, successor, strict=True))
