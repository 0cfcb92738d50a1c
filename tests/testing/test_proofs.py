"""`DPoPKey`: proofs for the suites of apps."""

from typing import Any

import pytest

from jwt_middleware import ConfigurationError, DPoP, InvalidProof, Key
from jwt_middleware.stores import MemoryStore
from jwt_middleware.testing import DPoPKey
from tests.kit.proofs import ath

URL = "https://api.example/me"
REQUEST: dict[str, Any] = {"method": "GET", "path": "/me"}


@pytest.mark.parametrize("algorithm", ["ES256", "EdDSA", "RS256"])
def test_a_proof_is_good(algorithm: str) -> None:
    """With a key of any kind, for a request with a token and for one without."""
    key = DPoPKey(Key.generate(algorithm))
    server = DPoP("https://api.example", replays=MemoryStore())
    proof = server.check(key.proof("GET", URL), **REQUEST)
    assert proof.thumbprint == key.thumbprint == key.confirmation["jkt"]
    headers = key.headers("GET", URL, "token")
    assert headers["Authorization"] == "DPoP token"
    assert server.check(headers["DPoP"], token_hash=ath("token"), **REQUEST)
    assert headers["DPoP"] != key.headers("GET", URL, "token")["DPoP"]


def test_changes() -> None:
    """A claim is replaced, added or removed, for suites that test a refusal."""
    server, key = DPoP("https://api.example", replays=MemoryStore()), DPoPKey()
    for changes, reason in (
        ({"htm": "POST"}, "proof_method"),
        ({"iat": 0}, "proof_time"),
        ({"jti": None}, "proof_malformed"),
    ):
        with pytest.raises(InvalidProof) as caught:
            server.check(key.proof("GET", URL, **changes), **REQUEST)
        assert caught.value.reason == reason


@pytest.mark.parametrize(
    "make",
    [
        lambda: DPoPKey(Key.from_secret("s" * 32)),
        lambda: DPoPKey(Key.from_jwk(Key.generate().to_jwk())),
        lambda: DPoPKey("key"),  # type: ignore[arg-type]
        lambda: DPoPKey().proof("GET", URL, x=object()),
    ],
    ids=["a secret", "a public key", "a text", "a claim that is no JSON"],
)
def test_what_makes_no_proof(make: Any) -> None:
    """Is told at once."""
    with pytest.raises(ConfigurationError):
        make()
