"""Providers whose tokens are looked up, beside those of JWTs."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from jwt_middleware import (
    ConfigurationError,
    InvalidToken,
    JWTMiddleware,
    KeySet,
    Provider,
    Refusal,
    Rule,
    Unavailable,
    claim,
    issued_by,
    scope,
)
from jwt_middleware.trust.findings import findings
from jwt_middleware.trust.lookup import NO_KEYS, Lease, LookedUp
from jwt_middleware.trust.verdict import BoundToken
from jwt_middleware.trust.verifier import Verifier
from tests.kit.clock import Clock, stopped
from tests.kit.tokens import ABSENT, HS256, changed, issued, issuer

ISSUER = "https://opaque.example"
FAR = 4e9
JWTS = issuer("jwts", HS256)


class Lookup:
    """A provider that knows one token, as a stub of token introspection would."""

    def __init__(self, prefix: str = "opaque-", **terms: Any) -> None:
        usual = {"issuer": ISSUER, "audience": None, "keys": NO_KEYS}
        self.terms = Provider(**usual | terms)
        self.prefix = prefix
        self.claims: dict[str, Any] = {"sub": "ann", "exp": FAR}
        self.refusal: Refusal | None = None
        self.asked: list[str] = []

    def recognizes(self, token: str) -> bool:
        return token.startswith(self.prefix)

    def look_up(self, token: str) -> LookedUp:
        self.asked.append(token)
        if self.refusal:
            raise self.refusal
        return LookedUp(self.claims, 30)


def reason(verify: Callable[[str], object], token: str) -> str | None:
    """Why it is refused, or None."""
    try:
        verify(token)
    except Refusal as refusal:
        return refusal.reason
    return None


def test_a_token_is_looked_up() -> None:
    """The caller is who the provider says, with its claims and the provider's issuer."""
    lookup = Lookup()
    lookup.claims |= {"scope": "read write", "jti": "t", "sid": "s", "extra": [1]}
    caller = Verifier([JWTS.provider, lookup]).identify("opaque-x")
    assert (caller.subject, caller.issuer, caller.scopes) == ("ann", ISSUER, ("read", "write"))
    assert (caller.token_id, caller.session_id, caller.expires_at) == ("t", "s", FAR)
    assert caller.claims == {"iss": ISSUER, **lookup.claims}
    assert caller.header == {}
    assert lookup.asked == ["opaque-x"]


def test_jwts_go_their_way() -> None:
    """A token that no such provider recognizes is a JWT or malformed, and nobody is asked."""
    lookup = Lookup()
    verifier = Verifier([lookup, JWTS.provider])
    assert verifier.identify(JWTS.token()).subject == "user"
    assert reason(verifier.identify, "other-x") == "malformed"
    assert lookup.asked == []


CLAIMS: dict[str, tuple[dict[str, Any], str]] = {
    "another issuer": ({"iss": JWTS.provider.issuer}, "issuer"),
    "no subject": ({"sub": ABSENT}, "claims"),
    "a subject that is a number": ({"sub": 5}, "claims"),
    "no expiry": ({"exp": ABSENT}, "claims"),
    "expired": ({"exp": 1}, "expired"),
    "not yet": ({"nbf": FAR - 1}, "not_yet_valid"),
    "an audience": ({"aud": "api"}, "audience"),
    "bound to a key": ({"cnf": {"jkt": "x"}}, "proof"),
    "an event": ({"events": {}}, "type"),
    "a jti that is a number": ({"jti": 5}, "claims"),
    "scopes that are a number": ({"scope": 5}, "claims"),
}


@pytest.mark.parametrize(("changes", "expected"), CLAIMS.values(), ids=CLAIMS)
def test_claims_are_checked_as_those_of_a_jwt(changes: dict[str, Any], expected: str) -> None:
    """What a provider says of a token is held to the terms: nothing is taken on trust."""
    lookup = Lookup()
    lookup.claims = changed(lookup.claims, changes)
    assert reason(Verifier([lookup]).identify, "opaque-x") == expected


