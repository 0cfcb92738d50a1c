"""Reports decisions: first the log line of a refusal, then the owner's observers.

An observer is a callable `(decision, environ)`. It is called for every request under a rule, before
the app or the refusal answers. `Decision.answer` is a refusal, a preflight, the metadata of the
resource, or None.
`Decision.reported` is the answer that a report-only rule would have given. The environ is
read-only, and already has our keys. If an observer also has a method `watch`, it is called once
with each middleware that it observes, when that is built.

Observers run within the request, so they must be quick. An error in an observer changes nothing.
"""

import contextlib
import inspect
import json
import logging
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, TypeAlias

from ._options import got, require, takes
from .decision import Decision
from .errors import Refusal
from .identity import SUBJECT_KEY
from .log_lines import foreign_value, log_with_fields
from .trust import jws
from .wire.addresses import peer_address
from .wire.credentials import BEARER, Places, extract

Observer: TypeAlias = Callable[[Decision, Mapping[str, Any]], object]
"""Called with a decision and its environ. The return value is ignored."""

_log = logging.getLogger("jwt_middleware")
_MAX_SHOWN = 80  # characters of a value in a log line
_FORM = "callables that take a decision and an environ: observers=[metrics]"

_AFTER_THE_SIGNATURE = frozenset(
    [
        "type",
        "claims",
        "milliseconds",
        "proof",
        "audience",
        "expired",
        "not_yet_valid",
        "revoked",
        "revocations_unavailable",
    ]
)
"""Reasons that only apply after the signature has verified, so that the token's `sub` is known."""

_IN_THE_LINE = ("subject", "audience", "address")

_DECIDED_BY = {"issuer": "issuer", "key": "kid"}
"""The field that shows why, for a reason whose fault nobody sees in the other fields."""


class Observers:
    """The observers of one middleware, which looks for tokens at these places.

    Raises `ConfigurationError` if an object cannot be an observer.
    """

    def __init__(self, observers: Sequence[Observer], places: Places = BEARER) -> None:
        is_list = isinstance(observers, (list, tuple))
        require(is_list, f"observers must be a list of {_FORM}, got {got(observers)}")
        for observer in observers:
            _check_observer(observer)
        self._observers = tuple(observers)
        self._places = places
        self._failed: dict[int, object] = {}

    def watch(self, middleware: object) -> None:
        """Pass the middleware to every observer that has a method `watch`."""
        for observer in self._observers:
            # Look on the class, since a mock object has every attribute.
            watch = getattr(type(observer), "watch", None)
            if callable(watch):
                watch(observer, middleware)

    def report(self, decision: Decision, environ: Mapping[str, Any]) -> None:
        """Write the log line of a refusal and call every observer.

        The first error of an observer is logged. Later ones are not, since every request could fill
        the log.
        """
        if decision.answer is not None or decision.reported is not None:
            try:
                log_refusal(decision, environ, self._places)
            except Exception as error:
                self._log_once(-1, log_refusal, error)
        if not self._observers:
            return
        shown = MappingProxyType(environ)
        for number, observer in enumerate(self._observers):
            try:
                answer = observer(decision, shown)
                if answer is not None and inspect.iscoroutine(answer):
                    answer.close()
                    raise TypeError("an observer must not be a coroutine function")
            except Exception as error:
                self._log_once(number, observer, error)

    def _log_once(self, number: int, observer: Observer, error: Exception) -> None:
        mine = object()
        if self._failed.setdefault(number, mine) is mine:  # atomic: one thread logs
            # Log the class alone, since the message of a foreign error could quote the request.
            name: object = type(observer).__name__
            with contextlib.suppress(Exception):  # a proxy may raise whatever is asked of it
                name = str(getattr(observer, "__name__", name))
            shown = foreign_value(name, _MAX_SHOWN), type(error).__name__
            _log.error("the observer %s raised %s (logged once)", *shown)


def _check_observer(observer: object) -> None:
    require(callable(observer), f"observers must hold {_FORM}, got {got(observer)}")
    runs_later = (
        inspect.iscoroutinefunction,
        inspect.isgeneratorfunction,
        inspect.isasyncgenfunction,
    )
    called = getattr(observer, "__call__", None)  # noqa: B004 (its `__call__` may be a coroutine)
    is_late = any(is_kind(one) for is_kind in runs_later for one in (observer, called))
    require(
        not is_late,
        "observers must hold callables that run at once, "
        f"got the coroutine or generator function {got(observer)}",
    )
    require(
        takes(observer, 2),  # type: ignore[arg-type]
        f"observers must hold {_FORM}, got {got(observer)}, which takes other arguments",
    )


def log_refusal(decision: Decision, environ: Mapping[str, Any], places: Places = BEARER) -> None:
    """Write one INFO line for a refusal, or for one that a report-only rule would have given.

    The fields of the record are the reason, the rules, the token's issuer, kid, audience and
    subject, the client's address, the method and the path. Issuer, kid and audience are shown even
    if they are unverified. The subject is shown only if the signature is valid. The token itself is
    never written.
    """
    is_refused = isinstance(decision.answer, Refusal)
    refusal = decision.answer if is_refused else decision.reported
    if not isinstance(refusal, Refusal) or not _log.isEnabledFor(logging.INFO):
        return
    fields: dict[str, object] = {
        "reason": refusal.reason,
        **_names_in_token(environ, places, refusal.reason),
        "address": peer_address(environ),
        "method": environ.get("REQUEST_METHOD"),
        "rule": " ".join(dict.fromkeys(rule.prefix for rule in decision.rules)),
        "path": f"{environ.get('SCRIPT_NAME', '')}{environ.get('PATH_INFO', '')}",
    }
    # These values come from an unverified request. Escape and truncate them so that a caller
    # cannot forge or flood log lines. Within the line, quote them too.
    shown = {name: foreign_value(value, _MAX_SHOWN) for name, value in fields.items()}
    if decision.identity is not None:
        shown["subject"] = foreign_value(decision.identity.subject, _MAX_SHOWN)
    elif SUBJECT_KEY in environ:
        shown["subject"] = environ[SUBJECT_KEY]  # written by the middleware, in this form
    verb = "refused" if is_refused else "would refuse"
    words = [f"{verb} {shown['method']} {shown['path']}: {shown['reason']}"]
    names = (_DECIDED_BY.get(refusal.reason, ""), *_IN_THE_LINE)
    words += [f"{name}={json.dumps(shown[name])}" for name in names if shown.get(name)]
    log_with_fields(_log, logging.INFO, " ".join(words), {**shown, "report_only": not is_refused})


def _names_in_token(environ: Mapping[str, Any], places: Places, reason: str) -> dict[str, object]:
    names: dict[str, object] = dict.fromkeys(("issuer", "kid", "audience", "subject"))
    with contextlib.suppress(Refusal):
        credentials = extract(environ, places=places)
        if credentials is not None:
            parsed = jws.parse(credentials.token)
            names["kid"] = parsed.header.get("kid")
            claims = jws.parse_object(parsed.payload)
            names["issuer"] = claims.get("iss")
            names["audience"] = _listed(claims.get("aud"))
            if reason in _AFTER_THE_SIGNATURE:
                names["subject"] = claims.get("sub")
    return names


def _listed(audience: object) -> object:
    """Return the `aud` of a token, a string or a list of strings, as one value."""
    if isinstance(audience, list):
        return ", ".join(str(name)[:_MAX_SHOWN] for name in audience[:_MAX_SHOWN])
    return audience
