"""The key that a session is bound to: part of its `sid`.

So every store keeps it, also the table of an earlier version and a store of an owner's. Nobody can
change it, and the access tokens of the session name the key anyway (`cnf`).
"""

import secrets

from ..stores.base import Session
from ..trust.cut_offs import LOGIN_SESSION


def key_of(session: Session) -> str | None:
    """Return the thumbprint of the key that a session is bound to, or None."""
    return session.sid.removeprefix(LOGIN_SESSION).partition(".")[2] or None


def new_sid(thumbprint: str | None) -> str:
    """Return the `sid` of a new session, bound to the key with this thumbprint, or to none."""
    sid = f"{LOGIN_SESSION}{secrets.token_urlsafe(16)}"
    return sid if thumbprint is None else f"{sid}.{thumbprint}"
