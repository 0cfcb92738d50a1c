"""`Introspection`: a provider that asks the issuer about each token (RFC 7662).

A token is a secret, so this module only remembers its digest. A stranger may send any number of
made-up tokens. So answers are cached, refusals too; each token is asked for once at a time, and
the requests that run at once are bounded.
"""

import base64
import logging
import os
import threading
import time
from collections import OrderedDict
from hashlib import sha256
from typing import Any
from urllib.parse import quote_plus, urlencode

from .._options import check_seconds, got, is_text, require
from ..errors import ConfigurationError, InvalidToken, Unavailable
from .claims import KIND_CLAIMS, is_other_kind
from .encoding import parse_document
from .fetch import Fetch, cause_of, post
from .http_answer import UnusableStatus
from .lookup import NO_KEYS, LookedUp
from .provider import Provider
from .urls import checked_url, is_https, is_loopback, shown_url

_log = logging.getLogger("jwt_middleware")

_REFUSED_FOR = 5
"""Seconds for which a refusal is cached, since a new token may be unknown at first."""

_RETRY = 1
"""Seconds after a failed request in which nobody asks again, so that an outage costs no threads."""

_OF_THE_REQUEST = frozenset((400, 413, 414, 422, 431))
"""Statuses of a single request that cannot be read. They show no outage, so others are asked on: a
stranger chooses the token, and could refuse everybody otherwise."""

_MOST_CACHED = 10_000
"""Cached answers, each a few hundred bytes."""

_MOST_AT_ONCE = 32
"""Requests to the issuer that may run at once. Beyond that the answer is 503."""

_Answer = tuple[float, dict[str, Any] | None]
"""Until when an answer holds (`time.monotonic`), and the claims, or None for a refusal."""


