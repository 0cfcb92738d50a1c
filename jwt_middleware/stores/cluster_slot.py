"""`ClusterSlot`: asks the one node of a Redis Cluster that has our keys, and follows them.

A Redis Cluster has its keys in 16,384 slots, each on one primary. All keys of a log are in one
slot, so that one node is enough. redis-py's client of a cluster keeps the map of all slots. When a
node hangs, it asks the others for that map, one after the other and one thread at a time, which is
too long for a request. This client needs no map: a node that does not have the slot names the one
that has it (Redis Cluster specification, "MOVED" and "ASK").
"""

import re
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

Address = tuple[str, int]
"""A host and a port."""

_PATIENCE = 1.5
"""Seconds after which a call begins no further attempt. An attempt may take half a second."""

_MOST_REDIRECTIONS = 16
"""A call is redirected once, or twice while a slot moves. More are a circle."""

_MOST_ADDRESSES = 100
"""Nodes that are remembered beside those of the URL."""

_TRY_AGAIN = 0.05  # seconds in which the keys that are moving may have arrived

# redis-py may have cut the first word off, when it has made it a class.
_REDIRECTION = re.compile(r"(?:(?P<kind>MOVED|ASK) )?[0-9]+ (?P<host>\S*):(?P<port>[0-9]+)")


class ClusterSlot:
    """Runs scripts whose keys are all in one slot of a cluster.

    `connect` makes the client of a node, and does no I/O. `unreachable` are the errors after which
    another node is asked. Every call ends within about two seconds. Many threads may use it, and
    so may processes that are forked later, as far as the clients may be.
    """

    def __init__(
        self,
        addresses: Sequence[Address],
        connect: Callable[[Address], Any],
        unreachable: tuple[type[Exception], ...],
    ) -> None:
        self._address = addresses[0]
        self._known = list(addresses)
        self._connect = connect
        self._unreachable = unreachable
        self._clients: dict[Address, Any] = {}

    def eval(self, *arguments: Any) -> Any:
        """Run a script on the node that has its keys: `eval(script, number_of_keys, ...)`."""
        last_start = time.monotonic() + _PATIENCE
        others = self._others()
        address, is_asking = self._address, False
        for _ in range(_MOST_REDIRECTIONS + len(self._known)):
            try:
                answer = self._eval_at(address, is_asking, arguments)
            except Exception as error:
                following = self._after(error, address, others)
                if following is None or time.monotonic() > last_start:
                    raise
                address, is_asking = following
            else:
                if not is_asking:
                    self._address = address
                return answer
        raise ConnectionError("the nodes of the cluster name each other")

    def close(self) -> None:
        """Close the connections. A later call opens new ones."""
        clients, self._clients = self._clients, {}
        for client in clients.values():
            client.close()

    def _eval_at(self, address: Address, is_asking: bool, arguments: Sequence[Any]) -> Any:
        client = self._clients.get(address)
        if client is None:
            client = self._clients.setdefault(address, self._connect(address))
        if not is_asking:
            return client.eval(*arguments)
        with client.pipeline(transaction=False) as pipeline:
            pipeline.execute_command("ASKING")  # for the command that follows on this connection
            return pipeline.eval(*arguments).execute()[1]

    def _others(self) -> Iterator[Address]:
        """Return the nodes to ask when one does not answer, beginning after the present one."""
        known = list(self._known)
        here = known.index(self._address) + 1 if self._address in known else 0
        return iter([each for each in known[here:] + known[:here] if each != self._address])

    def _after(
        self, error: Exception, address: Address, others: Iterator[Address]
    ) -> tuple[Address, bool] | None:
        """Return where to go on after an error, and whether to ask for a slot that is arriving
        there. Return None to give up."""
        if isinstance(error, self._unreachable):
            following = next(others, None)
            return None if following is None else (following, False)
        kind = type(error).__name__
        if kind == "TryAgainError" or str(error).startswith("TRYAGAIN"):
            time.sleep(_TRY_AGAIN)
            return address, False
        found = _REDIRECTION.match(str(error))
        if found is None:
            return None
        following = (found["host"] or address[0], int(found["port"]))
        if following not in self._known and len(self._known) < _MOST_ADDRESSES:
            self._known.append(following)
        return following, "ASK" in (found["kind"], kind.removesuffix("Error").upper())
