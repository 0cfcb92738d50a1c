"""The corpus through the middleware: no wrong verdict, no exception, on a real environ and through
WebTest."""

from collections.abc import Iterable, Iterator

import pytest
from clock import stopped
from corpus import CASES, MODULES
from corpus.case import Case
from corpus.verifiers import decide, guard
from forge import NOW
from webtest import TestApp

from jwt_middleware.errors import DESCRIPTIONS


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
        *("revoked", "scope", "claim_missing", "keys_unavailable", "revocations_unavailable")
    }


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
        if case.reason != "missing"
        else None
    )
    assert answer.json["error"] == code
    assert answer.headers["WWW-Authenticate"].startswith('Bearer realm="api"')
    assert ("error=" in answer.headers["WWW-Authenticate"]) == (code is not None)
