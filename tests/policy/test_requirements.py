"""What a rule may ask of the caller."""

import json
from collections.abc import Callable
from enum import IntEnum, StrEnum
from functools import partial
from inspect import CORO_CLOSED, getcoroutinestate
from typing import Any

import pytest

import jwt_middleware
from jwt_middleware import (
    ConfigurationError,
    Forbidden,
    Identity,
    InsufficientScope,
    InvalidToken,
    MissingToken,
    Refusal,
    Requirement,
    Rule,
    Unavailable,
    any_of,
    authenticated,
    claim,
    issued_by,
    optional,
    public,
    scope,
)

Log = pytest.LogCaptureFixture


def caller(*scopes: str, issuer: str = "https://a.example", **claims: Any) -> Identity:
    """A verified identity with these scopes and claims."""
    return Identity("ada", issuer, scopes, None, None, 2e9, json.dumps(claims).encode())


class Tenant(list[str]):
    """A requirement of an owner's own, which cannot be hashed."""

    def __call__(self, identity: Identity) -> None:
        """Refuse everybody."""
        raise InsufficientScope("claim_missing")


class _Role(StrEnum):
    ADMIN = "admin"


class _Level(IntEnum):
    TOP = 3
    ONE = 1


HOLDS = {
    "authenticated": (authenticated, caller()),
    "optional with one": (optional, caller()),
    "scope": (scope("read"), caller("read")),
    "two scopes": (scope("read", "write"), caller("admin", "write", "read")),
    "issuer": (issued_by("https://b.example", "https://a.example"), caller()),
    "claim is present": (claim("org"), caller(org="x")),
    "claim is false and present": (claim("org"), caller(org=False)),
    "claim is zero and present": (claim("org"), caller(org=0)),
    "claim has the value": (claim("role", "admin"), caller(role="admin")),
    "claim has one of the values": (claim("role", "admin", "owner"), caller(role="owner")),
    "claim lists the value": (claim("roles", "admin"), caller(roles=["staff", "admin"])),
    "claim lists it beside objects": (
        claim("roles", "admin"),
        caller(roles=[{"a": 1}, ["admin"], None, "admin"]),
    ),
    "nested claim, alone": (
        claim(("realm_access", "roles"), "admin"),
        caller(realm_access={"roles": "admin"}),
    ),
    "nested claim, listed": (
        claim(("realm_access", "roles"), "admin"),
        caller(realm_access={"roles": ["admin"]}),
    ),
    "a dot in a name is no path": (
        claim("https://x.example/roles", "a"),
        caller(**{"https://x.example/roles": "a"}),
    ),
    "a number is a number": (claim("level", 1), caller(level=1.0)),
    "a member of a StrEnum": (claim("role", _Role.ADMIN), caller(role="admin")),
    "a member of an IntEnum, listed": (claim("levels", _Level.TOP), caller(levels=[1, 3])),
    "a scope of a StrEnum": (scope(_Role.ADMIN), caller("admin")),
    "true is true": (claim("verified", True), caller(verified=True)),
    "first alternative": (any_of(scope("a"), scope("b")), caller("a")),
    "second alternative": (any_of(scope("a"), claim("role", "admin")), caller(role="admin")),
}


@pytest.mark.parametrize(("requirement", "identity"), HOLDS.values(), ids=HOLDS)
def test_a_requirement_holds(requirement: Requirement, identity: Identity | None) -> None:
    """A caller who has what is asked for passes."""
    requirement(identity)


