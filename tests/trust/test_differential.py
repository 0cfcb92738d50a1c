"""Side by side with PyJWT: never laxer than `jwt.decode` with the same settings, stricter for
listed reasons only."""

import json
import warnings
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import jwt
import pytest
import time_machine
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from jwt_middleware import Key, RevocationList
from jwt_middleware.reasons import DESCRIPTIONS
from tests.checks.corpus.verifiers import environ, guard, issuer_of, pyjwt_claims
from tests.kit.logs import ListLog
from tests.kit.parts import examples, is_quick
from tests.kit.tokens import ABSENT, ISSUERS, NOW, Issuer, b64, changed, json_bytes, nameless

LOG = ListLog()
for known in ISSUERS.values():
    LOG.revoke(known.provider.issuer, jti="revoked", expires_at=NOW + 7200)
GUARD = guard(revocations=RevocationList(LOG), cache_size=50)

STRICTER = {
    "malformed",
    "too_large",
    "type",
    "claims",
    "milliseconds",
    "proof",
    "audience",
    "key",
    "not_yet_valid",
    "revoked",
}
"""Where PyJWT may accept and we refuse: laxness of its own, and what it has no setting for. Not
among these: what the signature, the algorithm, the issuer or the expiry is."""

OF_A_TOKEN = set(DESCRIPTIONS) - {
    "missing",
    "unread_scheme",
    "header_malformed",
    "cookie_malformed",
    "basic_malformed",
    "cross_site",
    "origin",
    "scope",
    "claim_missing",
    "keys_unavailable",
    "revocations_unavailable",
    "tokens_unavailable",
    # of bound tokens, whose proof comes with a request: tests/checks/corpus/proofs
    "unbound",
    "replays_unavailable",
    *(reason for reason in DESCRIPTIONS if reason.startswith("proof_")),
    "inactive",
    "tenants_unavailable",
    "forbidden",
    "requirement_failed",
    "login_too_old",
    "login_too_weak",
    "path_too_long",
    "header_too_long",
}


@dataclass
class Draft:
    """A token in the making: everything that can go wrong is a field of its own."""

    issuer: Issuer
    header: dict[str, Any]
    claims: dict[str, Any]
    key: Key
    algorithm: str
    spell_header: Callable[[bytes], bytes] = bytes
    spell_claims: Callable[[bytes], bytes] = bytes
    spoil_signature: Callable[[bytes], bytes] = bytes
    spoil_text: Callable[[str], str] = str
    faults: list[str] = field(default_factory=list)

    def token(self) -> str:
        """The text of the token."""
        header = self.spell_header(json_bytes(changed({}, self.header)))
        claims = self.spell_claims(json_bytes(changed({}, self.claims)))
        text = f"{b64(header)}.{b64(claims)}"
        signature = jwt.get_algorithm_by_name(self.algorithm).sign(
            text.encode(), self.key.signing_key
        )
        return self.spoil_text(f"{text}.{b64(self.spoil_signature(signature))}")


@cache
def stranger(algorithm: str) -> Key:
    """A key of this algorithm that nobody trusts."""
    return nameless(algorithm)


