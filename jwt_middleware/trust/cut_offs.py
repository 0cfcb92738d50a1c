"""Cut-offs in time: revoke every token of a subject that was issued up to a moment.

An entry of a revocation log names one token (`jti`) or one session (`sid`). Nobody has a list of
the tokens that an app minted by hand, so these end by their subject:

    sub          an issuer and a subject      all of the subject's tokens
    sub+sid      an issuer or any, a subject  those that carry a `sid`, unless the login app's own
                                              session has it: such tokens end by that `sid`

The expiry of an entry encodes the moment of its cut-off, which is `CUT_OFF_LASTS` seconds earlier.
So an entry has the same form as all others, in every log. A later entry with the same key wins.

A token carries its time as `iat`, in full seconds. RFC 7519 section 2 permits fractions, but some
verifiers do not. A user who is logged out everywhere and logs in at once may have two tokens of one
second, of which one is revoked. So `TokenMinter` makes a `jti` that holds its time, a UUID of
version 7 (RFC 9562 section 5.7) to a quarter of a microsecond (section 6.2, method 3). If the `jti`
of a token is such a UUID within the second of its `iat`, it is the time of issue. Of any other
token, only the second is known. It is revoked in the second of a cut-off, and not a second later.
Without an `iat`, a token is revoked while the cut-off lasts.

The clocks of the machines must agree. If a machine's clock is ahead by some seconds, its tokens
outlive a cut-off that another machine makes in these seconds. Sessions do not depend on clocks, so
the tokens of the login app end by their `sid`.
"""

import re
from typing import Any

from ..identity import Identity

CUT_OFF_LASTS = 367 * 86_400
"""Seconds for which a cut-off lasts, a day longer than `MAX_LIFETIME`. It is part of the form of an
entry, so another value would move the moments of all entries in the logs."""

MAX_LIFETIME = 366 * 86_400
"""The longest lifetime of a token minted by hand, in seconds. A cut-off must outlive the tokens
that it revokes."""

LOGIN_SESSION = "login."
"""The prefix of the `sid` of a session in a store."""

_UUID7 = "([0-9a-f]{8})-([0-9a-f]{4})-7([0-9a-f]{3})-[89ab][0-9a-f]{3}-[0-9a-f]{12}"
_PER_SECOND = 4_096_000
"""Steps of a UUID in one second: 1000 milliseconds of 4096 parts."""


def subject_key(issuer: str, subject: str) -> str:
    """Return the key of a cut-off for all tokens of a subject."""
    return f"sub\n{issuer}\n{subject}"


def sessions_key(issuer: str, subject: str) -> str:
    """Return the key of a cut-off for the tokens of a subject that carry a `sid`. An empty issuer
    means any issuer."""
    return f"sub+sid\n{issuer}\n{subject}"


def subject_of(key: str) -> str | None:
    """Return the subject of a cut-off, or None for the key of another entry."""
    kind, _, rest = key.partition("\n")
    return rest.partition("\n")[2] if kind in ("sub", "sub+sid") else None


def cut_off_keys(caller: Identity) -> tuple[str, ...]:
    """Return the keys of the cut-offs that may revoke a caller's token."""
    key = subject_key(caller.issuer, caller.subject)
    if caller.session_id is None or caller.session_id.startswith(LOGIN_SESSION):
        return (key,)
    by_session = (sessions_key(issuer, caller.subject) for issuer in (caller.issuer, ""))
    return (key, *by_session)


def is_cut_off(caller: Identity, expires_at: float) -> bool:
    """Return whether a cut-off, whose entry has this expiry, revokes a caller's token."""
    # A clock may show one time twice. Revoke a token of the same time as the cut-off.
    return issued_at(caller) <= expires_at - CUT_OFF_LASTS


def issued_at(caller: Identity) -> float:
    """Return when a token was issued, in seconds since the epoch, or 0 if that is unknown."""
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
    """Return a new `jti` that holds a time in seconds since the epoch: a UUID of version 7."""
    # Only a minter needs this module, which takes a quarter of a millisecond to load.
    import secrets

    steps = int(now * _PER_SECOND)
    digits = f"{steps >> 12:012x}7{steps & 0xFFF:03x}"
    variant = f"{secrets.randbits(62) | 1 << 63:016x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:]}-{variant[:4]}-{variant[4:]}"
