"""Who is asked for a verdict: the middleware, as a request would, and PyJWT with the same
settings."""

from contextlib import suppress
from typing import Any
from wsgiref.util import setup_testing_defaults

import jwt

from jwt_middleware import Identity, JWTMiddleware, Key, Provider, Rule
from tests.kit.tokens import ISSUERS, PROVIDERS, Issuer

from .case import Case


def application(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    """The app behind the middleware: it says who is calling."""
    identity = Identity.from_environ(environ)
    start_response("200 OK", [("Content-Type", "text/plain; charset=utf-8")])
    return [identity.subject.encode() if identity else b""]


def guard(**options: Any) -> JWTMiddleware:
    """The middleware over the app, trusting every issuer of the tests."""
    return JWTMiddleware(application, **{"providers": PROVIDERS, "rules": [Rule("/")]} | options)


def environ(authorization: str | None) -> dict[str, Any]:
    """A request with this header."""
    made: dict[str, Any] = {} if authorization is None else {"HTTP_AUTHORIZATION": authorization}
    setup_testing_defaults(made)
    return made


_GUARD = guard(cache_size=0)


def decide(
    case: Case, by: JWTMiddleware = _GUARD
) -> tuple[Identity | None, tuple[int, str] | None]:
    """The verdict of the middleware: who is calling, or the status and reason of the refusal."""
    decision = by.decide(environ(case.authorization))
    answer: Any = decision.answer
    return decision.identity, answer and (answer.status, answer.reason)


def pyjwt_accepts(case: Case) -> bool:
    """Whether `jwt.decode` takes the token of the case with the settings of its issuer."""
    assert case.issuer is not None
    assert case.token is not None
    try:
        pyjwt_claims(case.token, case.issuer)
    except jwt.PyJWTError:
        return False
    return True


def pyjwt_claims(token: str, issuer: Issuer) -> dict[str, Any]:
    """What `jwt.decode` returns or raises with those settings of the issuer that it has too: no
    `typ`, no lifetime.

    The keys are tried that the issuer's key set finds for the `kid`: PyJWT knows no sets that find
    one.
    """
    header = jwt.get_unverified_header(token)
    found = issuer.provider.keys.find(header.get("kid")) or [issuer.key]
    *others, last = [key for key in found if key.algorithm == header.get("alg")] or found
    for key in others:
        with suppress(jwt.InvalidSignatureError):
            return _decoded(token, key, issuer.provider)
    return _decoded(token, last, issuer.provider)


def _decoded(token: str, key: Key, provider: Provider) -> dict[str, Any]:
    return jwt.decode(
        token,
        key.verifying_key,
        algorithms=[key.algorithm],
        issuer=provider.issuer,
        audience=sorted(provider.audiences) or None,
        leeway=provider.leeway,
        options={"require": ["exp", "iss", provider.subject_claim], "verify_iat": False},
    )


def issuer_of(iss: object) -> Issuer | None:
    """The issuer that a token names."""
    return next((known for known in ISSUERS.values() if known.provider.issuer == iss), None)
