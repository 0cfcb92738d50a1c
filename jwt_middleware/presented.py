"""`Presented`: what a request presents beside its token, for the proof of a key."""


class Presented:
    """The parts of a request that a proof is compared with.

    - `is_dpop`: whether the token was sent with the scheme `DPoP` (RFC 9449 section 7.1).
    - `method`: the method of the request.
    - `path`: the decoded path of the request, in PEP 3333's form, with the mount point.
    - `mount`: the mount point of the app, "" at the root.
    - `proof`: the header `DPoP`, or None.
    - `certificate`: the client certificate in DER, or None.
    - `used`: the proofs that this request has used up already, by their keys in the store.
    - `is_peek`: whether the proof must not be used up.
    """

    # Not frozen: one is made for each request with a bound token.
    __slots__ = (
        "certificate",
        "is_dpop",
        "is_peek",
        "method",
        "mount",
        "path",
        "proof",
        "used",
    )

    def __init__(
        self,
        is_dpop: bool,
        method: str,
        path: str,
        mount: str,
        proof: str | None,
        certificate: bytes | None,
        used: tuple[str, ...],
        is_peek: bool,
    ) -> None:
        self.is_dpop = is_dpop
        self.method = method
        self.path = path
        self.mount = mount
        self.proof = proof
        self.certificate = certificate
        self.used = used
        self.is_peek = is_peek

    def __repr__(self) -> str:
        return f"<Presented {'DPoP' if self.is_dpop else 'Bearer'} {self.method}>"
