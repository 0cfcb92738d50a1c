"""Finds the user whose session a token belongs to, and checks that neither has ended.

An access token proves more here than at the middleware: its session must still be in the store, and
its user must not have changed the password meanwhile. So a token that the owner minted by hand, or
a personal token, does not sign anybody in.
"""

import time

from ..errors import InvalidToken
from ..identity import Identity
from ..stores.base import Session, Store, User, UserStore
from ..trust.cut_offs import LOGIN_SESSION, cut_off_keys, is_cut_off
from ..trust.revocation import revocation_keys
from . import audit
from .minter import TokenMinter
from .own_users import checked_user
from .session_keys import key_of
from .sessions import SessionEnded, Sessions, TokenReused


class AccessTokens:
    """Checks access tokens of a minter against the store, at each call."""

    def __init__(self, store: Store, minter: TokenMinter) -> None:
        self._store = store
        self._minter = minter

    def caller(self, token: str, *, may_be_bound: bool = False) -> Identity | None:
        """Return the caller that an access token identifies. Return None if it does not verify, or
        is revoked.

        With `may_be_bound`, a token passes too that is bound to a key which nobody has proved.
        """
        try:
            caller = self._minter.verify(token, may_be_bound=may_be_bound)
        except InvalidToken:
            return None
        keys = revocation_keys(caller.issuer, caller.token_id, caller.session_id)
        return None if self._store.is_revoked(keys) or self._is_cut_off(caller) else caller

    def _is_cut_off(self, caller: Identity) -> bool:
        until = self._store.revoked_until
        return any(is_cut_off(caller, until(key)) for key in cut_off_keys(caller))


class SignedIn:
    """Finds the user of a current session."""

    def __init__(
        self, store: Store, users: UserStore, minter: TokenMinter, sessions: Sessions
    ) -> None:
        self._users = users
        self._sessions = sessions
        self._access_tokens = AccessTokens(store, minter)

    def by_access_token(self, token: str) -> User | None:
        """Return the user of an access token of a session, or None."""
        caller = self._access_tokens.caller(token)
        if caller is None or not (caller.session_id or "").startswith(LOGIN_SESSION):
            return None
        session = self._sessions.find_by_sid(caller.subject, caller.session_id or "")
        if session is None or time.time() >= session.expires_at:
            return None
        return self._user_of(session)

    def by_refresh_token(self, token: str, address: str | None) -> User | None:
        """Return the user of a refresh token, or None. The token is not used up by this.

        `address` is shown in the audit log if the token was used before, which ends its session.
        """
        try:
            session = self._sessions.current(token)
        except TokenReused as reused:
            facts = {"user_id": reused.session.user_id, "session": reused.session.sid}
            audit.record("reuse", address, **facts)
            return None
        except SessionEnded:
            return None
        # A stolen cookie is not enough for a session that is bound to a key.
        return self._user_of(session) if key_of(session) is None else None

    def _user_of(self, session: Session) -> User | None:
        user = checked_user(self._users, "get", self._users.get(session.user_id))
        return user if is_current(user, session) else None


def is_current(user: User | None, session: Session) -> bool:
    """Return whether the user exists, and has the password with which the session started."""
    return user is not None and user.version == session.user_version
