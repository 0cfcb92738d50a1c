"""What a readiness probe is told."""

import json
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest

from jwt_middleware import (
    Fetch,
    JWTMiddleware,
    Key,
    KeySet,
    Provider,
    RemoteKeySet,
    RevocationList,
    Rule,
    StoreUnavailable,
    Unavailable,
)
from jwt_middleware.testing import KeyServer
from tests.kit.logs import ListLog
from tests.kit.waiting import BOUND

FIXED = KeySet([Key.from_secret("a secret of the tests, long enough")])


def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    """Never called."""
    return []


def ready(*keys: Any, revocations: Any = None) -> dict[str, Any]:
    """What a middleware with a provider for each of these keys says, after a way through JSON."""
    providers = [
        Provider(issuer=f"https://{number}.example", audience="api", keys=source)
        for number, source in enumerate(keys)
    ]
    guarded = JWTMiddleware(app, providers=providers, rules=[Rule("/")], revocations=revocations)
    said: dict[str, Any] = json.loads(json.dumps(guarded.ready(), allow_nan=False))
    return said


@pytest.fixture
def server() -> Iterator[KeyServer]:
    """A server of keys."""
    with KeyServer() as server:
        yield server


def test_fixed_keys_are_ready() -> None:
    """They need nobody, and have no age."""
    assert ready(FIXED) == {
        "ready": True,
        "keys": [{"issuer": "https://0.example", "ready": True, "age": None}],
        "revocations": None,
    }


def test_keys_at_a_url_are_fetched_by_the_probe(server: KeyServer) -> None:
    """So a worker is ready before its first request."""
    said = ready(RemoteKeySet(server.url))
    assert said["ready"] is said["keys"][0]["ready"] is True
    assert 0 <= said["keys"][0]["age"] < 10


def test_keys_that_cannot_be_fetched_are_not_ready() -> None:
    """The wait ends with the deadline of the fetch, and one provider makes the whole not ready."""
    gone = RemoteKeySet("http://127.0.0.1:9/jwks.json", fetch=Fetch(timeout=1))
    started = time.monotonic()
    said = ready(FIXED, gone)
    assert time.monotonic() - started < BOUND
    assert said["ready"] is False
    assert [keys["ready"] for keys in said["keys"]] == [True, False]
    assert said["keys"][1]["age"] is None
    assert "127.0.0.1" not in json.dumps(said)


def test_old_keys_of_an_outage_are_ready(server: KeyServer) -> None:
    """They serve until `stale_for`, and their age says so."""
    keys = RemoteKeySet(server.url)
    assert keys.age is None
    assert ready(keys)["ready"] is True
    server.__exit__(None, None, None)
    said = ready(keys)
    assert said["ready"] is True
    assert said["keys"][0]["age"] >= 0
    assert keys.failures == 0


class Source:
    """Keys of an owner's own, which tell of themselves what they like."""

    def __init__(self, generation: Callable[[], object], age: Any) -> None:
        self._generation, self.age = generation, age

    @property
    def generation(self) -> object:
        """Whatever is given."""
        return self._generation()

    def find(self, kid: str | None) -> Sequence[Key]:
        """No keys."""
        return ()


def fails(error: Exception) -> Callable[[], object]:
    """A function that raises this."""

    def fail() -> object:
        raise error

    return fail


SOURCES: dict[str, tuple[Callable[[], object], Any, bool, object]] = {
    "ready": (lambda: 1, 5, True, 5),
    "unavailable": (fails(Unavailable("keys_unavailable")), 5.5, False, 5.5),
    "a fault": (fails(RuntimeError("a secret")), None, False, None),
    "an age that is no number": (lambda: 1, "a secret", True, None),
    "an age that JSON cannot write": (lambda: 1, float("inf"), True, None),
    "an age that is a boolean": (lambda: 1, True, True, None),
}


@pytest.mark.parametrize(("generation", "age", "is_ready", "shown"), SOURCES.values(), ids=SOURCES)
def test_keys_of_an_owners_own(
    generation: Callable[[], object], age: Any, is_ready: bool, shown: object
) -> None:
    """Whatever they raise is not ready; nothing but a number is shown of them."""
    said = ready(Source(generation, age))
    assert said["ready"] is is_ready
    assert said["keys"] == [{"issuer": "https://0.example", "ready": is_ready, "age": shown}]


def test_revocations_that_were_read_are_ready() -> None:
    """With their age and how many there are; the probe reads the log when nobody has."""
    log = ListLog()
    log.revoke("https://0.example", jti="x", expires_at=time.time() + 60)
    said = ready(FIXED, revocations=RevocationList(log))
    assert said["revocations"]["ready"] is True
    assert said["revocations"]["size"] == 2
    assert 0 <= said["revocations"]["age"] < 10


def test_revocations_that_cannot_be_read_are_not_ready() -> None:
    """A log that was never read: 503 for requests, not ready for the probe; the failures count."""
    log = ListLog()
    log.fault = StoreUnavailable("a secret")
    revocations = RevocationList(log)
    said = ready(FIXED, revocations=revocations)
    assert said["ready"] is False
    assert said["revocations"] == {"ready": False, "age": None, "size": 0}
    assert revocations.failures == 1


def test_an_old_view_of_an_outage_is_ready() -> None:
    """It serves for `max_outage`."""
    log = ListLog()
    revocations = RevocationList(log, max_staleness=0, max_outage=60)
    assert ready(FIXED, revocations=revocations)["ready"] is True
    log.fault = StoreUnavailable("down")
    assert ready(FIXED, revocations=revocations)["ready"] is True


def test_revocations_of_an_owners_own_need_no_age() -> None:
    """Only `check` is asked of them."""

    class Revocations:
        def check(self, keys: tuple[str, ...]) -> None:
            """Nothing is revoked."""

    said = ready(FIXED, revocations=Revocations())
    assert said["revocations"] == {"ready": True, "age": None, "size": None}


def test_failed_fetches_are_counted() -> None:
    """For metrics: how often keys at a URL could not be fetched in this process."""
    gone = RemoteKeySet("http://127.0.0.1:9/jwks.json", fetch=Fetch(timeout=1))
    ready(gone)
    assert (gone.failures, gone.age) == (1, None)
