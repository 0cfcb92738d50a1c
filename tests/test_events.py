"""What is reported of a decision: observers are called in order and change nothing."""

import logging
from collections.abc import Mapping
from typing import Any

import pytest

from jwt_middleware import Decision, MissingToken, Rule
from jwt_middleware.events import report
from jwt_middleware.log_lines import foreign_value

DECISION = Decision((Rule("/api"),), None, MissingToken())


def test_every_observer_is_called_in_order() -> None:
    """Each is given the decision and the environ that it was made for."""
    seen: list[tuple[str, Decision, Mapping[str, Any]]] = []
    environ = {"PATH_INFO": "/api"}
    report(
        [
            lambda decision, environ: seen.append(("first", decision, environ)),
            lambda decision, environ: seen.append(("second", decision, environ)),
        ],
        DECISION,
        environ,
    )
    assert seen == [("first", DECISION, environ), ("second", DECISION, environ)]


def test_an_observer_that_raises_is_logged_and_changes_nothing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The next one is called all the same; the log has the class of the error, never its text."""

    def broken(decision: Decision, environ: Mapping[str, Any]) -> None:
        raise RuntimeError("Bearer a-secret-token")

    seen: list[Decision] = []
    report([broken, lambda decision, _: seen.append(decision)], DECISION, {})
    assert seen == [DECISION]
    (record,) = caplog.records
    assert record.levelno == logging.ERROR
    assert record.getMessage() == "the observer broken raised RuntimeError"


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
