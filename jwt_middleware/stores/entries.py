"""What the bundled stores write into a log of revocations, and how long it must be known."""

import re
import time

from ..errors import require
from ..trust.revocation import Revocation, revocation_key

MARGIN = 300
"""Seconds by which an entry outlives the last token that it revokes: a verifier with `leeway=300`
accepts the token that long."""

PRUNE_AFTER = 3600
"""Seconds after which a store deletes an expired entry: clocks may differ by as much. An entry that
is deleted too early makes a revoked token good again; one that is deleted late costs 100 bytes."""

_TEXT = re.compile(r"[^\0\ud800-\udfff]*")
_FORM = "a token is revoked by its jti and exp: revoke(token_id='...', expires_at=1790000000)"


def session_entry(
    issuer: str, sid: str, token_lifetime: float, used_at: float, now: float
) -> Revocation:
    """Return the entry that revokes the access tokens of a session which ends now.

    `now` is the clock of the log. The last token may come from a machine that is ahead of it, or
    the entry may be written by one: the latest of the clocks counts.
    """
    latest = max(now, time.time(), used_at)
    return Revocation(revocation_key("sid", issuer, sid), latest + token_lifetime + MARGIN)


def token_entry(token_id: str, expires_at: float, issuer: str) -> Revocation:
    """The entry that revokes one access token. `ConfigurationError` for what cannot be the `jti` or
    `exp` of one."""
    require(_is_text(token_id) and token_id and _is_text(issuer), _FORM)
    require(
        isinstance(expires_at, (int, float)) and 0 <= expires_at < 2**53, _FORM
    )  # so not for NaN and infinity
    return Revocation(revocation_key("jti", issuer, token_id), expires_at + MARGIN)


def _is_text(value: object) -> bool:
    """Whether it is a text that every engine can keep."""
    return isinstance(value, str) and _TEXT.fullmatch(value) is not None
