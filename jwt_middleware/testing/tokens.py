"""Tokens for tests: valid ones for any subject, scopes and claims, and bad ones with one named
flaw."""

import json
import secrets
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .._options import got, require, tuple_of
from ..errors import ConfigurationError
from ..trust import jws
from ..trust.keys import Key
from ..trust.provider import Provider
from .lifetime import Lifetime

Claims = dict[str, Any]

_LIFETIME = 900  # seconds
_FAR = 3600  # seconds, more than the greatest leeway

FLAWS: Mapping[str, str] = {
    "wrong_key": "token that another key signed",
    "tampered": "tampered token",
    "none": "token with alg none",
    "expired": "expired token",
    "not_yet_valid": "token that is not valid yet",
    "wrong_audience": "token for another audience",
    "wrong_issuer": "token of another issuer",
    "revoked": "revoked token",
}
"""The bad tokens: the name of each one's single flaw, and its description in reports."""


@dataclass(frozen=True, slots=True)
class Tokens:
    """Makes the tokens of `providers`, signed by `key`: a `Key` that has a secret or a private
    part.

    They follow the terms of their provider: `iss`, `aud`, `typ`, `subject_claim` and
    `remote_user_claim` (each the subject), the first of `scope_claims`, and `max_lifetime` (else
    900 s). `revoke` takes the keywords `token_id`, `expires_at` and `issuer`, as the stores' method
    does. Without it there are no revoked tokens. The clock is read at each call.
    """

    providers: Sequence[Provider]
    key: Key
    revoke: Callable[..., None] | None = None
    lifetime: Lifetime = field(default_factory=Lifetime, repr=False, compare=False)
    """The time for which an app trusts the tokens. `trusting` ends it."""

    def good(
        self,
        subject: str = "ada",
        *,
        scopes: Sequence[str] = (),
        issuer: str | None = None,
        **claims: Any,
    ) -> str:
        """Return a token for the subject, from the provider with this issuer or from the first one.

        `claims` are added to the usual claims or replace them. An unknown issuer raises
        `ConfigurationError`.
        """
        self.lifetime.check()
        provider = self._provider(issuer)
        return self._sign(provider, _claims(provider, subject, scopes) | _json_values(claims))

    def bad(
        self,
        flaw: str,
        subject: str = "ada",
        *,
        scopes: Sequence[str] = (),
        issuer: str | None = None,
        **claims: Any,
    ) -> str:
        """Return a token as `good` makes it, except for one flaw, a name in `FLAWS`.

        Raise `ConfigurationError` for any other name, and for `revoked` without a `revoke`.
        """
        self.lifetime.check()
        require(
            isinstance(flaw, str) and flaw in FLAWS,
            f"flaw must be one of {', '.join(FLAWS)}, got {got(flaw)}",
        )
        provider = self._provider(issuer)
        usual = _claims(provider, subject, scopes) | _json_values(claims)
        if flaw in _CHANGES:
            usual |= _CHANGES[flaw](usual)
        if flaw == "revoked":
            self._revoke(usual)
        token = self._sign(provider, usual)
        return _FORGERIES[flaw](token) if flaw in _FORGERIES else token

    @property
    def flaws(self) -> tuple[str, ...]:
        """The names of the possible bad tokens: all of them, but `revoked` only with a `revoke`."""
        return tuple(flaw for flaw in FLAWS if flaw != "revoked" or self.revoke)

    def _provider(self, issuer: str | None) -> Provider:
        found = [provider for provider in self.providers if issuer in (None, provider.issuer)]
        issuers = ", ".join(repr(provider.issuer) for provider in self.providers)
        require(found, f"issuer must be one of {issuers}, got {got(issuer)}")
        return found[0]

    def _sign(self, provider: Provider, claims: Claims) -> str:
        header = {"alg": self.key.algorithm, "typ": provider.typ or "JWT"}
        return signed_token(
            header | ({"kid": self.key.id} if self.key.id else {}), claims, self.key
        )

    def _revoke(self, claims: Claims) -> None:
        if self.revoke is None:
            form = "JWTMiddleware(..., revocations=RevocationList(store))"
            raise ConfigurationError(
                f"tokens cannot be revoked, since the app has no RevocationList: {form}"
            )
        self.revoke(token_id=claims["jti"], expires_at=claims["exp"], issuer=claims.get("iss"))


