"""Escapes foreign values for log lines, and logs records with extra fields."""

import logging
from collections.abc import Mapping


def foreign_value(value: object, longest: int) -> str | None:
    """Return a value as printable ASCII on one line, truncated. None stays None.

    Callers choose these values. An unescaped line break in a value would forge a line of the log.
    """
    return None if value is None else ascii(str(value)[:longest])[1:-1][:longest]


def log_with_fields(
    logger: logging.Logger, level: int, line: str, fields: Mapping[str, object]
) -> None:
    """Log a line whose record has the fields as attributes.

    `extra=` would raise an error if the owner's record factory has set a field of the same name.
    """
    record = logger.makeRecord(logger.name, level, __file__, 0, line, (), None)
    vars(record).update(fields)
    logger.handle(record)
