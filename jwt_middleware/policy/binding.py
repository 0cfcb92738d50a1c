"""`sender_constrained`: a requirement that the token is bound to a key of its sender."""

from ..errors import InvalidToken
from ..identity import Identity
from .requirements import Requirement


class _SenderConstrained:
    """Requires a bound token. Its proof has been checked before any requirement is asked."""

    __slots__ = ()

    def __call__(self, identity: Identity) -> None:
        """Raise `InvalidToken("unbound")` for a plain bearer token."""
        if identity.claims.get("cnf") is None:  # null is absent for `Provider(allow_null=True)`
            raise InvalidToken("unbound")

    def __repr__(self) -> str:
        return "sender_constrained"

    @property
    def __name__(self) -> str:
        return "sender_constrained"


sender_constrained: Requirement = _SenderConstrained()
"""Requires a token that is bound to a key (RFC 9449) or to a certificate (RFC 8705), which is
useless to a thief. A plain bearer token gets 401 `unbound`."""
