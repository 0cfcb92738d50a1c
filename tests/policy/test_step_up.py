"""`fresh` and `acr`: a login that is recent and strong enough (RFC 9470)."""

import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest

import jwt_middleware
from jwt_middleware import ConfigurationError, Identity, Rule, StepUp, acr, any_of, fresh
from jwt_middleware.policy.requirements import ask
from tests.kit.clock import stopped

NOW = 1_800_000_000


def identity_of(**claims: Any) -> Identity:
    """A verified identity with these claims."""
    return Identity("ada", "https://a.example", (), None, None, 2e9, json.dumps(claims).encode())


@pytest.fixture(autouse=True)
def _now() -> Iterator[None]:
    """It is this moment, however long a test takes."""
    with stopped("time", NOW + 0.25):
        yield


AGES: dict[str, tuple[Any, bool]] = {
    "now": (NOW, True),
    "a fraction": (NOW - 299.5, True),
    "just within": (NOW - 299, True),
    "to the moment": (NOW - 299.75, True),
    "just beyond": (NOW - 300, False),
    "long ago": (NOW - 86_400, False),
    "the epoch": (0, False),
    "before the epoch": (-1, False),
    "a clock that is ahead": (NOW + 5, True),
    "ahead to the moment": (NOW + 5.25, True),
    "in the future": (NOW + 6, False),
    "far in the future": (NOW + 10**9, False),
    "in milliseconds": (NOW * 1000, False),
    "missing": (None, False),
    "null": (..., False),
    "a string": (str(NOW), False),
    "true": (True, False),
    "a list": ([NOW], False),
    "an object": ({"at": NOW}, False),
}


@pytest.mark.parametrize(("at", "is_fresh"), AGES.values(), ids=AGES)
def test_a_login_is_fresh_for_so_long(at: Any, is_fresh: bool) -> None:
    """`auth_time` is a number of seconds, at most so long ago, and hardly in the future: anything
    else is a login that is too old."""
    claims = {} if at is None else {"auth_time": None if at is ... else at}
    caller = identity_of(**claims)
    if is_fresh:
        ask(fresh(300), caller)
        return
    with pytest.raises(StepUp) as caught:
        ask(fresh(300), caller)
    assert caught.value.reason == "login_too_old"
    assert caught.value.parameters == {"max_age": "300"}


CLASSES: dict[str, tuple[Any, bool]] = {
    "the first": ("mfa", True),
    "the second": ("urn:mace:incommon:iap:silver", True),
    "another": ("pwd", False),
    "in capitals": ("MFA", False),
    "a part": ("mf", False),
    "several": ("mfa pwd", False),
    "a list": (["mfa"], False),
    "a number": (1, False),
    "null": (None, False),
    "missing": (..., False),
}


@pytest.mark.parametrize(("given", "is_enough"), CLASSES.values(), ids=CLASSES)
def test_a_login_is_of_one_of_the_classes(given: Any, is_enough: bool) -> None:
    """`acr` is one string, compared character by character."""
    caller = identity_of(**({} if given is ... else {"acr": given}))
    requirement = acr("mfa", "urn:mace:incommon:iap:silver")
    if is_enough:
        ask(requirement, caller)
        return
    with pytest.raises(StepUp) as caught:
        ask(requirement, caller)
    assert caught.value.reason == "login_too_weak"
    assert caught.value.parameters == {"acr_values": "mfa urn:mace:incommon:iap:silver"}


NO_AGES = [0, -1, 0.5, 300.0, True, "300", None, float("inf"), float("nan"), timedelta(1)]
NO_CLASSES = [(), ("",), ("a b",), ('a"b',), ("a\\b",), (1,), (("mfa",),), ("é",), ("\ud800",)]
NO_CLASSES += [("a", "b c")]


@pytest.mark.parametrize("age", NO_AGES, ids=repr)
def test_an_age_is_a_number_of_seconds(age: Any) -> None:
    """An age that nobody can have, or of another type, is found while building."""
    with pytest.raises(ConfigurationError, match="max_age of fresh must be an integer of at least"):
        fresh(age)


def test_a_second_is_an_age() -> None:
    """The shortest age is one second."""
    ask(fresh(1), identity_of(auth_time=NOW))


@pytest.mark.parametrize("values", NO_CLASSES, ids=ascii)
def test_classes_fit_into_a_challenge(values: Any) -> None:
    """A class with a space would be two of them in the challenge."""
    with pytest.raises(ConfigurationError) as caught:
        acr(*values)
    given = ", ".join(repr(value) for value in values)
    rule = "acr must be called with one or more classes without spaces"
    assert str(caught.value) == f"{rule}, got acr({given}); acr('mfa')"


@pytest.mark.parametrize("name", ["fresh", "acr"])
def test_the_call_is_not_forgotten(name: str) -> None:
    """`Rule("/x", fresh)` would ask nothing, so it is an error while building."""
    with pytest.raises(ConfigurationError, match=rf"must hold {name}\(...\), got {name} without"):
        Rule("/x", getattr(jwt_middleware, name))


def test_an_alternative_is_enough() -> None:
    """`any_of` accepts either, and reports the first."""
    requirement = any_of(fresh(300), acr("mfa"))
    ask(requirement, identity_of(acr="mfa"))
    ask(requirement, identity_of(auth_time=NOW))
    with pytest.raises(StepUp) as caught:
        ask(requirement, identity_of())
    assert caught.value.parameters == {"max_age": "300"}


SHOWN: dict[str, Callable[[], Any]] = {
    "fresh(300)": lambda: fresh(300),
    "acr('mfa', 'pin')": lambda: acr("mfa", "pin"),
}


@pytest.mark.parametrize(("text", "make"), SHOWN.items(), ids=SHOWN)
def test_they_show_how_they_were_made(text: str, make: Callable[[], Any]) -> None:
    """`routes` and `explain` print requirements, and views hash them."""
    assert repr(make()) == text
    assert (make(), hash(make())) == (make(), hash(make()))


def test_the_refusal_takes_what_can_be_sent() -> None:
    """A requirement of an owner's may raise it too, with an age or with classes that fit."""
    assert StepUp().parameters == {}
    assert StepUp(acr_values=("a",)).parameters == {"acr_values": "a"}
    wrong: list[dict[str, Any]] = [
        {"max_age": -1},
        {"max_age": True},
        {"max_age": 0.5},
        {"acr_values": "mfa"},
        {"acr_values": ("a b",)},
        {"acr_values": (1,)},
    ]
    for terms in wrong:
        with pytest.raises(ValueError, match="must be a"):
            StepUp(**terms)
