"""New sessions, what a password costs, and scripts in processes of their own."""

import hashlib
import os
import time
from typing import Any

import pytest

from jwt_middleware.errors import InvalidToken
from jwt_middleware.stores import MemoryStore, Session, SQLStore
from jwt_middleware.trust.cut_offs import CUT_OFF_LASTS, subject_of
from jwt_middleware.trust.revocation import RevocationList, revocation_keys

ISSUER = "https://login.example"


def new_session(user_id: str = "1", **fields: Any) -> Session:
    """A session that is good for an hour, whose tokens are good for 900 seconds."""
    now = time.time()
    times = {"started_at": now, "used_at": now, "expires_at": now + 3600}
    usual = {
        "sid": os.urandom(8).hex(),
        "issuer": ISSUER,
        "user_id": user_id,
        "user_version": 0,
        "token_lifetime": 900,
    }
    return Session(
        **{"name_hash": os.urandom(32), "secret_hash": os.urandom(32), **usual, **times, **fields}
    )


def added(store: MemoryStore | SQLStore, user_id: str = "1", **fields: Any) -> Session:
    """A new session in the store."""
    session = new_session(user_id, **fields)
    store.add_session(session)
    return session


def entries_of(log: Any) -> dict[str, float]:
    """The tokens and sessions that a log says are revoked: key to expiry."""
    page = log.read_revocations(None)
    return {one.key: one.expires_at for one in page.entries if subject_of(one.key) is None}


def cut_offs_of(log: Any) -> dict[str, float]:
    """The subjects that a log says are cut off: key to moment."""
    page = log.read_revocations(None)
    entries = [one for one in page.entries if subject_of(one.key) is not None]
    return {one.key: one.expires_at - CUT_OFF_LASTS for one in entries}


def is_revoked(
    revocations: RevocationList, *, jti: str | None = None, sid: str | None = None
) -> bool:
    """Whether the list refuses the tokens with this id, or of this session."""
    try:
        revocations.check(revocation_keys(ISSUER, jti, sid))
    except InvalidToken as refusal:
        return refusal.reason == "revoked"
    return False


def cheap_scrypt(
    password: bytes, *, salt: bytes, n: int, r: int, p: int, maxmem: int, dklen: int = 64
) -> bytes:
    """Stand for `hashlib.scrypt` where what it costs is counted, not spent."""
    return hashlib.blake2b(password + salt + b"%d:%d:%d" % (n, r, p), digest_size=dklen).digest()


@pytest.fixture
def hashes(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int, int]]:
    """The parameters (n, r, p) of every scrypt hash made from here on: what a login costs, without
    a clock."""
    made: list[tuple[int, int, int]] = []
    scrypt = hashlib.scrypt

    def counting(password: bytes, *, salt: bytes, n: int, r: int, p: int, maxmem: int) -> bytes:
        made.append((n, r, p))
        return scrypt(password, salt=salt, n=n, r=r, p=p, maxmem=maxmem)

    monkeypatch.setattr("hashlib.scrypt", counting)
    return made