def forged_tokens(token: str) -> dict[str, str]:
    """Return the bad tokens that anybody can make from a valid one, by the name of the flaw."""
    return {flaw: forge(token) for flaw, forge in _FORGERIES.items()}


def _claims(provider: Provider, subject: str, scopes: Sequence[str]) -> Claims:
    require(isinstance(subject, str), f"subject must be a string, got {got(subject)}")
    form = f"scopes must be a list or tuple of names, got {got(scopes)}; scopes=['read', 'write']"
    names = tuple_of(str, scopes, form)
    require(provider.scope_claims or not names, "scopes must be empty without scope_claims")
    now = int(time.time())
    lifetime = _LIFETIME if provider.max_lifetime is None else min(_LIFETIME, provider.max_lifetime)
    claims: Claims = {"iss": provider.issuer, "sub": subject, provider.subject_claims[0]: subject}
    if provider.issuer is None:
        del claims["iss"]
    if provider.remote_user_claim is not None:
        claims.setdefault(provider.remote_user_claim, subject)
    claims |= {"iat": now, "exp": now + lifetime, "jti": secrets.token_urlsafe(16)}
    if provider.audience is not None:
        claims["aud"] = (
            provider.audience if isinstance(provider.audience, str) else provider.audience[0]
        )
    for claim in provider.scope_claims[:1]:
        claims[claim] = " ".join(names)
    return claims


def _json_values(claims: Claims) -> Claims:
    for name, value in claims.items():
        try:
            json.dumps(value, allow_nan=False)
        except (TypeError, ValueError, RecursionError):
            raise ConfigurationError(
                f"{got(name)} must be a JSON value, got {got(value)}"
            ) from None
    return claims


def _moved(claims: Claims, seconds: int) -> Claims:
    return {name: claims[name] + seconds for name in ("iat", "exp")}


_CHANGES: dict[str, Callable[[Claims], Claims]] = {
    "expired": lambda claims: _moved(claims, -_FAR),
    "not_yet_valid": lambda claims: _moved(claims, _FAR) | {"nbf": claims["iat"] + _FAR},
    "wrong_audience": lambda claims: {"aud": "another-audience"},
    "wrong_issuer": lambda claims: {"iss": "https://another.example"},
}


def signed_token(header: Claims, claims: Claims, key: Key) -> str:
    """Return the signed token (RFC 7515 section 7.1)."""
    signing_input = f"{_encoded(header)}.{_encoded(claims)}"
    signature = key.sign(signing_input.encode())
    return f"{signing_input}.{_base64url(signature)}"


def _encoded(value: Claims) -> str:
    return _base64url(json.dumps(value).encode())


def _base64url(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def _read(token: str) -> tuple[Claims, Claims]:
    parsed = jws.parse(token)
    return dict(parsed.header), jws.parse_object(parsed.payload)


def _wrong_key(token: str, **changes: Any) -> str:
    header, claims = _read(token)
    key = Key.generate(header["alg"])
    return signed_token(header, claims | changes, key)


def _tampered(token: str) -> str:
    """Return other claims with the original signature."""
    return _wrong_key(token, tampered=True).rpartition(".")[0] + "." + token.rpartition(".")[2]


def _none(token: str) -> str:
    """Return an unsecured token (RFC 7519 section 6)."""
    header, claims = _read(token)
    return f"{_encoded(header | {'alg': 'none'})}.{_encoded(claims)}."


_FORGERIES: dict[str, Callable[[str], str]] = {
    "wrong_key": _wrong_key,
    "tampered": _tampered,
    "none": _none,
}
