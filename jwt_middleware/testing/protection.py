"""`assert_protected`: proves that hostile requests do not reach a path without a valid token."""

import json
import re
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from io import BytesIO
from typing import Any, NamedTuple
from urllib.parse import quote, unquote
from wsgiref.util import setup_testing_defaults

from .._options import got, require
from ..inspection import find_middlewares
from ..readings import to_wsgi
from ..wire.credentials import environ_of
from ..wire.places import Place, bearer
from .spellings import forgeries, spellings
from .tokens import FLAWS, Tokens, forged_tokens
from .trust import trusting

_METHODS = ("GET", "HEAD", "POST", "get")
_MORE_METHODS = ("PUT", "PATCH", "DELETE")  # for the path itself alone
_NO_TOKEN = "no token"  # noqa: S105 (the name of a hole, not a secret)
_NO_TOKENS = {"another scheme": "Basic YWRhOg==", "empty token": "Bearer "}
_OWN = {"HTTP_SEC_FETCH_SITE": "same-origin"}
_FOREIGN = {"HTTP_SEC_FETCH_SITE": "cross-site", "HTTP_ORIGIN": "https://evil.example"}
_EXAMPLES = 3
"""How many requests of a kind a report shows."""

_WORD = re.compile(rb"\w+")


_SOMEBODY = "pass the subject=, scopes=, issuer= or claims of somebody who may call it"
_BY_HAND = (
    "a body is never sent, and a good token only by GET and POST, so test a view that needs a body "
    "or another method with a request of your own"
)

_FORMS = {
    302: f"the app asks for more than a token and redirects; or {_SOMEBODY}",
    400: f"the app itself may refuse it, such as Django without localhost in ALLOWED_HOSTS; or "
    f"{_SOMEBODY}",
    404: f"look whether the app has this path; or {_SOMEBODY}",
    405: f"{_BY_HAND}; or {_SOMEBODY}",
    500: f"look into the app's log, since it fails for this request, or for lack of a caller if "
    f"the rule of the path is public; or {_SOMEBODY}",
}
"""The advice for an app that answers even a good token with this status."""


def assert_protected(
    app: Any, path: str, *, token: str | Tokens | None = None, subject: str = "ada", **how: Any
) -> None:
    """Call a path of a WSGI app in hostile ways, without a valid token, and raise an
    `AssertionError` if a request gets in.

    `subject` and `how` (`scopes`, `issuer`, claims) are those of `Tokens.good`, for a caller that
    may call the path. With that token, the answer to GET or POST must be 2xx. Then some 250
    spellings of the path, forged headers and every bad token are sent with several methods. A
    revoked token is among them if the app has a `RevocationList`. An answer is a leak

    - if it is 2xx for the path itself, or 2xx for a spelling of it with another page than for a
      path that does not exist;
    - if it is 500 or an exception, and the same request with the valid token is not.

    Tokens are sent at every place where the app's middlewares look for one. At a cookie, a password
    or the header of a gateway, the valid token is also sent by a page of another site, which must
    not get a POST through.

    The app has a `JWTMiddleware`, or is any other app, with `token`. That is a valid token, or the
    `Tokens` of its issuer, which can also make the bad tokens that need the key. The report shows
    requests, and never a token.
    """
    with ExitStack() as stack:
        if token is None:
            token = stack.enter_context(trusting(app))
        good = token if isinstance(token, str) else token.good(subject, **how)
        bad = forged_tokens(token) if isinstance(token, str) else _bad_tokens(token, subject, how)
        read = [place for each in find_middlewares(app) for place in each.places]
        leaks = _leaks(_Target(app, path, good, tuple(dict.fromkeys(read)) or (bearer,)), bad)
    if leaks:
        raise AssertionError(
            f"{path} is not protected: without a good token it answers to\n{_report(leaks)}"
        )


def _sent(token: str, place: Place) -> dict[str, str]:
    """Return the environ keys of a request with a token, by a page of this site if it counts."""
    return environ_of(token, place) | (_OWN if place.is_ambient else {})


