"""Builds the entries that the bundled stores append to a revocation log, and defines how long an
entry must stay there."""

import re
import time

from .._options import got, require
from ..trust.cut_offs import CUT_OFF_LASTS, sessions_key, subject_key
from ..trust.revocation import Revocation, revocation_key

MARGIN = 300
"""Seconds that an entry outlives the last token that it revokes: a verifier with `leeway=300`
accepts the token that long after its expiry."""

PRUNE_AFTER = 3600
"""Seconds after which a store deletes an expired entry: clocks may differ this much. Deleting an
entry too early would make a revoked token valid again. Deleting it late costs 100 bytes."""

REPLACE_AFTER = 3600
"""Seconds after which a cut-off makes way for the next one of its key. A cut-off lasts a year, and
a user who logs out everywhere again and again must not fill the log."""

_TEXT = re.compile(r"[^\0\ud800-\udfff]*")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_USAGE = "revoke(token_id='...', expires_at=1790000000)"


def session_entry(
    issuer: str, sid: str, token_lifetime: float, used_at: float, now: float
) -> Revocation:
    """Return the entry that revokes the access tokens of a session which ends now.

    `now` is the clock of the log. This machine, and the machine that minted the last token at
    `used_at`, may be ahead of it. The latest of the three clocks counts.
    """
    latest = max(now, time.time(), used_at)
    return Revocation(revocation_key("sid", issuer, sid), latest + token_lifetime + MARGIN)


def token_entry(token_id: str, expires_at: float, issuer: str) -> Revocation:
    """Return the entry that revokes one access token.

    A value that cannot be the `jti` or `exp` of a token raises `ConfigurationError`. A log with an
    entry that an engine cannot store would stop all readers.
    """
    require(
        _is_text(token_id) and token_id,
        f"token_id must be the jti of a token, a string without NUL and surrogates: {_USAGE}",
    )
    require(_is_text(issuer), f"issuer must be the iss of a token, a string: {_USAGE}")
    _check_expiry(expires_at, _USAGE)
    return Revocation(revocation_key("jti", issuer, token_id), expires_at + MARGIN)


def foreign_session_entry(issuer: str, session_id: str, expires_at: float) -> Revocation:
    """Return the entry that revokes the tokens with a `sid` of any issuer, until the last of them
    has expired.

    A value that cannot be the `iss`, `sid` or `exp` of a token raises `ConfigurationError`.
    """
    usage = "revoke_session('https://idp.example', 's1', expires_at=1790000000)"
    _check_names(usage, issuer=issuer, session_id=session_id)
    _check_expiry(expires_at, usage)
    return Revocation(revocation_key("sid", issuer, session_id), expires_at + MARGIN)


def subject_entry(issuer: str, subject: int | str, until: float | None = None) -> Revocation:
    """Return the entry that revokes the tokens of a subject that were issued until a moment, or
    until now.

    A value that cannot be the `iss`, `sub` or `iat` of a token raises `ConfigurationError`.
    """
    usage = "revoke_subject('https://login.example', '1')"
    subject = id_text(subject, "subject", usage)
    _check_names(usage, issuer=issuer, subject=subject)
    if until is None:
        until = time.time()
    is_moment = isinstance(until, (int, float)) and 0 <= until < 2**53
    require(is_moment, f"until must be seconds since the epoch: {usage}")
    return Revocation(subject_key(issuer, subject), until + CUT_OFF_LASTS)


def id_text(user_id: object, option: str, usage: str) -> str:
    """Return the id of a user as the `sub` of tokens has it: in a table it may be an integer.

    With an integer nothing would be found, and a password change would end no session. Any other
    type raises `ConfigurationError`.
    """
    text = str(user_id) if type(user_id) is int else user_id
    is_text = isinstance(text, str)
    require(is_text, f"{option} must be an integer or a string, got {got(user_id)}: {usage}")
    return str(text)


def sessions_entry(issuer: str | None, user_id: str) -> Revocation:
    """Return the entry that revokes the tokens which an app minted by hand for a user until now.

    Without an issuer, those of every issuer. The tokens of the user's sessions end by their `sid`.
    """
    return Revocation(sessions_key(issuer or "", user_id), time.time() + CUT_OFF_LASTS)


def _check_names(usage: str, **names: object) -> None:
    for name, value in names.items():
        is_right = isinstance(value, str) and _is_text(value) and value
        require(
            is_right and not _CONTROL.search(str(value)),
            f"{name} must be that of a token, a string that is not empty and has no control "
            f"characters or surrogates: {usage}",
        )


def _check_expiry(expires_at: object, usage: str) -> None:
    # The comparison also refuses NaN and infinity.
    require(
        isinstance(expires_at, (int, float)) and 0 <= expires_at < 2**53,
        f"expires_at must be the exp of a token, in seconds since the epoch: {usage}",
    )


def _is_text(value: object) -> bool:
    """Return whether every engine can store the value as a string."""
    return isinstance(value, str) and _TEXT.fullmatch(value) is not None
