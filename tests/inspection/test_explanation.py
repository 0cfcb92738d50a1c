"""`explain` says what the middleware does, and why."""

from collections.abc import Iterator
from typing import Any

import pytest

from jwt_middleware import (
    Provider,
    Rule,
    any_of,
    basic_password,
    bearer,
    in_cookie,
    in_header,
    optional,
    public,
    scope,
)
from jwt_middleware.inspection import explain
from jwt_middleware.middleware import JWTMiddleware
from tests.checks.corpus import CASES
from tests.checks.corpus.case import Case
from tests.checks.matrix.hostile import hostile
from tests.inspection.sites import MINTER, guard
from tests.kit.clock import stopped
from tests.kit.parts import examples
from tests.kit.tokens import NOW, sign

pytestmark = pytest.mark.needs_frameworks


def app(environ: Any, start_response: Any) -> list[bytes]:
    """Answers everything."""
    start_response("200 OK", [])
    return []


def answer_of(guarded: Any, environ: dict[str, Any]) -> tuple[int, str | None]:
    """What a request is really answered."""
    statuses: list[str] = []
    environ = {"wsgi.input": None, "CONTENT_LENGTH": "0", **environ}
    list(guarded(environ, lambda status, headers, error=None: statuses.append(status)))
    return int(statuses[0][:3]), environ.get("jwt_middleware.reason")


def explained(guarded: Any, environ: dict[str, Any]) -> tuple[int, str | None]:
    """What `explain` says of it."""
    found = explain(guarded, environ)
    return found.status or 200, found.reason


RULES = (
    Rule("/api"),
    Rule("/api/items", scope("a")),
    Rule("/my_api", optional),
    Rule("/public", public),
    Rule("/api", any_of(scope("r"), scope("w")), methods=("POST",)),
)


@pytest.fixture(scope="module")
def corpus_guard() -> Iterator[JWTMiddleware]:
    """A middleware that trusts the issuers of the corpus."""
    with stopped("time", NOW):
        from tests.checks.corpus.verifiers import guard as of_corpus

        yield of_corpus()


def test_every_token_of_the_corpus_is_explained_as_it_is_answered(
    corpus_guard: JWTMiddleware,
) -> None:
    """Status and reason are the middleware's; all findings hold exactly if the token is good."""
    wrong = [case.name for case in CASES if not _agrees(corpus_guard, case)]
    assert not wrong


def _agrees(guarded: JWTMiddleware, case: Case) -> bool:
    with stopped("time", NOW):
        environ = {"REQUEST_METHOD": "GET", "PATH_INFO": "/"}
        if case.authorization is not None:
            environ["HTTP_AUTHORIZATION"] = case.authorization
        found = explain(guarded, environ)
        decision = guarded.decide(environ)
    reason = getattr(decision.answer, "reason", None)
    is_told = all(one.holds for one in found.findings) == (decision.identity is not None)
    shown = "".join(one.text for one in found.findings)
    is_secret = case.token is None or len(case.token) < 20 or case.token not in shown
    return found.reason == reason and (is_told or not found.findings) and is_secret


@pytest.mark.parametrize("place", [None, "HTTP_AUTHORIZATION", "HTTP_COOKIE", "HTTP_X_TOKEN"])
def test_every_hostile_request_is_explained_as_it_is_answered(place: str | None) -> None:
    """A thousand requests of the matrix: the answer is the app's, and every rule that governs is
    met by one of the readings."""
    places = in_cookie("jwt"), in_header("X-Token"), bearer, basic_password
    guarded = guard(app, *RULES, credentials=places)
    token = MINTER.mint("ada", scopes=("a",))
    forms = {"HTTP_AUTHORIZATION": "Bearer ", "HTTP_COOKIE": "jwt="}
    for seed in range(examples(1000)):
        request = hostile(seed)
        environ = {
            "PATH_INFO": request.path,
            "REQUEST_METHOD": request.method,
            **dict(request.more),
        }
        if place:
            environ[place] = forms.get(place, "") + token
        found = explain(guarded, environ)
        assert explained(guarded, environ) == answer_of(guarded, environ), request
        if found.readings and "REQUEST_METHOD" not in request.more:
            prefixes = {rule.prefix for one in found.readings for rule in one.rules}
            assert {rule.prefix for rule in found.decision.rules} <= prefixes, request


@pytest.mark.parametrize(
    ("changes", "name", "text"),
    [
        ({"audience": "account"}, "aud", 'aud is "account", this provider wants "a"'),
        ({"issuer": "https://x.example"}, "iss", 'iss is "https://x.example", the trusted issuers'),
        ({"lifetime": 1}, "exp", "and has passed; now"),
    ],
    ids=["aud", "iss", "exp"],
)
def test_what_does_not_hold_is_said_with_what_was_expected(
    changes: dict[str, Any], name: str, text: str
) -> None:
    """Expected and found are in one line."""
    from jwt_middleware.login import TokenMinter
    from tests.inspection.sites import SECRET

    options = {"issuer": "https://i.example", "audience": "a", **changes}
    with stopped("time", NOW):
        token = TokenMinter.from_secret(SECRET, **options).mint("ada")
    with stopped("time", NOW + 100):
        environ = {"PATH_INFO": "/api", "HTTP_AUTHORIZATION": f"Bearer {token}"}
        found = explain(guard(app), environ)
    (fault,) = [one for one in found.findings if not one.holds]
    assert fault.name == name
    assert text in fault.text


@pytest.mark.parametrize(
    ("claim", "kind"), [("typ", "ID"), ("token_use", "id"), ("token_type", "refresh")]
)
def test_a_token_of_another_kind_is_named_by_its_claim(claim: str, kind: str) -> None:
    """The header of such a token is that of an access token, so the claim is said."""
    usual = MINTER.provider.keys.keys[0]
    claims = {"iss": "https://i.example", "aud": "a", "sub": "ada", "exp": 4e9, claim: kind}
    token = sign({"alg": "HS256"}, claims, usual)
    environ = {"PATH_INFO": "/api", "HTTP_AUTHORIZATION": f"Bearer {token}"}
    (fault,) = [one for one in explain(guard(app), environ).findings if not one.holds]
    assert (fault.name, fault.text) == (
        "typ",
        f'the claim {claim} is "{kind}", so it is not an access token',
    )


def test_requirements_are_each_asked() -> None:
    """The verdict of every requirement is there, and that of one that nobody can be asked."""
    guarded = guard(app, Rule("/api", scope("a"), scope("b")))
    environ = {"PATH_INFO": "/api"}
    assert [one.holds for one in explain(guarded, environ).verdicts] == [None, None]
    environ["HTTP_AUTHORIZATION"] = f"Bearer {MINTER.mint('ada', scopes=('a',))}"
    found = explain(guarded, environ)
    assert [(one.holds, one.reason) for one in found.verdicts] == [(True, None), (False, "scope")]
    assert (found.status, found.reason) == (403, "scope")


def test_a_public_path_reads_no_credential() -> None:
    """Where no rule asks, nothing is said of a token."""
    environ = {"PATH_INFO": "/health", "HTTP_AUTHORIZATION": "Bearer x"}
    found = explain(guard(app), environ)
    assert (found.source, found.findings, found.status) == (None, (), None)


def test_the_provider_is_left_as_it_is() -> None:
    """Explaining changes nothing of the environ."""
    environ = {"PATH_INFO": "/api", "HTTP_AUTHORIZATION": "Bearer x"}
    before = dict(environ)
    explain(guard(app), environ)
    assert environ == before
    assert isinstance(MINTER.provider, Provider)
