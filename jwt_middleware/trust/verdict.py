"""`Verdict`: the result of verifying a token, and `BoundToken`, which holds one back."""

from ..errors import InvalidToken
from ..identity import Identity
from .keys import KeySource


class Verdict:
    """The lasting result of verifying a token: its form, issuer, signature and claims are valid.

    `keys` verified it at their `generation`. The verdict holds from `not_before` until `expires_at`
    (seconds since the epoch), unless one of its `revocation_keys` is revoked.
    """

    # Not frozen: that makes a first-seen token 4 % dearer. Written out, since a dataclass takes a
    # third of a millisecond of every import.
    __slots__ = (
        "expires_at",
        "generation",
        "identity",
        "keys",
        "not_before",
        "revocation_keys",
    )

    def __init__(
        self,
        keys: KeySource,
        generation: object,
        identity: Identity,
        not_before: float,
        expires_at: float,
        revocation_keys: tuple[str, ...],
    ) -> None:
        self.keys = keys
        self.generation = generation
        self.identity = identity
        self.not_before = not_before
        self.expires_at = expires_at
        self.revocation_keys = revocation_keys

    def is_current(self) -> bool:
        """Whether the keys are still those that verified the token."""
        return bool(self.keys.generation == self.generation)


class BoundToken(InvalidToken):
    """The token is valid, but only for the holder of a key. Code that checks no proof of that key
    refuses it, since this is an `InvalidToken` with the reason `proof`.

    - `verdict`: holds once the proof has been checked.
    - `confirmation`: the claim `cnf` (RFC 7800 section 3.1), any JSON value.
    """

    def __init__(self, verdict: Verdict, confirmation: object) -> None:
        super().__init__("proof")
        self.verdict = verdict
        self.confirmation = confirmation
