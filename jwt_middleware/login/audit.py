"""Writes the audit log: one line on the logger `jwt_middleware.login` for each event of the login
app.

The line is for people. The log record has the same facts as fields for programs:

- `event` and `address`;
- if known, `user_id`, `username` and `session` (the `sid`);
- `token_id`, for a personal token that is made or taken back;
- `ended`, for a logout: `session`, `all` or `token`;
- `issuer`, for a logout at an identity provider, and `reason`, for a logout token that is refused;
- `error`, for a store that is unavailable.

A failed or throttled attempt is logged without the username, because people type passwords into
that field. Looking the name up first would cost time, which would show the client whether it
exists.
"""

import json
import logging

from ..log_lines import foreign_value, log_with_fields
from ..login_events import announce

_log = logging.getLogger("jwt_middleware.login")

_MAX_SHOWN = 128
"""Characters of a logged value: enough for a username, too few to flood the log."""

_MAX_ERROR = 300
"""Characters of the error of a store, whose words are ours."""

_EVENTS = {
    "login": (logging.INFO, "the user has logged in"),
    "failure": (logging.INFO, "wrong username or password"),
    "throttle": (logging.INFO, "too many failed attempts"),
    "refresh": (logging.INFO, "the session continues"),
    "logout": (logging.INFO, "the user has logged out"),
    "changed": (
        logging.WARNING,
        "refused: the password is right, but get() does not return the same user (fault or change)",
    ),
    "outdated": (logging.INFO, "the user was changed or removed: the session ends"),
    "reuse": (logging.WARNING, "a refresh token was used twice: the session ends"),
    "foreign": (
        logging.WARNING,
        "refused: the refresh token is from another login app on this store; its session continues",
    ),
    "wrong_key": (
        logging.WARNING,
        "refused: the refresh token is bound to a key of another client; its session continues",
    ),
    "loop": (
        logging.WARNING,
        (
            "the page asked for sends a signed-in browser back: sign_in must lead to a LoginApp "
            "with access_cookie, and the rule must accept the tokens in that cookie"
        ),
    ),
    "token_added": (logging.INFO, "the user has made a personal token"),
    "token_removed": (logging.INFO, "the user has taken back a personal token"),
    "provider_logout": (logging.INFO, "an identity provider has ended the session"),
    "provider_refused": (logging.INFO, "a logout token is refused"),
    "unavailable": (logging.WARNING, "the store is unavailable"),
}


def record(event: str, address: str | None, **facts: object) -> None:
    """Log an event of a request from an address.

    Metrics count the event even if its log level is off. Facts that are None are not logged. Never
    pass a token or a password.
    """
    level, words = _EVENTS[event]
    announce(event)
    if not _log.isEnabledFor(level):
        return
    facts = {"address": address, **facts}
    # Some of these values come from a client. Escape and truncate them so that a client cannot
    # forge or flood log lines. Quote them in the line so that no value looks like another fact.
    shown = {
        name: foreign_value(fact, _MAX_ERROR if name == "error" else _MAX_SHOWN)
        for name, fact in facts.items()
        if fact is not None
    }
    line = " ".join(
        [f"{event}: {words}", *(f"{name}={json.dumps(value)}" for name, value in shown.items())]
    )
    log_with_fields(_log, level, line, {"event": event, **shown})