FAILS = {
    "scope": (scope("read"), caller("write"), InsufficientScope, "scope"),
    "scope by its start": (scope("read"), caller("read:all"), InsufficientScope, "scope"),
    "one of two scopes": (scope("read", "write"), caller("read"), InsufficientScope, "scope"),
    "issuer": (issued_by("https://b.example"), caller(), InvalidToken, "issuer"),
    "issuer by its start": (issued_by("https://a.example/"), caller(), InvalidToken, "issuer"),
    "claim absent": (claim("org"), caller(), InsufficientScope, "claim_missing"),
    "claim null": (claim("org"), caller(org=None), InsufficientScope, "claim_missing"),
    "another value": (
        claim("role", "admin"),
        caller(role="administrator"),
        InsufficientScope,
        "claim_missing",
    ),
    "an empty list": (
        claim("roles", "admin"),
        caller(roles=[]),
        InsufficientScope,
        "claim_missing",
    ),
    "a nested list": (
        claim("roles", "admin"),
        caller(roles=[["admin"]]),
        InsufficientScope,
        "claim_missing",
    ),
    "a key of an object": (
        claim("roles", "admin"),
        caller(roles={"admin": 1}),
        InsufficientScope,
        "claim_missing",
    ),
    "a path through a text": (claim(("a", "b")), caller(a="b"), InsufficientScope, "claim_missing"),
    "a path through a list": (
        claim(("a", "b")),
        caller(a=[{"b": 1}]),
        InsufficientScope,
        "claim_missing",
    ),
    "1 is not true": (
        claim("verified", True),
        caller(verified=1),
        InsufficientScope,
        "claim_missing",
    ),
    "true is not 1": (claim("level", 1), caller(level=True), InsufficientScope, "claim_missing"),
    "'1' is not 1": (claim("level", 1), caller(level="1"), InsufficientScope, "claim_missing"),
    "any_of: the first one's": (
        any_of(issued_by("x"), scope("b")),
        caller(),
        InvalidToken,
        "issuer",
    ),
}


@pytest.mark.parametrize(("requirement", "identity", "error", "reason"), FAILS.values(), ids=FAILS)
def test_a_requirement_fails(
    requirement: Requirement, identity: Identity, error: type[Refusal], reason: str
) -> None:
    """A good token that lacks something is refused with the reason of what it lacks."""
    with pytest.raises(error) as caught:
        requirement(identity)
    assert (type(caught.value), caught.value.reason) == (error, reason)


NEED_A_TOKEN = [
    authenticated,
    scope("a"),
    claim("a"),
    claim("a", 1),
    issued_by("a"),
    any_of(scope("a"), claim("b")),
    lambda identity: None,
    lambda identity: True,
    lambda identity: False,
    lambda identity: identity.subject,
]


@pytest.mark.parametrize("requirement", NEED_A_TOKEN)
def test_without_a_token_it_is_missing(requirement: Any, caplog: Log) -> None:
    """Whatever is asked of a caller without a token, the answer is 401, and nothing is asked."""
    with pytest.raises(MissingToken):
        Rule("/api", requirement).authorize(None)
    assert not caplog.records


def test_public_and_optional_pass_without_a_token() -> None:
    """These two alone let a request without a token through; what is beside `optional` is asked of
    a caller."""
    Rule("/api", public).authorize(None)
    Rule("/api", optional).authorize(None)
    Rule("/api", optional, scope("a")).authorize(None)
    Rule("/api", optional, scope("a")).authorize(caller("a"))
    with pytest.raises(InsufficientScope):
        Rule("/api", optional, scope("a")).authorize(caller())


@pytest.mark.parametrize("answer", [None, True])
def test_an_own_requirement_agrees(answer: bool | None, caplog: Log) -> None:
    """None and True agree, and the next requirement is asked."""
    asked = []
    Rule("/api", lambda identity: answer, asked.append).authorize(caller())
    assert asked == [caller()]
    assert not caplog.records


def test_an_own_requirement_says_no(caplog: Log) -> None:
    """False is 403 `forbidden`; a refusal of its own passes as it is. Neither is a fault."""
    with pytest.raises(Forbidden) as caught:
        Rule("/api", lambda identity: False).authorize(caller())
    assert (caught.value.status, caught.value.reason) == (403, "forbidden")
    with pytest.raises(InsufficientScope):
        Rule("/api", Tenant()).authorize(caller())
    assert not caplog.records


async def _later() -> bool:
    return True


def _raise(error: BaseException) -> Any:
    raise error


