"""`TokenMinter`: signs access tokens, and provides the `Provider` that verifies them."""

import json
import secrets
import time
from collections.abc import Mapping, Sequence
from typing import Any

from .._options import check_seconds, got, require, tuple_of
from ..errors import InvalidToken
from ..identity import Identity
from ..trust import jws
from ..trust.cut_offs import MAX_LIFETIME, new_token_id
from ..trust.key_folder import KeyFolder
from ..trust.keys import Key, KeySet
from ..trust.minted_claims import RESERVED_CLAIMS, TOKEN_TYPE
from ..trust.provider import Provider
from ..trust.verdict import BoundToken
from ..trust.verifier import Verifier


class TokenMinter:
    """Mints JWT access tokens in the profile of RFC 9068, signed by one key.

    - `key`: a secret, a private key, or a `KeyFolder`, whose active key signs.
    - `issuer`: a string, the `iss` of the tokens.
    - `audience`: a string, or a list of strings, the `aud`.
    - `lifetime`: seconds from minting to expiry, an integer. A token that lives for more than 366
      days outlives its subject's cut-off (`trust.cut_offs`).
    - `fallbacks`: earlier keys. Tokens that they signed stay valid, so a key can be changed without
      a logout. They may be of the other kind, such as a secret beside a private key.

    An invalid option raises `ConfigurationError`.
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
            "key must be a Key or a KeyFolder: TokenMinter(Key.from_pem(...)), or use from_secret",
        )
        require(
            type(lifetime) is int and lifetime > 0,
            f"lifetime must be a positive integer number of seconds, got {got(lifetime)}",
        )
        check_seconds("lifetime", lifetime, above=0)
        require(
            isinstance(issuer, str) and issuer,
            "issuer must be a string that is not empty: issuer='https://login.example'",
        )
        if not isinstance(audience, str):
            form = "audience must be a string, or a list of strings: audience='example-api'"
            audience = tuple_of(str, audience, form)
        self._key = key
        require(
            self._signing_key.signing_key,
            "key must be a secret or a private key; a public key cannot sign",
        )
        require(isinstance(issuer, str), f"issuer must be a string, got {got(issuer)}")
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
        fallbacks: Sequence[str | bytes | Key] = (),
    ) -> "TokenMinter":
        """Return a minter that signs with HS256.

        `secret` must have at least 32 bytes (RFC 7518 section 3.2). `fallbacks` are earlier
        secrets, or a `Key` of the other kind.
        """
        require(
            isinstance(fallbacks, (list, tuple)),
            "fallbacks must be a list or tuple of earlier secrets: fallbacks=(OLD,)",
        )
        earlier = [old if isinstance(old, Key) else Key.from_secret(old) for old in fallbacks]
        key = Key.from_secret(secret)
        return cls(key, issuer=issuer, audience=audience, lifetime=lifetime, fallbacks=earlier)

    @property
    def provider(self) -> Provider:
        """The provider that accepts the tokens of this minter. It refuses tokens of another type
        (RFC 8725 section 3.11)."""
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
        """The public keys as a JWKS document (RFC 7517 section 5). A secret is never published, and
        None stands for a minter that signs with one."""
        keys: Any = self._provider.keys
        if isinstance(self._signing_key.verifying_key, bytes):
            return None
        public = [key for key in keys.keys if not isinstance(key.verifying_key, bytes)]
        return {"keys": [key.to_jwk() for key in public]}

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
        lifetime: int | None = None,
    ) -> str:
        """Return a new token for the subject, with a new `jti`.

        - `session`: the `sid`; None makes a new one. The token does not end with a session of the
          login app unless it has its `sid`. `revoke_subject`, `end_sessions`, `disable_user` and
          `remove_user` of a store end it.
        - `claims`: extra claims that JSON can encode. They must not replace a claim that the minter
          sets: `ValueError`. `cnf` binds the token to a key, such as `{"jkt": thumbprint}`
          (RFC 9449 section 6.1).
        - `lifetime`: seconds from minting to expiry, an integer up to `MAX_LIFETIME`, 366 days.
          None takes that of the minter.

        Also `ValueError` if the provider would refuse the token, or read another subject or other
        scopes from it.
        """
        if isinstance(scopes, str):
            raise ValueError("scopes must be a list or tuple of strings")
        if lifetime is None:
            lifetime = self._lifetime
        elif type(lifetime) is not int or not 0 < lifetime <= MAX_LIFETIME:
            raise ValueError("lifetime must be an integer number of seconds, up to 366 days")
        extra = dict(claims or {})
        if RESERVED_CLAIMS & extra.keys():
            raise ValueError(
                f"extra claims may not replace {', '.join(sorted(RESERVED_CLAIMS & extra.keys()))}"
            )
        try:
            token = self._sign(extra | self._registered(subject, scopes, session, lifetime))
            identity = self.verify(token, may_be_bound=True)
        except (InvalidToken, RecursionError, TypeError, ValueError) as error:
            raise ValueError("the subject, a scope or a claim cannot be used in a token") from error
        if (identity.subject, set(identity.scopes)) != (subject, set(scopes)):
            raise ValueError("a scope must not contain spaces, and no extra claim may grant one")
        return token

    def verify(self, token: str, *, may_be_bound: bool = False) -> Identity:
        """Return the caller that a token of this minter identifies. Any other token raises
        `InvalidToken`.

        Revocations are not checked here. With `may_be_bound`, a token that is bound to a key passes
        too, although nobody has proved the key.
        """
        try:
            return self._verifier.identify(token)
        except BoundToken as bound:
            if not may_be_bound:
                raise
            from ..trust.binding import BoundVerdict  # raises for a key that nobody can have

            return self._verifier.confirm(BoundVerdict(bound, token))

    def _registered(
        self, subject: str, scopes: Sequence[str], session: str | None, lifetime: int
    ) -> dict[str, Any]:
        now = time.time()
        audience = self._provider.audience
        return {
            "iss": self._provider.issuer,
            "sub": subject,
            "aud": audience if isinstance(audience, str) else list(audience or ()),
            "iat": int(now),
            "exp": int(now) + lifetime,
            "jti": new_token_id(now),
            "sid": session or secrets.token_urlsafe(16),
            "scope": " ".join(scopes),
        }

    def _sign(self, claims: dict[str, Any]) -> str:
        payload = json.dumps(claims, separators=(",", ":")).encode()
        return jws.sign({"typ": TOKEN_TYPE}, payload, self._signing_key)


class _TwoKinds:
    """Secrets beside public keys, as one source of keys.

    A `KeySet` refuses to mix them, since a document of somebody else could pass a public key off as
    a secret. Here each key comes from its owner with its one algorithm, and a PEM is never taken as
    a secret.
    """

    def __init__(self, secrets: KeySet, public: KeySet) -> None:
        self._sets = (secrets, public)
        self.generation = 0

    @property
    def keys(self) -> tuple[Key, ...]:
        """All keys, the secrets first."""
        return self._sets[0].keys + self._sets[1].keys

    def find(self, kid: str | None) -> tuple[Key, ...]:
        """Return the keys with this id and those without one."""
        return self._sets[0].find(kid) + self._sets[1].find(kid)


def _verifying_keys(
    key: Key | KeyFolder, fallbacks: Sequence[Key]
) -> KeySet | KeyFolder | _TwoKinds:
    form = "fallbacks must be a list or tuple of earlier keys: fallbacks=[old_key]"
    earlier = tuple_of(Key, fallbacks, form)
    if isinstance(key, KeyFolder):
        require(
            not earlier,
            "fallbacks must be empty with a KeyFolder, which has earlier keys: leave fallbacks out",
        )
        return key
    every = (key, *earlier)
    secret = [one for one in every if isinstance(one.verifying_key, bytes)]
    public = [one for one in every if not isinstance(one.verifying_key, bytes)]
    if secret and public:
        return _TwoKinds(KeySet(secret), KeySet(public))
    return KeySet(every)