@pytest.mark.parametrize("refusal", [InvalidToken("revoked"), Unavailable("tokens_unavailable")])
def test_a_refusal_is_passed_on(refusal: Refusal) -> None:
    """`look_up` decides between 401 and 503."""
    lookup = Lookup()
    lookup.refusal = refusal
    with pytest.raises(type(refusal), match=refusal.reason):
        Verifier([lookup]).identify("opaque-x")


def test_the_first_that_recognizes_a_token_is_asked() -> None:
    """In the order of the list; its answer is final."""
    first, second = Lookup(), Lookup("opaque", issuer="https://second.example")
    verifier = Verifier([first, second])
    assert verifier.identify("opaque-x").issuer == ISSUER
    assert verifier.identify("opaque+x").issuer == "https://second.example"
    first.refusal = InvalidToken("revoked")
    assert reason(verifier.identify, "opaque-x") == "revoked"
    assert len(second.asked) == 1


@pytest.fixture
def clock() -> Iterator[Clock]:
    """The monotonic clock, which stands still."""
    with stopped("monotonic") as clock:
        yield clock


def app(environ: Any, start_response: Any) -> list[bytes]:
    raise AssertionError


def guard(*providers: Any, rule: Rule = Rule("/")) -> JWTMiddleware:  # noqa: B008
    return JWTMiddleware(app, providers=providers, rules=[rule])


def test_a_verdict_is_cached_for_as_long_as_the_provider_says(clock: Clock) -> None:
    """Then the token is looked up again, and what is said then counts."""
    lookup = Lookup()
    middleware = guard(lookup)
    for _ in range(5):
        assert middleware.verify("opaque-x").scopes == ()
    lookup.claims["scope"] = "read"
    clock.now += 29.9
    assert middleware.verify("opaque-x").scopes == ()
    assert lookup.asked == ["opaque-x"]
    clock.now += 0.1
    assert middleware.verify("opaque-x").scopes == ("read",)
    lookup.refusal = InvalidToken("revoked")
    clock.now += 30
    assert reason(middleware.verify, "opaque-x") == "revoked"


def test_a_bound_verdict_is_cached_as_long(clock: Clock) -> None:
    """The verdict that waits for the proof of a key counts for the same time as a plain one."""
    lookup = Lookup()
    lookup.claims["cnf"] = {"jkt": "x"}
    with pytest.raises(BoundToken) as caught:
        Verifier([lookup]).verify("opaque-x")
    verdict = caught.value.verdict
    clock.now += 29.9
    assert verdict.is_current()
    clock.now += 0.1
    assert not verdict.is_current()


def test_a_lease(clock: Clock) -> None:
    """Its generation changes once; it has no key."""
    lease = Lease(10)
    assert lease.generation is True
    assert lease.find("x") == ()
    clock.now += 10
    assert lease.generation is False


def test_no_jwt_names_the_issuer_of_looked_up_tokens() -> None:
    """The terms of such a provider have no keys, and are never asked for one."""
    verifier = Verifier([Lookup(), JWTS.provider])
    assert reason(verifier.identify, JWTS.token(iss=ISSUER)) == "issuer"
    assert NO_KEYS.find(None) == ()
    assert NO_KEYS.generation == NO_KEYS.generation


def test_one_issuer_may_have_tokens_of_two_kinds() -> None:
    """The same people: rules for the issuer and REMOTE_USER see no difference."""
    middleware = guard(Lookup(issuer=JWTS.provider.issuer), JWTS.provider)
    for token in ("opaque-x", JWTS.token()):
        environ = {"PATH_INFO": "/", "HTTP_AUTHORIZATION": f"Bearer {token}"}
        seen: dict[str, Any] = {}

        def echo(environ: Any, start_response: Any, seen: dict[str, Any] = seen) -> list[bytes]:
            seen.update(environ)
            return []

        middleware.app = echo
        middleware(environ, lambda *_: None)
        assert seen["REMOTE_USER"] in ("ann", "user")


