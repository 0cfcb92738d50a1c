"""Tokens that are bound to a key: by DPoP (RFC 9449 section 6), or to a certificate (RFC 8705
section 3).

Elsewhere such a token is refused (`claims.BoundToken`). Here its verdict is cached apart from those
of ordinary tokens, and each request must prove the key again:

| `cnf` | scheme | the request must have |
|---|---|---|
| `jkt` | `DPoP` | a proof of that key (`proof`) |
| `jkt` | `Bearer` | nothing helps: 401 `proof` (RFC 9449 section 7.2) |
| `x5t#S256` | `Bearer` | that certificate, or 401 `proof` |
| both | `DPoP` | the proof, and the certificate too if certificates are checked here |
| neither, or no object | any | nothing helps: 401 `proof` |
| no `cnf` | `DPoP` | nothing helps: 401 `unbound` (RFC 9449 section 7.1) |
"""

from hashlib import sha256
from typing import Any

from .._options import got, require
from ..errors import InvalidToken
from ..presented import Presented
from .encoding import encode_base64url
from .proof import DPoP, Proof
from .proof_form import hash_of
from .verdict import BoundToken, Verdict
from .verifier import Verifier


class BoundVerdict(Verdict):
    """The verdict on a bound token: it holds for the holder of the key.

    - `thumbprint`: that of a DPoP key (`cnf.jkt`), or None.
    - `certificate_hash`: that of a certificate (`cnf["x5t#S256"]`), or None.
    - `token_hash`: that of the token, which a proof has as `ath`.
    """

    __slots__ = ("certificate_hash", "thumbprint", "token_hash")

    def __init__(self, bound: BoundToken, token: str) -> None:
        verdict = bound.verdict
        super().__init__(
            verdict.keys,
            verdict.generation,
            verdict.identity,
            verdict.not_before,
            verdict.expires_at,
            verdict.revocation_keys,
        )
        self.token_hash = hash_of(token)
        confirmation: Any = bound.confirmation if isinstance(bound.confirmation, dict) else {}
        self.thumbprint: str | None = _text_or_none(confirmation, "jkt")
        self.certificate_hash: str | None = _text_or_none(confirmation, "x5t#S256")
        if self.thumbprint is None and self.certificate_hash is None:
            raise InvalidToken("proof")


class BoundTokens:
    """Verifies tokens of a middleware that may be bound, and checks the proof of the key.

    - `dpop`: a `DPoP`, or None.
    - `checks_certificates`: whether requests present a certificate.
    """

    def __init__(self, dpop: DPoP | None, checks_certificates: bool) -> None:
        form = "dpop must be a DPoP: dpop=DPoP('https://api.example', replays=store)"
        require(dpop is None or isinstance(dpop, DPoP), f"{form}, got {got(dpop)}")
        self._dpop = dpop
        self._checks_certificates = checks_certificates

    def verify(self, token: str, verifier: Verifier) -> Verdict:
        """Return the verdict on a token, a `BoundVerdict` if it is bound. Raise `InvalidToken` or
        `Unavailable` as `Verifier.verify` does."""
        try:
            return verifier.verify(token)
        except BoundToken as bound:
            return BoundVerdict(bound, token)

    @property
    def algorithms(self) -> tuple[str, ...]:
        """The algorithms of proofs, none without a `DPoP`."""
        return () if self._dpop is None else self._dpop.algorithms

    def is_bound(self, verdict: Verdict) -> bool:
        """Return whether the verdict only holds for the holder of a key."""
        return isinstance(verdict, BoundVerdict)

    @property
    def uses_nonces(self) -> bool:
        """Whether proofs must contain a nonce."""
        return self._dpop is not None and self._dpop.uses_nonces

    def check(self, verdict: BoundVerdict, presented: Presented) -> Proof | None:
        """Return the proof that was used up, or None if none was needed. Raise
        `InvalidToken`, `InvalidProof` or `Unavailable` unless the request proves what the token
        asks for."""
        if verdict.certificate_hash is not None and self._checks_certificates:
            _check_certificate(verdict.certificate_hash, presented.certificate)
        elif not presented.is_dpop:
            raise InvalidToken("proof")
        if not presented.is_dpop:
            if verdict.thumbprint is not None:
                raise InvalidToken("proof")
            return None
        return self.check_proof(
            verdict,
            presented.proof,
            presented.method,
            presented.path,
            presented.mount,
            presented.used,
            presented.is_peek,
        )

    def check_proof(
        self,
        verdict: BoundVerdict,
        proof: str | None,
        method: str,
        path: str,
        mount: str,
        used: tuple[str, ...],
        is_peek: bool,
    ) -> Proof:
        """Do what `check` does for the scheme `DPoP` where no certificates are checked. The
        arguments are the parts of a `Presented`."""
        if verdict.thumbprint is None or self._dpop is None:
            raise InvalidToken("unbound")
        checked = self._dpop.check(
            proof,
            method=method,
            path=path,
            mount=mount,
            token_hash=verdict.token_hash,
            thumbprint=verdict.thumbprint,
        )
        # An outer middleware may have used the proof up for this request. It says nothing of this
        # token and this path, so everything else is checked again.
        if checked.replay_key not in used:
            (self._dpop.peek if is_peek else self._dpop.use)(checked)
        return checked


def _text_or_none(confirmation: dict[str, Any], name: str) -> str | None:
    """Return a member of `cnf`. A value of another type than a string matches no key."""
    value = confirmation.get(name)
    if value is None:
        return None
    if not isinstance(value, str) or not value:
        raise InvalidToken("proof")
    return value


def _check_certificate(expected: str, certificate: bytes | None) -> None:
    """Raise `InvalidToken` unless the certificate has this hash (RFC 8705 section 3.1)."""
    if certificate is None or encode_base64url(sha256(certificate).digest()).decode() != expected:
        raise InvalidToken("proof")
