"""What is reported of a decision: observers are called here, the log line of a refusal first.

An observer is a callable `(decision, environ)`. It may read both and must change neither.
"""

import contextlib
import logging
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeAlias

from .decision import Decision
from .errors import Refusal
from .log_lines import foreign_value, log_with_fields
from .trust import jws
from .wire.credentials import extract

Observer: TypeAlias = Callable[[Decision, Mapping[str, Any]], object]
"""Called with a decision and the environ that it was made for."""

_log = logging.getLogger("jwt_middleware")
_MAX_SHOWN = 80  # characters of a value in a log line


def report(observers: Iterable[Observer], decision: Decision, environ: Mapping[str, Any]) -> None:
    """Call every observer. One that raises is logged and changes nothing."""
    for observer in observers:
        try:
            observer(decision, environ)
        except Exception as error:
            # The class alone: the text of a foreign error could quote the request.
            name = getattr(observer, "__name__", type(observer).__name__)
            _log.error("the observer %s raised %s", name, type(error).__name__)


def log_refusal(decision: Decision, environ: Mapping[str, Any]) -> None:
    """Write one INFO line for a refusal: the reason, the rules, and what the token names.

    The issuer and the key id are shown although nobody has verified them. The token itself is
    never written.
    """
    refusal = decision.answer
    if not isinstance(refusal, Refusal) or not _log.isEnabledFor(logging.INFO):
        return
    fields: dict[str, object] = {
        "reason": refusal.reason,
        **_names_in_token(environ),
        "method": environ.get("REQUEST_METHOD"),
        "rule": " ".join(rule.prefix for rule in decision.rules),
        "path": f"{environ.get('SCRIPT_NAME', '')}{environ.get('PATH_INFO', '')}",
    }
    # These values come from an unverified request. Escape and truncate them so that a caller
    # cannot forge or flood log lines.
    shown = {name: foreign_value(value, _MAX_SHOWN) for name, value in fields.items()}
    line = "refused {method} {path}: {reason}".format_map(shown)
    log_with_fields(_log, logging.INFO, line, shown)


def _names_in_token(environ: Mapping[str, Any]) -> dict[str, object]:
    names: dict[str, object] = {"issuer": None, "kid": None}
    with contextlib.suppress(Refusal):
        credentials = extract(environ)
        if credentials is not None:
            parsed = jws.parse(credentials.token)
            names["kid"] = parsed.header.get("kid")
            names["issuer"] = jws.parse_object(parsed.payload).get("iss")
    return names
