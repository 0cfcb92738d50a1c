"""Implements `POST /token` and `POST /revoke`: takes the fields of a request and returns the fields
of its answer.

This module does not know WSGI or headers: `routes` reads requests and writes answers.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from ..errors import StoreUnavailable
from ..stores.base import Session, Store, User, UserStore
from ..stores.patience import one_patience
from ..stores.users import warn_without_version
from ..trust.minted_claims import claims_of_user
from . import audit
from .body import text_field
from .client_keys import ClientKey, needs_proof
from .counters import counters_of
from .errors import ForeignSession, LoginError, SessionContinues
from .minter import TokenMinter
from .own_users import checked_user
from .requester import Peer, Requester
from .sessions import (
    ForeignToken,
    SessionEnded,
    SessionExpired,
    Sessions,
    TokenReused,
    WrongKey,
)
from .signed_in import AccessTokens, is_current
from .throttle import Attempt, Throttle, Throttled

_ENDED = ("all", "session", "token", "nothing")
"""The things that `POST /revoke` may have ended, the most first: all sessions of the user, one
session with its tokens, one token without a session."""


class Grants:
    """Grants tokens for a username and password or for a refresh token, and revokes tokens."""

    def __init__(
        self,
        store: Store,
        users: UserStore,
        minter: TokenMinter,
        sessions: Sessions,
        throttle: Throttle | None,
    ) -> None:
        self._store = store
        self._users = users
        self._minter = minter
        self._sessions = sessions
        self._throttle = throttle
        self._access_tokens = AccessTokens(store, minter)
        self._counters = counters_of(store, users, minter.issuer)

    def grant(
        self,
        fields: Mapping[str, Any],
        peer: Peer,
        *,
        max_token_bytes: int | None = None,
        key: ClientKey | None = None,
    ) -> dict[str, Any]:
        """Return the fields that answer `POST /token` (RFC 6749 sections 5.1 and 6), or raise
        `LoginError`.

        The tokens are bound to `key`, if there is one. Raise `StoreUnavailable` for an access token
        of more than `max_token_bytes`.
        """
        requester = Requester(peer, max_token_bytes, key)
        grant_type = fields.get("grant_type", "password")
        if grant_type == "password":
            username, password = text_field(fields, "username"), text_field(fields, "password")
            return self._log_in(username, password, requester)
        if grant_type == "refresh_token":
            return self._refresh(text_field(fields, "refresh_token"), requester)
        raise LoginError(
            400, "unsupported_grant_type", "The grant_type must be password or refresh_token."
        )

    def issue(self, user: User) -> dict[str, Any]:
        """Return what `POST /token` answers for a user who logged in some other way, or raise
        `LoginError` if the user may not log in."""
        warn_without_version(self._users, user)
        with one_patience():
            return self._start_session(user, Requester(Peer(None, None)))

    def revoke(
        self, tokens: Iterable[str], peer: Peer, *, everywhere: bool = False
    ) -> dict[str, Any]:
        """End the session of each refresh or access token. Return the fields that answer `POST
        /revoke`.

        `everywhere` ends all sessions of its user with this issuer.

        A used, expired or revoked token has no effect. This is not an error (RFC 7009 section 2.2).
        An unknown token gets the same answer as those, and as a token of another login app.
        """
        ended = {self._revoke(token, peer, everywhere) for token in dict.fromkeys(tokens)}
        return {"ended": next(word for word in _ENDED if word in ended or word == "nothing")}

    def _revoke(self, token: str, peer: Peer, everywhere: bool) -> str:
        """End the session of a token, and return one of `_ENDED`."""
        try:
            session = self._sessions.end(token, all_of_the_user=everywhere)
        except ForeignToken as foreign:
            audit.record("foreign", peer.address, **_facts(foreign.session))
            return "nothing"
        if session is None:
            return self._revoke_access_token(token, peer, everywhere)
        ended = "all" if everywhere else "session"
        audit.record("logout", peer.address, **_facts(session), ended=ended)
        return ended

    def _log_in(self, username: str, password: str, requester: Requester) -> dict[str, Any]:
        attempt = self._attempt(username, requester.peer)
        try:
            user = self._authenticate(username, password, requester.peer)
            if attempt is not None:
                attempt.succeeded()
            requester.use_proof()
            return self._start_session(user, requester)
        except StoreUnavailable:
            # The fault is ours, and the client learned nothing about the password: do not count it.
            if attempt is not None:
                attempt.give_back()
            raise

    def _authenticate(self, username: str, password: str, peer: Peer) -> User:
        found = self._users.authenticate(username, password)
        user = checked_user(self._users, "authenticate", found)
        if user is None:
            audit.record("failure", peer.address)
            raise _bad_credentials()
        warn_without_version(self._users, user)
        return user

    def _user(self, user_id: str) -> User | None:
        return checked_user(self._users, "get", self._users.get(user_id))

    def _start_session(self, user: User, requester: Requester) -> dict[str, Any]:
        peer = requester.peer
        refresh_token, session = self._sessions.start(
            user, self._minter.lifetime, requester.thumbprint
        )
        facts = {"user_id": user.id, "username": user.username, "session": session.sid}
        try:
            if not is_current(self._user(str(user.id)), session):
                audit.record("changed", peer.address, **facts)
                raise _bad_credentials()
            answer = self._answer(user, session, refresh_token, requester)
        except (LoginError, StoreUnavailable):
            self._store.end_session(session)
            raise
        audit.record("login", peer.address, **facts)
        return answer

    def _attempt(self, username: str, peer: Peer) -> Attempt | None:
        if self._throttle is None:
            return None
        try:
            return self._throttle.attempt(self._counters, username, peer.counted_as)
        except Throttled as throttled:
            audit.record("throttle", peer.address)
            retry_after = {"Retry-After": str(throttled.retry_after)}
            raise LoginError(
                429, "invalid_grant", "Too many failed attempts: try again later.", retry_after
            ) from None

    def _refresh(self, refresh_token: str, requester: Requester) -> dict[str, Any]:
        peer = requester.peer
        successor, session = self._rotate(refresh_token, requester)
        requester.use_proof()
        user = self._user(session.user_id)
        if user is None or not is_current(user, session):
            self._store.end_session(session)
            audit.record("outdated", peer.address, **_facts(session))
            raise _session_ended()
        # A proof binds the access token alone. To bind the session here too would make it another
        # one, so that a thief of its refresh token escapes the detection of reuse.
        answer = self._answer(user, session, successor, requester)
        audit.record("refresh", peer.address, **_facts(session))
        return answer

    def _rotate(self, refresh_token: str, requester: Requester) -> tuple[str, Session]:
        peer = requester.peer
        try:
            return self._sessions.rotate(refresh_token, self._minter.lifetime, requester.thumbprint)
        except WrongKey as wrong:
            audit.record("wrong_key", peer.address, **_facts(wrong.session))
            # The sender of another key's proof can never use the token.
            raise (needs_proof() if requester.thumbprint is None else _session_ended()) from None
        except TokenReused as reused:
            audit.record("reuse", peer.address, **_facts(reused.session))
        except ForeignToken as foreign:
            audit.record("foreign", peer.address, **_facts(foreign.session))
            raise _session_ended(ForeignSession) from None
        except SessionExpired:
            raise _session_ended(SessionContinues) from None
        except SessionEnded:
            pass
        raise _session_ended()

    def _revoke_access_token(self, token: str, peer: Peer, everywhere: bool) -> str:
        caller = self._access_tokens.caller(token, may_be_bound=True)
        if caller is None:
            return "nothing"
        session = self._sessions.end_by_sid(
            caller.subject, caller.session_id or "", all_of_the_user=everywhere
        )
        ended = "all" if everywhere else "session"
        if session is None:  # The owner minted this token without a session, so revoke it alone.
            ended = "all" if everywhere else "token"
            if everywhere:
                self._store.end_sessions(caller.subject, issuer=self._minter.issuer)
            if caller.token_id is not None:
                self._store.revoke(
                    token_id=caller.token_id, expires_at=caller.expires_at, issuer=caller.issuer
                )
        facts = {"user_id": caller.subject, "session": caller.session_id}
        audit.record("logout", peer.address, **facts, ended=ended)
        return ended

    def _answer(
        self, user: User, session: Session, refresh_token: str, requester: Requester
    ) -> dict[str, Any]:
        try:
            if isinstance(user.id, bool) or not isinstance(user.id, (int, str)):
                raise TypeError("id of a user must be an integer or a string")
            # The time of the password, which a refresh does not change.
            at = {"auth_time": int(session.started_at)}
            own = claims_of_user(user.claims)
            claims = {**_name_of(user), **own, **at, **requester.confirmation}
            token = self._minter.mint(
                str(user.id), scopes=user.scopes, session=session.sid, claims=claims
            )
        except (TypeError, ValueError) as error:
            raise StoreUnavailable(f"cannot mint a token for a user: {error}") from error
        most = requester.max_token_bytes
        if most is not None and len(token) > most:
            raise StoreUnavailable(
                f"the access token of user {user.id} has {len(token)} bytes, and a cookie has room "
                f"for {most}: give the user fewer scopes or claims"
            )
        return {
            "token": token,
            "user_id": user.id,
            "access_token": token,
            "token_type": "Bearer" if requester.key is None else "DPoP",
            "expires_in": self._minter.lifetime,
            "refresh_token": refresh_token,
        }


def _name_of(user: User) -> dict[str, str]:
    """Return the claim `preferred_username` (OpenID Connect Core 1.0 section 5.1).

    A claim of that name in `User.claims` replaces it. An owner's table may have users without a
    name, or with an unprintable name.
    """
    name: object = user.username
    is_shown = isinstance(name, str) and name != "" and name.isprintable()
    return {"preferred_username": str(name)} if is_shown else {}


def _facts(session: Session) -> dict[str, object]:
    return {"user_id": session.user_id, "session": session.sid}


def _bad_credentials() -> LoginError:
    challenge = {"WWW-Authenticate": 'Bearer realm="login"'}
    return LoginError(401, "invalid_grant", "Bad username or password", challenge)


def _session_ended(kind: type[LoginError] = LoginError) -> LoginError:
    return kind(400, "invalid_grant", "The session has ended: log in again.")
