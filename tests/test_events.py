"""What is reported of a decision: observers are called in order and change nothing."""

import functools
import logging
from collections.abc import Iterator, Mapping
from typing import Any
from unittest.mock import Mock

import pytest

from jwt_middleware import ConfigurationError, Decision, MissingToken, Rule
from jwt_middleware.events import Observers
from jwt_middleware.log_lines import foreign_value

DECISION = Decision((Rule("/api"),), None, MissingToken())


def errors(caplog: pytest.LogCaptureFixture) -> list[logging.LogRecord]:
    """What is logged beside the lines of refusals."""
    return [record for record in caplog.records if record.levelno == logging.ERROR]


def test_every_observer_is_called_in_order() -> None:
    """Each is given the decision and the environ that it was made for."""
    seen: list[tuple[str, Decision, Mapping[str, Any]]] = []
    environ = {"PATH_INFO": "/api"}
    Observers(
        [
            lambda decision, environ: seen.append(("first", decision, environ)),
            lambda decision, environ: seen.append(("second", decision, environ)),
        ]
    ).report(DECISION, environ)
    assert seen == [("first", DECISION, environ), ("second", DECISION, environ)]


def test_an_observer_that_raises_is_logged_and_changes_nothing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The next one is called all the same; the log has the class of the error, never its text."""

    def broken(decision: Decision, environ: Mapping[str, Any]) -> None:
        raise RuntimeError("Bearer a-secret-token")

    seen: list[Decision] = []
    observers = Observers([broken, lambda decision, _: seen.append(decision)])
    for _ in range(3):  # it raises each time, and is logged once
        observers.report(DECISION, {})
    assert seen == [DECISION] * 3
    (record,) = errors(caplog)
    assert record.getMessage() == "the observer broken raised RuntimeError (logged once)"


VALUES: dict[str, tuple[object, str | None]] = {
    "none": (None, None),
    "plain": ("/api/me", "/api/me"),
    "line break": ("a\nrefused GET /b", "a\\nrefused GET /b"),
    "carriage return": ("a\rb", "a\\rb"),
    "escape sequence": ("\x1b[31m", "\\x1b[31m"),
    "line separator": ("a\u2028b", "a\\u2028b"),
    "right-to-left override": ("a\u202eb", "a\\u202eb"),
    "lone surrogate": ("\ud800", "\\ud800"),
    "number": (5, "5"),
    "too long": ("x" * 100, "x" * 20),
    "too long once escaped": ("é" * 100, ("\\xe9" * 20)[:20]),
}


@pytest.mark.parametrize(("value", "shown"), VALUES.values(), ids=VALUES)
def test_a_foreign_value_cannot_forge_or_flood_a_line(value: object, shown: str | None) -> None:
    """It is printable ASCII of bounded length, whatever a caller sends."""
    assert foreign_value(value, 20) == shown


def test_two_observers_that_raise_are_each_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    """Once for each observer, not once for all of them."""

    def first(decision: Decision, environ: Mapping[str, Any]) -> None:
        raise RuntimeError

    def second(decision: Decision, environ: Mapping[str, Any]) -> None:
        raise KeyError

    observers = Observers([first, second, first])
    for _ in range(3):
        observers.report(DECISION, {})
    assert [record.getMessage().split()[2] for record in errors(caplog)] == [
        "first",
        "second",
        "first",
    ]


def test_an_observer_cannot_change_the_environ(caplog: pytest.LogCaptureFixture) -> None:
    """It is given a view: what tries to write raises, is logged, and the environ is as it was."""
    environ = {"PATH_INFO": "/api"}

    def writes(decision: Decision, environ: Any) -> None:
        environ["jwt_middleware.identity"] = "mallory"

    Observers([writes]).report(DECISION, environ)
    assert environ == {"PATH_INFO": "/api"}
    assert len(errors(caplog)) == 1


def test_a_coroutine_that_shows_only_when_called(caplog: pytest.LogCaptureFixture) -> None:
    """A lambda around a coroutine function is logged once, and leaves no warning behind."""

    async def later(decision: Decision) -> None: ...

    observers = Observers([lambda decision, environ: later(decision)])
    observers.report(DECISION, {})
    observers.report(DECISION, {})
    assert [record.levelno for record in errors(caplog)] == [logging.ERROR]


class Counting:
    """An observer that is an object."""

    def __init__(self) -> None:
        self.watched: list[object] = []

    def __call__(self, decision: Decision, environ: Mapping[str, Any]) -> None:
        """Do nothing."""

    def watch(self, middleware: object) -> None:
        """Note it."""
        self.watched.append(middleware)


class Late:
    """An object whose `__call__` is a coroutine function."""

    async def __call__(self, decision: Decision, environ: Mapping[str, Any]) -> None:
        """Come too late."""


class Mute:
    """An object that nobody can call."""


async def coroutine(decision: Decision, environ: Mapping[str, Any]) -> None:
    """A coroutine function."""


def generator(decision: Decision, environ: Mapping[str, Any]) -> Iterator[None]:
    """A generator function."""
    yield


def one_argument(decision: Decision) -> None:
    """Takes too little."""


def three_arguments(decision: Decision, environ: Mapping[str, Any], more: object) -> None:
    """Takes too much."""


NO_OBSERVERS: dict[str, object] = {
    "one observer without a list": Counting(),
    "a function without a list": one_argument,
    "a string": "metrics",
    "a set": {generator},
    "None": None,
    "not callable": [Mute()],
    "a text in a list": ["metrics"],
    "a coroutine function": [coroutine],
    "a partial of one": [functools.partial(coroutine)],
    "an object whose call is a coroutine": [Late()],
    "a generator function": [generator],
    "a class that takes nothing": [Counting],
    "one argument": [one_argument],
    "three arguments": [three_arguments],
    "keywords alone": [lambda *, decision, environ: None],
    "the second of two": [Counting(), Mute()],
}


@pytest.mark.parametrize("observers", NO_OBSERVERS.values(), ids=NO_OBSERVERS)
def test_what_cannot_be_an_observer(observers: Any) -> None:
    """It is a `ConfigurationError` while building that names the option and shows the form."""
    with pytest.raises(ConfigurationError, match=r"^observers must .*"):
        Observers(observers)


def test_what_can_be_an_observer() -> None:
    """Functions, lambdas, methods, partials, objects, builtins, anything with defaults."""
    sink: list[object] = []
    Observers(
        [
            Counting(),
            Counting().__call__,
            lambda decision, environ: None,
            lambda *arguments: sink.append(arguments),
            functools.partial(three_arguments, more=1),
            print,
        ]
    )


def test_watch_is_called_once_for_each_observer_that_has_it() -> None:
    """Observers without the method are left alone, mocks with every attribute too."""
    counting, mock = Counting(), Mock()
    Observers([counting, mock, lambda decision, environ: None]).watch("the middleware")
    assert counting.watched == ["the middleware"]
    mock.watch.assert_not_called()


class _Proxy:
    """As a proxy of a framework outside of its context: whatever is asked of it raises."""

    is_outside = False

    @property
    def __name__(self) -> str:
        if self.is_outside:
            raise RuntimeError("working outside of context")
        return "proxy"

    def __call__(self, decision: Decision, environ: Mapping[str, Any]) -> None:
        raise RuntimeError("working outside of context")


def test_an_observer_whose_name_cannot_be_read(caplog: pytest.LogCaptureFixture) -> None:
    """It changes nothing either, and is logged by its class."""
    proxy = _Proxy()
    observers = Observers([proxy])
    proxy.is_outside = True
    observers.report(DECISION, {})
    (record,) = errors(caplog)
    assert record.getMessage() == "the observer _Proxy raised RuntimeError (logged once)"
