"""DPoP in the headers (RFC 9449 section 7): the scheme, the proof and the challenge."""

from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any, TypeGuard, TypeVar

from .._options import got, require, takes
from ..errors import InvalidProof, InvalidRequest, InvalidToken, Refusal
from ..identity import NONCE_KEY, PEEK_KEY, PROOF_KEY, Identity
from ..presented import Presented
from .certificates import CertificateOf, certificate_in
from .places import SCHEME_CHARACTERS, Place
from .token_form import checked_token
from .wsgi import StartResponse

T = TypeVar("T")

PROOF_HEADER = "DPoP"
NONCE_HEADER = "DPoP-Nonce"


class DPoPScheme(Place):
    """The token in `Authorization: DPoP TOKEN`.

    - `algorithms`: those of proofs, for the challenge.
    - `uses_nonces`: whether proofs must contain a nonce of ours.
    """

    __slots__ = ("algorithms", "uses_nonces")
    scheme = "DPoP"

    def __init__(self, algorithms: Sequence[str], uses_nonces: bool = False) -> None:
        self.algorithms = " ".join(algorithms)
        self.uses_nonces = uses_nonces

    def find(self, environ: Mapping[str, Any]) -> str | None:
        """Return the header in its usual form, or None with another scheme."""
        header = environ.get("HTTP_AUTHORIZATION")
        if not is_dpop(header):
            return None
        if header[4:5] != " ":
            raise InvalidRequest
        if header[:4] == "DPoP" and header[5:6] != " ":
            return header
        return f"DPoP {header[5:].lstrip(' ')}"

    def read(self, credential: str, max_bytes: int) -> str:
        """Return the token."""
        return checked_token(credential[5:], max_bytes)

    def challenges(
        self, refusal: Refusal, environ: Mapping[str, Any], given: str, bare: str
    ) -> list[str]:
        """Return the challenges for clients of both schemes (RFC 9449 section 7.1).

        - `given`: the challenge for the scheme Bearer, and `bare`: the same without the error.

        The error belongs to the scheme that the request used. A client with a Bearer token must not
        take the error of a proof for one of its token.
        """
        is_ours = isinstance(refusal, InvalidProof) or is_dpop(environ.get("HTTP_AUTHORIZATION"))
        bearer, dpop = (bare, given) if is_ours else (given, bare)
        return [bearer, f'DPoP {dpop.partition(" ")[2]}, algs="{self.algorithms}"']

    def giving_nonces(self, call: Callable[..., T]) -> Callable[..., T]:
        """Return `call`, which takes an environ and `start_response`, such that its answers carry
        the nonce for the client's next proof if that of this one is about to end (RFC 9449 section
        8.2)."""

        def calling(environ: dict[str, Any], start_response: StartResponse, *more: Any) -> T:
            nonce: str | None = None

            def start(status: str, headers: list[tuple[str, str]], *exc_info: Any) -> Any:
                nonlocal nonce  # an app may start again, with the headers of an error
                nonce = environ.pop(NONCE_KEY, nonce)
                # An app that is a proxy has the nonce of the server behind it.
                if nonce and all(name.lower() != "dpop-nonce" for name, _ in headers):
                    headers = [*headers, (NONCE_HEADER, nonce)]
                return start_response(status, headers, *exc_info)

            return call(environ, start, *more)

        return calling

    def __repr__(self) -> str:
        return "dpop"


def is_dpop(header: Any) -> TypeGuard[str]:
    """Return whether an Authorization header has the scheme DPoP, in any case."""
    if not isinstance(header, str) or header[:4].lower() != "dpop":
        return False
    return header[4:5] not in SCHEME_CHARACTERS


def read_proof(environ: Mapping[str, Any]) -> str | None:
    """Return the header `DPoP`, or None without one.

    Servers join two headers with a comma, which a proof cannot contain. So two are refused later.
    """
    proof = environ.get("HTTP_DPOP")
    if proof is not None and not isinstance(proof, str):
        raise InvalidProof("proof_malformed")
    return proof


class Proofs:
    """Checks what requests present beside their token.

    - `certificate`: the owner's callable `(environ)` for the client certificate, or None.
    - `bound`: a `trust.binding.BoundTokens`. Without `algorithms` of proofs, the scheme DPoP is not
      accepted.
    """

    def __init__(self, certificate: CertificateOf | None, bound: Any) -> None:
        form = "certificate must be a callable that takes an environ and returns PEM, DER or None"
        is_callable = callable(certificate) and not isinstance(certificate, type)
        require(certificate is None or is_callable, f"{form}, got {got(certificate)}")
        require(certificate is None or takes(certificate, 1), f"{form}, which takes others")
        algorithms = bound.algorithms
        self.scheme = DPoPScheme(algorithms, bound.uses_nonces) if algorithms else None
        self._certificate = certificate
        self._bound = bound

    def identify(
        self,
        environ: Mapping[str, Any],
        place: Place,
        credential: str,
        key: Hashable,
        verification: Any,
    ) -> Identity:
        """Return the caller of a credential that was found at a place. Its token may be bound.

        - `key`: that of the credential in the caches of `verification`, a middleware.

        Raise the `Refusal` if the token is not valid, or the request does not prove its key.
        """
        verdict = verification.bound_verdicts.get(key)
        if verdict is not None and verdict.keys.generation == verdict.generation:
            verification.counts.cached += 1
        else:
            token = place.read(credential, verification.max_token_bytes)
            verification.counts.verified += 1
            verdict = self._bound.verify(token, verification.verifier)
            if not self._bound.is_bound(verdict):
                return self._unbound(place, key, verdict, verification)
            verification.bound_verdicts.add(key, verdict)
        caller: Identity = verification.verifier.confirm(verdict)
        proof = environ.get("HTTP_DPOP")
        if proof is not None and not isinstance(proof, str):
            raise InvalidProof("proof_malformed")
        method = environ.get("REQUEST_METHOD") or ""
        mount = environ.get("SCRIPT_NAME") or ""
        path = mount + (environ.get("PATH_INFO") or "")
        before = environ.get(PROOF_KEY, ())
        is_peek = PEEK_KEY in environ
        if self._certificate is None and place is self.scheme:
            used = self._bound.check_proof(verdict, proof, method, path, mount, before, is_peek)
        else:
            certificate = self._certificate and certificate_in(environ, self._certificate)
            parts = method, path, mount, proof, certificate, before, is_peek
            used = self._bound.check(verdict, Presented(place is self.scheme, *parts))
        if used is not None and isinstance(environ, dict):
            # A middleware further inside must not take the proof for one that is used again.
            environ[PROOF_KEY] = (*before, used.replay_key)
            if used.new_nonce is not None:
                environ[NONCE_KEY] = used.new_nonce
        return caller

    def _unbound(self, place: Place, key: Hashable, verdict: Any, verification: Any) -> Identity:
        caller: Identity = verification.verifier.confirm(verdict)
        if place is self.scheme:
            raise InvalidToken("unbound")
        verification.keep(key, verdict)
        return caller
