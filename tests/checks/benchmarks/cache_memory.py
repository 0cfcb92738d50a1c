"""Prints what one kept token costs in memory: the text that is its key, and all that the cache
holds for it.

`python -m tests.checks.benchmarks cache_memory`
"""

import gc
import secrets
import tracemalloc

from jwt_middleware import JWTMiddleware, Rule
from tests.kit.checking import followed, tell
from tests.kit.tokens import HS256, NOW, RSA, Issuer, issuer

_COUNT = 5000


def main() -> str:
    """An HS256 token with the least that is needed, and an RS256 token as login services mint
    them; return the memory of both."""
    little = {
        "jti": secrets.token_urlsafe(16),
        "scope": "read write",
        "name": "a user of this example",
    }
    much = {
        "jti": secrets.token_urlsafe(16),
        "sid": secrets.token_urlsafe(16),
        "nbf": NOW,
        "client_id": "c" * 24,
    }
    much |= {"scope": "openid profile email"}
    kinds = (("HS256", issuer("hs", HS256), little), ("RS256", issuer("rs", RSA), much))
    came = []
    for name, known, claims in followed("kinds of token", kinds):
        size, cost = measured(known, claims)
        tell(
            f"{name}, a token of {size} bytes: {cost:.0f} bytes each, "
            f"{cost * 10_000 / 2**20:.1f} MiB for 10,000"
        )
        came.append(f"{cost:.0f} bytes for an {name} token")
    return ", ".join(came)


def measured(known: Issuer, claims: dict[str, object]) -> tuple[int, float]:
    """The length of a token, and the bytes that a verifier grows by for each."""
    headers = [
        f"Bearer {known.token(**claims, sub=f'user-{number:08}')}" for number in range(_COUNT)
    ]
    guarded = JWTMiddleware(print, providers=[known.provider], rules=[Rule("/")], cache_size=_COUNT)
    environ = {"REQUEST_METHOD": "GET", "PATH_INFO": "/"}
    guarded.decide(environ | {"HTTP_AUTHORIZATION": f"Bearer {known.token()}"})  # what is made once
    gc.collect()
    tracemalloc.start()
    for header in headers:
        guarded.decide(environ | {"HTTP_AUTHORIZATION": header})
    gc.collect()
    grown, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return len(headers[0]) - 7, grown / _COUNT
