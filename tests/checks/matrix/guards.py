"""Guards to put before the apps, and the request that tries them."""

from collections.abc import Callable
from typing import Any, NamedTuple
from wsgiref.util import setup_testing_defaults

from jwt_middleware import JWTMiddleware, Rule, public
from jwt_middleware.login import TokenMinter

from .apps import PUBLIC, RAN, ROOTS, SECRET_ROOTS, below
from .spellings import SPELLINGS

Guard = Callable[[Any], Any]

MINTER = TokenMinter.from_secret(
    "a secret of thirty-two bytes ....", issuer="https://idp.example", audience="api"
)

UNDER_API = tuple(map(Rule, SECRET_ROOTS))
ALL_BUT_PUBLIC = (Rule("/"), Rule("/public", public), *(Rule(path, public) for path in PUBLIC[1:]))


def ours(*rules: Rule) -> Guard:
    """The middleware with these rules."""
    return lambda app: JWTMiddleware(app, providers=[MINTER.provider], rules=rules)


def _guard(is_secret: Callable[[str], bool]) -> Guard:
    def wrap(app: Any) -> Any:
        def guarded(environ: dict[str, Any], start_response: Any) -> Any:
            if not is_secret(environ["PATH_INFO"]):
                return app(environ, start_response)
            start_response("401 Unauthorized", [])
            return []

        return guarded

    return wrap


by_text: Guard = _guard(lambda path: path.startswith(ROOTS))
"""What many a guard does."""

by_segment: Guard = _guard(lambda path: below(path, *ROOTS))
"""The same, with care for `/apix`."""

none: Guard = _guard(lambda path: False)
"""The bare app."""


class Outcome(NamedTuple):
    """The status, 500 for an exception, and the handlers that ran."""

    status: int
    ran: tuple[tuple[str, str], ...]

    @property
    def leaked(self) -> bool:
        return any(kind == "secret" for kind, _ in self.ran)


def _environ() -> dict[str, Any]:
    environ: dict[str, Any] = {
        "PATH_INFO": "",
        "QUERY_STRING": "",
        "SCRIPT_NAME": "",
        "CONTENT_LENGTH": "0",
    }
    setup_testing_defaults(environ)
    return environ


_ENVIRON = _environ()


def environ_of(path: str, method: str = "GET", **more: str) -> dict[str, Any]:
    """The environ of a request."""
    return {**_ENVIRON, "PATH_INFO": path, "REQUEST_METHOD": method, **more}


def send(app: Any, path: str, method: str = "GET", **more: str) -> Outcome:
    """Send one request to a WSGI app."""
    statuses = ["500"]
    RAN.clear()
    environ = environ_of(path, method, **more)
    try:
        body = app(environ, lambda status, headers, exc_info=None: statuses.append(status))
        b"".join(body)
        getattr(body, "close", lambda: None)()
    except Exception:
        statuses.append("500")
    return Outcome(int(statuses[-1][:3]), tuple(RAN))


def leaks(app: Any, guard: Guard) -> list[str]:
    """The spellings that reach a protected handler of the app through the guard."""
    guarded = guard(app)
    return [path for path in SPELLINGS if send(guarded, path).leaked]