NUMBERS = st.one_of(
    st.integers(-10, 10),
    st.floats(-10, 10),
    st.just(NOW),
    st.integers(10**10, 10**40),
    st.integers(1_000, 1_100).map(lambda factor: NOW * factor),
    st.just(1e300),
)
VALUES = st.one_of(
    *(
        st.just(ABSENT),
        st.none(),
        st.booleans(),
        NUMBERS,
        NUMBERS.map(str),
        st.text(max_size=4),
        st.just([]),
        st.just({}),
    ),
    st.sampled_from(
        [
            "api",
            ["api"],
            ["api", 1],
            ["x", "api"],
            "HS256",
            "none",
            "RS256",
            "at+jwt",
            "JWT",
            "a",
            "9_9",
            "\u0665",
        ]
    ),
)
TIMES = st.one_of(
    st.sampled_from([NOW - 7200, NOW - 60, NOW - 6, NOW + 60, NOW + 7200]),
    st.floats(-7200, 7200).map(lambda by: NOW + by),
)
HEADER_NAMES = ("alg", "kid", "typ", "crit", "b64", "zip", "jwk", "jku", "x5c", "cty", "x")
CLAIM_NAMES = (
    *("iss", "aud", "sub", "exp", "nbf", "iat", "jti", "sid", "scope", "scp", "uid", "x"),
    *("events", "cnf", "cnf"),
)
SPELLINGS: dict[str, Callable[[bytes], bytes]] = {
    "BOM": lambda text: b"\xef\xbb\xbf" + text,
    "UTF-16": lambda text: text.decode().encode("utf-16"),
    "UTF-32": lambda text: text.decode().encode("utf-32-le"),
    "a bad byte": lambda text: text[:-1] + b',"x":"\xff"}',
    "a name twice": lambda text: text[:-1] + b',"x":1,"x":1}',
    "NaN": lambda text: text[:-1] + b',"x":NaN}',
    "a huge number": lambda text: text[:-1] + b',"x":1e999}',
    "many digits": lambda text: text[:-1] + b',"x":' + b"9" * 50 + b"}",
    "depth": lambda text: text[:-1] + b',"x":' + b"[" * 40 + b"]" * 40 + b"}",
    "spaces": lambda text: b" " + text + b"\n",
    "a lone surrogate": lambda text: text[:-1] + b',"x":"\\ud800"}',
    "a list": lambda text: b"[" + text + b"]",
    "cut": lambda text: text[:-1],
}
SIGNATURES: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda signature: b"",
    "cut": lambda signature: signature[:-1],
    "longer": lambda signature: signature + b"\0",
    "a bit": lambda signature: bytes([signature[0] ^ 1]) + signature[1:],
    "zeros": lambda signature: bytes(len(signature)),
}
TEXTS: dict[str, Callable[[str], str]] = {
    "padding": lambda token: token + "=" * (-len(token.rpartition(".")[2]) % 4),
    "unused bits": lambda token: token[:-1] + chr(ord(token[-1]) ^ 1),
    "a space": lambda token: token.replace(".", ". "),
    "a plus sign": lambda token: token.replace("-", "+"),
    "a fourth part": lambda token: token + ".x",
    "two parts": lambda token: token.rpartition(".")[0],
    "twice": lambda token: f"{token}.{token}",
}


@st.composite
def drafts(draw: st.DrawFn) -> Draft:
    """Half of the drafts are good; the others have one fault or two."""
    issuer = ISSUERS[draw(st.sampled_from([*sorted(ISSUERS), *("kids", "typed") * 3]))]
    claims = issuer.claims(jti=draw(st.text(max_size=4)), exp=NOW + draw(st.integers(1800, 3600)))
    draft = Draft(issuer, issuer.header(), claims, issuer.key, issuer.key.algorithm)
    for _ in range(draw(st.sampled_from([0, 0, 1, 1, 2]))):
        fault = draw(st.sampled_from(FAULTS))
        fault(draft, draw)
        draft.faults.append(fault.__name__)
    return draft


def a_header_parameter(draft: Draft, draw: st.DrawFn) -> None:
    """Any parameter with any value."""
    draft.header[draw(st.sampled_from(HEADER_NAMES))] = draw(VALUES)


def a_kid(draft: Draft, draw: st.DrawFn) -> None:
    """A `kid` of the issuer's or not."""
    draft.header["kid"] = draw(st.sampled_from(["a", "b", "c", "z", ""]))


def an_algorithm(draft: Draft, draw: st.DrawFn) -> None:
    """Another algorithm in the header than the key's."""
    draft.header["alg"] = draw(
        st.sampled_from(["none", "None", "HS256", "HS512", "RS256", "PS256", "ES256", "EdDSA"])
    )


def a_key(draft: Draft, draw: st.DrawFn) -> None:
    """A stranger signs."""
    draft.key = stranger(draft.algorithm)


def another_issuer(draft: Draft, draw: st.DrawFn) -> None:
    """One issuer signs in the name of another."""
    draft.claims["iss"] = ISSUERS[draw(st.sampled_from(sorted(ISSUERS)))].provider.issuer


def a_claim(draft: Draft, draw: st.DrawFn) -> None:
    """Any claim with any value."""
    draft.claims[draw(st.sampled_from(CLAIM_NAMES))] = draw(VALUES)


