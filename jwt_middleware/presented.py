"""`Presented`: what a request presents beside its token, for the proof of a key."""

from ._frozen import Frozen, set_field

PROOF_KEY = "jwt_middleware.proof"
"""The key of the DPoP proof that was accepted for this request. A middleware further inside accepts
it again, although a proof counts once."""

PEEK_KEY = "jwt_middleware.peek"
"""The key of a copy of an environ that is only looked at: its proof is not used up."""


class Presented(Frozen):
    """What a request presents beside its token.

    - `is_dpop`: whether the token was sent with the scheme `DPoP` (RFC 9449 section 7.1).
    - `method`: the method of the request.
    - `path`: the decoded path of the request, in PEP 3333's form, with the mount point.
    - `mount`: the mount point of the app, "" at the root.
    - `proof`: the header `DPoP`, or None.
    - `certificate`: the client certificate in DER, or None.
    - `is_accepted`: whether the proof was already accepted for this request.
    - `is_peek`: whether the proof must not be used up.
    """

    __slots__ = (
        "certificate",
        "is_accepted",
        "is_dpop",
        "is_peek",
        "method",
        "mount",
        "path",
        "proof",
    )
    is_dpop: bool
    method: str
    path: str
    mount: str
    proof: str | None
    certificate: bytes | None
    is_accepted: bool
    is_peek: bool

    def __init__(
        self,
        *,
        is_dpop: bool,
        method: str,
        path: str,
        mount: str = "",
        proof: str | None = None,
        certificate: bytes | None = None,
        is_accepted: bool = False,
        is_peek: bool = False,
    ) -> None:
        set_field(self, "is_dpop", is_dpop)
        set_field(self, "method", method)
        set_field(self, "path", path)
        set_field(self, "mount", mount)
        set_field(self, "proof", proof)
        set_field(self, "certificate", certificate)
        set_field(self, "is_accepted", is_accepted)
        set_field(self, "is_peek", is_peek)

    def __repr__(self) -> str:
        return f"<Presented {'DPoP' if self.is_dpop else 'Bearer'} {self.method}>"
