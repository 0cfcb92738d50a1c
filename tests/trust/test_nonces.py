"""Nonces that all workers agree on (RFC 9449 section 8)."""

import re
from typing import Any

import pytest

from jwt_middleware import StoreUnavailable
from jwt_middleware.errors import Unavailable
from jwt_middleware.stores import MemoryStore
from jwt_middleware.trust.nonces import WINDOW, RecordedNonces, SharedNonces
from jwt_middleware.trust.replays import Replays
from tests.kit.clock import stopped

START = 1_700_000_100.0


def workers(kind: str) -> tuple[Any, Any]:
    """Two workers with one secret, or with one store."""
    if kind == "shared":
        return SharedNonces(b"s" * 32), SharedNonces(b"s" * 32)
    store = MemoryStore()
    return RecordedNonces(Replays(store)), RecordedNonces(Replays(store))


@pytest.mark.parametrize("kind", ["shared", "recorded"])
def test_workers_agree(kind: str) -> None:
    """Each accepts the nonces of the other, and of the window before, and no older ones."""
    one, other = workers(kind)
    with stopped("time", START) as clock:
        nonce = one.current()
        assert re.fullmatch(r"[\x21\x23-\x5B\x5D-\x7E]+", nonce)  # RFC 9449 section 8.1
        assert one.current() == nonce
        assert other.accepts(nonce)
        assert one.accepts(nonce)
        assert one.accepts(other.current())
        clock.now += WINDOW
        assert one.current() != nonce
        assert one.accepts(nonce)
        assert other.accepts(nonce)
        clock.now += 3 * WINDOW
        assert not one.accepts(nonce)
        assert not other.accepts(nonce)


@pytest.mark.parametrize("kind", ["shared", "recorded"])
@pytest.mark.parametrize("nonce", ["", "x", "A" * 24, "\ud800", "é"], ids=ascii)
def test_what_nobody_gave_away(kind: str, nonce: str) -> None:
    """Is not a nonce."""
    one, _ = workers(kind)
    one.current()
    assert not one.accepts(nonce)


def test_another_secret_is_another_nonce() -> None:
    """The secret is what makes it ours."""
    assert not SharedNonces(b"s" * 32).accepts(SharedNonces(b"t" * 32).current())


def test_a_store_that_is_down() -> None:
    """A nonce that no other worker would know is not given away."""

    class Down(MemoryStore):
        def increment(self, key: str, seconds: int, amount: int = 1) -> int:
            raise StoreUnavailable("down")

        def count(self, key: str) -> tuple[int, float]:
            raise StoreUnavailable("down")

    nonces = RecordedNonces(Replays(Down()))
    with pytest.raises(Unavailable):
        nonces.current()
    with pytest.raises(Unavailable):
        nonces.accepts("x")


def test_nonces_of_many_workers_take_bounded_memory() -> None:
    """What is cached of other workers has a bound."""
    store = MemoryStore()
    mine = RecordedNonces(Replays(store))
    for _ in range(600):
        assert mine.accepts(RecordedNonces(Replays(store)).current())
    assert len(mine.known) <= 256
