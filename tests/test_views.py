"""`enforce` and `refusal_response`: what a view asks of its caller, and the answer where it
refuses."""

import io
import logging
from collections.abc import Callable
from typing import Any

import pytest

from jwt_middleware import (
    ConfigurationError,
    Forbidden,
    Identity,
    InsufficientScope,
    JWTMiddleware,
    Key,
    KeySet,
    MissingToken,
    Provider,
    Refusal,
    Rule,
    Unavailable,
    any_of,
    authenticated,
    claim,
    enforce,
    issued_by,
    optional,
    public,
    refusal_response,
    scope,
)
from jwt_middleware.testing import Tokens
from jwt_middleware.views import ViewRule, caller_of
from tests.kit.tokens import TOMORROW

KEY = Key.generate()
PROVIDER = Provider(issuer="https://a.example", audience="api", keys=KeySet([KEY]))
GOOD = Tokens([PROVIDER], KEY).good("ada", scopes=("read",), role="lead", exp=TOMORROW)
OPTIONAL = (Rule("/", optional),)


class View:
    """An app that asks in its view, and remembers what came of it."""

    def __init__(self, *requirements: Any) -> None:
        self.requirements = requirements
        self.caller: Identity | None = None
        self.error: BaseException | None = None

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        """Enforce, and answer 200 or the refusal."""
        self.environ = environ
        try:
            self.caller = enforce(environ, *self.requirements)
        except Refusal as refusal:
            self.error = refusal
            return refusal_response(refusal, environ)(environ, start_response)
        except Exception as error:
            self.error = error
            raise
        start_response("200 OK", [])
        return [b"ok"]


def guarded(app: Any, *rules: Rule, **options: Any) -> JWTMiddleware:
    """The middleware around an app."""
    return JWTMiddleware(app, providers=[PROVIDER], rules=rules or OPTIONAL, **options)


def call(app: Any, token: str | None = GOOD, **environ: Any) -> tuple[str, dict[str, str], bytes]:
    """The status line, headers and body of a request."""
    sent: dict[str, Any] = {"REQUEST_METHOD": "GET", "PATH_INFO": "/x", "wsgi.input": io.BytesIO()}
    if token:
        sent["HTTP_AUTHORIZATION"] = f"Bearer {token}"
    started: list[Any] = []
    body = b"".join(app(sent | environ, lambda *start: started.append(start)))
    return started[-1][0], dict(started[-1][1]), body


HOLD: dict[str, tuple[Any, ...]] = {
    "nothing more than a token": (),
    "authenticated": (authenticated,),
    "a scope": (scope("read"),),
    "two requirements": (scope("read"), claim("role", "lead")),
    "an alternative": (any_of(scope("write"), issued_by("https://a.example")),),
    "one of the owner's own": (lambda caller: caller.subject == "ada",),
}


@pytest.mark.parametrize("requirements", HOLD.values(), ids=HOLD)
def test_the_caller_is_returned_where_all_holds(requirements: tuple[Any, ...]) -> None:
    """The view gets the verified identity."""
    view = View(*requirements)
    assert call(guarded(view))[0] == "200 OK"
    assert view.caller is not None
    assert view.caller.subject == "ada"


def _unhashable() -> Any:
    class Unhashable(dict[str, str]):
        def __call__(self, identity: Identity) -> bool:
            return False

    return Unhashable()


FAIL: dict[str, tuple[tuple[Any, ...], type[Refusal], str]] = {
    "a scope": ((scope("write"),), InsufficientScope, "scope"),
    "the second of two": ((scope("read"), scope("write")), InsufficientScope, "scope"),
    "a claim": ((claim("role", "owner"),), InsufficientScope, "claim_missing"),
    "false": ((lambda caller: False,), Forbidden, "forbidden"),
    "another value": ((lambda caller: "yes",), Unavailable, "requirement_failed"),
    "an error": ((lambda caller: 1 / 0,), Unavailable, "requirement_failed"),
    "one without a hash": ((_unhashable(),), Forbidden, "forbidden"),
}