class _Sent(Forbidden):
    """A refusal of an owner's own, that can be sent."""

    parameters = {"hint": "ask the desk"}  # noqa: RUF012


def _unsent(**attributes: Any) -> Callable[[Identity], None]:
    """Raise a refusal of an owner's own with these attributes, that cannot be sent."""
    kind = type("Own", (Forbidden,), attributes)
    return lambda identity: _raise(kind())


def _described(text: str) -> Forbidden:
    refusal = Forbidden()
    refusal.description = text
    return refusal


UNSENT: dict[str, Callable[[Identity], Any]] = {
    "no subclass": lambda identity: _raise(Refusal("forbidden")),
    "no status": lambda identity: _raise(type("Own", (Refusal,), {"code": None})("forbidden")),
    "a success": _unsent(status=200),
    "a redirect": _unsent(status=303),
    "no such status": _unsent(status=499),
    "a text for a status": _unsent(status="403"),
    "a code of several words": _unsent(code='a", b="c'),
    "a description of their own": lambda identity: _raise(_described("secret\r\nX: y")),
    "another reason": _unsent(reason="secret-of-the-token", __init__=lambda self: None),
    "a line break in a parameter": _unsent(
        parameters={"a": "b\r\nSet-Cookie: secret-of-the-token"}
    ),
    "a quote in a parameter": _unsent(parameters={"a": 'b", c="d'}),
    "a name that is none": _unsent(parameters={"a b": "c"}),
    "no parameters": _unsent(parameters=None),
    "an init that forgets ours": _unsent(__init__=lambda self: None),
    "a property that raises": _unsent(code=property(lambda self: 1 / 0)),
    "a scope with a line break": lambda identity: _raise(InsufficientScope(scope=("a\r\nX: y",))),
    "a text for scopes": lambda identity: _raise(InsufficientScope(scope="admin")),  # type: ignore[arg-type]
    "a text for seconds": lambda identity: _raise(Unavailable("key", retry_after="1\r\nX: y")),  # type: ignore[arg-type]
}


def test_a_refusal_of_an_own_class_is_raised_as_it_is(caplog: Log) -> None:
    """It is a no like any other, as long as it can be sent."""
    with pytest.raises(_Sent):
        Rule("/api", lambda identity: _raise(_Sent())).authorize(caller())
    assert not caplog.records


BROKEN: dict[str, Callable[[Identity], Any]] = {
    "a number": lambda identity: 1,
    "zero": lambda identity: 0,
    "an empty text": lambda identity: "",
    "the identity": lambda identity: identity,
    "a requirement": lambda identity: scope("a"),
    "a coroutine": lambda identity: _later(),
    "an exception": lambda identity: _raise(KeyError("secret-of-the-token")),
    "an attribute that is not there": lambda identity: identity.nobody,  # type: ignore[attr-defined]
    "an error of ours": lambda identity: _raise(ConfigurationError("secret-of-the-token")),
    "alternatives": any_of(lambda identity: 1, scope("a")),  # type: ignore[arg-type, return-value]
    "alternatives within": any_of(any_of(lambda identity: identity.nobody), scope("a")),  # type: ignore[attr-defined]
}


@pytest.mark.parametrize("requirement", (BROKEN | UNSENT).values(), ids=BROKEN | UNSENT)
@pytest.mark.filterwarnings("error")
def test_a_broken_requirement_refuses(requirement: Any, caplog: Log) -> None:
    """Any other answer, and any exception, is 503 with one ERROR line that says the class and no
    text."""
    with pytest.raises(Unavailable) as caught:
        Rule("/api", requirement).authorize(caller("a"))
    assert (caught.value.status, caught.value.reason) == (503, "requirement_failed")
    assert caught.value.__cause__ is None
    (record,) = caplog.records
    assert (record.levelname, record.name, record.exc_info) == ("ERROR", "jwt_middleware", None)
    assert "secret-of-the-token" not in record.getMessage()