def test_rules_know_the_issuers() -> None:
    """`issued_by` accepts the issuer of a looked-up token, and keeps it apart from others."""
    environ = {"PATH_INFO": "/", "HTTP_AUTHORIZATION": "Bearer opaque-x"}
    providers = (Lookup(), JWTS.provider)
    for requirement, status in (
        (issued_by(ISSUER), None),
        (issued_by(JWTS.provider.issuer), 401),
        (scope("read"), 403),
        (claim("sub", "ann"), None),
    ):
        answer = guard(*providers, rule=Rule("/", requirement)).decide(environ).answer
        assert (answer and answer.status) == status  # type: ignore[union-attr]


def test_the_command_that_inspects_tokens_agrees() -> None:
    """All findings hold exactly if the token is accepted."""
    lookup = Lookup()
    verifier = Verifier([lookup, JWTS.provider])
    assert [one.holds for one in findings(verifier, "opaque-x")] == [True]
    assert ISSUER in findings(verifier, "opaque-x")[0].text
    lookup.refusal = InvalidToken("revoked")
    (form, refused) = findings(verifier, "opaque-x")
    assert (form.holds, refused.holds, refused.name) == (True, False, "revoked")


class NoTerms(Lookup):
    """A provider whose terms are something else."""

    def __init__(self) -> None:
        super().__init__()
        self.terms: Any = {"issuer": ISSUER}


class TakesAny(Lookup):
    """A provider that asks its issuer about every token, as one for introspection does."""

    takes_any_form: Any = True

    def __init__(self, **terms: Any) -> None:
        super().__init__("", **terms)


class TakesSome(TakesAny):
    """One whose attribute is something else than True."""

    takes_any_form = 1


def test_a_provider_that_takes_any_token_is_asked_last() -> None:
    """A token of another provider is a secret, so the issuer of the first is not told of it."""
    every, some = TakesAny(), Lookup(issuer="https://second.example")
    for providers in ([every, some], [some, every]):
        verifier = Verifier(providers)
        assert verifier.lookups == (some, every)
        assert verifier.identify("opaque-x").issuer == "https://second.example"
    assert every.asked == []
    assert verifier.identify("other").issuer == ISSUER


def test_only_one_provider_may_take_any_token() -> None:
    """The second would never be asked; the message says why, and how many there are."""
    two = [TakesAny(issuer=f"https://{name}.example") for name in ("a", "b")]
    with pytest.raises(ConfigurationError) as caught:
        Verifier(two)
    assert str(caught.value) == (
        "providers must have at most one Introspection: the issuer of the first would be asked "
        "about the tokens of all, got 2"
    )
    assert Verifier([TakesAny(), TakesSome(issuer="https://b.example")]).lookups


BAD: dict[str, tuple[Any, str]] = {
    "nothing": ([], "providers must be a list"),
    "not in a list": (Lookup(), "providers must be a list"),
    "a class": ([Lookup], "providers must be a list"),
    "one of them is something else": ([Lookup(), 5], "providers must be a list"),
    "two of one issuer": ([Lookup(), Lookup()], "one Provider for each issuer"),
    "without terms": ([NoTerms()], "terms of a provider"),
}


@pytest.mark.parametrize(("providers", "said"), BAD.values(), ids=BAD)
def test_what_cannot_be_trusted(providers: Any, said: str) -> None:
    """Mistakes are found while building."""
    with pytest.raises(ConfigurationError, match=said):
        Verifier(providers)


def test_the_repr_names_every_issuer() -> None:
    """Of both kinds."""
    verifier = Verifier([Lookup(), JWTS.provider])
    assert repr(verifier) == f"<Verifier of '{JWTS.provider.issuer}', '{ISSUER}'>"
    assert verifier.issuers == {JWTS.provider.issuer, ISSUER}


def test_a_jwt_with_the_form_of_a_looked_up_token_is_looked_up() -> None:
    """A provider may recognize JWTs too, as one for introspection does: the order decides."""
    lookup = Lookup("ey")
    token = issued("x" * 32, iss="https://elsewhere.example")
    assert (
        Verifier(
            [lookup, Provider(issuer="https://j.example", audience=None, keys=KeySet([HS256]))]
        )
        .identify(token)
        .subject
        == "ann"
    )
