"""What the bundled stores write into a log of revocations, and how long it must be known."""

import re
import time

from ..errors import require
from ..trust.revocation import Revocation, revocation_key

MARGIN = 300
"""Seconds for which an entry outlives the last token that it revokes: clocks differ, and a refresh
may be under way."""

_TEXT = re.compile(r"[^\0\ud800-\udfff]*")
_FORM = "a token is revoked by its jti and exp: revoke(token_id='...', expires_at=1790000000)"


def session_entry(issuer: str, sid: str, token_lifetime: float) -> Revocation:
    """The entry that revokes the access tokens of a session which ends now."""
    return Revocation(revocation_key("sid", issuer, sid), time.time() + token_lifetime + MARGIN)


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