def test_an_exit_is_not_a_fault() -> None:
    """What ends the process or the greenlet passes."""
    for error in (KeyboardInterrupt(), SystemExit(), GeneratorExit()):
        with pytest.raises(type(error)):
            Rule("/api", partial(lambda error, identity: _raise(error), error)).authorize(caller())


async def _coroutine_function(identity: Identity) -> None: ...


def _generator_function(identity: Identity) -> Any:
    yield


async def _async_generator_function(identity: Identity) -> Any:
    yield


class _AsyncCall:
    async def __call__(self, identity: Identity) -> None: ...


NOT_REQUIREMENTS: dict[str, tuple[Any, str]] = {
    "scope": (scope, "got scope without its call"),
    "claim": (claim, "got claim without its call"),
    "issued_by": (issued_by, "got issued_by without its call"),
    "any_of": (any_of, "got any_of without its call"),
    "a text": ("admin", "got 'admin'"),
    "nothing": (None, "got None"),
    "a list": ([scope("a")], r"got \[scope\('a'\)\]"),
    "a class": (Tenant, "got <class"),
    "a class of the standard library": (dict, "got <class 'dict'>"),
    "a coroutine function": (_coroutine_function, "coroutine or generator"),
    "a partial coroutine function": (partial(_coroutine_function), "coroutine or generator"),
    "an object with an async call": (_AsyncCall(), "coroutine or generator"),
    "a generator function": (_generator_function, "coroutine or generator"),
    "an async generator function": (_async_generator_function, "coroutine or generator"),
    "no argument": (lambda: None, "with one argument"),
    "two arguments": (lambda identity, request: None, "with one argument"),
    "a keyword that is needed": (lambda identity, *, request: None, "with one argument"),
}


@pytest.mark.parametrize(("value", "told"), NOT_REQUIREMENTS.values(), ids=NOT_REQUIREMENTS)
def test_what_cannot_be_asked_is_refused_while_building(value: Any, told: str) -> None:
    """A requirement that would fail or pass at each request is an error that names the rule."""
    with pytest.raises(ConfigurationError, match=rf"requires of Rule\('/api'\) must .*{told}"):
        Rule("/api", value)
    with pytest.raises(ConfigurationError, match=rf"any_of must .*{told}"):
        any_of(scope("a"), value)


SHOWN = {
    "Rule('/api')": Rule("/api"),
    "Rule('/api', public)": Rule("/api/", public),
    "Rule('/api', optional)": Rule("/api", optional),
    "Rule('/api', scope('a', 'b'), methods=('POST', 'PUT'))": Rule(
        "/api", scope("a", "b"), methods=("put", "POST")
    ),
    "Rule('/api', claim('role', 'a', 1), claim(('x', 'y')))": Rule(
        "/api", claim("role", "a", 1), claim(("x", "y"))
    ),
    "Rule('/api', any_of(issued_by('https://a.example'), scope('a')))": Rule(
        "/api", any_of(issued_by("https://a.example"), scope("a"))
    ),
}


@pytest.mark.parametrize(("text", "rule"), SHOWN.items(), ids=SHOWN)
def test_a_rule_shows_itself_as_it_is_written(text: str, rule: Rule) -> None:
    """The repr is the call that makes such a rule."""
    assert repr(rule) == text
    assert eval(text, vars(jwt_middleware)).requires == rule.requires


def test_a_rule_and_its_requirements_are_frozen() -> None:
    """What was checked while building stays so."""
    for value, name in ((Rule("/api"), "prefix"), (scope("a"), "names"), (public, "name")):
        with pytest.raises(AttributeError):
            setattr(value, name, "x")
        with pytest.raises((AttributeError, TypeError)):
            value.other = 1  # type: ignore[union-attr]


def test_the_refusal_names_the_scopes_of_the_rule() -> None:
    """All the scopes that the rule needs are named, in its order, not only the one that is
    missing."""
    with pytest.raises(InsufficientScope) as caught:
        scope("write", "read")(caller("write"))
    assert caught.value.scope == ("write", "read")


