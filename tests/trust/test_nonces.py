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

    other = RecordedNonces(Replays(MemoryStore())).current()
    nonces = RecordedNonces(Replays(Down()))
    with pytest.raises(Unavailable):
        nonces.current()
    with pytest.raises(Unavailable):
        nonces.accepts(other)
    assert not nonces.accepts("x"), "which no store needs to be asked for"


@pytest.mark.parametrize("kind", ["shared", "recorded"])
@pytest.mark.parametrize("made", [0, 0.25, 0.5, 0.999])
@pytest.mark.parametrize("first_asked", [0, 0.5, 0.999, 1, 1.5, 1.999])
def test_a_nonce_lasts_for_two_windows_at_most(kind: str, made: float, first_asked: float) -> None:
    """Whenever it was made, and whenever another worker meets it first: it is accepted for a window
    after it was given away, and never for longer than two after it was made."""
    one, other = workers(kind)
    with stopped("time", START - START % WINDOW + made * WINDOW) as clock:
        began = clock.now
        nonce = one.current()
        clock.now = began + first_asked * WINDOW
        end = began - began % WINDOW + 2 * WINDOW
        assert other.accepts(nonce) == (clock.now < end)
        for worker in (one, other):
            for at in (began + WINDOW, end - 0.01):
                clock.now = at
                assert worker.accepts(nonce)
            for at in (end, began + 2 * WINDOW, began + 4 * WINDOW, began + 100 * WINDOW):
                clock.now = at
                assert not worker.accepts(nonce)


@pytest.mark.parametrize(
    "nonce",
    [
        "{now}.",
        "{now}.x",
        "{now}",
        "{later}.{random}",
        "-1.{random}",
        "{now} .{random}",
        "0{now}.{random}",
        "{now}.{random}=",
        "{now}.{random}\n",
        "\u0661.{random}",
        "9" * 5000 + ".{random}",
    ],
    ids=ascii,
)
def test_a_window_that_nobody_wrote(nonce: str) -> None:
    """The number of the window is no proof of anything: the store has the whole nonce."""
    one, other = workers("recorded")
    given = one.current()
    number, _, random = given.partition(".")
    made = nonce.format(now=number, later=int(number) + 1, random=random)
    assert not one.accepts(made)
    assert not other.accepts(made)
    assert other.accepts(given)


@pytest.mark.parametrize("kind", ["shared", "recorded"])
def test_the_nonce_that_follows(kind: str) -> None:
    """A client with the nonce of the window before is told that of this window, and nobody else
    is."""
    one, other = workers(kind)
    with stopped("time", START) as clock:
        nonce = one.current()
        assert one.successor(nonce) is None
        assert other.successor(nonce) is None
        clock.now += WINDOW
        assert one.successor(nonce) == one.current() != nonce
        assert other.successor(nonce) == other.current()
        assert other.accepts(one.current())


def test_a_successor_that_cannot_be_recorded() -> None:
    """The request is good, so it passes without a new nonce."""

    class Failing(MemoryStore):
        is_down = False

        def increment(self, key: str, seconds: int, amount: int = 1) -> int:
            if self.is_down:
                raise StoreUnavailable("down")
            return super().increment(key, seconds, amount)

    store = Failing()
    nonces = RecordedNonces(Replays(store))
    with stopped("time", START) as clock:
        nonce = nonces.current()
        clock.now += WINDOW
        store.is_down = True
        assert nonces.accepts(nonce)
        assert nonces.successor(nonce) is None


def test_nonces_of_many_workers_take_bounded_memory() -> None:
    """What is cached of other workers has a bound."""
    store = MemoryStore()
    mine = RecordedNonces(Replays(store))
    for _ in range(600):
        assert mine.accepts(RecordedNonces(Replays(store)).current())
    assert len(mine.known) <= 256
