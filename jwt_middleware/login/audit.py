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
        "right password of a user who has changed just now or is gone, or get() is amiss",
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

    Facts that are None are left out. Never pass a token or a password.
    """
    level, words = _EVENTS[event]
    if not _log.isEnabledFor(level):
        return
    facts = {"address": address, **facts}
    # Some of these values come from a client. Escape and truncate them, so that nobody can forge or
    # flood log lines.
    shown = {
        name: json.dumps(str(fact)[:_MAX_SHOWN]) for name, fact in facts.items() if fact is not None
    }
    line = " ".join([f"{event}: {words}", *(f"{name}={value}" for name, value in shown.items())])
    made = _log.makeRecord(_log.name, level, __file__, 0, line, (), None)
    # Not by `extra`, which raises where a record factory of the owner's has set such a field.
    vars(made).update({name: value[1:-1] for name, value in shown.items()}, event=event)
    _log.handle(made)
