"""`DPoP`: the checks of a proof (RFC 9449 section 4.3), without a request."""

import time
from collections.abc import Callable
from functools import cache
from typing import Any

import pytest

from jwt_middleware import ConfigurationError, DPoP, InvalidProof, Key, StoreUnavailable
from jwt_middleware.errors import NonceNeeded, Unavailable
from jwt_middleware.stores import MemoryStore
from tests.kit.clock import stopped
from tests.kit.inside import proof_keys_of
from tests.kit.proofs import (
    RFC_RESOURCE_PROOF,
    RFC_THUMBPRINT,
    RFC_TOKEN,
    RFC_TOKEN_PROOF,
    URL,
    Prover,
    ath,
)
from tests.kit.tokens import ABSENT, changed

REQUEST: dict[str, Any] = {"method": "GET", "path": "/api/me"}


def dpop(**options: Any) -> DPoP:
    return DPoP(options.pop("url", URL), **{"replays": MemoryStore()} | options)


def refused(call: Callable[[], object]) -> str:
    with pytest.raises(InvalidProof) as caught:
        call()
    return caught.value.reason


def test_the_examples_of_the_rfc() -> None:
    """Both proofs of RFC 9449 are good at their time, and name the thumbprint of section 6.1."""
    with stopped("time", 1562262616):
        server = dpop(url="https://server.example.com")
        proof = server.check(RFC_TOKEN_PROOF, method="POST", path="/token")
        assert proof.thumbprint == RFC_THUMBPRINT
    with stopped("time", 1562262618):
        server = dpop(url="https://resource.example.org")
        proof = server.check(
            RFC_RESOURCE_PROOF,
            method="GET",
            path="/protectedresource",
            token_hash=ath(RFC_TOKEN),
            thumbprint=RFC_THUMBPRINT,
        )
        assert proof.thumbprint == RFC_THUMBPRINT
        server.use(proof)
        assert refused(lambda: server.use(proof)) == "proof_replayed"


@pytest.mark.parametrize(
    "algorithm", ["ES256", "ES384", "ES512", "EdDSA", "Ed25519", "RS256", "PS384"]
)
def test_a_key_of_each_kind(algorithm: str) -> None:
    """All asymmetric algorithms work, at the first proof and at the second, whose key is cached."""
    prover = Prover(Key.generate(algorithm))
    server = dpop()
    for _ in range(2):
        proof = server.check(prover.proof(), **REQUEST)
        assert proof.thumbprint == prover.thumbprint


@cache
def prover_of(algorithm: str) -> Prover:
    """One for all cases, since an RSA key takes a tenth of a second."""
    return Prover(Key.generate(algorithm))


@pytest.mark.parametrize("value", [ABSENT, None, 7, [], {}, True, ""], ids=repr)
@pytest.mark.parametrize("algorithm", ["ES256", "ES384", "EdDSA", "RS256"])
@pytest.mark.parametrize("names_alg", [False, True])
def test_a_member_of_a_key_that_is_missing_or_odd(
    names_alg: bool, algorithm: str, value: object
) -> None:
    """Each member of a key of each kind: a malformed proof, and never another exception."""
    prover = prover_of(algorithm)
    for name in prover.jwk:
        for kty in {prover.jwk["kty"], "EC", "OKP", "RSA"}:
            jwk = changed({**prover.jwk, "kty": kty}, {name: value})
            jwk |= {"alg": algorithm} if names_alg else {}
            proof = prover.proof(header={"jwk": jwk})
            assert refused(lambda: dpop().check(proof, **REQUEST)) == "proof_malformed"  # noqa: B023


def test_a_proof_counts_once_for_a_key() -> None:
    """The same `jti` of another key is another proof; looking does not use one up."""
    server, ada, bob = dpop(), Prover(), Prover()
    first = server.check(ada.proof(jti="same"), **REQUEST)
    server.peek(first)
    server.use(first)
    assert refused(lambda: server.peek(first)) == "proof_replayed"
    again = server.check(ada.proof(jti="same"), **REQUEST)
    assert refused(lambda: server.use(again)) == "proof_replayed"
    server.use(server.check(bob.proof(jti="same"), **REQUEST))


