"""`OpaqueTokens`: the provider that accepts the personal access tokens of a store."""

import hmac
import logging
import math
import time
from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeVar

from .._options import got, require
from ..errors import InvalidToken, StoreUnavailable, Unavailable
from ..trust.lookup import NO_KEYS, LookedUp
from ..trust.provider import Provider
from .base import TokenRecord, TokenStore, UserRecord
from .tokens import PREFIX, parse_token

_log = logging.getLogger("jwt_middleware")

T = TypeVar("T")

CACHE_FOR = 60
"""Seconds for which a verdict on a token is cached. Then its user's scopes are read again. A
`RevocationList` refuses a removed token sooner."""

_REMEMBER_FOR = 1
"""Seconds for which an answer of the store is reused. The middleware does not cache a refused
token, and its bearer may try it ten thousand times per second."""

_MOST_REMEMBERED = 10_000
"""Cached answers of the store, each a few hundred bytes."""

_RETRY = 1
"""Seconds after a failed read, or after a read of the key, in which requests do not read again."""


class OpaqueTokens:
    """A provider for the personal access tokens of a store, beside the providers of JWTs:

        JWTMiddleware(app, providers=[minter.provider, OpaqueTokens(store, issuer=...)],
                      revocations=RevocationList(store), ...)

    - `store`: a `SQLStore` or a `MemoryStore`, whose `add_token` makes the tokens.
    - `issuer`: the issuer of the callers. It may be that of the minter: `issued_by` and REMOTE_USER
      then do not distinguish a user's tokens of the two kinds.
    - `remote_user_claim`: as in `Provider`; `preferred_username` is the username.

    The caller's subject is the user's id, as the login app writes it. The scopes are those of the
    token that its user also has. The claims are `iss sub iat exp jti scope preferred_username`. A
    token does not get the extra claims of its user, since no scope could limit them.

    A token that was seen before does not need a read of the store, for up to `CACHE_FOR` seconds.
    So a change of its user's scopes takes effect within that time. Pass
    `revocations=RevocationList(store)`, which refuses a removed token, and those of a disabled or
    removed user, within a second.

    A guessed token does not cost a read, since it lacks the tag of the store (`stores.tokens`). If
    the store does not answer, a token that must be looked up is refused with 503, never with 401.
    """

    def __init__(
        self, store: TokenStore, *, issuer: str, remote_user_claim: str | None = None
    ) -> None:
        is_store = all(callable(getattr(store, name, None)) for name in ("token_key", "find_token"))
        require(
            is_store and not isinstance(store, type),
            "store must be a store with personal tokens, a SQLStore or a MemoryStore, "
            f"got {type(store).__name__}: OpaqueTokens(store, issuer=...)",
        )
        self._store = store
        require(isinstance(issuer, str), f"issuer must be a string, got {got(issuer)}")
        self._issuer = issuer
        self._terms = Provider(
            issuer=issuer,
            audience=None,
            keys=NO_KEYS,
            leeway=0,
            remote_user_claim=remote_user_claim,
        )
        self._key: bytes | None = None
        self._read_key_at = self._retry_at = -math.inf  # by the monotonic clock
        self._remembered: OrderedDict[str, tuple[float, TokenRecord | None]] = OrderedDict()

    def __repr__(self) -> str:
        return f"OpaqueTokens(issuer={self._terms.issuer!r})"

    @property
    def issuer(self) -> str:
        """The issuer of the callers."""
        return self._issuer

    @property
    def terms(self) -> Provider:
        """The issuer, and the terms for the claims."""
        return self._terms

    def recognizes(self, token: str) -> bool:
        """Return whether the token begins like a personal token, as no JWT does."""
        return token.startswith(PREFIX)

    def look_up(self, token: str) -> LookedUp:
        """Return the store's data of a token.

        Raise `InvalidToken` with the reason `malformed` (such as a wrong checksum), `signature`
        (this store did not make it) or `revoked`. Raise `Unavailable` if the store does not answer.
        """
        parts = parse_token(token)
        if parts is None:
            raise InvalidToken("malformed")
        if self._key is None or not parts.has_tag_of(self._key):
            key = self._current_key()
            if key is None or not parts.has_tag_of(key):
                raise InvalidToken("signature")
        record = self._find(parts.id)
        # The store made this token, so a record that is gone was there before.
        if record is None:
            raise InvalidToken("revoked")
        if not hmac.compare_digest(record.secret_hash, parts.secret_hash):
            raise InvalidToken("signature")
        user = record.user
        if record.is_removed or user is None or user.disabled:
            raise InvalidToken("revoked")
        return LookedUp(_claims(record, user), CACHE_FOR)

    def _current_key(self) -> bytes | None:
        """Return the key of the tags, read again at most once a second. Guesses must not cost a
        read, but the first token of a store must be accepted soon."""
        now = time.monotonic()
        if now >= self._read_key_at + _RETRY:
            self._key = self._read(self._store.token_key)
            self._read_key_at = now
        return self._key

    def _find(self, token_id: str) -> TokenRecord | None:
        remembered = self._remembered.get(token_id)
        if remembered is not None and time.monotonic() < remembered[0]:
            return remembered[1]
        record = self._read(lambda: self._store.find_token(token_id))
        self._remembered[token_id] = (time.monotonic() + _REMEMBER_FOR, record)
        if len(self._remembered) > _MOST_REMEMBERED:
            with suppress(KeyError):  # other threads evict too; each of these calls is atomic
                self._remembered.popitem(last=False)
        return record

    def _read(self, read: Callable[[], T]) -> T:
        """Read the store. While it does not answer, one request a second waits for it."""
        if time.monotonic() < self._retry_at:
            raise Unavailable("tokens_unavailable")
        try:
            return read()
        except Exception as error:  # an owner's store may raise anything
            self._retry_at = time.monotonic() + _RETRY
            # Log only class names, since a driver's message may hold a password.
            cause = error.cause if isinstance(error, StoreUnavailable) else type(error).__name__
            _log.warning("personal tokens cannot be looked up: %s", cause)
            raise Unavailable("tokens_unavailable") from None


def _claims(record: TokenRecord, user: UserRecord) -> dict[str, Any]:
    token = record.token
    claims: dict[str, Any] = {
        "sub": str(user.id),
        "iat": token.created_at,
        "exp": token.expires_at,
        "jti": token.id,
        "scope": " ".join(scope for scope in token.scopes if scope in user.scopes),
    }
    if user.username.isprintable():
        claims["preferred_username"] = user.username
    return claims
