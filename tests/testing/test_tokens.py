"""`Tokens`: a token keeps the terms of its provider, and a bad one breaks one of them."""

from typing import Any

import jwt
import pytest
from freezegun import freeze_time

from jwt_middleware import ConfigurationError, InvalidToken, Key, KeySet, Provider
from jwt_middleware.testing import FLAWS, Tokens
from jwt_middleware.testing.tokens import forged_tokens
from jwt_middleware.trust.verifier import Verifier
from tests.kit.parts import part

REASONS = {
    "wrong_key": "signature",
    "tampered": "signature",
    "none": "algorithm",
    "expired": "expired",
    "not_yet_valid": "not_yet_valid",
    "wrong_audience": "audience",
    "wrong_issuer": "issuer",
}
TERMS: dict[str, dict[str, Any]] = {
    "plain": {},
    "typ": {"typ": "at+jwt"},
    "max_lifetime": {"max_lifetime": 60},
    "a short max_lifetime": {"max_lifetime": 0.5},
    "subject_claim": {"subject_claim": "uid"},
    "scope_claims": {"scope_claims": ("permissions", "roles")},
    "several audiences": {"audience": ("one", "two")},
    "no audience": {"audience": None},
    "leeway": {"leeway": 300},
}
ALGORITHMS = ("ES256", "HS256", "EdDSA")


def made(key: Key | None = None, **terms: Any) -> tuple[Tokens, Verifier]:
    """The tokens of a provider with these terms, and the verifier that accepts them."""
    key = key or Key.generate()
    provider = Provider(
        **{"issuer": "https://idp.example", "audience": "api", "keys": KeySet([key])} | terms
    )
    return Tokens([provider], key), Verifier([provider])


@pytest.mark.parametrize("terms", TERMS.values(), ids=TERMS)
def test_a_good_token_keeps_every_term(terms: dict[str, Any]) -> None:
    """Whatever its provider asks for, the token is accepted, with its subject, scopes and
    claims."""
    tokens, verifier = made(**terms)
    identity = verifier.identify(tokens.good("ada", scopes=["read", "write"], role="x"))
    assert (identity.subject, identity.scopes, identity.claims["role"]) == (
        "ada",
        ("read", "write"),
        "x",
    )


@pytest.mark.parametrize("terms", TERMS.values(), ids=TERMS)
@pytest.mark.parametrize(("flaw", "reason"), REASONS.items(), ids=REASONS)
def test_a_bad_token_has_one_flaw(flaw: str, reason: str, terms: dict[str, Any]) -> None:
    """It is refused for its flaw and for nothing else, under any terms."""
    tokens, verifier = made(**terms)
    with pytest.raises(InvalidToken, match=f"^{reason}$"):
        verifier.identify(tokens.bad(flaw, "ada", scopes=["read"]))


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize("flaw", ["wrong_key", "tampered", "none"])
def test_what_anybody_can_forge_is_refused(flaw: str, algorithm: str) -> None:
    """Made of a good token without its key, for keys of any kind; but for the signature it says the
    same."""
    tokens, verifier = made(Key.generate(algorithm))
    good = tokens.good("ada")
    forged = forged_tokens(good)[flaw]
    with pytest.raises(InvalidToken, match=f"^{REASONS[flaw]}$"):
        verifier.identify(forged)
    claims = jwt.decode(forged, options={"verify_signature": False})
    assert claims | {"tampered": True} == verifier.identify(good).claims | {"tampered": True}


def test_every_flaw_is_known() -> None:
    """A flaw is a name of the table; any other is told which there are."""
    assert set(FLAWS) == {*REASONS, "revoked"}
    with pytest.raises(ConfigurationError, match="wrong_key, tampered"):
        made()[0].bad("expird")


def test_a_revoked_token_has_been_revoked() -> None:
    """The owner's `revoke` is called as that of a store, and the token is a good one otherwise."""
    tokens, verifier = made()
    revoked: list[dict[str, Any]] = []
    token = Tokens(tokens.providers, tokens.key, lambda **entry: revoked.append(entry)).bad(
        "revoked", "ada"
    )
    identity = verifier.identify(token)
    entry = {
        "token_id": identity.token_id,
        "expires_at": identity.expires_at,
        "issuer": identity.issuer,
    }
    assert revoked == [entry]


def test_without_revocations_there_is_no_revoked_token() -> None:
    """It would be accepted in earnest, so the kit says so instead of making one."""
    tokens = made()[0]
    assert set(tokens.flaws) == set(FLAWS) - {"revoked"}
    with pytest.raises(ConfigurationError, match="RevocationList"):
        tokens.bad("revoked")


def test_a_claim_replaces_the_usual_one() -> None:
    """Whatever the kit would write, a test may write otherwise."""
    tokens, verifier = made(audience=("one", "two"))
    assert verifier.identify(tokens.good("ada", aud="two", jti="7")).token_id == "7"
    with pytest.raises(InvalidToken, match="expired"):
        verifier.identify(tokens.good("ada", exp=0))


def test_the_issuer_chooses_the_provider() -> None:
    """With several providers the first is the usual one; an issuer that none has is refused with
    their names."""
    key = Key.generate()
    providers = [
        Provider(issuer=f"https://{name}.example", audience=name, keys=KeySet([key]))
        for name in "ab"
    ]
    tokens, verifier = Tokens(providers, key), Verifier(providers)
    assert verifier.identify(tokens.good("ada")).issuer == "https://a.example"
    assert verifier.identify(tokens.good("ada", issuer="https://b.example")).claims["aud"] == "b"
    with pytest.raises(ConfigurationError, match=r"'https://a\.example', 'https://b\.example'"):
        tokens.good("ada", issuer="https://c.example")


def test_scopes_are_a_list() -> None:
    """A text, whose letters would become scopes, is refused."""
    with pytest.raises(ConfigurationError, match="scopes"):
        made()[0].good("ada", scopes="read")


def test_scopes_need_a_claim() -> None:
    """A provider that looks for none grants none, which a test that asks for some is told."""
    tokens, verifier = made(scope_claims=())
    assert verifier.identify(tokens.good("ada")).scopes == ()
    with pytest.raises(ConfigurationError, match="scope_claims"):
        tokens.good("ada", scopes=["read"])


def test_the_clock_is_read_at_each_call() -> None:
    """Under freezegun a token is good then, and has expired when the clock has moved on."""
    tokens, verifier = made()
    with freeze_time("2040-01-01") as clock:
        token = tokens.good("ada")
        verifier.identify(token)
        clock.tick(906)
        with pytest.raises(InvalidToken, match="expired"):
            verifier.identify(token)
        verifier.identify(tokens.good("ada"))


def test_time_machine_moves_it_too() -> None:
    """The same under time-machine."""
    time_machine = part("time_machine")
    tokens, verifier = made()
    with time_machine.travel("2040-01-01T00:00Z", tick=False) as clock:
        token = tokens.good("ada")
        verifier.identify(token)
        clock.shift(906)
        with pytest.raises(InvalidToken, match="expired"):
            verifier.identify(token)


def test_no_key_is_shown() -> None:
    """The repr of the tokens, which a failing test prints, holds no secret."""
    assert "thirty-two" not in repr(made(Key.from_secret("a secret of thirty-two bytes ...."))[0])
