"""What counts once, in the counters of a store; how a store fails is tested with `DPoP`."""

from jwt_middleware.stores import MemoryStore
from jwt_middleware.trust.replays import Replays


def test_a_key_is_new_once() -> None:
    """For all that share the counters."""
    store = MemoryStore()
    one, other = Replays(store), Replays(store)
    assert not one.has("a")
    assert one.record("a", 60)
    assert other.has("a")
    assert not other.record("a", 60)
    assert not one.record("a", 60)
    assert other.record("b", 60)
