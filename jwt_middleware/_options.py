"""How arguments of constructors are checked: one form of message.

Each message says `<option> must be <rule>, got <value>`. A value that may hold a secret is never
shown; a long one is cut.
"""

import inspect
from collections.abc import Callable
from typing import TypeVar

from .errors import ConfigurationError

T = TypeVar("T")

_SHOWN = 80  # characters of a value in a message

_LONGEST = 10**9
"""Seconds, 31 years: more than anybody means, and less than what clocks and sockets overflow at."""


def got(value: object) -> str:
    """Return a value as messages show it: its `repr`, in ASCII, on one line, cut to 80
    characters."""
    try:
        shown = ascii(value)
    except Exception:  # a `__repr__` of the owner's, or an integer too long to be written
        shown = f"an object of {type(value).__name__}"
    return shown if len(shown) <= _SHOWN else f"{shown[:_SHOWN]}..."


def check_seconds(
    name: str, value: object, *, above: float = -1, least: float = 0, most: float = _LONGEST
) -> None:
    """Raise `ConfigurationError` unless the option is a finite number of seconds in these bounds.

    The bounds are `least` and `most`, themselves included, and `above`, itself excluded. A boolean
    is not a number here.
    """
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    # NaN fails the comparison; infinity is above every bound.
    if is_number and least <= value <= most and value > above:  # type: ignore[operator]
        return
    if most < _LONGEST:
        rule = (
            f"from {least:g} to {most:g}" if above < least else f"above {above:g}, at most {most:g}"
        )
    else:
        rule = f"of at least {least:g}" if above < least else f"above {above:g}"
    raise ConfigurationError(f"{name} must be a finite number of seconds {rule}, got {got(value)}")


def check_count(name: str, value: object, *, least: int) -> None:
    """Raise `ConfigurationError` unless the option is an integer of at least `least`.

    A boolean is an integer to Python, and never meant as one here.
    """
    is_count = type(value) is int and value >= least
    require(is_count, f"{name} must be an integer of at least {least}, got {got(value)}")


def is_text(value: object) -> bool:
    """Return whether it is a string that UTF-8 can hold: one without a lone surrogate.

    No token, header or store could hold another, so it would fail at a request, or never match.
    """
    if not isinstance(value, str):
        return False
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def require(condition: object, message: str) -> None:
    """Raise `ConfigurationError(message)` unless the condition holds."""
    if not condition:
        raise ConfigurationError(message)


def tuple_of(kind: type[T], value: object, right_form: str) -> tuple[T, ...]:
    """Return a list or tuple as a tuple, or raise `ConfigurationError(right_form)`.

    A string can be iterated too, and is not a list of strings.
    """
    if not isinstance(value, (list, tuple)) or not all(isinstance(item, kind) for item in value):
        raise ConfigurationError(right_form)
    return tuple(value)


def takes(function: Callable[..., object], count: int) -> bool:
    """Return whether a function can be called with so many arguments; True if it does not say."""
    try:
        inspect.signature(function).bind(*[None] * count)
    except TypeError:
        return False
    except ValueError:  # a builtin without a signature: whether it fits shows when it is called
        return True
    return True