@pytest.mark.parametrize(("requirements", "kind", "reason"), FAIL.values(), ids=FAIL)
def test_the_refusal_of_the_first_that_does_not_hold(
    requirements: tuple[Any, ...], kind: type[Refusal], reason: str
) -> None:
    """A view's requirements are asked as those of a rule are."""
    view = View(*requirements)
    call(guarded(view))
    assert type(view.error) is kind
    assert view.error.reason == reason


def test_without_a_token_no_requirement_is_asked() -> None:
    """`MissingToken`, and the requirement never sees None."""
    asked: list[object] = []
    view = View(asked.append)
    assert call(guarded(view), None)[0].startswith("401")
    assert isinstance(view.error, MissingToken)
    assert asked == []


UNGOVERNED: dict[str, tuple[tuple[Rule, ...], dict[str, str], list[str]]] = {
    "no rule": ((Rule("/api"),), {}, ["no rule governs '/x'", "Rule('/x', optional)"]),
    "mounted": (
        (Rule("/api"),),
        {"SCRIPT_NAME": "/sub"},
        ["no rule governs '/sub/x'", "Rule('/x', optional)", "Rule('/sub/x', optional)"],
    ),
    "public": ((Rule("/x", public),), {}, ["Rule('/x', public)", "Rule('/x', optional)"]),
    "a hostile path": ((Rule("/api"),), {"PATH_INFO": "/x\ny\x1b"}, ["'/x\\\\ny\\\\x1b'"]),
}


@pytest.mark.parametrize("token", [None, GOOD], ids=["no token", "a token"])
@pytest.mark.parametrize(("rules", "environ", "words"), UNGOVERNED.values(), ids=UNGOVERNED)
def test_where_no_rule_reads_a_token_nothing_is_let_through(
    rules: tuple[Rule, ...], environ: dict[str, str], words: list[str], token: str | None
) -> None:
    """`RuntimeError` with the rule that is missing, whatever the request carries."""
    with pytest.raises(RuntimeError) as caught:
        call(guarded(View(), *rules), token, **environ)
    assert all(word in str(caught.value) for word in words), str(caught.value)
    assert "\n" not in str(caught.value)


def test_without_a_middleware_nothing_is_let_through() -> None:
    """An identity in the environ alone, as a careless server could put it there, counts for
    nothing."""
    view = View()
    call(guarded(view))
    with pytest.raises(RuntimeError, match="no rule governs"):
        enforce({"PATH_INFO": "/x", "jwt_middleware.identity": view.caller})
    with pytest.raises(RuntimeError, match="no rule governs"):
        refusal_response(Forbidden(), {"PATH_INFO": "/x"})


FORGED: dict[str, Any] = {
    "a text": "yes",
    "a tuple of others": (object(), (Rule("/"),), None),
    "a list": ["a", "b"],
    "true": True,
}


@pytest.mark.parametrize("value", FORGED.values(), ids=FORGED)
def test_the_key_of_the_views_cannot_be_forged(value: Any) -> None:
    """Whatever an outer app or server puts there is replaced under a rule, and is of no use
    without one."""
    key = "jwt_middleware.governed_by"
    view = View()
    middleware = guarded(view, Rule("/x", optional))
    call(middleware, None, **{key: value})
    assert isinstance(view.error, MissingToken)
    assert view.environ[key][0] is middleware
    with pytest.raises(RuntimeError, match="no rule governs"):
        call(middleware, None, **{key: value, "PATH_INFO": "/y"})


def test_the_innermost_middleware_with_a_rule_decides() -> None:
    """Its realm is in the challenge; where it has no rule, the outer one counts."""
    inner = guarded(View(scope("write")), Rule("/in", optional), realm="inner")
    outer = guarded(inner, Rule("/"), realm="outer")
    for path, realm in (("/in", "inner"), ("/out", "outer")):
        assert f'realm="{realm}"' in call(outer, PATH_INFO=path)[1]["WWW-Authenticate"]


