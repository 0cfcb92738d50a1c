"""Reads the users of `jwt-middleware users import` from a CSV file, one line after the other."""

import csv
import io
from collections.abc import Iterator, Mapping
from typing import BinaryIO

import click

from ..stores.imports import HashedUser

_MOST_SHOWN = 100
"""Faults that are printed: more would scroll the first ones away."""

_HEADS = ("name", "username", "user")


class UserLines:
    """The users in a file, and the lines that they are on."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._lines: list[int] = []
        self._odd: dict[int, str] = {}

    def users(self) -> Iterator[HashedUser]:
        """Yield the users. A line that does not have two or three fields becomes a user without
        name and hash, whose fault is reported like the others."""
        text = io.TextIOWrapper(self._file, encoding="utf-8-sig", newline="")
        reader = csv.reader(text, strict=True)
        last = 0
        try:
            for fields in reader:
                line, last = last + 1, reader.line_num
                is_head = not self._lines and bool(fields) and fields[0].strip().lower() in _HEADS
                if not fields or (is_head and "$" not in "".join(fields)):
                    continue
                yield self._user(line, fields)
        except (csv.Error, UnicodeDecodeError, OSError) as error:
            cause = str(error) if isinstance(error, csv.Error) else type(error).__name__
            if isinstance(error, UnicodeDecodeError):
                cause = "it is not UTF-8"
            raise click.ClickException(
                f"nothing was imported: the file cannot be read after line {last}: {cause}"
            ) from None
        finally:
            text.detach()  # The caller closes the file.

    def faults(self, faults: Mapping[int, str]) -> Iterator[str]:
        """Yield a line of text for each fault, in the order of the file."""
        for number in sorted(faults)[:_MOST_SHOWN]:
            yield f"line {self._lines[number]}: {self._odd.get(number, faults[number])}"
        if len(faults) > _MOST_SHOWN:
            yield "further lines are not shown"

    def _user(self, line: int, fields: list[str]) -> HashedUser:
        self._lines.append(line)
        if len(fields) not in (2, 3):
            self._odd[len(self._lines) - 1] = (
                f"there must be two or three fields, name,hash,scopes, got {len(fields)}; "
                "quote a hash with commas, as Argon2 has them"
            )
            return HashedUser("", "")
        scopes = fields[2].split() if len(fields) == 3 else []
        return HashedUser(fields[0], fields[1].strip(), scopes)
