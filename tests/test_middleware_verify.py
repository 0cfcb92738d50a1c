"""`JWTMiddleware.verify`: a token from outside of a request."""

import time
from typing import Any

import pytest

from jwt_middleware import (
    Identity,
    InvalidRequest,
    InvalidToken,
    JWTMiddleware,
    Key,
    KeySet,
    Provider,
    Refusal,
    RevocationList,
    Rule,
    StoreUnavailable,
    Unavailable,
    scope,
)
from jwt_middleware.stores import MemoryStore
from jwt_middleware.testing import Tokens
from tests.kit.tokens import TOMORROW

KEY = Key.generate()
PROVIDER = Provider(issuer="https://a.example", audience="api", keys=KeySet([KEY]))
TOKENS = Tokens([PROVIDER], KEY)


def nothing(environ: Any, start_response: Any) -> list[bytes]:
    """An app that is not called."""
    raise AssertionError


def guarded(**options: Any) -> JWTMiddleware:
    """A middleware whose only rule asks for a scope that no token here has."""
    rules = [Rule("/", scope("never"))]
    return JWTMiddleware(nothing, providers=[PROVIDER], rules=rules, **options)


@pytest.mark.parametrize("cache_size", [10, 0], ids=["cached", "uncached"])
def test_a_good_token_gives_its_caller(cache_size: int) -> None:
    """No rule is asked; the cache is that of requests."""
    middleware = guarded(cache_size=cache_size)
    token = TOKENS.good("ada", scopes=("read",))
    first, second = middleware.verify(token), middleware.verify(token)
    assert (first.subject, first.scopes) == ("ada", ("read",))
    assert first == second
    assert (first is second) == bool(cache_size)
    environ = {"PATH_INFO": "/", "HTTP_AUTHORIZATION": f"Bearer {token}"}
    assert middleware.decide(environ).answer.reason == "scope"  # type: ignore[union-attr]


GOOD = TOKENS.good("ada", exp=TOMORROW)
BAD: dict[str, tuple[Any, type[Refusal], str]] = {
    "expired": (TOKENS.good("ada", exp=1), InvalidToken, "expired"),
    "another audience": (TOKENS.good("ada", aud="other"), InvalidToken, "audience"),
    "another signature": (GOOD[:-4] + "AAAA", InvalidToken, "signature"),
    "too large": ("a" * 8193, InvalidToken, "too_large"),
    "empty": ("", InvalidRequest, "malformed"),
    "with its scheme": (f"Bearer {GOOD}", InvalidRequest, "malformed"),
    "a space before": (f" {GOOD}", InvalidRequest, "malformed"),
    "a line break after": (f"{GOOD}\n", InvalidRequest, "malformed"),
    "two": (f"{GOOD},{GOOD}", InvalidRequest, "malformed"),
    "half a character": ("\ud800", InvalidRequest, "malformed"),
    "not ASCII": ("é.é.é", InvalidRequest, "malformed"),
    "one part": ("abc", Refusal, "malformed"),
    **{
        f"of type {type(value).__name__}": (value, InvalidRequest, "malformed")
        for value in (None, GOOD.encode(), 5, True, [GOOD], {"token": GOOD}, object())
    },
}


@pytest.mark.parametrize(("token", "kind", "reason"), BAD.values(), ids=BAD)
def test_any_other_is_a_refusal(token: Any, kind: type[Refusal], reason: str) -> None:
    """Never another exception: what comes over a socket is a stranger's. Nor is it cached."""
    middleware = guarded()
    for _ in range(2):
        with pytest.raises(kind) as caught:
            middleware.verify(token)
        assert caught.value.reason == reason
    assert middleware.verify(GOOD).subject == "ada"


def test_the_clock_and_the_revocations_count_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """A cached caller is confirmed anew."""
    store = MemoryStore()
    middleware = guarded(revocations=RevocationList(store, max_staleness=0))
    token, other = TOKENS.good("ada"), TOKENS.good("ada")
    caller: Identity = middleware.verify(token)
    assert caller.token_id is not None
    store.revoke(token_id=caller.token_id, expires_at=caller.expires_at, issuer=caller.issuer)
    with pytest.raises(InvalidToken, match="revoked"):
        middleware.verify(token)
    middleware.verify(other)
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 3600)
    with pytest.raises(InvalidToken, match="expired"):
        middleware.verify(other)


def test_a_log_that_does_not_answer_is_a_fault_of_ours() -> None:
    """`Unavailable`, as for requests."""

    class Silent:
        def read_revocations(self, cursor: object) -> Any:
            raise StoreUnavailable

    middleware = guarded(revocations=RevocationList(Silent()))
    with pytest.raises(Unavailable, match="revocations_unavailable"):
        middleware.verify(GOOD)
