"""The audit log: one line on the logger `jwt_middleware.login` for each event of the login app.

The line is for a reader, and its facts are fields of the record too: `event`, `address`, and what
is known of `user_id`, `username`, `session` (the `sid`), `ended` (what a logout ended: `session`,
`all` or `token`) and `error`.

No name stands beside a failure or a throttle: people type passwords into the field of the name.
Whether it is a user's name cannot be told without a look-up, whose time would tell the caller as
well.
"""

import json
import logging
from collections.abc import Mapping
from typing import Any

_log = logging.getLogger("jwt_middleware.login")

_LONGEST = 128

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
    "unavailable": (logging.WARNING, "the store is unavailable"),
}


def record(event: str, environ: Mapping[str, Any], **facts: object) -> None:
    """Log an event of a request. Facts that are None are left out; never give a token or a
    password."""
    level, words = _EVENTS[event]
    if not _log.isEnabledFor(level):
        return
    facts = {"address": environ.get("REMOTE_ADDR"), **facts}
    # ASCII without control characters, and shortened: nobody writes lines of their own into the
    # log.
    texts = {
        name: json.dumps(str(fact)[:_LONGEST]) for name, fact in facts.items() if fact is not None
    }
    line = " ".join([f"{event}: {words}", *(f"{name}={text}" for name, text in texts.items())])
    made = _log.makeRecord(_log.name, level, __file__, 0, line, (), None)
    # Not by `extra`, which raises where a record factory of the owner's has set such a field.
    vars(made).update({name: text[1:-1] for name, text in texts.items()}, event=event)
    _log.handle(made)
