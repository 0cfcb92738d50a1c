"""Checks the arguments of constructors, with one form of message.

Each message says `<option> must be <rule>, got <value>`. A value that may hold a secret is never
shown, and a long value is truncated.
"""

import inspect
from collections.abc import Callable
from typing import TypeVar

from .errors import ConfigurationError

T = TypeVar("T")

_SHOWN = 80  # characters of a value in a message

_LONGEST = 10**9
"""Seconds, 31 years: longer than any real duration, and too short to overflow clocks and
sockets."""


def got(value: object) -> str:
    """Return a value as messages show it: its `repr`, in ASCII, on one line, truncated to 80
    characters."""
    try:
        shown = ascii(value)
    except Exception:  # an owner's broken `__repr__`, or an integer that is too long to print
        shown = f"an object of {type(value).__name__}"
    return shown if len(shown) <= _SHOWN else f"{shown[:_SHOWN]}..."


def check_seconds(
    name: str, value: object, *, above: float = -1, least: float = 0, most: float = _LONGEST
) -> None:
    """Raise `ConfigurationError` unless the option is a finite number of seconds in these bounds.

    The bounds `least` and `most` are inclusive, and `above` is exclusive. A boolean does not count
    as a number.
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

    Python treats a boolean as an integer, but an owner never means one here.
    """
    is_count = type(value) is int and value >= least
    require(is_count, f"{name} must be an integer of at least {least}, got {got(value)}")


def is_text(value: object) -> bool:
    """Return whether the value is a string that UTF-8 can encode: one without a lone surrogate.

    Tokens, headers and stores cannot hold any other string. It would fail at a request, or never
    match.
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

    A string is refused, since iterating it would give single characters.
    """
    if not isinstance(value, (list, tuple)) or not all(isinstance(item, kind) for item in value):
        raise ConfigurationError(right_form)
    return tuple(value)


def takes(function: Callable[..., object], count: int) -> bool:
    """Return whether a function takes this number of arguments. Return True if that is unknown."""
    try:
        inspect.signature(function).bind(*[None] * count)
    except TypeError:
        return False
    except ValueError:  # a builtin without a signature; a mismatch shows at the first call
        return True
    return True
