"""Guards as they are often written, each with one hole; `SOUND` has none."""

from collections.abc import Callable
from typing import Any

import jwt

from jwt_middleware import Key
from jwt_middleware.testing import Tokens
from tests.kit.apps import AUDIENCE, ISSUER, provider

SECRET = "a secret that is long enough for HS256"
Check = Callable[[str], object]
Covers = Callable[[dict[str, Any]], bool]


def tokens(**more: Any) -> Tokens:
    """The tokens of the issuer that these guards trust."""
    return Tokens([provider()], Key.from_secret(SECRET), **more)


def guard(app: Any, *, covers: Covers = lambda environ: True, check: Check | None = None) -> Any:
    """A guard that asks for a token where `covers` says so, and lets in whose token `check` takes
    without an error."""
    check = check or decoding()

    def application(environ: dict[str, Any], start_response: Any) -> Any:
        try:
            if covers(environ):
                check(environ.get("HTTP_AUTHORIZATION", "").removeprefix("Bearer "))
        except jwt.InvalidTokenError:
            start_response("401 Unauthorized", [])
            return []
        return app(environ, start_response)

    return application


def decoding(*lax: str) -> Check:
    """PyJWT's `decode`, told to check everything but what is named."""
    names = ("signature", "exp", "nbf", "iat", "aud", "iss")
    options: Any = {f"verify_{name}": name not in lax for name in names}
    terms: Any = {"algorithms": ["HS256"], "audience": AUDIENCE, "issuer": ISSUER}
    terms = {name: value for name, value in terms.items() if name[:3] not in lax}
    return lambda token: jwt.decode(token, SECRET, options=options, **terms)


def decoding_or_none(token: str) -> object:
    """Takes the word of the token for how it is signed."""
    is_unsigned = jwt.get_unverified_header(token)["alg"] == "none"
    return decoding("signature")(token) if is_unsigned else decoding()(token)


def is_under_api(path: str) -> bool:
    """By segments, with no other reading of the path."""
    return path == "/api" or path.startswith("/api/")
