"""The corpus through the middleware: no wrong verdict, no exception, on a real environ and through
WebTest."""

import json
from collections.abc import Iterable, Iterator

import pytest
from webtest import TestApp

from jwt_middleware import Key, KeySet
from jwt_middleware.reasons import DESCRIPTIONS
from tests.checks.corpus import CASES, KEY_CASES, LOGOUT_CASES, MODULES
from tests.checks.corpus.case import Case, carried
from tests.checks.corpus.key_forms import is_usable
from tests.checks.corpus.proofs import answer, proof_cases, verdict, warm_guard
from tests.checks.corpus.proofs import guard as proof_guard
from tests.checks.corpus.receivers import came_of, wanted_of
from tests.checks.corpus.verifiers import decide, guard
from tests.kit.clock import stopped
from tests.kit.tokens import NOW


@pytest.fixture(autouse=True)
def _now() -> Iterator[None]:
    """It is the moment for which the tokens were made, however long other tests took."""
    with stopped("time", NOW):
        yield


def wanted(case: Case) -> tuple[int, str] | None:
    """The refusal that a case asks for, or None."""
    return (case.status, case.reason) if case.reason else None


def one_of_each(cases: Iterable[Case]) -> list[Case]:
    """The first case of each source, status and reason."""
    return list({(case.source, case.status, case.reason): case for case in cases}.values())


def can_be_sent(case: Case) -> bool:
    """Whether a server could hand this header to an app at all: WebTest refuses the rest itself."""
    value = case.authorization or ""
    return value.isascii() and value.isprintable() and len(value) < 65_536


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.__name__.rpartition(".")[2])
def test_every_case_gets_its_verdict(module: object) -> None:
    """Each token and header gets the status and reason that its RFC asks for, and is let through
    only if good."""
    verdicts = {case: decide(case) for case in module.cases()}
    wrong = {
        case.name: (refusal, "wanted", wanted(case))
        for case, (identity, refusal) in verdicts.items()
        if refusal != wanted(case) or (identity is None) == (refusal is None)
    }
    assert not wrong


def test_every_form_of_a_jwk_gets_its_verdict() -> None:
    """A JWK is read as strictly as a token: each form that readers could differ over is refused, by
    a configuration error and nothing else, and each good one is a key."""
    wrong = [case.name for case in KEY_CASES if is_usable(case) != case.is_good]
    assert not wrong
    assert len({case.name for case in KEY_CASES}) == len(KEY_CASES) >= 400
    assert {case.is_good for case in KEY_CASES} == {True, False}


def test_a_jwk_of_bad_form_costs_a_document_no_other_key() -> None:
    """In a JWKS document, as a mapping and as text, each bad form is left out alone (RFC 7517
    section 5)."""
    good = {"kty": "OKP", "crv": "Ed25519", "x": Key.generate("EdDSA").to_jwk()["x"], "kid": "good"}
    bad = [case.jwk for case in KEY_CASES if not case.is_good]
    assert [key.id for key in KeySet.from_jwks({"keys": [*bad, good]}).keys] == ["good"]
    as_text = json.dumps({"keys": [*filter(_is_json, bad), good]})
    assert [key.id for key in KeySet.from_jwks(as_text).keys] == ["good"]


def _is_json(jwk: object) -> bool:
    try:
        return bool(json.loads(json.dumps(jwk)) == jwk)
    except TypeError:
        return False


def test_every_logout_token_gets_its_verdict() -> None:
    """A logout token ends what it names, and anything else ends nothing: the receiver answers 400
    with the reason, never another status."""
    came = {case.name: (came_of(case), wanted_of(case)) for case in LOGOUT_CASES}
    assert {name: pair for name, pair in came.items() if pair[0] != pair[1]} == {}


def test_the_corpus_of_logout_tokens_is_large() -> None:
    """At least 150 cases, named apart, each with the section it rests on."""
    assert len({case.name for case in LOGOUT_CASES}) == len(LOGOUT_CASES) >= 150
    assert all(case.source for case in LOGOUT_CASES)


def test_no_logout_token_opens_a_path() -> None:
    """What ends a session is never an access token."""
    for case in LOGOUT_CASES:
        if case.reason is None:
            sent = carried(case.name, f"Bearer {case.token}", 401, "type", case.source)
            assert decide(sent)[0] is None


def test_a_cached_header_of_a_proof_changes_no_verdict() -> None:
    """A middleware that has seen the header of every good proof answers each case as one that has
    seen none, in any order: what is cached is the key, and never a verdict."""
    warm = warm_guard()
    cases = [case for case in proof_cases() if case.first is None]
    for case in (*cases, *reversed(cases)):
        assert answer(warm, case) == case.reason, case.name
    cold = [answer(proof_guard(), case) for case in cases]
    assert cold == [case.reason for case in cases]


def test_a_second_look_finds_the_same() -> None:
    """With a cache the verdicts are the same, the first time and the second."""
    cached = guard(cache_size=100)
    for case in CASES:
        first, second = decide(case, cached), decide(case, cached)
        assert first == second == decide(case), case.name


def test_the_corpus_is_large_and_each_case_has_a_name_and_a_source() -> None:
    """At least 400 cases, named apart, each with the section it rests on, and every reason a token
    can cause."""
    assert len(CASES) >= 400
    assert len({case.name for case in CASES}) == len(CASES)
    assert all(case.source for case in CASES)
    assert {case.reason for case in CASES} - {None} == set(DESCRIPTIONS) - {
        *("revoked", "scope", "claim_missing", "keys_unavailable", "revocations_unavailable"),
        "tokens_unavailable",
        "inactive",
        "tenants_unavailable",
        *("login_too_old", "login_too_weak"),  # of a token that is good
        *("forbidden", "requirement_failed", "path_too_long", "header_too_long"),
        # of other places than the Authorization header: tests/wire/test_places
        *("header_malformed", "cookie_malformed", "basic_malformed", "cross_site", "origin"),
        # of proofs: proof_cases
        *(reason for reason in DESCRIPTIONS if reason.startswith("proof_")),
        *("unbound", "replays_unavailable"),
    }


def test_every_proof_gets_its_verdict() -> None:
    """Each DPoP proof gets the reason that RFC 9449 asks for, and passes only if good."""
    verdicts = {case.name: (verdict(case), case.reason) for case in proof_cases()}
    assert {name: pair for name, pair in verdicts.items() if pair[0] != pair[1]} == {}
    assert len(verdicts) == len(proof_cases()) >= 300
    assert {case.reason for case in proof_cases()} - {None} == {
        *("proof", "unbound"),
        *(reason for reason in DESCRIPTIONS if reason.startswith("proof_")),
    } - {"proof_nonce"}  # of an option: tests/trust/test_nonces


@pytest.mark.parametrize(
    "case", one_of_each(filter(can_be_sent, CASES)), ids=lambda case: case.name[:60]
)
def test_the_answer_over_http(case: Case) -> None:
    """The response has the status, the reason in the body and the challenge; a good token reaches
    the app."""
    headers = {} if case.authorization is None else {"Authorization": case.authorization}
    answer = TestApp(guard()).get("/x", headers=headers, status=case.status)
    if case.reason is None:
        assert answer.text
        return
    assert answer.content_type == "application/problem+json"
    assert answer.json["reason"] == case.reason
    code = (
        {400: "invalid_request", 401: "invalid_token"}[case.status]
        if case.reason not in ("missing", "unread_scheme")
        else None
    )
    assert answer.json["error"] == code
    assert answer.headers["WWW-Authenticate"].startswith('Bearer realm="api"')
    assert ("error=" in answer.headers["WWW-Authenticate"]) == (code is not None)
