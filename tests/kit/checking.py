"""How each check speaks: `--help`, a line of progress on stderr, one line of summary at the end."""

import argparse
import sys
import time
from collections.abc import Iterable, Iterator, Sized
from typing import TypeVar

_Item = TypeVar("_Item")
EVERY = 10.0  # seconds between lines where no terminal can rewrite one


def parser(name: str, description: str | None) -> argparse.ArgumentParser:
    """The options of `python -m tests.checks.NAME`."""
    return argparse.ArgumentParser(f"python -m tests.checks.{name}", description=description)


class Progress:
    """Says on stderr how far a check is, in a line that is written again and again."""

    def __init__(self, what: str, total: int) -> None:
        self._what, self._total = what, total
        self._done, self._told = 0, time.monotonic()

    def step(self, now: str = "") -> None:
        """One more is done; `now` is what comes next."""
        self._done += 1
        if sys.stderr.isatty():
            print(f"\r{self._line(now)[:79]:79}", end="", file=sys.stderr, flush=True)
        elif time.monotonic() - self._told > EVERY:
            self._told = time.monotonic()
            print(self._line(now), file=sys.stderr, flush=True)

    def _line(self, now: str) -> str:
        return f"{self._what}: {self._done} of {self._total} {now}".rstrip()


def followed(what: str, items: Iterable[_Item]) -> Iterator[_Item]:
    """The items, with progress."""
    progress = Progress(what, len(items) if isinstance(items, Sized) else 0)
    for item in items:
        yield item
        progress.step()


def tell(line: str) -> None:
    """Print a line of what came of it, such as a row of a table, in place of the progress."""
    if sys.stderr.isatty():
        print("\r" + " " * 79 + "\r", end="", file=sys.stderr, flush=True)
    print(line, flush=True)


def sum_up(text: str) -> None:
    """Print the one line that says what came of the check."""
    tell(f"summary: {text}")
