"""`identity_environ`: the middleware's environ keys, for test clients that bypass it."""

from collections.abc import Sequence
from typing import Any

from ..identity import GOVERNED_BY_KEY, put_identity
from ..middleware import JWTMiddleware
from ..policy.rules import Rule
from ..trust.keys import Key, KeySet
from ..trust.provider import Provider
from .tokens import Tokens


def identity_environ(
    subject: str,
    *,
    scopes: Sequence[str] = (),
    issuer: str = "https://issuer.example",
    **claims: Any,
) -> dict[str, Any]:
    """Return the environ keys that the middleware sets for this caller. A real verifier reads them
    from a real token.

    For clients that call a framework without its WSGI middleware, as Django's does:
    `client.get("/api/me", **identity_environ("ada"))`. The audience is the claim `aud`, or `test`.
    """
    key = Key.generate()
    provider = Provider(
        issuer=issuer, audience=claims.setdefault("aud", "test"), keys=KeySet([key])
    )
    middleware = JWTMiddleware(_no_app, providers=[provider], rules=[Rule("/")])
    identity = middleware.verify(Tokens([provider], key).good(subject, scopes=scopes, **claims))
    # Views that call `enforce` need the middleware too.
    environ: dict[str, Any] = {GOVERNED_BY_KEY: (middleware, middleware.rules, None)}
    put_identity(environ, identity, "Bearer", names_one_person=True)
    return environ


def _no_app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    return []
