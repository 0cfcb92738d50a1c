"""What `POST /token` and `POST /revoke` do: from the fields of a request to the fields of its
answer."""

from collections.abc import Mapping
from typing import Any, Protocol

from ..errors import InvalidToken, StoreUnavailable
from ..stores.base import Counters, Session, SessionStore, User, UserStore
from ..trust.verifier import Verifier
from . import audit
from .body import Problem, text_field
from .minter import TokenMinter
from .sessions import SessionEnded, Sessions, TokenReused
from .throttle import Attempt, Throttle, Throttled, address_of


class Store(SessionStore, Counters, Protocol):
    """What the login app keeps: sessions and counters, and users unless these are elsewhere."""

    def ping(self) -> None:
        """Return if the store answers, else raise `StoreUnavailable`."""


class TokenEndpoint:
    """Gives tokens for a name and password or for a refresh token, and takes tokens back."""

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
        self._verifier = Verifier([minter.provider])

    def grant(self, fields: Mapping[str, Any], environ: Mapping[str, Any]) -> dict[str, Any]:
        """Return the answer of `POST /token` (RFC 6749 sections 5.1 and 6). `Problem` with its
        error."""
        if "grant_type" not in fields:
            return self._sign_in(
                text_field(fields, "username"), text_field(fields, "password"), environ
            )
        if fields["grant_type"] == "refresh_token":
            return self._refresh(text_field(fields, "refresh_token"), environ)
        raise Problem(400, "unsupported_grant_type", "The only grant_type is refresh_token.")

    def revoke(self, fields: Mapping[str, Any], environ: Mapping[str, Any]) -> dict[str, Any]:
        """Take a token back; return the answer, which is the same for a token that is none (RFC
        7009 section 2.2).

        A refresh token ends its session and all its access tokens, an access token ends itself;
        with `all` all sessions of the user end.
        """
        token, all_ = text_field(fields, "token"), fields.get("all") in (True, "true")
        session = self._sessions.end(token, all_of_the_user=all_)
        if session:
            ended = "all" if all_ else "session"
            audit.record(
                "logout", environ, user_id=session.user_id, session=session.sid, ended=ended
            )
        else:
            self._revoke_access_token(token, all_, environ)
        return {}

    def _sign_in(self, username: str, password: str, environ: Mapping[str, Any]) -> dict[str, Any]:
        attempt = self._attempt(username, environ)
        user = self._users.authenticate(username, password)
        if user is None:
            audit.record("failure", environ)
            raise _bad_credentials()
        if attempt:
            attempt.succeeded()
        refresh_token, session = self._sessions.start(user, self._minter.lifetime)
        facts = {"user_id": user.id, "username": user.username, "session": session.sid}
        try:
            if not self._is_current(self._users.get(str(user.id)), session):
                audit.record("changed", environ, **facts)
                raise _bad_credentials()
            answer = self._answer(user, session, refresh_token)
        except (Problem, StoreUnavailable):
            self._store.end_session(session)
            raise
        audit.record("login", environ, **facts)
        return answer

    def _attempt(self, username: str, environ: Mapping[str, Any]) -> Attempt | None:
        if self._throttle is None:
            return None
        try:
            return self._throttle.attempt(self._store, username, address_of(environ))
        except Throttled as throttled:
            audit.record("throttle", environ)
            retry_after = {"Retry-After": str(throttled.retry_after)}
            raise Problem(
                429, "invalid_grant", "Too many failed attempts: try again later.", retry_after
            ) from None

    def _refresh(self, refresh_token: str, environ: Mapping[str, Any]) -> dict[str, Any]:
        try:
            successor, session = self._sessions.rotate(refresh_token, self._minter.lifetime)
        except TokenReused as reused:
            audit.record(
                "reuse", environ, user_id=reused.session.user_id, session=reused.session.sid
            )
            raise _ended() from None
        except SessionEnded:
            raise _ended() from None
        user = self._users.get(session.user_id)
        if user is None or not self._is_current(user, session):
            self._store.end_session(session)
            audit.record("outdated", environ, user_id=session.user_id, session=session.sid)
            raise _ended()
        answer = self._answer(user, session, successor)
        audit.record("refresh", environ, user_id=session.user_id, session=session.sid)
        return answer

    def _is_current(self, user: User | None, session: Session) -> bool:
        return user is not None and user.version == session.user_version

    def _revoke_access_token(self, token: str, all_: bool, environ: Mapping[str, Any]) -> None:
        try:
            caller = self._verifier.identify(token)
        except InvalidToken:
            return
        if caller.token_id is not None:
            self._store.revoke(
                token_id=caller.token_id, expires_at=caller.expires_at, issuer=caller.issuer
            )
        if all_:
            self._store.end_sessions(caller.subject)
        ended = "all" if all_ else "token"
        audit.record(
            "logout", environ, user_id=caller.subject, session=caller.session_id, ended=ended
        )

    def _answer(self, user: User, session: Session, refresh_token: str) -> dict[str, Any]:
        try:
            if isinstance(user.id, bool) or not isinstance(user.id, (int, str)):
                raise TypeError("a user's id is a number or a text")
            token = self._minter.mint(
                str(user.id), scopes=user.scopes, session=session.sid, claims=user.claims
            )
        except (TypeError, ValueError) as error:
            raise StoreUnavailable(f"no token for a user of it: {error}") from error
        return {
            "token": token,
            "user_id": user.id,
            "access_token": token,
            "token_type": "Bearer",
            "expires_in": self._minter.lifetime,
            "refresh_token": refresh_token,
        }


def _bad_credentials() -> Problem:
    return Problem(
        401,
        "invalid_grant",
        "Bad username or password",
        {"WWW-Authenticate": 'Bearer realm="login"'},
    )


def _ended() -> Problem:
    return Problem(400, "invalid_grant", "The session has ended: sign in again.")
