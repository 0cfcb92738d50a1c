"""`identity_environ`: what the middleware would set, for test clients that go round it."""

from collections.abc import Sequence
from typing import Any

from ..identity import put_identity
from ..trust.keys import Key, KeySet
from ..trust.provider import Provider
from ..trust.verifier import Verifier
from .tokens import Tokens


def identity_environ(
    subject: str,
    *,
    scopes: Sequence[str] = (),
    issuer: str = "https://issuer.example",
    **claims: Any,
) -> dict[str, Any]:
    """Return the environ keys that the middleware sets for this caller, read from a real token by a
    real verifier.

    For clients that call a framework without its WSGI middleware, as Django's does:
    `client.get("/api/me", **identity_environ("ada"))`. The audience is the claim `aud`, or `test`.
    """
    key = Key.generate()
    provider = Provider(
        issuer=issuer, audience=claims.setdefault("aud", "test"), keys=KeySet([key])
    )
    identity = Verifier([provider]).identify(
        Tokens([provider], key).good(subject, scopes=scopes, **claims)
    )
    environ: dict[str, Any] = {}
    put_identity(environ, identity, "Bearer", names_one_person=True)
    return environ