def test_a_proof_is_remembered_for_as_long_as_it_is_good() -> None:
    """Also by a store whose clock and the worker's differ by up to `max_age`."""
    kept: list[int] = []

    class Counters:
        def increment(self, key: str, seconds: int, amount: int = 1) -> int:
            kept.append(seconds)
            return 1

        def count(self, key: str) -> tuple[int, float]:
            return 0, 0.0

    server = dpop(replays=Counters(), max_age=30.5)
    server.use(server.check(Prover().proof(), **REQUEST))
    assert kept == [66]


@pytest.mark.parametrize(
    "fault",
    [StoreUnavailable("down"), OSError("down"), KeyError("x")],
    ids=["unavailable", "a network error", "a bug"],
)
def test_a_store_that_fails_is_our_fault(
    fault: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    """503 and one line of the log, whatever an owner's store raises; never a pass."""

    class Down:
        def increment(self, key: str, seconds: int, amount: int = 1) -> int:
            raise fault

        def count(self, key: str) -> tuple[int, float]:
            raise fault

    server = dpop(replays=Down())
    proof = server.check(Prover().proof(), **REQUEST)
    for call in (server.use, server.peek, server.use):
        with pytest.raises(Unavailable) as caught:
            call(proof)
        assert caught.value.reason == "replays_unavailable"
    assert len(caplog.records) == 1


@pytest.mark.parametrize("count", [None, "1", 0, -1, True])
def test_a_store_that_answers_no_count_is_our_fault(count: Any) -> None:
    """A store that forgets to return the count must not accept every proof, or refuse all."""

    class Broken(MemoryStore):
        def increment(self, key: str, seconds: int, amount: int = 1) -> Any:
            return count

    server = dpop(replays=Broken())
    with pytest.raises(Unavailable):
        server.use(server.check(Prover().proof(), **REQUEST))


@pytest.mark.parametrize("nonces", [True, "n" * 32, b"\xff" * 32], ids=["stored", "text", "bytes"])
def test_nonces(nonces: Any) -> None:
    """A proof without our nonce, or with another, gets one; with it the proof is good."""
    server, prover = dpop(nonces=nonces), Prover()
    given = set()
    for nonce in (None, "", "x", "é", 7, [], {}):
        with pytest.raises(NonceNeeded) as caught:
            server.check(prover.proof(nonce=nonce), **REQUEST)
        given.add(caught.value.nonce)
    (nonce,) = given
    assert server.check(prover.proof(nonce=nonce), **REQUEST)


def test_a_nonce_is_not_asked_for_unless_they_are_used() -> None:
    """A client may send one, of another server perhaps."""
    assert dpop().check(Prover().proof(nonce="x"), **REQUEST)


def test_a_flood_of_keys_takes_bounded_memory() -> None:
    """Only keys of good proofs are cached, the last thousand; bad ones leave nothing."""
    server, prover = dpop(), Prover()
    for number in range(1100):
        header = {"jwk": {**prover.jwk, "ext": number}}  # another header of the same key
        assert server.check(prover.proof(header=header), **REQUEST)
    assert len(proof_keys_of(server)) == 1000
    fresh = dpop()
    for _ in range(20):
        refused(lambda: fresh.check(Prover().proof(htm="POST"), **REQUEST))
        refused(lambda: fresh.check(Prover().proof(), thumbprint=prover.thumbprint, **REQUEST))
    assert len(proof_keys_of(fresh)) == 0
    huge = {"jwk": {**prover.jwk, "x-long": "x" * 3000}}
    assert fresh.check(prover.proof(header=huge), **REQUEST)
    assert len(proof_keys_of(fresh)) == 0


def test_the_key_is_compared_before_anything_is_computed() -> None:
    """A stranger's proof costs no check of a signature."""
    prover = Prover()
    forged = prover.proof().rpartition(".")[0] + ".AAAA"
    other = Prover().thumbprint
    assert refused(lambda: dpop().check(forged, thumbprint=other, **REQUEST)) == "proof_key"
    assert refused(lambda: dpop().check(forged, **REQUEST)) == "proof_signature"


def test_a_cached_key_still_checks_the_signature() -> None:
    """The header of a good proof with another signature is refused."""
    server, prover = dpop(), Prover()
    assert server.check(prover.proof(), **REQUEST)
    forged = prover.proof().rpartition(".")[0] + "." + prover.proof().rpartition(".")[2]
    assert refused(lambda: server.check(forged, **REQUEST)) == "proof_signature"


@pytest.mark.parametrize(
    ("age", "is_good"),
    [(0, True), (60, True), (61, False), (-5, True), (-6, False), (3600, False), (-3600, False)],
)
def test_the_window_of_time(age: float, is_good: bool) -> None:
    """`max_age` seconds back, and five ahead."""
    with stopped("time", 1_700_000_000):
        text = Prover().proof(iat=1_700_000_000 - age)
        if is_good:
            assert dpop().check(text, **REQUEST)
        else:
            assert refused(lambda: dpop().check(text, **REQUEST)) == "proof_time"


BAD_OPTIONS: dict[str, dict[str, Any]] = {
    "no url": {"url": ""},
    "a host": {"url": "api.example"},
    "another scheme": {"url": "ftp://x.example"},
    "no host": {"url": "https://"},
    "None for a url": {"url": None},
    "a number for a url": {"url": 7},
    "a query": {"url": "https://api.example?a=1"},
    "a fragment": {"url": "https://api.example#a"},
    "a blank": {"url": "https://api.example/a b"},
    "an escape": {"url": "https://api.example/%2f"},
    "a port that is a word": {"url": "https://api.example:x"},
    "a user": {"url": "https://user@api.example"},
    "no store": {"replays": None},
    "the name of a store": {"replays": "store"},
    "a class of stores": {"replays": MemoryStore},
    "an object": {"replays": object()},
    "no time": {"max_age": 0},
    "a negative time": {"max_age": -1},
    "a text for a time": {"max_age": "60"},
    "None for a time": {"max_age": None},
    "a boolean for a time": {"max_age": True},
    "no number": {"max_age": float("nan")},
    "for ever": {"max_age": float("inf")},
    "None for nonces": {"nonces": None},
    "a number for nonces": {"nonces": 1},
    "a short secret": {"nonces": "short"},
    "short bytes": {"nonces": b"short"},
    "a list of secrets": {"nonces": ["x" * 32]},
    "a lone surrogate": {"nonces": "\ud800" * 32},
}


@pytest.mark.parametrize("options", BAD_OPTIONS.values(), ids=BAD_OPTIONS)
def test_a_bad_option_is_told_at_once(options: dict[str, Any]) -> None:
    """Nothing waits for a request, and no secret is shown."""
    with pytest.raises(ConfigurationError) as caught:
        dpop(**options)
    assert next(iter(options)) in str(caught.value)
    assert "short" not in str(caught.value)


def test_the_repr_shows_no_secret() -> None:
    """Only the URL."""
    assert repr(dpop(nonces="s" * 32)) == f"<DPoP of {URL!r}>"


def test_dates_of_any_jwt_count() -> None:
    """`exp` and `nbf` mean what they mean everywhere (RFC 7519 section 4.1)."""
    now = time.time()
    assert dpop().check(Prover().proof(exp=now + 60, nbf=now - 60), **REQUEST)
    for claims in ({"exp": now - 60}, {"nbf": now + 60}):
        text = Prover().proof(**claims)
        assert refused(lambda text=text: dpop().check(text, **REQUEST)) == "proof_time"  # type: ignore[misc]
