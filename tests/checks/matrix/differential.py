"""The random differential: if a bare app shows its secret for a request, the
guarded one refuses it."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from jwt_middleware import Rule

from . import guards
from .apps import APPS
from .guards import environ_of, send
from .hostile import Request, hostile

RULES = {"rule for /api": guards.UNDER_API, "rule for all but public": guards.ALL_BUT_PUBLIC}
_EVERY = 16  # of the requests that every guard refuses, so many to one are sent to the bare apps


WHOLE_PATH = ("cherrypy, whole path", "cherrypy, tree", "cherrypy, ProxyFix")
"""Apps that route on SCRIPT_NAME and PATH_INFO together."""

MOUNT_HEADERS = {
    **dict.fromkeys(WHOLE_PATH, ("SCRIPT_NAME", "HTTP_X_FORWARDED_PREFIX")),
    "radicale": ("SCRIPT_NAME",),
}
"""Apps that route on where they are mounted, and what tells them."""


class Leak(NamedTuple):
    """A request that shows an app's secret through a guard."""

    app: str
    rules: str
    request: Request

    def __str__(self) -> str:
        return f"{self.app}, {self.rules}: {self.request}"


class Differential:
    """Sends hostile requests to every app, bare and guarded, and counts."""

    def __init__(self, names: tuple[str, ...] = tuple(APPS)) -> None:
        self._bare = {name: APPS[name]() for name in names}
        self._guarded = {
            table: {name: guards.ours(*rules)(app) for name, app in self._bare.items()}
            for table, rules in RULES.items()
        }
        self._deciding = [next(iter(guarded.values())) for guarded in self._guarded.values()]
        self.requests = 0
        self.shown = 0
        """How many times a bare app showed its secret. Of the requests that no guard lets through,
        only a part is counted."""

    def leaks(self, seed: int) -> Iterator[Leak]:
        """Send the hostile request of this number to every app, and yield what it leaks."""
        self.requests += 1
        request = hostile(seed)
        passes = any(self._lets_through(guarded, request) for guarded in self._deciding)
        if not passes and seed % _EVERY:
            return
        for name, app in self._bare.items():
            if not _leaks(app, request):
                continue
            self.shown += 1
            for table, guarded in self._guarded.items():
                if is_a_mount(name, RULES[table], dict(request.more)):
                    continue
                if _leaks(guarded[name], request):
                    yield Leak(name, table, self._smallest(name, table, request))

    def _lets_through(self, guarded: Any, request: Request) -> bool:
        environ = environ_of(request.path, request.method, **dict(request.more))
        return guarded.decide(environ).answer is None

    def _smallest(self, name: str, table: str, request: Request) -> Request:
        """Leave out of a leaking request what it leaks without."""
        app = self._guarded[table][name]
        while True:
            smaller = next((one for one in _smaller(request) if _leaks(app, one)), None)
            if smaller is None:
                return request
            request = smaller


def is_a_mount(name: str, rules: Sequence[Rule], more: Iterable[str]) -> bool:
    """Tell whether the app obeys a forged SCRIPT_NAME where a rule names a public path.

    No guard can tell it from a real mount, below which that path is public: see `open.py`.
    """
    obeyed = MOUNT_HEADERS.get(name, ())
    return any(rule.is_public for rule in rules) and not set(obeyed).isdisjoint(more)


def _leaks(app: Any, request: Request) -> bool:
    return send(app, request.path, request.method, **dict(request.more)).leaked


def _smaller(request: Request) -> Iterator[Request]:
    path, method, more = request
    if method != "GET":
        yield Request(path, "GET", more)
    for one in more:
        yield Request(path, method, tuple(other for other in more if other != one))
    for text in _shorter(path):
        yield Request(text, method, more)
    for at, (key, value) in enumerate(more):
        for text in _shorter(value):
            yield Request(path, method, (*more[:at], (key, text), *more[at + 1 :]))


def _shorter(text: str) -> Iterator[str]:
    for at in range(text.startswith("/"), len(text)):
        yield text[:at] + text[at + 1 :]
