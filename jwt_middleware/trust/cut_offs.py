"""Cut-offs in time: every token of a subject that was issued up to a moment is revoked.

A revocation log names one token (`jti`) or one session (`sid`) in an entry. Nobody has a list of
the tokens that an app minted by hand, so these end by their subject:

    sub          an issuer and a subject      all of the subject's tokens
    sub+sid      an issuer or any, a subject  those that carry a `sid`, unless the login app's own
                                              session has it: such tokens end by that `sid`

The moment of a cut-off is in the expiry of its entry, which lasts `CUT_OFF_LASTS` seconds from
then. So an entry has the form of all others, in every log, and a later one of the same key wins.

A token carries its time as `iat`, in whole seconds (RFC 7519 section 2 permits fractions, but not
every verifier does). A user who is logged out everywhere and logs in at once would have two tokens
of one second, of which one is revoked. So `TokenMinter` makes a `jti` that holds its time, a UUID
of version 7 (RFC 9562 section 5.7) to a quarter of a microsecond (section 6.2, method 3). If the
`jti` of a token is such a UUID of the second of its `iat`, then that is when it was issued. Of any
other token only the second is known: in the second of a cut-off it is revoked, and a second later
it is not. Without an `iat` it is revoked while the cut-off lasts.

The clocks of the machines must agree. A token that a machine minted whose clock is ahead by some
seconds outlives a cut-off which another machine makes in these seconds. Sessions do not depend on
clocks, which is why the tokens of the login app end by their `sid`.
"""

import re
from typing import Any

from ..identity import Identity

CUT_OFF_LASTS = 367 * 86_400
"""Seconds for which a cut-off is remembered, a day longer than `MAX_LIFETIME`. It is part of the
form of an entry: another value would move the moments of all entries in the logs."""

MAX_LIFETIME = 366 * 86_400
"""Seconds that a token minted by hand may live: a cut-off must outlive the tokens it revokes."""

LOGIN_SESSION = "login."
"""How the `sid` of a session in a store begins."""

_UUID7 = "([0-9a-f]{8})-([0-9a-f]{4})-7([0-9a-f]{3})-[89ab][0-9a-f]{3}-[0-9a-f]{12}"
_PER_SECOND = 4_096_000
"""How many steps of a UUID are a second: 1000 milliseconds of 4096 parts."""


def subject_key(issuer: str, subject: str) -> str:
    """Return the key of a cut-off for all tokens of a subject."""
    return f"sub\n{issuer}\n{subject}"


def sessions_key(issuer: str, subject: str) -> str:
    """Return the key of a cut-off for the tokens of a subject that carry a `sid`. An empty issuer
    is any."""
    return f"sub+sid\n{issuer}\n{subject}"


def subject_of(key: str) -> str | None:
    """Return the subject of a cut-off, or None for the key of another entry."""
    kind, _, rest = key.partition("\n")
    return rest.partition("\n")[2] if kind in ("sub", "sub+sid") else None


def cut_off_keys(caller: Identity) -> tuple[str, ...]:
    """Return the keys under which a caller's token may be cut off."""
    key = subject_key(caller.issuer, caller.subject)
    if caller.session_id is None or caller.session_id.startswith(LOGIN_SESSION):
        return (key,)
    by_session = (sessions_key(issuer, caller.subject) for issuer in (caller.issuer, ""))
    return (key, *by_session)


def is_cut_off(caller: Identity, expires_at: float) -> bool:
    """Return whether the entry of a cut-off, which expires then, revokes a caller's token."""
    # A clock may tell one time twice: what cannot be told apart from an earlier token is revoked.
    return issued_at(caller) <= expires_at - CUT_OFF_LASTS


def issued_at(caller: Identity) -> float:
    """Return when a token was issued, in seconds since the epoch: 0 if it does not say."""
    second: Any = caller.claims.get("iat")
    if type(second) not in (int, float):
        return 0.0
    found = re.fullmatch(_UUID7, caller.token_id or "")
    if found is not None:
        exact = (int(found[1] + found[2], 16) * 4096 + int(found[3], 16)) / _PER_SECOND
        if 0 <= exact - second <= 1:
            return exact
    return float(second)


def new_token_id(now: float) -> str:
    """Return a new `jti` that holds its time, in seconds since the epoch: a UUID of version 7."""
    # Only a minter needs this module. It takes a quarter of a millisecond to load.
    import secrets

    steps = int(now * _PER_SECOND)
    digits = f"{steps >> 12:012x}7{steps & 0xFFF:03x}"
    variant = f"{secrets.randbits(62) | 1 << 63:016x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:]}-{variant[:4]}-{variant[4:]}"
