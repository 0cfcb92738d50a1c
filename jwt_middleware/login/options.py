"""The option checks that several modules of the login app share."""

from ..errors import ConfigurationError, is_number, require

MAX_SECONDS = 3_155_760_000
"""A century. A longer time is a mistake, and much longer ones fit neither a column nor a cookie."""


def check_seconds(name: str, value: object, *, or_zero: bool = False) -> None:
    """Raise `ConfigurationError` unless the option is a positive number of seconds, at most a
    century."""
    rule = "zero or a positive number of seconds" if or_zero else "a positive number of seconds"
    message = f"{name} must be {rule}, at most {MAX_SECONDS}, got {shown(value)}"
    if not isinstance(value, (int, float)) or not is_number(value):
        raise ConfigurationError(message)
    # Neither holds for nan.
    require(0 <= value <= MAX_SECONDS and (value > 0 or or_zero), message)


def shown(value: object) -> str:
    """Return a value for a message: a number as it is, of anything else the type, since it may be a
    secret."""
    if value is None or isinstance(value, (bool, float)):
        return repr(value)
    if isinstance(value, int) and abs(value) < 10**20:
        return repr(value)
    return type(value).__name__