def test_a_refusal_is_reported_once(caplog: pytest.LogCaptureFixture) -> None:
    """One log line and the reason in the environ, as for a refusal of the middleware's own; also
    where the framework answers with a copy of the environ."""
    seen: dict[str, Any] = {}

    def copying(environ: dict[str, Any], start_response: Any) -> Any:
        seen.update(environ=environ)
        answer = refusal_response(InsufficientScope(scope=("write",)), environ)
        return answer(environ.copy(), start_response)

    with caplog.at_level(logging.INFO, "jwt_middleware"):
        status, headers, _ = call(guarded(copying))
    assert (status, seen["environ"]["jwt_middleware.reason"]) == ("403 FORBIDDEN", "scope")
    assert 'scope="write"' in headers["WWW-Authenticate"]
    assert [(record.reason, record.rule) for record in caplog.records] == [("scope", "/")]  # type: ignore[attr-defined]


def test_the_body_of_a_refused_request_is_read() -> None:
    """So that the client reads the answer before the server closes the connection."""
    body = io.BytesIO(b"x" * 1000)
    fields = {"REQUEST_METHOD": "POST", "CONTENT_LENGTH": "1000", "wsgi.input": body}
    assert call(guarded(View()), None, **fields)[0].startswith("401")
    assert body.tell() == 1000


NOT_ASKED: dict[str, tuple[tuple[Any, ...], str]] = {
    "without its call": ((scope,), "without its call"),
    "a text": (("admin",), "'admin'"),
    "a class": ((dict,), "dict"),
    "no argument": ((lambda: True,), "one argument"),
    "public": ((public,), "public"),
    "optional": ((optional,), "Identity.from_environ"),
}


@pytest.mark.parametrize(("requirements", "word"), NOT_ASKED.values(), ids=NOT_ASKED)
def test_what_is_not_a_requirement_is_not_asked(requirements: tuple[Any, ...], word: str) -> None:
    """`ConfigurationError` by the checks of `Rule`, with and without a token."""
    for token in (None, GOOD):
        with pytest.raises(ConfigurationError, match=r"^requirements of enforce must") as caught:
            call(guarded(View(*requirements)), token)
        assert word in str(caught.value)


CONTRADICTIONS: dict[str, tuple[tuple[Any, ...], bool]] = {
    "public": ((public,), False),
    "public, optional": ((public,), True),
    "optional and authenticated": ((optional, authenticated), False),
    "optional=True and authenticated": ((authenticated,), True),
}


@pytest.mark.parametrize(("requires", "is_optional"), CONTRADICTIONS.values(), ids=CONTRADICTIONS)
def test_a_view_that_contradicts_itself_cannot_be_made(
    requires: tuple[Any, ...], is_optional: bool
) -> None:
    """What a view asks is checked when it is made."""
    with pytest.raises(ConfigurationError, match=r"^jwt must not hold"):
        ViewRule("jwt", requires, is_optional=is_optional)


@pytest.mark.parametrize(
    "requires", [(optional,), (optional, scope("write"))], ids=["bare", "with"]
)
def test_an_optional_view_lets_a_request_without_a_token_pass(requires: tuple[Any, ...]) -> None:
    """With a token, the other requirements are asked."""
    results: list[Any] = []

    def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        try:
            results.append(ViewRule("jwt", requires, is_optional=False).enforce(environ))
        except Refusal as refusal:
            results.append(refusal.reason)
        start_response("200 OK", [])
        return []

    call(guarded(app), None)
    call(guarded(app))
    with_token = "scope" if len(requires) > 1 else results[1]
    assert results == [None, with_token]
    assert with_token


def test_the_caller_of_a_request_or_none() -> None:
    """`caller_of` refuses nothing under a rule that reads tokens."""
    callers: list[Identity | None] = []

    def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        callers.append(caller_of(environ))
        start_response("200 OK", [])
        return []

    call(guarded(app), None)
    call(guarded(app))
    assert [caller and caller.subject for caller in callers] == [None, "ada"]


