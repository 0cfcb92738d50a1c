"""What a rule may ask of the caller."""

import json
from typing import Any

import pytest

from jwt_middleware import (
    ConfigurationError,
    Identity,
    InsufficientScope,
    InvalidToken,
    MissingToken,
    Refusal,
    any_of,
    authenticated,
    claim,
    issued_by,
    optional,
    public,
    scope,
)
from jwt_middleware.policy.requirements import Requirement


def caller(*scopes: str, issuer: str = "https://a.example", **claims: Any) -> Identity:
    """A verified identity with these scopes and claims."""
    return Identity("ada", issuer, scopes, None, None, 2e9, json.dumps(claims).encode())


HOLDS = {
    "authenticated": (authenticated, caller()),
    "optional without a token": (optional, None),
    "optional with one": (optional, caller()),
    "public without a token": (public, None),
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
]


@pytest.mark.parametrize("requirement", NEED_A_TOKEN)
def test_without_a_token_it_is_missing(requirement: Requirement) -> None:
    """Whatever is asked of a caller without a token, the answer is 401 and not 403."""
    with pytest.raises(MissingToken):
        requirement(None)


def test_the_refusal_names_the_scopes_of_the_rule() -> None:
    """All the scopes that the rule needs are named, in its order, not only the one that is
    missing."""
    with pytest.raises(InsufficientScope) as caught:
        scope("write", "read")(caller("write"))
    assert caught.value.scope == ("write", "read")


def test_alternatives_may_be_of_the_owners_own() -> None:
    """Any callable that raises a refusal is a requirement, an unhashable one too."""

    class Tenant(list[str]):
        def __call__(self, identity: Identity | None) -> None:
            raise InsufficientScope("claim_missing")

    any_of(Tenant(), scope("b"))(caller("b"))
    with pytest.raises(InsufficientScope):
        any_of(Tenant(), scope("b"))(caller())


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
