"""`BackChannelLogout`: an identity provider ends sessions here (OpenID Connect Back-Channel Logout
1.0).

The provider sends a signed logout token when a user logs out there, or is disabled. This receiver
writes a revocation into the log, and every process with a `RevocationList` on that log refuses the
access tokens within its `max_staleness`, without a read for each request:

- with a `sid`, those of that session;
- with a `sub` alone, those of the subject that were issued until the `iat` of the logout token. By
  that clock, the issuer's own, a login after the logout is not affected, and a second delivery of
  the same token has no effect.
"""

import hashlib
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from werkzeug.wrappers import Request, Response

from .._options import require
from ..errors import InvalidToken, StoreUnavailable, Unavailable
from ..trust.logout import RECENT, Logout, check_logout_providers, verify_logout
from ..trust.provider import Provider
from ..trust.verifier import Verifier
from ..wire.wsgi import WSGIApplication
from . import audit
from .app import WrappedApplication, answer_at
from .body import read_fields
from .errors import NO_STORE, LoginError, json_response
from .forms import peer_of

__all__ = [
    "BackChannelLogout",
    "LogoutLog",
]

_MAX_TOKEN_LIFETIME = 31 * 86_400
"""Seconds for which a session stays revoked, unless the provider has a `max_lifetime`. Auth0 issues
access tokens for up to 30 days."""

_REMEMBERED = 2 * RECENT + 600
"""Seconds for which the id of a logout token is remembered: longer than it is accepted with the
largest leeway on both sides."""

_MOST_REMEMBERED = 10_000
"""Ids in the memory of one process, for a log without counters."""

_RETRY_AFTER = {"Retry-After": "5"}


class LogoutLog(Protocol):
    """A revocation log that sessions and subjects can be added to. The bundled stores are such
    logs. Each call raises `StoreUnavailable` if the log cannot be written."""

    def revoke_session(self, issuer: str, session_id: str, *, expires_at: float) -> None:
        """Revoke all tokens with this `sid`, until the last of them has expired."""

    def revoke_subject(self, issuer: str, subject: str, *, until: float | None = None) -> None:
        """Revoke all tokens of a subject that were issued until a moment."""


class BackChannelLogout:
    """Receives logout tokens and revokes the access tokens of the sessions that have ended.

    - `providers`: the issuers that may send them, a list of `Provider`. Their `audience` is the
      client id that the identity provider has for you, which is often not the audience of access
      tokens.
    - `log`: the store with the revocation log that your `RevocationList` reads. If it has counters,
      as the bundled stores do, a logout token is accepted once by all processes.

    A provider without issuer or audience, or another log, raises `ConfigurationError`.
    """

    def __init__(self, providers: Sequence[Provider], log: LogoutLog) -> None:
        self._verifier = Verifier(providers)
        check_logout_providers(self._verifier)
        can_write = [callable(getattr(log, f"revoke_{kind}", None)) for kind in _KINDS]
        require(
            all(can_write) and not isinstance(log, type),
            "log must be a store with a revocation log that can be written, got "
            f"{type(log).__name__}: BackChannelLogout(providers, store)",
        )
        self._log = log
        self._is_taken, self._take = _memory_of(log)

    def wrap(self, app: WSGIApplication, *, path: str) -> WrappedApplication:
        """Return a WSGI app that receives logout tokens at `path`, such as `/backchannel-logout`,
        and passes all other requests on to `app`.

        No rule of a middleware inside `app` governs that path: the token is the only credential.
        """
        return answer_at(path, self._receive, app)

    def _receive(self, request: Request) -> Response:
        """Answer a logout request (section 2.8): 200, or 400 with the reason. 503 if the fault is
        ours, so that the provider may try again."""
        if request.method != "POST":
            return json_response(405, {"error": "invalid_request"}, {**NO_STORE, "Allow": "POST"})
        address = peer_of(request).address
        try:
            logout = verify_logout(self._verifier, _token_in(request))
            if not self._end(logout):
                return _refused("replayed", address)
        except LoginError:
            return _refused("malformed", address)
        except InvalidToken as refusal:
            return _refused(refusal.reason, address)
        except Unavailable as unavailable:
            return _unavailable(unavailable.reason, address)
        except StoreUnavailable as error:
            return _unavailable(error, address)
        facts = {"user_id": logout.subject, "session": logout.session_id}
        audit.record("provider_logout", address, issuer=logout.issuer, **facts)
        return Response(status=200, headers=NO_STORE)

    def _end(self, logout: Logout) -> bool:
        """Revoke what the logout token names. Return False if it was used before.

        The token counts as used when the revocation is written, and not earlier: after a fault the
        provider sends it again, and it must not be refused then. To revoke twice changes nothing.
        """
        name = _id_of(logout)
        try:
            if self._is_taken(name):
                return False
            self._revoke(logout)
            return self._take(name)
        except StoreUnavailable:
            raise
        except Exception as error:  # an owner's log may raise anything
            raise StoreUnavailable("the revocation log raised an error") from error

    def _revoke(self, logout: Logout) -> None:
        longest = logout.provider.max_lifetime or _MAX_TOKEN_LIFETIME
        if logout.session_id is not None:
            expires_at = time.time() + longest + logout.provider.leeway
            self._log.revoke_session(logout.issuer, logout.session_id, expires_at=expires_at)
        elif logout.subject is not None:
            self._log.revoke_subject(logout.issuer, logout.subject, until=logout.issued_at)