def _bad_tokens(tokens: Tokens, subject: str, how: Mapping[str, Any]) -> dict[str, str]:
    return {flaw: tokens.bad(flaw, subject, **how) for flaw in tokens.flaws}


class _Answer(NamedTuple):
    status: int
    body: bytes
    sent: Mapping[str, str]
    raised: str = ""
    """The class of the exception that came instead of an answer."""

    @property
    def words(self) -> set[bytes]:
        """The words of the body, without an echo of the request."""
        return set(_WORD.findall(self.body)) - _echo(self.sent)

    @property
    def is_good(self) -> bool:
        return 200 <= self.status < 300


class _Target:
    """An app and its path that must be protected."""

    def __init__(self, app: Any, path: str, good: str, places: Sequence[Place]) -> None:
        require(
            isinstance(path, str) and path.startswith("/"),
            f"path must be a path of the app with a leading slash, got {got(path)}; '/api/me'",
        )
        path, _, self._query = path.partition("?")
        self.path = to_wsgi(unquote(path))
        self._app = app
        self._usual = _usual_environ(self._query)
        self.places = places
        self._good = _sent(good, bearer if bearer in places else places[0])
        self.foreign = {
            f"a page of another site, {place.source}": _sent(good, place) | _FOREIGN
            for place in places
            if place.is_ambient
        }
        self.hidden = {"PATH_INFO", *(name for place in places for name in environ_of("", place))}
        self._require_welcome(path)
        self._fallbacks = {
            method: [self._missing(method, folder) for folder in _folders(self.path)]
            for method in _METHODS
        }

    def send(self, method: str, changes: Mapping[str, str]) -> _Answer:
        """Send one request. An exception counts as 500."""
        environ = {**self._usual, "wsgi.input": BytesIO(), "REQUEST_METHOD": method, **changes}
        try:
            status, body = _call(self._app, environ)
        except Exception as error:
            return _Answer(500, b"", changes, type(error).__name__)
        return _Answer(status, body, changes)

    def leaks(self, method: str, changes: Mapping[str, str]) -> int | None:
        """Send a request without a valid token. Return its status if that is a leak."""
        answer = self.send(method, changes)
        if answer.status == 500:
            return None if self.send(method, {**changes, **self._good}).status == 500 else 500
        is_leak = answer.is_good and not self._is_another_page(method, changes, answer)
        return answer.status if is_leak else None

    def _require_welcome(self, path: str) -> None:
        answers = []
        for method in ("GET", "POST"):
            answer = self.send(method, {"PATH_INFO": self.path, **self._good})
            if answer.is_good:
                return
            answers.append(answer)
        first, second = (f"{one.status} {one.raised and f'({one.raised}) '}to" for one in answers)
        shown = f"{first} GET and {second} POST"
        form = _FORMS.get(answers[0].status, _SOMEBODY)
        raise AssertionError(f"{path} answers {shown} with a good token: {form}")

    def _is_another_page(self, method: str, changes: Mapping[str, str], answer: _Answer) -> bool:
        """Return whether anybody gets the same answer elsewhere: for a missing path, or without
        forged headers."""
        if changes["PATH_INFO"] == self.path:
            return False
        pairs = self._fallbacks[method]
        if len(changes) > 1:
            usual = self.send(method, {"PATH_INFO": changes["PATH_INFO"]})
            return _is_like(answer, usual, pairs[0], changes)
        return any(_is_like(answer, pair[0], pair, changes) for pair in pairs)

    def _missing(self, method: str, folder: str) -> tuple[_Answer, _Answer]:
        """Ask for two paths that do not exist, and differ in what each answer differs in."""
        first, second = (
            self.send(method, {"PATH_INFO": f"{folder}/{secrets.token_hex(8)}"}) for _ in range(2)
        )
        return first, second


def _folders(path: str) -> list[str]:
    """Return the root, where most apps answer a missing path, and the folders of the path: the app
    may be mounted at one of them, beside others that answer elsewhere."""
    parts = path.split("/")
    return ["/".join(parts[:count]) for count in range(1, max(len(parts), 2))]


