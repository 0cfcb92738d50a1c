"""`Silence`: remembers when a server was last found silent, for those who wait for a connection.

A server that is frozen takes connections and never answers. Those who have a connection of the pool
find that out after the timeout. Those who wait for one get it then, and would wait once more.
"""

import math
import time
from typing import Any

import sqlalchemy as sa

from ..patience import waiting_since


class Silence:
    """When the server of an engine was last found silent.

    A call that began before takes the word of the one that found it. A later call asks the server
    itself, so that a server that is back is used at once.
    """

    def __init__(self) -> None:
        self._found_at = -math.inf

    def found(self) -> None:
        """Note that the server has not answered in time."""
        self._found_at = time.monotonic()

    def check(self) -> None:
        """Raise `TimeoutError` if the server was found silent after the present call, or the
        request that makes it, began."""
        if waiting_since() <= self._found_at:
            raise TimeoutError("the server has stopped answering")

    def listen(self, engine: sa.Engine) -> None:
        """Note the statements of an engine that the server has not answered in time."""

        def note(context: Any) -> None:
            if is_timeout(context.original_exception):
                self.found()

        sa.event.listen(engine, "handle_error", note)


def is_timeout(error: BaseException | None) -> bool:
    """Return whether a driver gave up waiting for an answer."""
    while error is not None:
        if isinstance(error, TimeoutError):
            return True
        error = error.__cause__ or error.__context__
    return False