def a_time(draft: Draft, draw: st.DrawFn) -> None:
    """A date claim before or after now."""
    draft.claims[draw(st.sampled_from(["exp", "nbf", "iat"]))] = draw(TIMES)


def a_revoked_id(draft: Draft, draw: st.DrawFn) -> None:
    """A token that was revoked."""
    draft.claims["jti"] = "revoked"


def a_length(draft: Draft, draw: st.DrawFn) -> None:
    """A token about as long as may be."""
    draft.claims["x"] = "a" * draw(st.integers(5000, 6500))


def a_type(draft: Draft, draw: st.DrawFn) -> None:
    """A token of another type."""
    draft.header["typ"] = draw(st.sampled_from(["JWT", "at+jwt", "AT+JWT", "logout+jwt", ""]))


def a_spelling(draft: Draft, draw: st.DrawFn) -> None:
    """Header or claims as another text, most of them no JSON."""
    spelling = SPELLINGS[draw(st.sampled_from(sorted(SPELLINGS)))]
    if draw(st.booleans()):
        draft.spell_header = spelling
    else:
        draft.spell_claims = spelling


def a_signature(draft: Draft, draw: st.DrawFn) -> None:
    """A signature that was touched."""
    draft.spoil_signature = SIGNATURES[draw(st.sampled_from(sorted(SIGNATURES)))]


def a_text(draft: Draft, draw: st.DrawFn) -> None:
    """A token whose text was touched."""
    draft.spoil_text = TEXTS[draw(st.sampled_from(sorted(TEXTS)))]


FAULTS = (
    *(
        a_header_parameter,
        a_kid,
        a_kid,
        an_algorithm,
        a_key,
        another_issuer,
        a_claim,
        a_claim,
        a_claim,
        a_time,
        a_time,
    ),
    *(a_revoked_id, a_type, a_type, a_length, a_spelling, a_spelling, a_signature, a_text),
)


def ours(token: str) -> dict[str, Any] | str:
    """The claims that the middleware accepts, or its reason."""
    decision = GUARD.decide(environ(f"Bearer {token}"))
    if decision.identity is not None:
        return decision.identity.claims
    answer: Any = decision.answer
    return answer.reason


def theirs(draft: Draft, token: str) -> dict[str, Any] | None:
    """The claims that PyJWT accepts for the issuer that the token names, if that one is trusted."""
    named = issuer_of(draft.claims.get("iss"))
    try:
        return pyjwt_claims(token, named) if named else None
    except jwt.PyJWTError:
        return None


def test_never_laxer_than_pyjwt_and_stricter_for_listed_reasons() -> None:
    """Whatever we accept PyJWT accepts with the same claims; at least 30 % are good, and every
    reason occurs."""
    verdicts: Counter[str] = Counter()

    @given(drafts())
    @settings(
        max_examples=examples(2500),
        deadline=None,
        database=None,
        phases=[Phase.generate, Phase.shrink],
    )
    def compare(draft: Draft) -> None:
        token = draft.token()
        verdict, accepted = ours(token), theirs(draft, token)
        if isinstance(verdict, dict):
            assert json.dumps(verdict) == json.dumps(accepted), draft.faults
            verdicts["good"] += 1
        else:
            assert accepted is None or verdict in STRICTER, (verdict, draft.faults)
            verdicts[verdict] += 1

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", jwt.warnings.InsecureKeyLengthWarning)
        # The tokens were dated when the suite started, which may be long ago.
        with time_machine.travel(NOW):
            compare()
    assert verdicts["good"] >= 0.3 * verdicts.total()
    met = set(verdicts) - {"good"}
    assert met <= OF_A_TOKEN
    assert met == OF_A_TOKEN or is_quick()  # fewer examples may not meet every reason


@pytest.mark.parametrize("name", sorted(ISSUERS))
def test_a_good_token_is_good_to_both(name: str) -> None:
    """The settings handed to PyJWT are those of the provider: neither refuses a good token."""
    known = ISSUERS[name]
    assert ours(known.token()) == pyjwt_claims(known.token(), known) == known.claims()
