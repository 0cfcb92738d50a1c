"""Every text option: a lone surrogate, which no token and no header can hold, is refused."""

from collections.abc import Callable
from typing import Any

import pytest

from jwt_middleware import (
    ConfigurationError,
    JWTMiddleware,
    Key,
    KeySet,
    Provider,
    Rule,
    claim,
    issued_by,
    scope,
)
from jwt_middleware.login import LoginApp, TokenMinter
from jwt_middleware.login.throttle import Throttle
from jwt_middleware.stores import MemoryStore
from jwt_middleware.trust.discovery import DiscoveredKeySet
from jwt_middleware.trust.remote_keys import RemoteKeySet
from tests.kit.cases import case

KEY = Key.from_secret("s" * 32)
TERMS: dict[str, Any] = {"issuer": "https://i.example", "audience": "a", "keys": KeySet([KEY])}
MINTER = TokenMinter(KEY, issuer="https://i.example", audience="a")


def _app(environ: Any, start_response: Any) -> list[bytes]:
    return []


def _guard(**options: Any) -> object:
    return JWTMiddleware(
        _app, **{"providers": [Provider(**TERMS)], "rules": [Rule("/api")], **options}
    )


TAKERS: dict[str, Callable[[str], object]] = {
    "issuer": lambda text: Provider(**{**TERMS, "issuer": f"https://i.example/{text}"}),
    "audience": lambda text: Provider(**{**TERMS, "audience": text}),
    "audience, one of two": lambda text: Provider(**{**TERMS, "audience": ("a", text)}),
    "subject_claim": lambda text: Provider(**TERMS, subject_claim=text),
    "scope_claims": lambda text: Provider(**TERMS, scope_claims=(text,)),
    "typ": lambda text: Provider(**TERMS, typ=text),
    "minter's issuer": lambda text: TokenMinter(KEY, issuer=f"i{text}", audience="a"),
    "minter's audience": lambda text: TokenMinter(KEY, issuer="i", audience=text),
    "minter's secret": lambda text: TokenMinter.from_secret(
        "s" * 32 + text, issuer="i", audience="a"
    ),
    "realm": lambda text: _guard(realm=f"api{text}"),
    "allowed_origins": lambda text: _guard(allowed_origins=[f"https://{text}"]),
    "prefix of a rule": lambda text: Rule(f"/api{text}"),
    "methods": lambda text: Rule("/api", methods=[f"GET{text}"]),
    "scope": lambda text: scope(text),
    "claim": lambda text: claim(text, "admin"),
    "claim, in a path": lambda text: claim(("realm", text), "admin"),
    "claim, its value": lambda text: claim("role", text),
    "issued_by": lambda text: issued_by(text),
    "secret": lambda text: Key.from_secret("s" * 32 + text),
    "pem": lambda text: Key.from_pem(text),
    "id of a key": lambda text: Key.from_secret("s" * 32, id=text),
    "id of a new key": lambda text: Key.generate(id=text),
    "kid": lambda text: Key.from_jwk({"kty": "oct", "k": "c" * 43 + "A"[:0], "kid": text}),
    "url of a key set": lambda text: RemoteKeySet(f"https://i.example/{text}"),
    "issuer to discover": lambda text: DiscoveredKeySet(f"https://i.example/{text}"),
    "title": lambda text: LoginApp(MemoryStore(), MINTER, title=text),
    "prefix of the login app": lambda text: LoginApp(MemoryStore(), MINTER).wrap(
        _app, prefix=f"/{text}"
    ),
    "throttle": lambda text: Throttle(per_name=f"5/minute{text}"),
}


@pytest.mark.parametrize("surrogate", ["\ud800", "a\udfff", "\udc80b"], ids=ascii)
@pytest.mark.parametrize("take", TAKERS.values(), ids=TAKERS)
def test_a_lone_surrogate_is_refused(take: Callable[[str], object], surrogate: str) -> None:
    """No token could match it, and what would have to send or store it would fail."""
    with pytest.raises(ConfigurationError) as error:
        take(surrogate)
    assert str(error.value).isascii()


RATES = [
    *["5/0 minute", "0/minute", "-5/minute", "5/-1 minute", "5/0.5 minute", "5.5/minute"],
    *["5/minute/hour", "5//minute", "/5 minute", "minute/5", "5 minute", "5/60", "1e3/minute"],
    *["1000000001/minute", f"{10**30}/minute", "5/367 days", "5/2 years", "5/99999999999 minutes"],
    *["\u0665/minute", "\uff15/minute", "5/\u0661 minute", "inf/minute", "nan/minute", "+5/minute"],
    *["5/minute;", "5/minute\0", "5/mi nute", "five/minute", " ", "\n", "5/month of sundays"],
]


@pytest.mark.parametrize("rate", RATES, ids=ascii)
def test_what_is_no_rate(rate: str) -> None:
    """A limit that lets nobody in, everybody in, or that nobody can read is refused."""
    for option in ("per_name_and_address", "per_known_address", "per_name", "per_address"):
        refused = rf"^{option} must be one limit such as"
        with case(option), pytest.raises(ConfigurationError, match=refused):
            Throttle(**{option: rate})


@pytest.mark.parametrize(
    "rate", ["5/minute", "1/second", "5 per 2 minutes", "100 / day", "5/month", "1000000000/year"]
)
def test_what_is_a_rate(rate: str) -> None:
    """Each form of `limits` for a limit of 1 to a thousand million in a year at most."""
    try:
        Throttle(per_name=rate).attempt(MemoryStore(), "ann", None)
    except ConfigurationError:
        assert "year" in rate
