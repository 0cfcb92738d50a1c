"""Makes DPoP proofs, good and hostile, without the code under test; the examples of RFC 9449."""

import json
import time
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import count
from typing import Any

import jwt

from jwt_middleware import Key
from jwt_middleware.errors import StoreUnavailable
from jwt_middleware.stores import MemoryStore
from tests.kit.tokens import b64, changed, sign

URL = "https://api.example"
"""The outer base that the tests configure."""

_MEMBERS = {"EC": ("crv", "kty", "x", "y"), "OKP": ("crv", "kty", "x"), "RSA": ("e", "kty", "n")}
_numbers = count()


@dataclass(frozen=True)
class Prover:
    """The key of a client, and what it can say with it."""

    key: Key = field(default_factory=Key.generate)

    @property
    def jwk(self) -> dict[str, Any]:
        """The public key, without anything beside it."""
        return {name: self._numbers[name] for name in _MEMBERS[self._numbers["kty"]]}

    @property
    def private_jwk(self) -> dict[str, Any]:
        """The private key."""
        found: dict[str, Any] = self._algorithm.to_jwk(self.key.signing_key, as_dict=True)
        return found

    @property
    def thumbprint(self) -> str:
        """RFC 7638."""
        text = json.dumps(self.jwk, separators=(",", ":"), sort_keys=True)
        return b64(sha256(text.encode()).digest())

    @property
    def _algorithm(self) -> Any:
        name = "EdDSA" if self.key.algorithm == "Ed25519" else self.key.algorithm
        return jwt.get_algorithm_by_name(name)

    @property
    def _numbers(self) -> dict[str, Any]:
        found: dict[str, Any] = self._algorithm.to_jwk(self.key.verifying_key, as_dict=True)
        return found

    def header(self, **changes: Any) -> dict[str, Any]:
        """The header of a good proof, with changes."""
        good = {"typ": "dpop+jwt", "alg": self.key.algorithm, "jwk": self.jwk}
        return changed(good, changes)

    def claims(self, path: str = "/api/me", token: str | None = None, **changes: Any) -> Any:
        """The claims of a good proof for `GET path`, with changes."""
        good: dict[str, Any] = {
            "jti": f"proof-{next(_numbers)}",
            "htm": "GET",
            "htu": URL + path,
            "iat": int(time.time()),
        }
        if token is not None:
            good["ath"] = ath(token)
        return changed(good, changes)

    def proof(
        self,
        path: str = "/api/me",
        token: str | None = None,
        header: dict[str, Any] | None = None,
        **changes: Any,
    ) -> str:
        """A proof for `GET path`, good but for the changes to its header and claims."""
        return sign(self.header(**header or {}), self.claims(path, token, **changes), self.key)


class Down(MemoryStore):
    """A store whose counters do not answer."""

    def increment(self, key: str, seconds: int, amount: int = 1) -> int:
        """Fail."""
        raise StoreUnavailable("down")


def ath(token: str) -> str:
    """The hash of a token (RFC 9449 section 4.2)."""
    return b64(sha256(token.encode()).digest())


_RFC_HEADER = (
    "eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7Imt0eSI6IkVDIiwieCI6Imw4dEZyaHgtMzR0VjNo"
    "UklDUkRZOXpDa0RscEJoRjQyVVFVZldWQVdCRnMiLCJ5IjoiOVZFNGpmX09rX282NHpiVFRsY3VOSmFqSG10NnY5VERW"
    "clUwQ2R2R1JEQSIsImNydiI6IlAtMjU2In19"
)
RFC_THUMBPRINT = "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"
"""RFC 9449 section 6.1."""

RFC_TOKEN = "Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU"
"""RFC 9449 section 7.1."""

RFC_TOKEN_PROOF = (
    f"{_RFC_HEADER}.eyJqdGkiOiItQndDM0VTYzZhY2MybFRjIiwiaHRtIjoiUE9TVCIsImh0dSI6Imh0dHBzOi8vc2VydmVy"
    "LmV4YW1wbGUuY29tL3Rva2VuIiwiaWF0IjoxNTYyMjYyNjE2fQ.2-GxA6T8lP4vfrg8v-FdWP0A0zdrj8igiMLvqRMUvwnQ"
    "g4PtFLbdLXiOSsX0x7NVY-FNyJK70nfbV37xRZT3Lg"
)
"""RFC 9449 section 4.1: `POST https://server.example.com/token` at 1562262616."""

RFC_RESOURCE_PROOF = (
    f"{_RFC_HEADER}.eyJqdGkiOiJlMWozVl9iS2ljOC1MQUVCIiwiaHRtIjoiR0VUIiwiaHR1IjoiaHR0cHM6Ly9yZXNvdXJj"
    "ZS5leGFtcGxlLm9yZy9wcm90ZWN0ZWRyZXNvdXJjZSIsImlhdCI6MTU2MjI2MjYxOCwiYXRoIjoiZlVIeU8ycjJaM0RaNTNF"
    "c05yV0JiMHhXWG9hTnk1OUlpS0NBcWtzbVFFbyJ9.2oW9RP35yRqzhrtNP86L-Ey71EOptxRimPPToA1plemAgR6pxHF8y6-"
    "yqyVnmcw6Fy1dqd-jfxSYoMxhAJpLjA"
)
"""RFC 9449 section 7.1: `GET https://resource.example.org/protectedresource` at 1562262618."""
