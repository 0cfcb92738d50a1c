"""The cache of verified credentials in the hall: it saves work and never changes a verdict."""

from typing import Any

import pytest

from jwt_middleware import JWTMiddleware, Key, Provider, Refusal, Rule
from tests.kit.tokens import Issuer, MovingKeys, nameless, sign


def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    """An app that is never called: the tests ask for decisions."""
    raise AssertionError("the app was called")


def guarded(*keys: Key, **options: Any) -> tuple[MovingKeys, Issuer, JWTMiddleware]:
    """A middleware for one issuer whose keys can be changed, and that signs with the first."""
    source = MovingKeys(*keys)
    provider = Provider(issuer="https://moving.example", audience="api", keys=source)
    guard = JWTMiddleware(app, providers=[provider], rules=[Rule("/")], **options)
    return source, Issuer(keys[0], provider), guard


def verdict(guard: JWTMiddleware, token: str, *, scheme: str = "Bearer ") -> str:
    """The subject that the middleware finds, or the reason of its refusal."""
    decision = guard.decide({"PATH_INFO": "/", "HTTP_AUTHORIZATION": scheme + token})
    if isinstance(decision.answer, Refusal):
        return decision.answer.reason
    assert decision.identity is not None
    return decision.identity.subject


@pytest.mark.parametrize(("cache_size", "asked"), [(10, 1), (0, 4)])
def test_a_cached_token_costs_no_signature_check(cache_size: int, asked: int) -> None:
    """The second time the keys are not asked; with `cache_size=0` they are."""
    source, issuer, guard = guarded(nameless("ES256"), cache_size=cache_size)
    token = issuer.token()
    assert [verdict(guard, token) for _ in range(4)] == ["user"] * 4
    assert source.asked == asked


@pytest.mark.parametrize("scheme", ["bearer ", "BEARER ", "Bearer   "])
def test_credentials_in_another_spelling_share_the_cached_verdict(scheme: str) -> None:
    """A client cannot fill the cache by spelling one header in many ways."""
    source, issuer, guard = guarded(nameless("ES256"))
    token = issuer.token()
    assert verdict(guard, token) == verdict(guard, token, scheme=scheme) == "user"
    assert source.asked == 1


def test_no_more_tokens_are_cached_than_asked_for() -> None:
    """The oldest go first."""
    source, issuer, guard = guarded(nameless("HS256"), cache_size=10)
    tokens = [issuer.token(jti=str(number)) for number in range(50)]
    for token in tokens:
        verdict(guard, token)
    source.asked = 0
    for token in reversed(tokens[40:]):
        verdict(guard, token)
    assert source.asked == 0
    for token in tokens[:40]:
        verdict(guard, token)
    assert source.asked == 40


def test_a_refusal_is_never_cached() -> None:
    """A token that is refused now is looked at again, and may be good then."""
    old, new = Key.generate(id="old"), Key.generate(id="new")
    source, issuer, guard = guarded(old)
    token = sign({"alg": "ES256", "kid": "new"}, issuer.claims(), new)
    assert [verdict(guard, token) for _ in range(2)] == ["key", "key"]
    assert source.asked == 2
    source.change(old, new)
    assert verdict(guard, token) == "user"


def test_a_removed_key_ends_its_tokens_at_once() -> None:
    """It ends no others: tokens of the keys that stay are verified again."""
    first, second = Key.generate(id="1"), Key.generate(id="2")
    source, issuer, guard = guarded(first, second)
    tokens = [
        sign({"alg": "ES256", "kid": key.id}, issuer.claims(), key) for key in (first, second)
    ]
    assert [verdict(guard, token) for token in tokens] == ["user", "user"]
    source.change(second)
    assert [verdict(guard, tokens[0]) for _ in range(2)] == ["key", "key"]
    assert verdict(guard, tokens[1]) == "user"
    source.change(first)
    assert [verdict(guard, token) for token in tokens] == ["user", "key"]


def test_another_verifier_forgets_what_the_former_one_verified() -> None:
    """A token that only the former verifier trusted is refused, cached or not."""
    _, issuer, guard = guarded(nameless("ES256"))
    _, _, other = guarded(nameless("ES256"))
    token = issuer.token()
    assert verdict(guard, token) == "user"
    guard.replace_verifier(other.verifier)
    assert verdict(guard, token) == "signature"
