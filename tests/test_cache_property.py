"""A cached verdict is a fresh verdict: two middlewares, one with a cache and one without, never
differ."""

from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from jwt_middleware import JWTMiddleware, Key, Provider, Refusal, RevocationList, Rule
from tests.checks.corpus.verifiers import application, environ
from tests.kit.clock import Clock, stopped
from tests.kit.logs import ListLog
from tests.kit.parts import examples
from tests.kit.tokens import MovingKeys, changed, sign

ISSUER = "https://moving.example"
KEYS = {name: Key.generate("EdDSA", id=name) for name in "abc"}
START = 1_000_000


class TwoMiddlewares(RuleBasedStateMachine):
    """Tokens are presented to both while keys, revocations and the clock move."""

    @initialize()
    def build(self) -> None:
        """Both trust one issuer, share its keys and its log, and read the log at every request."""
        self.stopping = stopped("time", START)
        self.clock: Clock = self.stopping.__enter__()
        self.keys, self.log = MovingKeys(*KEYS.values()), ListLog()
        provider = Provider(issuer=ISSUER, audience="api", keys=self.keys)
        self.kept, self.fresh = (
            JWTMiddleware(
                application,
                providers=[provider],
                rules=[Rule("/")],
                revocations=RevocationList(self.log, max_staleness=0),
                cache_size=size,
            )
            for size in (3, 0)
        )
        self.tokens: list[str] = []

    def teardown(self) -> None:
        """The clock runs again."""
        if hasattr(self, "stopping"):
            self.stopping.__exit__(None, None, None)

    @rule(
        key=st.sampled_from(sorted(KEYS)),
        kid=st.sampled_from([*sorted(KEYS), None]),
        lifetime=st.integers(-10, 60),
        delay=st.integers(-10, 30),
        claims=st.fixed_dictionaries(
            {}, optional={"jti": st.sampled_from(["t1", "t2"]), "sid": st.sampled_from(["s1", 5])}
        ),
    )
    def mint(
        self, key: str, kid: str | None, lifetime: int, delay: int, claims: dict[str, Any]
    ) -> None:
        """A new token: good now, later, never, or no more."""
        now = int(self.clock.now)
        payload = {
            "iss": ISSUER,
            "aud": "api",
            "sub": "user",
            "exp": now + lifetime,
            "nbf": now + delay,
            "list": [1],
        }
        self.tokens.append(
            sign(
                changed({"alg": "EdDSA"}, {"kid": kid} if kid else {}), payload | claims, KEYS[key]
            )
        )

    @rule(names=st.sets(st.sampled_from(sorted(KEYS))))
    def change_keys(self, names: set[str]) -> None:
        """Keys go and come back."""
        self.keys.change(*(KEYS[name] for name in names))

    @rule(
        ids=st.sampled_from([{"jti": "t1"}, {"jti": "t2"}, {"sid": "s1"}]),
        lifetime=st.integers(0, 400),
    )
    def revoke(self, ids: dict[str, str], lifetime: int) -> None:
        """A logout."""
        self.log.revoke(ISSUER, expires_at=self.clock.now + lifetime, **ids)

    @rule()
    def lose_the_log(self) -> None:
        """A store restored from nothing."""
        self.log.forget()

    @rule(seconds=st.floats(0, 40) | st.floats(-40, 0))
    def move_the_clock(self, seconds: float) -> None:
        """Time passes, or an administrator turns it back."""
        self.clock.now += seconds

    @rule(position=st.integers(0, 30))
    def spoil_the_claims(self, position: int) -> None:
        """A handler does what it likes with the claims that it was given."""
        if self.tokens:
            verdict = verdict_of(self.kept, self.tokens[position % len(self.tokens)])
            if isinstance(verdict, tuple):
                claims = verdict[0].claims
                claims["list"].append("spoilt")
                claims["sub"] = "admin"

    @invariant()
    def verdicts_are_equal(self) -> None:
        """Identity and claims, or the reason, are the same with the cache and without."""
        for token in getattr(self, "tokens", ()):
            assert verdict_of(self.kept, token) == verdict_of(self.fresh, token)


def verdict_of(guard: JWTMiddleware, token: str) -> Any:
    """The identity and its claims, or the reason of the refusal."""
    decision = guard.decide(environ(f"Bearer {token}"))
    if isinstance(decision.answer, Refusal):
        return decision.answer.reason
    assert decision.identity is not None
    return decision.identity, decision.identity.claims


TestTwoMiddlewares = TwoMiddlewares.TestCase
TestTwoMiddlewares.settings = settings(
    max_examples=examples(60), stateful_step_count=25, deadline=None
)