def _is_like(
    answer: _Answer, usual: _Answer, pair: tuple[_Answer, _Answer], changes: Mapping[str, str]
) -> bool:
    """Return whether an answer has no more words of its own than two equal answers have."""
    first, second = pair
    unlike, noise = (answer.words ^ usual.words) - _echo(changes), first.words ^ second.words
    return answer.status == usual.status and len(unlike) <= len(noise)


def _usual_environ(query: str) -> dict[str, Any]:
    environ: dict[str, Any] = {
        "HTTP_HOST": "localhost",
        "CONTENT_LENGTH": "0",
        "QUERY_STRING": query,
        "SCRIPT_NAME": "",
    }
    setup_testing_defaults(environ)
    return environ


def _call(app: Any, environ: dict[str, Any]) -> tuple[int, bytes]:
    statuses: list[str] = []
    written: list[bytes] = []

    def start_response(
        status: str, headers: object, exc_info: object = None
    ) -> Callable[[bytes], None]:
        statuses.append(status)
        return written.append

    body = app(environ, start_response)
    try:
        written.extend(body)
    finally:
        getattr(body, "close", lambda: None)()
    return int(statuses[-1][:3]), b"".join(written)


def _echo(changes: Mapping[str, str]) -> set[bytes]:
    """Return the words with which an app may repeat the request: literally, in a URL or in JSON."""
    sent = " ".join(changes.values())
    return set(
        _WORD.findall(
            " ".join((sent, quote(sent, encoding="latin-1"), json.dumps(sent))).encode("latin-1")
        )
    )


def _leaks(target: _Target, bad: Mapping[str, str]) -> dict[str, dict[str, list[str]]]:
    """Return the requests that got in: hole to request to methods."""
    leaks: dict[str, dict[str, list[str]]] = {}
    unguarded = set()  # methods that pass without a token, so other holes would add nothing
    for hole, method, changes in _requests(target, bad):
        if method not in unguarded and (status := target.leaks(method, changes)):
            forged = {name: value for name, value in changes.items() if name not in target.hidden}
            request = f"{changes['PATH_INFO']!r} {forged or ''}".rstrip() + f" -> {status}"
            leaks.setdefault(hole, {}).setdefault(request, []).append(method)
            unguarded |= {method} if hole == _NO_TOKEN else set()
    return leaks


def _requests(
    target: _Target, bad: Mapping[str, str]
) -> Iterator[tuple[str, str, Mapping[str, str]]]:
    path = target.path
    for method in (*_METHODS, *_MORE_METHODS):
        yield _NO_TOKEN, method, {"PATH_INFO": path}
        for hole, header in (
            _NO_TOKENS | {FLAWS[flaw]: f"Bearer {token}" for flaw, token in bad.items()}
        ).items():
            yield hole, method, {"PATH_INFO": path, "HTTP_AUTHORIZATION": header}
        for place in target.places:
            for flaw, token in bad.items() if place is not bearer else ():
                hole = f"{FLAWS[flaw]}, {place.source}"
                yield hole, method, {"PATH_INFO": path} | _sent(token, place)
    for hole, more in target.foreign.items():
        yield hole, "POST", {"PATH_INFO": path} | more
    for hole, changes in forgeries(path):
        for method in ("GET", "POST"):
            yield hole, method, changes
    for spelling, hole in spellings(path).items():
        for method in _METHODS:
            yield hole, method, {"PATH_INFO": spelling}


def _report(leaks: Mapping[str, Mapping[str, list[str]]]) -> str:
    lines = []
    for hole, requests in leaks.items():
        shown = [f"    {', '.join(methods)} {request}" for request, methods in requests.items()]
        more = [f"    and {len(shown) - _EXAMPLES} more"] if len(shown) > _EXAMPLES else []
        lines += [f"  {hole}:", *shown[:_EXAMPLES], *more]
    return "\n".join(lines)