@pytest.mark.parametrize("value", [None, "scope", Refusal, ValueError()], ids=repr)
def test_only_a_refusal_is_answered(value: Any) -> None:
    """`TypeError` for anything else: there is no answer to it."""
    with pytest.raises(TypeError, match=r"^refusal must be a Refusal"):
        refusal_response(value, {})


REPORTED: dict[str, tuple[str | None, str | None, str]] = {
    "no token": (None, "missing", "missing"),
    "a bad token": (Tokens([PROVIDER], KEY).good("ada", exp=1), "expired", "expired"),
    "not a token": ("a,b", "malformed", "malformed"),
    "a token that the rule would refuse": (GOOD, "scope", ""),
}


@pytest.mark.parametrize(("token", "would", "reason"), REPORTED.values(), ids=REPORTED)
def test_a_view_under_a_report_only_rule_refuses_by_itself(
    token: str | None, would: str, reason: str
) -> None:
    """The rule reads the token and lets all pass; the view does not, and says why."""
    view = View(scope("read"))
    call(guarded(view, Rule("/", scope("write"), report_only=True)), token)
    assert view.environ["jwt_middleware.would_refuse"] == would
    assert getattr(view.error, "reason", "") == reason
    assert view.environ.get("jwt_middleware.reason", "") == reason


def test_a_report_only_rule_beside_a_public_one_reads_the_token() -> None:
    """So a view may ask who is calling."""
    view = View()
    rules = [Rule("/", public), Rule("/x", report_only=True)]
    assert call(guarded(view, *rules))[0] == "200 OK"


def test_observers_see_the_refusal_of_a_view_once() -> None:
    """After the decision that let the request through, which they see too; the subject is in the
    environ for access logs."""
    seen: list[tuple[str | None, str | None]] = []

    def observer(decision: Any, environ: Any) -> None:
        seen.append(
            (getattr(decision.answer, "reason", None), environ.get("jwt_middleware.subject"))
        )
        assert [rule.prefix for rule in decision.rules] == ["/"]

    call(guarded(View(scope("write")), observers=[observer]))
    assert seen == [(None, None), ("scope", "ada")]
    seen.clear()
    call(guarded(View(), observers=[observer]), None)
    assert seen == [(None, None), ("missing", None)]


NESTED: dict[str, tuple[Rule, Rule, str | None, str]] = {
    "each lets a view decide": (Rule("/", optional), Rule("/", optional), None, "missing"),
    "the inner one has no rule": (Rule("/", optional), Rule("/y", optional), GOOD, "ada"),
    "the outer one has no rule": (Rule("/y", optional), Rule("/", optional), GOOD, "ada"),
    "neither has": (Rule("/y", optional), Rule("/z", optional), GOOD, "RuntimeError"),
    "the inner one is public": (Rule("/"), Rule("/", public), GOOD, "RuntimeError"),
    "the outer one is public": (Rule("/", public), Rule("/", optional), GOOD, "ada"),
    "the inner one only reports": (Rule("/"), Rule("/", report_only=True), GOOD, "ada"),
    "the inner one would refuse": (
        Rule("/", optional),
        Rule("/", report_only=True),
        None,
        "missing",
    ),
}


@pytest.mark.parametrize(("outer", "inner", "token", "result"), NESTED.values(), ids=NESTED)
def test_a_middleware_within_another_lends_no_rule(
    outer: Rule, inner: Rule, token: str | None, result: str
) -> None:
    """The innermost one with a rule for the path says whether anybody looked for a token; what one
    further out has found does not count then."""
    view = View()
    try:
        call(guarded(guarded(view, inner), outer), token, PATH_INFO="/x")
    except RuntimeError as error:
        found = type(error).__name__
    else:
        found = view.caller.subject if view.caller else view.error.reason
    assert found == result
