"""What a case of the corpus is, and how the modules of the corpus write one down."""

from typing import NamedTuple

from tests.kit.tokens import ISSUERS, Issuer


class Case(NamedTuple):
    """An `Authorization` value (None: no such header) with the status and reason it must get, and
    where that stands.

    `status` 200 and no reason: let through. `issuer` and `token` are there where the case is about
    a token, so that another verifier can be asked.
    """

    name: str
    authorization: str | None
    status: int
    reason: str | None
    source: str
    issuer: Issuer | None = None
    token: str | None = None


def good(name: str, token: str, source: str, issuer: str = "hs256") -> Case:
    """A token that must pass."""
    return Case(name, f"Bearer {token}", 200, None, source, ISSUERS[issuer], token)


def bad(name: str, token: str, reason: str, source: str, issuer: str = "hs256") -> Case:
    """A token that must be refused with 401."""
    return Case(name, f"Bearer {token}", 401, reason, source, ISSUERS[issuer], token)


def unfit(name: str, token: str, source: str, issuer: str = "hs256") -> Case:
    """A token that the header cannot carry, refused with 400."""
    return Case(name, f"Bearer {token}", 400, "malformed", source, ISSUERS[issuer], token)


def carried(
    name: str, authorization: str | None, status: int, reason: str | None, source: str
) -> Case:
    """A case about the header and not about the token in it."""
    return Case(name, authorization, status, reason, source)
