"""`ClusterSlot` with nodes that answer as a cluster does; `test_redis_groups` has real ones."""

import time
from collections.abc import Callable
from typing import Any

import pytest
import redis
from redis.exceptions import AskError, MovedError, ResponseError

from jwt_middleware.stores import cluster_slot
from jwt_middleware.stores.cluster_slot import Address, ClusterSlot
from tests.kit.waiting import BOUND

NODES: list[Address] = [("a", 1), ("b", 2), ("c", 3)]
Answer = Callable[[bool], Any]


class Node:
    """A client of one node, which answers as it is told."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self.asked = 0
        self.is_closed = False

    def eval(self, *arguments: Any, is_asking: bool = False) -> Any:
        """Answer a script."""
        self.asked += 1
        answer = self._answer(is_asking)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def pipeline(self, transaction: bool) -> "Pipeline":
        """Return a pipeline of this node."""
        assert not transaction
        return Pipeline(self)

    def close(self) -> None:
        """Close the connections."""
        self.is_closed = True


class Pipeline:
    """Two commands on one connection."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._commands: list[tuple[Any, ...]] = []

    def __enter__(self) -> "Pipeline":
        return self

    def __exit__(self, *_: object) -> None: ...

    def execute_command(self, *words: Any) -> None:
        """Note a command."""
        self._commands.append(words)

    def eval(self, *arguments: Any) -> "Pipeline":
        """Note a script."""
        self._commands.append(arguments)
        return self

    def execute(self) -> list[Any]:
        """Run what was noted."""
        assert self._commands[0] == ("ASKING",)
        return ["OK", self._node.eval(*self._commands[1], is_asking=True)]


def says(answer: Any) -> Answer:
    """A node that always answers the same."""
    return lambda _: answer


def in_turn(*answers: Any) -> Answer:
    """A node that answers one after the other."""
    left = list(answers)
    return lambda _: left.pop(0)


def slot_of(**answers: Answer) -> tuple[ClusterSlot, dict[str, Node]]:
    """A slot in a cluster of these nodes."""
    nodes = {host: Node(answer) for host, answer in answers.items()}

    def connect(address: Address) -> Node:
        return nodes[address[0]]

    return ClusterSlot(NODES, connect, (redis.ConnectionError, redis.TimeoutError)), nodes


MOVED = MovedError("866 c:3")
ARRIVING: Answer = lambda is_asking: "x" if is_asking else MOVED  # noqa: E731
DOWN = redis.ConnectionError("refused")
REDIRECTIONS: dict[str, tuple[dict[str, Answer], dict[str, int]]] = {
    "here": ({"a": says("x")}, {"a": 1}),
    "moved": ({"a": says(MOVED), "c": says("x")}, {"a": 1, "c": 1}),
    "moved, as redis-py 5 tells": (
        {"a": says(ResponseError("MOVED 866 c:3")), "c": says("x")}, {"a": 1, "c": 1}
    ),
    "moved to a node that the URL does not name": (
        {"a": says(MovedError("866 d:4")), "d": says("x")}, {"a": 1, "d": 1}
    ),
    "moved to another port of the same host": (
        {"a": in_turn(MovedError("866 :9"), "x")}, {"a": 2}
    ),
    "moved twice": (
        {"a": says(MovedError("866 b:2")), "b": says(MOVED), "c": says("x")},
        {"a": 1, "b": 1, "c": 1},
    ),
    "a slot that is moving": (
        {"a": says(AskError("866 b:2")), "b": ARRIVING},
        {"a": 1, "b": 1},
    ),
    "the same, as redis-py 5 tells": (
        {"a": says(ResponseError("ASK 866 b:2")), "b": ARRIVING},
        {"a": 1, "b": 1},
    ),
    "half of the keys have moved": (
        {"a": in_turn(ResponseError("TRYAGAIN Multiple keys request"), "x")},
        {"a": 2},
    ),
    "the first node is down": ({"a": says(DOWN), "b": says("x")}, {"a": 1, "b": 1}),
    "two nodes are down": (
        {"a": says(DOWN), "b": says(redis.TimeoutError()), "c": says("x")}, {"a": 1, "b": 1, "c": 1}
    ),
    "moved to a node that is down": (
        {"a": says(MOVED), "c": in_turn(DOWN, "x"), "b": says(MOVED)}, {"a": 1, "b": 1, "c": 2}
    ),
}  # fmt: skip


@pytest.mark.parametrize(("answers", "asked"), REDIRECTIONS.values(), ids=REDIRECTIONS)
def test_the_node_that_has_the_keys_is_found(
    answers: dict[str, Answer], asked: dict[str, int]
) -> None:
    """A call goes where a node sends it, and to another node where one does not answer."""
    slot, nodes = slot_of(**answers)
    assert slot.eval("script", 1, "key") == "x"
    assert {host: node.asked for host, node in nodes.items()} == asked


def test_the_node_is_remembered() -> None:
    """The next call goes straight to the node that answered; not to one that lent its answer while
    the slot was moving."""
    slot, nodes = slot_of(a=says(MOVED), c=in_turn("x", AskError("866 b:2"), "y"), b=says("z"))
    assert [slot.eval("script", 1, "key") for _ in range(3)] == ["x", "z", "y"]
    assert (nodes["a"].asked, nodes["c"].asked) == (1, 3)


FAILURES = {
    "all nodes are down": {"a": says(DOWN), "b": says(DOWN), "c": says(DOWN)},
    "an error of the script": {"a": says(ResponseError("WRONGTYPE Operation against a key"))},
    "the cluster is down": {"a": says(ResponseError("CLUSTERDOWN The cluster is down"))},
    "a circle": {"a": says(MovedError("866 b:2")), "b": says(MovedError("866 a:1"))},
    "keys that never arrive": {"a": says(ResponseError("TRYAGAIN Multiple keys request"))},
}


@pytest.mark.parametrize("answers", FAILURES.values(), ids=FAILURES)
def test_a_call_ends(answers: dict[str, Answer]) -> None:
    """Without a node that has the keys a call fails, in time and with an error that the log
    knows."""
    slot, _ = slot_of(**answers)
    started = time.monotonic()
    with pytest.raises((ResponseError, OSError, redis.ConnectionError)):
        slot.eval("script", 1, "key")
    assert time.monotonic() - started < BOUND


def test_nodes_that_hang(monkeypatch: pytest.MonkeyPatch) -> None:
    """When the time is over no further node is asked."""
    # inside: a limit of our own, so that no test waits for the real one
    monkeypatch.setattr(cluster_slot, "_PATIENCE", 0.02)

    def hangs(_: bool) -> Any:
        time.sleep(0.05)
        return redis.TimeoutError()

    slot, nodes = slot_of(a=hangs, b=hangs, c=hangs)
    with pytest.raises(redis.TimeoutError):
        slot.eval("script", 1, "key")
    assert [node.asked for node in nodes.values()] == [1, 0, 0]


def test_close() -> None:
    """All connections are closed, and a later call opens new ones."""
    slot, nodes = slot_of(a=says(MOVED), c=says("x"))
    slot.eval("script", 1, "key")
    slot.close()
    slot.close()
    assert [node.is_closed for node in nodes.values()] == [True, True]
    assert slot.eval("script", 1, "key") == "x"