class Introspection:
    """A provider for tokens without content, which the issuer's introspection endpoint describes
    (RFC 7662), beside the providers of JWTs.

    - `url`: the endpoint: https, or http on loopback and on the hosts of `Fetch(allow_http=...)`.
    - `issuer`, `audience`, `subject_claim`, `remote_user_claim`: as in `Provider`. An answer may
      lack `iss`; an answer for another issuer or audience is refused.
    - `client_id`, `client_secret`: how this server identifies itself, as HTTP Basic (RFC 6749
      section 2.3.1).
    - `cache_for`: seconds for which an answer is cached, or until the token's `exp` if that is
      sooner. A token that the issuer revokes is accepted until then.
    - `fetch`: a `Fetch`, whose timeout bounds the wait of a request.

    Only tokens that are not in the form of a JWT, nor in that of another provider, are looked up.
    So there can be one `Introspection` only. An answer that names another kind of token, such as a
    refresh token, is refused: RFC 7662 lets issuers describe those too. If the endpoint does not
    answer, or not as RFC 7662 section 2.2 says, the answer is 503, never 401.
    """

    def __init__(
        self,
        url: str,
        *,
        issuer: str,
        audience: str | tuple[str, ...] | None,
        client_id: str,
        client_secret: str,
        cache_for: float = 60,
        fetch: Fetch = Fetch(),  # noqa: B008 - a frozen value
        subject_claim: str | tuple[str, ...] = "sub",
        remote_user_claim: str | None = None,
    ) -> None:
        require(isinstance(fetch, Fetch), f"fetch must be a Fetch: fetch=Fetch(), got {got(fetch)}")
        require(isinstance(issuer, str), f"issuer must be a string, got {got(issuer)}")
        self._url = checked_url(url, http_hosts=fetch.allow_http)
        check_seconds("cache_for", cache_for)
        for name, value in (("client_id", client_id), ("client_secret", client_secret)):
            require(is_text(value) and value, f"{name} must be a string that is not empty")
        pair = f"{quote_plus(client_id)}:{quote_plus(client_secret)}"
        self._authorization = f"Basic {base64.b64encode(pair.encode()).decode()}"
        self._cache_for = cache_for
        self._fetch = fetch
        self._terms = Provider(
            issuer=issuer,
            audience=audience,
            keys=NO_KEYS,
            leeway=0,
            subject_claim=subject_claim,
            remote_user_claim=remote_user_claim,
        )
        self._answers: OrderedDict[bytes, _Answer] = OrderedDict()
        # One for each process, since a fork loses the threads of requests, and may copy a lock that
        # is held.
        self._under_way: dict[int, _UnderWay] = {}
        self._retry_at = self._warn_at = 0.0
        if not (is_https(self._url) or is_loopback(self._url)):
            _log.warning("%r asks by plain http: anyone on its network can read the tokens", self)

    takes_any_form = True
    """Asked after all other providers whose tokens are looked up: see `lookup`."""

    @property
    def terms(self) -> Provider:
        """The issuer, and the terms for the claims."""
        return self._terms

    def recognizes(self, token: str) -> bool:
        """Return whether the token is not in the form of a JWT, which has two dots."""
        return token.count(".") != 2

    def look_up(self, token: str) -> LookedUp:
        """Return the issuer's data of a token.

        Raise `InvalidToken` with the reason `inactive`, or `type` for anything but an access token.
        Raise `Unavailable` if the issuer does not answer.
        """
        digest = sha256(token.encode("utf-8", "surrogatepass")).digest()
        now = time.monotonic()
        until, claims = self._answers.get(digest) or (now, None)
        if until <= now:
            until, claims = self._asked(token, digest)
        if claims is None:
            raise InvalidToken("inactive")
        if not all(_may_be_access_token(claims.get(name)) for name in KIND_CLAIMS):
            raise InvalidToken("type")
        return LookedUp(claims, max(0, until - time.monotonic()))

    def _asked(self, token: str, digest: bytes) -> _Answer:
        """Ask the issuer, or wait for a request that asks already."""
        under_way = self._under_way.setdefault(os.getpid(), _UnderWay())
        with under_way.lock:
            answer = self._answers.get(digest)
            if answer is not None and answer[0] > time.monotonic():
                return answer  # it has come since this request looked
            request = self._started_request(token, digest, under_way.requests)
        request.join(max(0, request.deadline - time.monotonic()))
        answer = request.answer
        if answer is None:
            raise Unavailable("tokens_unavailable")
        return answer

    def _started_request(
        self, token: str, digest: bytes, requests: dict[bytes, "_Request"]
    ) -> "_Request":
        """Return the running request, or start one. The caller holds the lock."""
        running = requests.get(digest)
        if running is not None and running.is_alive():
            return running
        if time.monotonic() < self._retry_at or len(requests) >= _MOST_AT_ONCE:
            raise Unavailable("tokens_unavailable")
        request = _Request(self, token, digest, self._fetch.timeout)
        try:
            request.start()
        except RuntimeError:  # no more threads can be started
            raise Unavailable("tokens_unavailable") from None
        requests[digest] = request
        return request

    def ask(self, token: str, digest: bytes, deadline: float) -> _Answer | None:
        """Ask the issuer and cache its answer; None if it cannot be used. Called in a thread."""
        answer: _Answer | None = None
        try:
            form = urlencode({"token": token, "token_type_hint": "access_token"}).encode()
            body = post(self._url, form, self._authorization, self._fetch, deadline)
            answer = self._read(body)
        except Exception as error:  # networks and documents fail in too many ways to list
            self._fail(error)
        finally:
            # At once. Otherwise a request could see neither the answer nor the one that asks for
            # it, and ask again.
            under_way = self._under_way[os.getpid()]
            with under_way.lock:
                under_way.requests.pop(digest, None)
                if answer is not None:
                    self._cache(digest, answer)
        return answer

    def _cache(self, digest: bytes, answer: _Answer) -> None:
        self._answers[digest] = answer
        self._answers.move_to_end(digest)
        if len(self._answers) > _MOST_CACHED:
            self._answers.popitem(last=False)

    def _fail(self, error: Exception) -> None:
        now = time.monotonic()
        if now >= self._warn_at:
            self._warn_at = now + _RETRY
            _log.warning("%r cannot be asked: %s", self, cause_of(error))
        if not (isinstance(error, UnusableStatus) and error.status in _OF_THE_REQUEST):
            self._retry_at = now + _RETRY

    def _read(self, body: bytes) -> _Answer:
        now = time.monotonic()
        try:
            claims = parse_document(body)
        except ValueError:
            raise ConfigurationError("the answer is not strict JSON") from None
        active = claims.get("active")
        require(isinstance(active, bool), 'the answer has no boolean "active"')
        if not active:
            return now + _REFUSED_FOR, None
        expires_at: Any = claims.setdefault("exp", int(time.time() + max(1, self._cache_for)))
        cache_for = self._cache_for
        if type(expires_at) in (int, float):  # any other form is refused with the other claims
            cache_for = min(cache_for, max(0, expires_at - time.time()))
        return now + cache_for, claims

    def __repr__(self) -> str:
        return f"Introspection({shown_url(self._url)})"


def _may_be_access_token(kind: object) -> bool:
    return kind is None or (isinstance(kind, str) and not is_other_kind(kind))


class _UnderWay:
    """The requests that run in a process, each by the digest of its token."""

    def __init__(self) -> None:
        self.lock = threading.Lock()  # never held over I/O
        self.requests: dict[bytes, _Request] = {}


class _Request(threading.Thread):
    """A running request. It is a thread because nothing else bounds the wait for a name server."""

    def __init__(
        self, introspection: Introspection, token: str, digest: bytes, timeout: float
    ) -> None:
        super().__init__(name="jwt-middleware-introspection", daemon=True)
        self.deadline = time.monotonic() + timeout
        self.answer: _Answer | None = None
        self._asks = (introspection, token, digest)

    def run(self) -> None:
        introspection, token, digest = self._asks
        self.answer = introspection.ask(token, digest, self.deadline)