_KINDS = ("session", "subject")


def _token_in(request: Request) -> str:
    """Return the `logout_token` of a form. Other fields are ignored (section 2.5)."""
    if request.mimetype != "application/x-www-form-urlencoded":
        raise LoginError(400, "invalid_request", "A logout request is a form.")
    token = read_fields(request).get("logout_token")
    if not isinstance(token, str) or not token:
        raise LoginError(400, "invalid_request", "The field logout_token must be a string.")
    return token


def _id_of(logout: Logout) -> str:
    """Return a short name of a logout token for the counters of a store."""
    name = f"{logout.issuer}\n{logout.token_id}"
    return "logout/" + hashlib.sha256(name.encode()).hexdigest()[:32]


def _refused(reason: str, address: str | None) -> Response:
    audit.record("provider_refused", address, reason=reason)
    message = "The logout token is not valid."
    body = {"error": "invalid_request", "error_description": message, "reason": reason}
    return json_response(400, body)


def _unavailable(error: object, address: str | None) -> Response:
    audit.record("unavailable", address, error=error)
    body = {"error": "temporarily_unavailable"}
    return json_response(503, body, {**NO_STORE, **_RETRY_AFTER})


def _memory_of(log: Any) -> tuple[Callable[[str], bool], Callable[[str], bool]]:
    """Return two functions: one returns whether an id is taken, the other takes it and returns
    whether it was new."""
    increment, count = getattr(log, "increment", None), getattr(log, "count", None)
    if callable(increment) and callable(count):
        return (
            lambda name: bool(count(name)[0] > 0),
            lambda name: bool(increment(name, _REMEMBERED) == 1),
        )
    memory = _Memory()
    return memory.is_taken, memory.take


class _Memory:
    """The ids of this process alone. The oldest is forgotten beyond `_MOST_REMEMBERED`."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._until: OrderedDict[str, float] = OrderedDict()

    def take(self, name: str) -> bool:
        now = time.monotonic()
        with self._lock:
            if self._until.get(name, now) > now:
                return False
            self._until[name] = now + _REMEMBERED
            self._until.move_to_end(name)
            if len(self._until) > _MOST_REMEMBERED:
                self._until.popitem(last=False)
            return True

    def is_taken(self, name: str) -> bool:
        with self._lock:
            return self._until.get(name, 0.0) > time.monotonic()
