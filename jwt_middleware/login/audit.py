"""The audit log: one line on the logger `jwt_middleware.login` for each event of the login app.

The line is for people. For programs the record has the same facts as fields: `event`, `address`,
and if they are known `user_id`, `username`, `session` (the `sid`), `ended` (what a logout ended:
`session`, `all` or `token`) and `error`.

A failure or a throttled attempt is logged without the username, because people type passwords into
that field. Only a look-up could tell whether it is the name of a user, and its time would tell the
client as well.
"""

import json
import logging

from ..log_lines import foreign_value, log_with_fields
from ..login_events import announce

_log = logging.getLogger("jwt_middleware.login")

_MAX_SHOWN = 128  # characters of a fact

_EVENTS = {
    "login": (logging.INFO, "signed in"),
    "failure": (logging.INFO, "wrong name or password"),
    "throttle": (logging.INFO, "too many failed attempts"),
    "refresh": (logging.INFO, "the session goes on"),
    "logout": (logging.INFO, "signed out"),
    "changed": (
        logging.WARNING,
        "the right password, but get() does not return the same user: changed, gone, or a fault",
    ),
    "outdated": (logging.INFO, "the user has changed or is gone: the session ends"),
    "reuse": (logging.WARNING, "a used refresh token came again: the session ends"),
    "foreign": (
        logging.WARNING,
        "a refresh token of another login app on this store: refused, its session goes on",
    ),
    "unavailable": (logging.WARNING, "the store is unavailable"),
}


def record(event: str, address: str | None, **facts: object) -> None:
    """Log an event of a request from an address.

    Metrics are told whatever the level of the log is. Facts that are None are left out. Never pass
    a token or a password.
    """
    level, words = _EVENTS[event]
    announce(event)
    if not _log.isEnabledFor(level):
        return
    facts = {"address": address, **facts}
    # Some of these values come from a client. Escape and truncate them, so that nobody can forge or
    # flood log lines; in the line quote them too, so that no value looks like another fact.
    shown = {
        name: foreign_value(fact, _MAX_SHOWN) for name, fact in facts.items() if fact is not None
    }
    line = " ".join(
        [f"{event}: {words}", *(f"{name}={json.dumps(value)}" for name, value in shown.items())]
    )
    log_with_fields(_log, level, line, {"event": event, **shown})
