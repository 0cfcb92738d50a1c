"""The key of a client at `POST /token`: reads and checks its DPoP proof (RFC 9449 section 5).

A client that sends a proof gets tokens that are bound to its key, also the refresh token, since a
browser has no other secret. Later it must prove the same key. A client without one gets bearer
tokens, as ever.
"""

from typing import Any

from werkzeug.wrappers import Request

from .._options import got, require
from ..errors import InvalidProof, NonceNeeded, Unavailable
from ..trust.proof import DPoP, Proof
from ..wire.dpop import read_proof
from .errors import LoginError

_RETRY_AFTER = {"Retry-After": "5"}


class ClientKey:
    """The key that a request has proved. `thumbprint` is that of RFC 7638."""

    def __init__(self, dpop: DPoP, proof: Proof) -> None:
        self._dpop = dpop
        self._proof = proof
        self.thumbprint = proof.thumbprint

    @property
    def new_nonce(self) -> str | None:
        """Once the proof is used, the nonce for the client's next one, or None if that of this one
        will do."""
        return self._proof.new_nonce

    def use(self) -> None:
        """Use the proof up. Raise `LoginError` if it was used before, or if nobody knows that.

        Call this once the credentials are known to be right, so that a stranger causes no write.
        """
        try:
            self._dpop.use(self._proof)
        except (InvalidProof, Unavailable) as refusal:
            raise _error(refusal) from None


class ClientKeys:
    """Reads the keys of clients. With None for `dpop`, proofs are ignored.

    Anything but a `DPoP` raises `ConfigurationError`.
    """

    def __init__(self, dpop: Any) -> None:
        form = "dpop must be a DPoP: dpop=DPoP('https://login.example', replays=store)"
        require(dpop is None or isinstance(dpop, DPoP), f"{form}, got {got(dpop)}")
        self._dpop: DPoP | None = dpop

    def of(self, request: Request) -> ClientKey | None:
        """Return the key that a request proves, or None without a proof. Raise `LoginError` 400 for
        a proof that is not valid."""
        if self._dpop is None or "HTTP_DPOP" not in request.environ:
            return None
        mount = request.environ.get("SCRIPT_NAME") or ""
        path = mount + (request.environ.get("PATH_INFO") or "")
        try:
            text = read_proof(request.environ)
            proof = self._dpop.check(text, method=request.method, path=path, mount=mount)
        except (InvalidProof, Unavailable) as refusal:
            raise _error(refusal) from None
        return ClientKey(self._dpop, proof)


def needs_proof() -> LoginError:
    """Return the refusal of a client that does not prove the key of its session."""
    message = "The session is bound to a key: send a DPoP proof."
    return LoginError(400, "invalid_dpop_proof", message, reason="proof")


def _error(refusal: InvalidProof | Unavailable) -> LoginError:
    """Return a refusal as this endpoint answers it (RFC 9449 sections 5 and 8)."""
    if isinstance(refusal, Unavailable):
        message = "The service cannot log you in now."
        return LoginError(503, "temporarily_unavailable", message, _RETRY_AFTER)
    headers = {"DPoP-Nonce": refusal.nonce} if isinstance(refusal, NonceNeeded) else {}
    code = refusal.code or ""
    return LoginError(400, code, refusal.description, headers, reason=refusal.reason)