def test_alternatives_may_be_of_the_owners_own() -> None:
    """Any callable is a requirement, an unhashable one too; False is the no of an alternative."""
    any_of(Tenant(), scope("b"))(caller("b"))
    any_of(lambda identity: False, scope("b"))(caller("b"))
    with pytest.raises(InsufficientScope):
        any_of(Tenant(), scope("b"))(caller())
    with pytest.raises(Forbidden):
        any_of(lambda identity: False, scope("b"))(caller())


CONTRADICTIONS = {
    "no scope": (scope,),
    "an empty scope": (scope, ""),
    "two scopes in one text": (scope, "read write"),
    "a list of scopes": (scope, ["read"]),
    "a quote in a scope": (scope, 'a"b'),
    "no claim": (claim, ()),
    "an empty claim": (claim, ""),
    "a list as path": (claim, ["a", "b"]),
    "a number in the path": (claim, ("a", 1)),
    "a list of values": (claim, "role", ["admin"]),
    "null as value": (claim, "role", None),
    "no issuer": (issued_by,),
    "an empty issuer": (issued_by, ""),
    "no alternative": (any_of,),
    "a text as alternative": (any_of, "read"),
    "public as alternative": (any_of, scope("a"), public),
    "optional as alternative": (any_of, optional),
}


@pytest.mark.parametrize("call", CONTRADICTIONS.values(), ids=CONTRADICTIONS)
def test_what_cannot_be_meant_is_refused_while_building(call: tuple[Any, ...]) -> None:
    """A requirement that could never hold, or says nothing, is an error that shows the right
    form."""
    build, *arguments = call
    with pytest.raises(ConfigurationError, match=rf"{build.__name__}\b"):
        build(*arguments)


class _Shown:
    """A requirement with a fixed repr and this body."""

    def __repr__(self) -> str:
        return "mine"


class _NeedsNothing(_Shown):
    def __call__(self) -> None: ...


class _Later(_Shown):
    async def __call__(self, identity: Identity) -> None: ...


_FORM = "a callable that takes an Identity and returns None or a boolean"
_EVERY = "which every caller fulfills, got any_of"
SAID: dict[str, Callable[[], Any]] = {
    "scope must be called with one or more names without spaces, got scope('a b', 'c'); "
    "scope('read', 'write') asks for both": lambda: scope("a b", "c"),
    "claim must be called with a name, or with the path to it as a tuple, got ('a', 1); "
    "claim(('realm_access', 'roles'), 'admin')": lambda: claim(("a", 1)),  # type: ignore[arg-type]
    "claim must be called with strings, numbers or booleans as values, got ['admin'], None; "
    "claim('role', 'admin', 'owner') accepts either": lambda: claim("role", ["admin"], None),
    "issued_by must be called with one or more issuers, got issued_by('a', ''); "
    "issued_by('https://idp.example/')": lambda: issued_by("a", ""),
    "any_of must be called with requirements, got any_of(); any_of(scope('a'), scope('b'))": any_of,
    "any_of must hold scope(...), got scope without its call": lambda: any_of(scope),  # type: ignore[arg-type]
    f"any_of must not hold public, {_EVERY}(scope('a'), public); any_of(scope('a'), scope('b'))": (
        lambda: any_of(scope("a"), public)
    ),
    f"any_of must hold requirements such as scope('read'), each {_FORM}, got 'admin'": (
        lambda: any_of("admin")  # type: ignore[arg-type]
    ),
    "any_of must hold requirements that answer at once, got the coroutine or generator function "
    "mine": lambda: any_of(_Later()),  # type: ignore[arg-type]
    f"any_of must hold requirements, each {_FORM}, got mine, which cannot be called with one "
    "argument": lambda: any_of(_NeedsNothing()),  # type: ignore[arg-type]
    "issued_by('x') names no configured provider (known: 'a', 'b')": (
        lambda: Rule("/", issued_by("x")).issuers(frozenset(("b", "a")))
    ),
}


