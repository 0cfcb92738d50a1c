"""Sessions: refresh tokens that rotate at each use and are useless to a reader of the store.

A refresh token is 16 random bytes, the name of its session, and 32 more, its secret. The store has
SHA-256 of each, so it can check a token but not make one. Each use replaces the secret by one
compare-and-swap.

A response can be lost, and two tabs can refresh at once, so rotation is idempotent for a while: for
`reuse_grace` seconds after a rotation the previous secret gets the *same* successor again. The
store cannot derive the successor from its hash, so it also has the successor XOR HMAC(previous
secret, "successor"). This is a one-time pad, since each secret is used as a key once, and only a
holder of the previous secret can take it off.

    secrets in time    S1 -> S2 -> S3           S3 is current, S2 previous, S1 older
    S3                 rotates to S4
    S2                 gets S3, for `reuse_grace` seconds after S3 was made, used or not
    S2 later, or S1    reuse: a stolen token, or its victim's (RFC 9700 section 4.14.2): the session
                       ends
    any other secret   reuse too: only a holder of one of its tokens knows the name of a session

A grace that lasted until the successor is used would never end for a thief whose victim does not
come back: a token stolen on Friday would give access tokens all weekend, unseen.

A session belongs to the issuer that started it. Login apps of several issuers may share a store,
and their user ids may coincide, so none of them refreshes or ends a session of another.
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

_NAME_BYTES, _SECRET_BYTES = 16, 32
_REFRESH_TOKEN = re.compile(r"[A-Za-z0-9_-]{64}")  # 48 bytes leave no bits over: one string each
_MAX_RETRIES = 5
"""How often a rotation may find that another one was quicker. Each of those makes the token older,
so two are enough but for a store that is wrong."""


class SessionEnded(Exception):
    """The refresh token is unknown, expired, reused or ended: `invalid_grant` (RFC 6749 section
    5.2)."""


class TokenReused(SessionEnded):
    """The refresh token was used before, and its session was ended for that."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.session = session


class ForeignToken(SessionEnded):
    """The refresh token belongs to a session of another issuer, which goes on."""

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

    def start(self, user: User, token_lifetime: int) -> tuple[str, Session]:
        """Return the first refresh token of a new session, and the session."""
        name, secret = secrets.token_bytes(_NAME_BYTES), secrets.token_bytes(_SECRET_BYTES)
        now = time.time()
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
        return _token(name, secret), session

    def rotate(self, refresh_token: str, token_lifetime: int) -> tuple[str, Session]:
        """Return the token that follows, and the session.

        `SessionEnded` when the token is not good any more; `TokenReused` when it was used before,
        which ends the session; `ForeignToken` when its session belongs to another issuer.
        """
        name, secret = _parts(refresh_token)
        for _ in range(_MAX_RETRIES):
            session = self._find(name)
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
            # Another request was quicker. If it used the same token, that is the previous one now.
        raise SessionEnded

    def end(self, refresh_token: str, *, all_of_the_user: bool = False) -> Session | None:
        """End the session of a refresh token with its access tokens; return it.

        None, and nothing ends, for a token that could not be refreshed: an unknown one, or one that
        was used before. None too for one of an expired session, which ends. `ForeignToken` when its
        session belongs to another issuer.
        """
        try:
            name, secret = _parts(refresh_token)
            session = self._find(name)
        except ForeignToken:
            raise
        except SessionEnded:
            return None
        if _is_expired(session):
            self._store.end_session(session)  # its last access token may be good for a while
            return None
        if not (_matches(secret, session.secret_hash) or self._is_in_grace(session, secret)):
            return None
        self._end(session, all_of_the_user)
        return session

    def end_by_sid(
        self, user_id: str, sid: str, *, all_of_the_user: bool = False
    ) -> Session | None:
        """End the session that an access token names by its `sub` and `sid`; return it, or None
        when there is none."""
        session = self._store.find_session_by_sid(sid, user_id=user_id, issuer=self._issuer)
        if session is not None:
            self._end(session, all_of_the_user)
        return session

    def _end(self, session: Session, all_of_the_user: bool) -> None:
        if all_of_the_user:
            # With the others, in one step: when it fails, the same token can ask for it again.
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
        """Raise `SessionEnded`, and end the session only if its token was used before.

        The clock of this machine may be ahead. So a session whose current token comes is left to
        the other machines, and the store removes it by its own clock.
        """
        if not _matches(secret, session.secret_hash):
            self._store.end_session(session)
        raise SessionEnded

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
        # In both directions: a machine whose clock is ahead must not lengthen the grace by that.
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
    """Mask a successor with the one-time pad of the secret before it, or take the mask off."""
    pad = hmac.digest(secret, b"successor", "sha256")
    return bytes(left ^ right for left, right in zip(pad, successor, strict=True))
