"""`TokenMinter`: signs access tokens, and says as a `Provider` how to verify them."""

import secrets
import time
from collections.abc import Mapping, Sequence
from typing import Any

import jwt

from ..errors import InvalidToken, require, tuple_of
from ..identity import Identity
from ..trust.key_folder import KeyFolder
from ..trust.keys import Key, KeySet
from ..trust.provider import Provider
from ..trust.verifier import Verifier

TOKEN_TYPE = "at+jwt"  # noqa: S105 (RFC 9068 section 2.1: the type of the token)
RESERVED_CLAIMS = frozenset(("iss", "sub", "aud", "exp", "nbf", "iat", "jti", "sid", "scope"))
"""Claims of the minter's own: extra claims may not replace them."""


class TokenMinter:
    """Mints JWT access tokens in the profile of RFC 9068, signed by one key.

    `key` is a secret, a private key, or a `KeyFolder`, whose active key signs. `issuer` and
    `audience` (a text, or several) become `iss` and `aud`; `lifetime` is in seconds. Tokens signed
    by one of `fallbacks`, earlier keys, stay good: a key is changed without a logout.
    """

    def __init__(
        self,
        key: Key | KeyFolder,
        *,
        issuer: str,
        audience: str | Sequence[str],
        lifetime: int = 900,
        fallbacks: Sequence[Key] = (),
    ) -> None:
        require(
            isinstance(key, (Key, KeyFolder)),
            "TokenMinter takes a key: TokenMinter(Key.from_pem(...)), or use from_secret",
        )
        require(
            type(lifetime) is int and lifetime > 0, "lifetime is a positive whole number of seconds"
        )
        if not isinstance(audience, str):
            form = "a minter names the audience of its tokens, or several: audience='example-api'"
            audience = tuple_of(str, audience, form)
        self._key = key
        require(
            self._signing_key.signing_key,
            "a public key cannot sign: TokenMinter takes a secret or a private key",
        )
        self._issuer = issuer
        self._lifetime = lifetime
        self._provider = Provider(
            issuer=issuer, audience=audience, keys=_verifying_keys(key, fallbacks), typ=TOKEN_TYPE
        )
        self._verifier = Verifier([self._provider])

    @classmethod
    def from_secret(
        cls,
        secret: str | bytes,
        *,
        issuer: str,
        audience: str | Sequence[str],
        lifetime: int = 900,
        fallbacks: Sequence[str | bytes] = (),
    ) -> "TokenMinter":
        """A minter that signs with HS256. `secret` has at least 32 bytes; `fallbacks` are earlier
        secrets."""
        require(
            isinstance(fallbacks, (list, tuple)),
            "fallbacks is a tuple of earlier secrets: fallbacks=(OLD,)",
        )
        earlier = [Key.from_secret(old) for old in fallbacks]
        key = Key.from_secret(secret)
        return cls(key, issuer=issuer, audience=audience, lifetime=lifetime, fallbacks=earlier)

    @property
    def provider(self) -> Provider:
        """The provider that accepts what this minter mints, and no token of another type (RFC 8725
        section 3.11)."""
        return self._provider

    @property
    def issuer(self) -> str:
        """The `iss` of the tokens."""
        return self._issuer

    @property
    def lifetime(self) -> int:
        """Seconds from minting to expiry."""
        return self._lifetime

    @property
    def jwks(self) -> dict[str, Any] | None:
        """The public keys as a JWKS document (RFC 7517 section 5), or None for a secret, which is
        not published."""
        keys: Any = self._provider.keys
        if isinstance(self._signing_key.verifying_key, bytes):
            return None
        return {"keys": [key.to_jwk() for key in keys.keys]}

    @property
    def _signing_key(self) -> Key:
        return self._key.active if isinstance(self._key, KeyFolder) else self._key

    def mint(
        self,
        subject: str,
        *,
        scopes: Sequence[str] = (),
        session: str | None = None,
        claims: Mapping[str, Any] | None = None,
    ) -> str:
        """Return a new token for the subject, with a `jti` of its own and the session as its `sid`.

        `claims` are added (JSON-able). `ValueError` when they would replace a claim of the
        minter's, or when the provider would refuse the token or read another subject or other
        scopes from it.
        """
        if isinstance(scopes, str):
            raise ValueError("scopes is a tuple of texts")
        extra = dict(claims or {})
        if RESERVED_CLAIMS & extra.keys():
            raise ValueError(
                f"extra claims may not replace {', '.join(sorted(RESERVED_CLAIMS & extra.keys()))}"
            )
        try:
            token = self._sign(extra | self._registered(subject, scopes, session))
            identity = self._verifier.identify(token)
        except (InvalidToken, RecursionError, TypeError, ValueError) as error:
            raise ValueError("the subject, a scope or a claim cannot stand in a token") from error
        if (identity.subject, set(identity.scopes)) != (subject, set(scopes)):
            raise ValueError("a scope is a name without spaces, and no extra claim grants one")
        return token

    def verify(self, token: str) -> Identity:
        """Return the caller that a token of this minter names; `InvalidToken` for any other token.

        It does not ask whether the token was revoked.
        """
        return self._verifier.identify(token)

    def _registered(
        self, subject: str, scopes: Sequence[str], session: str | None
    ) -> dict[str, Any]:
        now = int(time.time())
        audience = self._provider.audience
        return {
            "iss": self._provider.issuer,
            "sub": subject,
            "aud": audience if isinstance(audience, str) else list(audience or ()),
            "iat": now,
            "exp": now + self._lifetime,
            "jti": secrets.token_urlsafe(16),
            "sid": session or secrets.token_urlsafe(16),
            "scope": " ".join(scopes),
        }

    def _sign(self, claims: dict[str, Any]) -> str:
        key = self._signing_key
        headers = {"typ": TOKEN_TYPE} | ({"kid": key.id} if key.id else {})
        return jwt.encode(claims, key.signing_key or b"", key.algorithm, headers)


def _verifying_keys(key: Key | KeyFolder, fallbacks: Sequence[Key]) -> KeySet | KeyFolder:
    earlier = tuple_of(Key, fallbacks, "fallbacks is a list of earlier keys: fallbacks=[old_key]")
    if isinstance(key, KeyFolder):
        require(not earlier, "a KeyFolder holds the earlier keys itself: leave fallbacks out")
        return key
    return KeySet([key, *earlier])
