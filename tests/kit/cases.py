"""Many small cases of one rule in one test, where a test for each would cost more than the rule."""

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def case(*what: object) -> Iterator[None]:
    """Name the case in the message of whatever fails inside."""
    try:
        yield
    except BaseException as error:
        error.add_note(f"the case: {', '.join(str(part) for part in what)}")
        raise