@pytest.mark.parametrize("text", SAID)
def test_a_message_says_what_to_write(text: str) -> None:
    """What is wrong, what was given, and the right form."""
    with pytest.raises(ConfigurationError) as caught:
        SAID[text]()
    assert str(caught.value) == text


class _Answers:
    """A requirement that is an object."""

    def __call__(self, identity: Identity) -> Any:
        return 1


class _Unnamed(_Answers):
    def __init__(self) -> None:
        self.__qualname__ = 5


def _answers(identity: Identity) -> Any:
    return "yes"


def _raises(identity: Identity) -> Any:
    raise KeyError("secret")


FAULTS: dict[str, Any] = {
    "requirement _raises raised KeyError": _raises,
    "requirement _answers must return None or a boolean, got a value of type str": _answers,
    "requirement _Answers must return None or a boolean, got a value of type int": _Answers(),
    "requirement _Unnamed must return None or a boolean, got a value of type int": _Unnamed(),
}


@pytest.mark.parametrize("text", FAULTS)
def test_the_line_of_a_fault(text: str, caplog: Log) -> None:
    """It names the requirement, by its class if it has no name, and what came of it."""
    with pytest.raises(Unavailable):
        Rule("/api", FAULTS[text]).authorize(caller())
    assert [record.getMessage() for record in caplog.records] == [text]


def test_the_issuers_that_a_rule_accepts() -> None:
    """`any_of` accepts those of each alternative, and what is not about issuers accepts all."""
    known = frozenset(("a", "b", "c"))
    accepted = {
        "all": (Rule("/", scope("x")), known),
        "one": (Rule("/", issued_by("b", "z")), frozenset("b")),
        "either": (Rule("/", any_of(issued_by("a"), issued_by("b"))), frozenset("ab")),
        "any": (Rule("/", any_of(issued_by("a"), scope("x"))), known),
    }
    for rule, issuers in accepted.values():
        assert rule.issuers(known) == issuers


@pytest.mark.parametrize("name", ["authenticated", "optional", "public"])
def test_a_marker_shows_its_name(name: str) -> None:
    """Its repr and its `__name__` are the name under which it is imported."""
    marker = getattr(jwt_middleware, name)
    assert (repr(marker), marker.__name__) == (name, name)


def test_the_type_of_a_requirement() -> None:
    """An owner's annotation `Requirement` says what `check_requirement` asks for."""
    assert Requirement == Callable[[Identity], bool | None]


def test_the_first_refusal_is_reported_even_if_it_looks_empty() -> None:
    """`any_of` reports its first alternative, also if the owner's refusal has a length of 0."""

    class Empty(Forbidden):
        def __len__(self) -> int:
            return 0

    with pytest.raises(Empty):
        any_of(lambda identity: _raise(Empty()), scope("a"))(caller())


TENANTS = "https://login.example/{tenant}/v2"
ISSUED: dict[str, tuple[str, bool]] = {
    "one of the names": ("https://a.example", True),
    "a tenant of the template": ("https://login.example/t1/v2", True),
    "the template itself": (TENANTS, True),
    "another form": ("https://login.example/t1/v3", False),
    "another issuer": ("https://b.example", False),
}


@pytest.mark.parametrize(("issuer", "is_accepted"), ISSUED.values(), ids=ISSUED)
def test_an_issuer_is_named_alone_or_by_a_template(issuer: str, is_accepted: bool) -> None:
    """`issued_by` takes issuers, and the template of a provider with tenants for all of these."""
    requirement = issued_by("https://a.example", TENANTS)
    if is_accepted:
        requirement(caller(issuer=issuer))
    else:
        with pytest.raises(InvalidToken, match="issuer"):
            requirement(caller(issuer=issuer))


def test_a_coroutine_that_nobody_awaits_is_closed() -> None:
    """Otherwise Python would warn of each request at some later moment."""
    answer: Any = _later()
    with pytest.raises(Unavailable):
        Rule("/api", lambda identity: answer).authorize(caller())
    assert getcoroutinestate(answer) == CORO_CLOSED
